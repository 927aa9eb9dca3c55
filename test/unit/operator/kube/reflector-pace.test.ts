/** How often a reflector asks a server that fails, and what it says of it. */
import { expect, test } from 'vitest';
import { KubeError } from '../../../../operator/kube/api.ts';
import { settle } from '../../../fakes/clock.ts';
import { broken } from '../../../fakes/kubernetes/api.ts';
import { reflectorScene } from './reflector-scene.ts';

test('watches ask for an end between five and ten minutes', async () => {
  const { api, start } = reflectorScene({ random: () => 0.999 });
  await start();
  await settle();
  expect(api.calls.at(-1)!.query?.['timeoutSeconds']).toBe(599);
});

test('a server that ends every watch at once is asked ever more seldom', async () => {
  const { api, clock, start } = reflectorScene();
  await start();
  const never = api.watch.bind(api);
  api.watch = (call, signal) => {
    const events = never(call, signal);
    queueMicrotask(() => api.endWatches('clean'));
    return events;
  };
  await settle();
  api.endWatches('clean');
  const before = api.count('watch');
  await clock.advance(10 * 60_000);
  const asked = api.count('watch') - before;
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(40);
});

test('a watch that ends cleanly after each event is begun again within two seconds, and not at once', async () => {
  const { api, clock, start, put, told } = reflectorScene({ random: () => 0.9 });
  await start();
  await settle();
  const begun = clock.monotonic();
  for (let i = 0; i < 20; i++) {
    put(`object-${i}`);
    await settle();
    api.endWatches('clean');
    await clock.until(() => api.watching === 1);
  }
  const seconds = (clock.monotonic() - begun) / 1000;
  expect(told).toHaveLength(20);
  expect(seconds).toBeGreaterThan(20 * 0.8);
  expect(seconds).toBeLessThan(20 * 2);
});

test('failures are repeated more and more slowly, and quickly again after two good minutes', async () => {
  const { api, clock, start } = reflectorScene();
  await start();
  api.refusing = { watch: broken() };
  const times: number[] = [];
  const watch = api.watch.bind(api);
  api.watch = (call, signal) => {
    times.push(clock.monotonic());
    return watch(call, signal);
  };
  api.endWatches(broken());
  await clock.until(() => times.length === 8);
  const waits = times.slice(1).map((at, i) => at - times[i]!);
  expect(waits).toEqual([1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  api.refusing = {};
  await clock.until(() => api.watching === 1);
  await clock.advance(150_000);
  const good = clock.monotonic();
  api.endWatches(broken());
  await clock.until(() => times.length > 9);
  expect(times.at(-1)! - good).toBe(800);
});

test('a server that says how long it wants to be left alone is left alone so long', async () => {
  const { api, clock, start } = reflectorScene();
  await start();
  await settle();
  api.refusing = { watch: new KubeError('', { sort: 'transport', status: 429, retryAfterMs: 17_000 }) };
  api.endWatches('clean');
  await clock.until(() => api.count('watch') === 3);
  const first = clock.monotonic();
  await clock.until(() => api.count('watch') === 4);
  expect(clock.monotonic() - first).toBe(17_000);
});

test('a server that is back, whoever saw it, is asked within two seconds, however long it was away', async () => {
  const { api, clock, reach, start, put, told } = reflectorScene({ namespaces: ['one', 'two'] });
  await start();
  api.refusing = { watch: broken() };
  api.endWatches(broken());
  reach.seen(0);
  // In the middle of waits of half a minute.
  await clock.advance(100_000);
  api.refusing = {};
  const since = clock.monotonic();
  reach.seen(200);
  for (const namespace of ['one', 'two']) put('news', { namespace });
  await clock.until(() => told.length === 2);
  expect(clock.monotonic() - since).toBeLessThanOrEqual(1600);
  expect(clock.monotonic() - since).toBeGreaterThanOrEqual(800);
});

test('a path that fails while others are answered is asked no oftener for it than after a first failure', async () => {
  const { api, clock, reach, start } = reflectorScene();
  await start();
  api.refusing = { watch: broken() };
  api.endWatches(broken());
  const before = api.count('watch');
  // A Lease is renewed every two seconds.
  for (let renewals = 0; renewals < 300; renewals++) {
    reach.seen(503);
    reach.seen(200);
    await clock.advance(2000);
  }
  // 0.8 s, doubled until 30 s have passed: six times in each half minute.
  expect(api.count('watch') - before).toBeLessThan(130);
});

test('whoever asked to be left alone is left alone, although others are answered', async () => {
  const { api, clock, reach, start } = reflectorScene();
  await start();
  api.refusing = { watch: new KubeError('', { sort: 'transport', status: 429, retryAfterMs: 17_000 }) };
  api.endWatches('clean');
  await clock.until(() => api.count('watch') === 2);
  const begun = clock.monotonic();
  reach.seen(429);
  reach.seen(200);
  await clock.until(() => api.count('watch') === 3);
  expect(clock.monotonic() - begun).toBe(17_000);
});

test('a right that was taken away is told at once, then every five minutes, and its return too', async () => {
  const { api, clock, start, put, lines } = reflectorScene();
  await start();
  await settle();
  api.refusing = { watch: new KubeError('', { sort: 'forbidden', status: 403 }) };
  api.endWatches('clean');
  await clock.until(() => lines.length === 1);
  await clock.advance(12 * 60_000);
  expect(lines).toEqual(['watch.stalled forbidden', 'watch.stalled forbidden', 'watch.stalled forbidden']);
  api.refusing = {};
  put('one');
  await clock.until(() => lines.length === 4);
  expect(lines.at(-1)).toBe('watch.resumed');
});

test('a server that restarts is worth no line', async () => {
  const { api, clock, start, lines, put, told } = reflectorScene();
  await start();
  await settle();
  api.refusing = { watch: broken(), list: broken() };
  api.endWatches(broken());
  await clock.advance(20_000);
  api.refusing = {};
  put('one');
  await clock.until(() => told.length === 1);
  expect(lines).toEqual([]);
});
