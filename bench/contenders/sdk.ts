/** The SDK's Kinesis client as everybody makes it, with the one handler that keeps its connections. */
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type GetRecordsOutput,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** The servers of the bench take any. */
export const IDENTITY = { region: 'us-east-1', credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' } };

export function sdkClient(endpoint: string): KinesisClient {
  return new KinesisClient({ ...IDENTITY, endpoint, requestHandler: new NodeHttpHandler() });
}

/** From the oldest record of each shard, in the order of the listing. */
export async function iterators(client: KinesisClient, stream: string): Promise<string[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  const found: string[] = [];
  for (const { ShardId } of Shards) {
    const command = new GetShardIteratorCommand({ StreamName: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
    const { ShardIterator } = await client.send(command);
    found.push(ShardIterator!);
  }
  return found;
}

export function nextPage(client: KinesisClient, iterator: string): Promise<GetRecordsOutput> {
  return client.send(new GetRecordsCommand({ ShardIterator: iterator }));
}
