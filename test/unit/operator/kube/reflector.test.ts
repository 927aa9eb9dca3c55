/** A cache that follows the API server through what goes wrong on the way, on a virtual clock. */
import { expect, test } from 'vitest';
import { EventLog } from '../../../../base/events.ts';
import { KubeError } from '../../../../operator/kube/api.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { Reach } from '../../../../operator/kube/reach.ts';
import { Reflector } from '../../../../operator/kube/reflector.ts';
import { settle } from '../../../fakes/clock.ts';
import { broken } from '../../../fakes/kubernetes/api.ts';
import { reflectorScene } from './reflector-scene.ts';

test('what is there is told once as initial, and what happens later as news', async () => {
  const { api, start, put, told, cache, equal } = reflectorScene();
  put('one', { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"secret"}', own: 'x' } });
  await start();
  put('two');
  await settle();
  api.remove('one');
  await settle();
  expect(told).toEqual(['added one initially', 'added two', 'deleted one']);
  equal();
  expect(cache.get('default', 'two')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
});

test('neither managed fields nor the configuration that kubectl left is kept', async () => {
  const { start, put, cache } = reflectorScene();
  put('one', { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"secret"}', own: 'x' } });
  await start();
  put('two', { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' }, managedFields: [{}] });
  await settle();
  expect(JSON.stringify([...cache.list()])).not.toMatch(/managedFields|last-applied/);
  expect(cache.get('default', 'one')?.metadata.annotations).toEqual({ own: 'x' });
});

test('metadata only is asked for in listings and watches, and keeps the name of its kind', async () => {
  const { api, start, put, cache } = reflectorScene({ metadataOnly: true });
  put('one');
  await start();
  await settle();
  expect(api.calls.map(({ accept }) => accept)).toEqual([
    'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  ]);
  expect(cache.get('default', 'one')?.kind).toBe('ConfigMap');
});

test('of what is watched by its metadata nothing is kept that may be a secret: only which object it is, and what IAM is told', async () => {
  const { start, put, cache, equal } = reflectorScene({ metadataOnly: true });
  const secrets = {
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': '{"data":"hidden"}',
      'example.com/token': 'hidden',
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/reader',
    },
    labels: { token: 'hidden' },
  };
  put('one', secrets);
  await start();
  put('two', { annotations: { 'example.com/token': 'hidden' }, finalizers: ['example.com/hidden'] });
  await settle();
  expect(JSON.stringify([...cache.list()])).not.toContain('hidden');
  expect(cache.get('default', 'one')?.metadata.annotations).toEqual({
    'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/reader',
  });
  expect(cache.get('default', 'two')?.metadata).not.toHaveProperty('annotations');
  equal();
});

test('a listing of many pages is taken whole', async () => {
  const { api, start, put, equal } = reflectorScene();
  api.pageSize = 3;
  for (let i = 0; i < 10; i++) put(`object-${i}`);
  await start();
  expect(api.count('list')).toBe(4);
  equal();
});

test('a listing whose moment is forgotten on the way begins anew, and nothing is told twice', async () => {
  const { api, clock, start, put, equal, told } = reflectorScene();
  api.pageSize = 2;
  for (let i = 0; i < 5; i++) put(`object-${i}`);
  const pages = api.call.bind(api);
  let asked = 0;
  api.call = (call, signal) => {
    if (++asked === 2) {
      put('object-5');
      api.compact();
    }
    return pages(call, signal);
  };
  const synced = start();
  await clock.until(() => told.length === 6);
  await synced;
  expect(new Set(told).size).toBe(6);
  equal();
});

test.each([
  ['a connection that breaks', broken()],
  ['a server that is overloaded', new KubeError('', { sort: 'transport', status: 429 })],
  ['a path that is not served yet', new KubeError('', { sort: 'transport', status: 404 })],
  ['a right that was taken away', new KubeError('', { sort: 'forbidden', status: 403 })],
])('%s leaves the cache as it is, and the watch goes on from where it was', async (_, error) => {
  const { api, clock, start, put, told, equal } = reflectorScene();
  put('one');
  await start();
  api.refusing = { list: error, watch: error };
  api.endWatches(error);
  put('two');
  await clock.advance(60_000);
  expect(told).toEqual(['added one initially']);
  api.refusing = {};
  await clock.until(() => told.length === 2);
  expect(api.count('list')).toBe(1);
  equal();
});

test('a moment that the server forgot leads to a listing that tells every deletion and every change of identity', async () => {
  const { api, clock, start, put, told, counts, equal } = reflectorScene();
  for (const name of ['kept', 'changed', 'gone', 'replaced']) put(name);
  await start();
  told.length = 0;
  api.refusing = { watch: broken() };
  api.endWatches(broken());
  put('changed');
  api.remove('gone');
  api.remove('replaced');
  put('replaced');
  put('new');
  api.compact();
  await clock.advance(5_000);
  api.refusing = {};
  await clock.until(() => told.includes('deleted gone'));
  expect(told.toSorted()).toEqual(
    ['added new', 'added replaced', 'deleted gone', 'deleted replaced', 'modified changed'].toSorted(),
  );
  expect(told.indexOf('deleted replaced')).toBeLessThan(told.indexOf('added replaced'));
  expect(counts.filter((what) => what === 'expired')).toHaveLength(1);
  equal();
});

test('410 as an answer of HTTP leads to a listing too', async () => {
  const { api, clock, start, put, told, equal } = reflectorScene();
  await start();
  api.refusing = { watch: new KubeError('', { sort: 'expired', status: 410 }) };
  api.endWatches('clean');
  await clock.until(() => api.count('list') === 2);
  api.refusing = {};
  put('one');
  await clock.until(() => told.length === 1);
  equal();
});

test('a bookmark moves the moment from which the watch goes on', async () => {
  const { api, clock, start, put } = reflectorScene();
  await start();
  await settle();
  // Somebody else's objects: nothing of ours is told, only the revision moves.
  put('elsewhere', { namespace: 'other' });
  api.bookmark();
  await settle();
  const { revision } = api;
  api.endWatches(broken());
  await clock.until(() => api.count('watch') === 2);
  expect(api.calls.at(-1)!.query).toMatchObject({ resourceVersion: revision, allowWatchBookmarks: true });
});

test.each([
  ['was silent for longer than bookmarks take is followed by a listing', false, 2],
  ['said something goes on from there', true, 1],
])('a broken watch that %s', async (_, says, listings) => {
  const { api, clock, start } = reflectorScene();
  await start();
  await settle();
  if (says) api.bookmark();
  await clock.advance(90_000);
  api.endWatches(broken());
  await clock.until(() => api.count('watch') === 2);
  expect(api.count('list')).toBe(listings);
});

test('the same event twice changes nothing', async () => {
  const { api, start, put, told, equal } = reflectorScene();
  await start();
  await settle();
  const object = put('one');
  api.send({ type: 'ADDED', object });
  await settle();
  expect(told).toEqual(['added one']);
  expect(api.count('list')).toBe(1);
  equal();
});

test('an event from the past is not believed: what is true is listed', async () => {
  const { api, clock, start, put, told, equal } = reflectorScene();
  await start();
  await settle();
  const old = put('one');
  api.remove('one');
  await settle();
  api.send({ type: 'MODIFIED', object: old });
  await clock.until(() => api.count('list') === 2);
  expect(told).toEqual(['added one', 'deleted one']);
  equal();
});

test('nothing is synced before the first listing has succeeded', async () => {
  const { api, clock, start } = reflectorScene();
  api.refusing = { list: new KubeError('', { sort: 'transport', status: 404 }) };
  let synced = false;
  const started = start().then(() => (synced = true));
  await clock.advance(60_000);
  expect(synced).toBe(false);
  api.refusing = {};
  await clock.until(() => synced);
  await started;
});

test('reflectors of two namespaces share a cache, and neither removes what is the other\u2019s', async () => {
  const { api, clock, start, put, equal, told } = reflectorScene({ namespaces: ['a', 'b'] });
  put('one', { namespace: 'a' });
  put('one', { namespace: 'b' });
  await start();
  await settle();
  api.refusing = { watch: broken() };
  api.endWatches(broken());
  api.remove('one', 'a');
  api.compact();
  await clock.advance(1_000);
  api.refusing = {};
  await clock.until(() => told.includes('deleted one'));
  await clock.until(() => api.watching === 2);
  expect(told.filter((line) => line === 'deleted one')).toHaveLength(1);
  equal();
});

test('what a listener throws is no failure of the API: it ends the run, and the moment has not moved', async () => {
  const { api, cache, clock, put } = reflectorScene();
  const fault = new Error('a fault of ours');
  const reflector = new Reflector({
    ...{ api, cache, kind: KINDS.configMap, reach: new Reach(clock), clock, log: new EventLog(() => undefined) },
  });
  put('one');
  cache.onChange(() => {
    throw fault;
  });
  await expect(reflector.run(new AbortController().signal)).rejects.toBe(fault);
});

test.each([null, 'text', {}, { metadata: null }])(
  'an event about %j ends the watch and not the operator',
  async (object) => {
    const { api, clock, start, put, equal } = reflectorScene();
    await start();
    await settle();
    api.send({ type: 'ADDED', object });
    put('one');
    await clock.until(() => api.count('watch') === 2);
    await settle();
    equal();
  },
);

test('a stop ends it whatever it does, without an error', async () => {
  const { api, clock, start, end } = reflectorScene();
  await start();
  await settle();
  api.refusing = { watch: broken() };
  api.endWatches(broken());
  await clock.advance(300);
  await end();
  expect(clock.sleeping).toBe(0);
});
