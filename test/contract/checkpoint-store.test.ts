/** The stores of reader/checkpoint run the contract suite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { EventLog } from '../../base/events.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { openLevelStore } from '../../reader/checkpoint/leveldb.ts';
import { openKvStore } from '../../reader/checkpoint/kv-store.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { CheckpointStore } from '../../reader/checkpoint/store.ts';
import { MovingStore } from '../../splunk-app/input/moving-store.ts';
import { accessTo, startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { SESSION } from '../fakes/splunkd/kv-stores.ts';
import { CA, FakeSplunkd } from '../fakes/splunkd/splunkd.ts';
import { checkpointStoreContract } from './checkpoint-store.ts';
import { freshTable, reopenable } from './dynamodb-store.ts';

checkpointStoreContract('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, dispose: () => store.close() };
});

checkpointStoreContract('a store that takes positions over', () => {
  const done = () => Promise.resolve();
  const store = new MovingStore({
    ...{ from: new MemoryStore(), to: new MemoryStore(), done },
    ...{ clock: systemClock, log: new EventLog(() => undefined), kept: (error: unknown) => error, leasePeriodMs: 1000 },
  });
  return Promise.resolve({ store, dispose: () => store.close() });
});

checkpointStoreContract('LevelDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kinlog-store-'));
  const opened: CheckpointStore[] = [];
  const open = async () => {
    for (const store of opened.splice(0)) await store.close();
    const store = await openLevelStore(directory, { signal: new AbortController().signal });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    reopen: open,
    dispose: async () => {
      for (const store of opened) await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

let dynalite: Peer;

beforeAll(async () => {
  dynalite = await startDynalite();
});

afterAll(() => dynalite.close());

checkpointStoreContract('DynamoDB', async () => {
  const table = freshTable();
  return reopenable(() => openDynamoStore({ table, keys: 'stream', client: accessTo(dynalite.url) }));
});

checkpointStoreContract('KvStore', async () => {
  const splunkd = new FakeSplunkd();
  splunkd.kv.declare('kinloader', 'kinlog_rows');
  const { url } = await splunkd.open();
  const stores: CheckpointStore[] = [];
  const open = () => {
    const store = openKvStore({ url, app: 'kinloader', auth: SESSION, ca: CA });
    stores.push(store);
    return store;
  };
  return {
    store: open(),
    reopen: async () => {
      for (const store of stores.splice(0)) await store.close();
      return open();
    },
    dispose: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await splunkd.close();
    },
  };
});
