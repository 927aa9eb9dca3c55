/** The DynamoDB store on Amazon's own DynamoDB Local: every promise that it keeps on dynalite. */
import { afterAll, beforeAll } from 'vitest';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { checkpointStoreContract } from '../contract/checkpoint-store.ts';
import { freshTable, openNetworkStoreOn, reopenable } from '../contract/dynamodb-store.ts';
import { networkStoreContract } from '../contract/network-store.ts';
import { accessTo } from '../fakes/peers/dynalite.ts';
import { startDynamoLocal } from '../fakes/peers/dynamodb-local.ts';
import type { Peer } from '../fakes/peers/process.ts';

let server: Peer;

beforeAll(async () => {
  server = await startDynamoLocal(process.env['KINLOG_DYNAMODB_LOCAL'] ?? '');
});

afterAll(() => server.close());

checkpointStoreContract('DynamoDB', async () => {
  const table = freshTable();
  return reopenable(() => openDynamoStore({ table, keys: 'stream', client: accessTo(server.url) }));
});
networkStoreContract('the DynamoDB store with a table for one stream', () => openNetworkStoreOn(server.url, 'shard'));
networkStoreContract('the DynamoDB store with a table for several streams', () =>
  openNetworkStoreOn(server.url, 'stream'),
);
