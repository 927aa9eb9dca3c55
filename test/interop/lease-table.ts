/** A lease table as it lies in DynamoDB, item by item, with nobody's reading in between. */
import { DynamoDBClient, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Stored } from './tally.ts';

export type Item = Readonly<Record<string, AttributeValue>>;

/** Leases by key, and everything else that a KCL 3 keeps in the same table. */
export interface LeaseTableItems {
  readonly leases: ReadonlyMap<string, Item>;
  readonly others: ReadonlyMap<string, Item>;
}

export async function readTable(url: string, table: string): Promise<LeaseTableItems> {
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: new NodeHttpHandler(),
  });
  try {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
    const byKey = (items: Item[]) => new Map(items.map((item) => [item['leaseKey']!.S!, item]));
    return {
      leases: byKey(Items.filter((item) => 'leaseCounter' in item)),
      others: byKey(Items.filter((item) => !('leaseCounter' in item))),
    };
  } finally {
    client.destroy();
  }
}

/** By shard, the positions in the table as any KCL reads them. */
export function storedPositions({ leases }: LeaseTableItems): Map<string, Stored> {
  const stored = new Map<string, Stored>();
  for (const item of leases.values()) {
    const shard = (item['shardId'] ?? item['leaseKey'])!.S!;
    const checkpoint = item['checkpoint']!.S!;
    if (checkpoint === 'SHARD_END') stored.set(shard, 'end');
    else if (/^\d+$/.test(checkpoint))
      stored.set(shard, { sequence: checkpoint, subSequence: Number(item['checkpointSubSequenceNumber']!.N) });
  }
  return stored;
}
