/** The DynamoDB store over a network that loses, refuses, delays and disorders, on dynalite. */
import { afterAll, beforeAll } from 'vitest';
import { openNetworkStoreOn } from '../contract/dynamodb-store.ts';
import { networkStoreContract } from '../contract/network-store.ts';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';

let dynalite: Peer;

beforeAll(async () => {
  dynalite = await startDynalite();
});

afterAll(() => dynalite.close());

networkStoreContract('the DynamoDB store with a table for one stream', () => openNetworkStoreOn(dynalite.url, 'shard'));
networkStoreContract('the DynamoDB store with a table for several streams', () =>
  openNetworkStoreOn(dynalite.url, 'stream'),
);
