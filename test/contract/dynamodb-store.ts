/** How the contract suites open the DynamoDB store on a server: a table of its own for every test. */
import { randomUUID } from 'node:crypto';
import {
  BatchWriteItemCommand,
  GetItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { leaseAttributes, type Item } from '../../reader/checkpoint/dynamodb-item.ts';
import { keyAttributes, leaseKeyText, placeOf, type KeyForm } from '../../reader/checkpoint/dynamodb-keys.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import type { ShardRow, StreamKey } from '../../reader/checkpoint/store.ts';
import { FakeClock } from '../fakes/clock.ts';
import { accessTo, dynamoClient } from '../fakes/peers/dynalite.ts';
import { FaultyNetwork } from '../fakes/peers/dynamodb-network.ts';
import type { OpenedNetworkStore } from './network-store.ts';
import type { OpenedStore } from './store-rows.ts';

export const freshTable = (): string => `kinlog-${randomUUID()}`;

/** A store on rows that outlive it. */
export function reopenable(open: () => OpenedStore['store']): OpenedStore {
  const opened = [open()];
  const close = async () => {
    for (const store of opened.splice(0)) await store.close();
  };
  const reopen = async () => {
    await close();
    opened.push(open());
    return opened[0]!;
  };
  return { store: opened[0]!, reopen, dispose: close };
}

export async function openNetworkStoreOn(url: string, keys: KeyForm): Promise<OpenedNetworkStore> {
  const table = freshTable();
  const clock = new FakeClock();
  const faults = new FaultyNetwork(clock);
  const store = openDynamoStore({ table, keys, clock, client: { ...accessTo(url), requestHandler: faults } });
  const second = openDynamoStore({ table, keys, client: accessTo(url) });
  const client = dynamoClient(url);
  // The table is made and found before anything goes wrong: what happens to its making is another suite's.
  const signal = new AbortController().signal;
  const nobody = { id: 'nobody', createdMs: 0 };
  for (const one of [second, store]) for await (const _ of one.rows(nobody, signal));
  return {
    store,
    second,
    faults,
    clock,
    fill: (stream, rows) => fill(client, table, itemsOf(stream, rows, keys)),
    makeNewer: (stream, shardId) => makeNewer(client, table, leaseKeyText(keyOf(stream, shardId, keys))),
    dispose: async () => {
      await store.close();
      await second.close();
      client.destroy();
    },
  };
}

const keyOf = (stream: StreamKey, shardId: string, keys: KeyForm) => ({
  shardId,
  stream: keys === 'shard' ? undefined : placeOf(stream),
});

function itemsOf(stream: StreamKey, rows: readonly ShardRow[], keys: KeyForm): Item[] {
  return rows.map((row) => {
    const key = keyOf(stream, row.shardId, keys);
    const attributes = leaseAttributes(row, { streamId: stream.id, nonce: 'filled', version: 1 });
    const present = Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
    const names = Object.entries(keyAttributes(key)).map(([name, value]) => [name, { S: value }]);
    return { leaseKey: { S: leaseKeyText(key) }, ...Object.fromEntries([...present, ...names]) } as Item;
  });
}

/** BatchWriteItem takes 25 at a time. */
async function fill(client: DynamoDBClient, table: string, items: readonly Item[]): Promise<void> {
  for (let n = 0; n < items.length; n += 25) {
    const requests = items.slice(n, n + 25).map((one) => ({ PutRequest: { Item: { ...one } } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
  }
}

async function makeNewer(client: DynamoDBClient, TableName: string, leaseKey: string): Promise<void> {
  const Key = { leaseKey: { S: leaseKey } };
  const { Item: item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  const extras = JSON.parse(item!['kinlog']!.S!) as { schema: number };
  const newer = JSON.stringify({ ...extras, schema: extras.schema + 1 });
  const change = { UpdateExpression: 'SET kinlog = :newer', ExpressionAttributeValues: { ':newer': { S: newer } } };
  await client.send(new UpdateItemCommand({ TableName, Key, ...change }));
}
