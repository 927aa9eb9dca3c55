/** The real SDK client on the simulator: in process, or on any server that speaks the protocol over HTTP/1.1. */
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { FakeKinesis } from './fake.ts';
import { simulatorHandler, type HandlerOptions } from './handler.ts';

const IDENTITY = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' }, maxAttempts: 1 };

export interface ClientOptions extends HandlerOptions {
  readonly region?: string;
}

export function simulatorClient(fake: FakeKinesis, options: ClientOptions = {}): KinesisClient {
  const { region = IDENTITY.region, ...handling } = options;
  const requestHandler = simulatorHandler(fake, handling);
  return new KinesisClient({ ...IDENTITY, region, endpoint: 'http://simulator.invalid', requestHandler });
}

/** The SDK's default handler speaks HTTP/2, which none of the servers here does. */
export function httpClient(endpoint: string): KinesisClient {
  return new KinesisClient({ ...IDENTITY, endpoint, requestHandler: new NodeHttpHandler() });
}
