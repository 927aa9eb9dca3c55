/** How kinlog connects to Kinesis: the access to AWS, and what only Kinesis needs. */
import { KinesisClient, type KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { awsClientConfig, type AwsAccess } from './aws-access.ts';
import { arnRegion } from './stream.ts';

/** Without a region the ARN of the stream says it, before AWS_REGION and the shared configuration files. */
export interface KinesisConnection extends AwsAccess {
  /** Name or ARN of the stream. */
  readonly stream?: string | undefined;
  /** How answers are read; the SDK's own protocol otherwise. */
  readonly protocol?: KinesisClientConfig['protocol'];
}

/** For one stream: calls share what was resolved for the first. The caller destroys the client. Its failures are the SDK's; `fromAws` gives them their names. */
export function connectKinesis(connection: KinesisConnection = {}): KinesisClient {
  const { protocol } = connection;
  const region = connection.region ?? arnRegion(connection.stream);
  return new KinesisClient({
    ...awsClientConfig({ ...connection, region }),
    ...(protocol === undefined ? {} : { protocol }),
    // Resolves endpoint and serialiser once per client and command instead of once per call, so calls that share a client are about one stream.
    cacheMiddleware: true,
  });
}

/** Where the client's calls go, for messages; undefined when nothing says it. */
export async function regionOf(kinesis: KinesisClient): Promise<string | undefined> {
  return kinesis.config.region().catch(() => undefined);
}
