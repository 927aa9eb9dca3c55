/** A fake splunkd with the collection of the app, and stores on it. */
import { openKvStore, type KvStoreOptions } from '../../../reader/checkpoint/kv-store.ts';
import type { CheckpointStore, RowRemover } from '../../../reader/checkpoint/store.ts';
import type { KvCollection } from './kv-collection.ts';
import { CA, FakeSplunkd, type Port } from './splunkd.ts';

export interface KvScene {
  readonly splunkd: FakeSplunkd;
  readonly collection: KvCollection;
  /** A store on a port of its own. */
  readonly open: (options?: Partial<KvStoreOptions>) => Promise<OpenedKvStore>;
  readonly dispose: () => Promise<void>;
}

export interface OpenedKvStore {
  readonly store: CheckpointStore & RowRemover;
  readonly port: Port;
}

export const SESSION = { kind: 'session', value: 'session-key-of-the-input' } as const;

export function kvScene(): KvScene {
  const splunkd = new FakeSplunkd();
  const collection = splunkd.kv.declare('kinloader', 'kinlog_rows');
  const stores: CheckpointStore[] = [];
  return {
    splunkd,
    collection,
    open: async (options) => {
      const port = await splunkd.open();
      const store = openKvStore({ url: port.url, app: 'kinloader', auth: SESSION, ca: CA, ...options });
      stores.push(store);
      return { store, port };
    },
    dispose: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await splunkd.close();
    },
  };
}
