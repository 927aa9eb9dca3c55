/** The KV store over a network that misbehaves. */
import { documentOf, newLife, newNonce, placeOf } from '../../reader/checkpoint/kv-store-documents.ts';
import { rowText } from '../../reader/checkpoint/row.ts';
import { networkStoreContract } from '../contract/network-store.ts';
import { kvScene } from '../fakes/splunkd/kv-stores.ts';

networkStoreContract('KvStore', async () => {
  const { splunkd, collection, open, dispose } = kvScene();
  const { store, port } = await open();
  const { store: second } = await open();
  const { faults } = port;
  return {
    store,
    second,
    faults: {
      loseAnswers: (calls) => faults.loseAnswers(calls),
      refuse: (calls) => faults.refuse(calls),
      outage: (on) => {
        faults.outage = on;
      },
      delay: (ms) => {
        faults.delayMs = ms;
      },
      unordered: (on) => {
        faults.unordered = on;
      },
    },
    fill: async (stream, rows) => {
      for (const row of rows) {
        const life = newLife(1);
        const written = { nonce: newNonce(), state: rowText(row, life.version) };
        collection.insert('nobody', { ...documentOf(placeOf(stream, row.shardId), life, written) });
      }
    },
    makeNewer: async (stream, shardId) => {
      const { anchor } = placeOf(stream, shardId);
      const document = collection.get('nobody', anchor);
      const state = JSON.stringify({ ...JSON.parse(String(document!['state'])), schema: 2 });
      splunkd.kv.data({
        method: 'POST',
        path: ['kinlog_rows', anchor],
        user: 'nobody',
        app: 'kinloader',
        parameters: new URLSearchParams(),
        body: JSON.stringify({ ...document, state }),
      });
    },
    dispose,
  };
});
