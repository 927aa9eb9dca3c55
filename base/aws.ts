/** How kinlog connects to Kinesis: keep-alive connections, bounded waits, and no retries but our own. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { KinesisClient, type KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface KinesisConnection {
  /** Name or ARN of the stream; an ARN says the region where `region` does not. */
  readonly stream?: string | undefined;
  /** Wins over the ARN; without both AWS_REGION and the shared configuration files decide. */
  readonly region?: string | undefined;
  /** `http://` or `https://` address to talk to instead of AWS. */
  readonly endpoint?: string | undefined;
  /** The SDK's default chain (environment, files, container, instance role) otherwise. */
  readonly credentials?: KinesisClientConfig['credentials'];
  /** Connections at the same time; at least the shards in flight plus a few for control calls. */
  readonly maxSockets?: number | undefined;
  /** Takes the place of the network in tests. */
  readonly requestHandler?: KinesisClientConfig['requestHandler'];
  /** How answers are read; the SDK's own protocol otherwise. */
  readonly protocol?: KinesisClientConfig['protocol'];
}

const REQUEST_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 5_000;
const MAX_SOCKETS = 256;

/** For one stream: calls share what was resolved for the first. The caller destroys the client. Its failures are the SDK's; `fromAws` gives them their names. */
export function connectKinesis(connection: KinesisConnection = {}): KinesisClient {
  const { endpoint, credentials, protocol } = connection;
  const region = connection.region ?? arnRegion(connection.stream);
  return new KinesisClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(protocol === undefined ? {} : { protocol }),
    requestHandler: connection.requestHandler ?? keepAliveHandler(connection.maxSockets ?? MAX_SOCKETS),
    // A retry inside the SDK would spend the five calls a second of a shard without telling its pace.
    maxAttempts: 1,
    retryMode: 'standard',
    // Resolves endpoint and serialiser once per client and command instead of once per call, so calls that share a client are about one stream.
    cacheMiddleware: true,
  });
}

// The SDK's default handler opens a TLS session for every call (aws/aws-sdk-js-v3 issue 8279).
function keepAliveHandler(maxSockets: number): NodeHttpHandler {
  const sockets = { keepAlive: true, maxSockets, scheduling: 'lifo' } as const;
  return new NodeHttpHandler({
    httpAgent: new HttpAgent(sockets),
    httpsAgent: new HttpsAgent(sockets),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    // requestTimeout ends with the answer's headers; a body that stops half-way is found by silence.
    socketTimeout: REQUEST_TIMEOUT_MS,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

function ignore(): void {
  // The handler would write its hints to the console, and stdout and stderr are not its own.
}

/** `arn:aws:kinesis:eu-west-1:123456789012:stream/name` → `eu-west-1`. */
export function arnRegion(stream: string | undefined): string | undefined {
  const region = /^arn:[^:]*:kinesis:([^:]+):/.exec(stream ?? '')?.[1];
  return region;
}

/** Where the client's calls go, for messages; undefined when nothing says it. */
export async function regionOf(kinesis: KinesisClient): Promise<string | undefined> {
  return kinesis.config.region().catch(() => undefined);
}

/** A stream as AWS calls take it: by ARN when the text is one, by name otherwise. */
export function streamAddress(stream: string): { StreamARN: string } | { StreamName: string } {
  return stream.startsWith('arn:') ? { StreamARN: stream } : { StreamName: stream };
}
