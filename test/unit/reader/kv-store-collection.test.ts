/** The collection that the app declares is the one that the store uses. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { live, row, STREAM } from '../../contract/store-rows.ts';
import { kvScene } from '../../fakes/splunkd/kv-stores.ts';

const scene = kvScene();
afterAll(() => scene.dispose());

test('collections.conf of the app declares the collection of the store, and each field with its type', async () => {
  const conf = readFileSync(path.join(import.meta.dirname, '../../../splunk-app/default/collections.conf'), 'utf8');
  const { store, port } = await scene.open();
  await store.put(STREAM, row('s'), 'absent', live());
  const [document] = scene.collection.all();
  const fields = Object.entries(document!).filter(([name]) => !['_key', '_user'].includes(name));
  const declared = fields.map(([name, value]) => `field.${name} = ${typeof value}`);
  expect(conf.trim().split('\n').sort()).toEqual(['[kinlog_rows]', ...declared].sort());
  expect(port.calls[0]).toBe('GET /servicesNS/nobody/kinloader/storage/collections/data/kinlog_rows');
});
