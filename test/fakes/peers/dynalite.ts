/** dynalite (npm): a DynamoDB server that somebody else wrote, quick enough for every run. */
import { createRequire } from 'node:module';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { startPeer, type Peer } from './process.ts';

const require = createRequire(import.meta.url);
const PORT = 4567;

export interface DynaliteOptions {
  /** How long a table stays in CREATING, UPDATING and DELETING; 0 without it. */
  readonly changeMs?: number;
}

/** Knows no throttling and no outages: `FaultyNetwork` brings them. */
export async function startDynalite({ changeMs = 0 }: DynaliteOptions = {}): Promise<Peer> {
  const changes = ['createTableMs', 'deleteTableMs', 'updateTableMs'].flatMap((name) => [
    `--${name}`,
    String(changeMs),
  ]);
  return startPeer({
    name: 'dynalite',
    entry: require.resolve('dynalite/cli.js'),
    args: ['--port', String(PORT), ...changes],
    port: PORT,
  });
}

const IDENTITY = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' } };

/** How a store reaches such a server. */
export const accessTo = (url: string) => ({ ...IDENTITY, endpoint: url });

/** For what a test does past the store. The caller destroys it. */
export function dynamoClient(url: string): DynamoDBClient {
  return new DynamoDBClient({ ...accessTo(url), requestHandler: new NodeHttpHandler() });
}
