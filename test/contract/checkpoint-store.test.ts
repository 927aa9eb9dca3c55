/** The stores of reader/checkpoint run the contract suite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../../reader/checkpoint/leveldb.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { CheckpointStore } from '../../reader/checkpoint/store.ts';
import { checkpointStoreContract } from './checkpoint-store.ts';

checkpointStoreContract('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, dispose: () => store.close() };
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
