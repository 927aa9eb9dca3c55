/** Which key is worked on when, on a virtual clock. */
import { expect, test } from 'vitest';
import { WorkQueue } from '../../../../operator/kube/queue.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';

function scene() {
  const clock = new FakeClock();
  const seen = { added: 0, retried: 0, waited: [] as number[], worked: [] as number[] };
  const queue = new WorkQueue(clock, {
    added: () => seen.added++,
    taken: (ms) => seen.waited.push(ms),
    done: (ms) => seen.worked.push(ms),
    retried: () => seen.retried++,
  });
  const { signal } = new AbortController();
  /** Everything that can be taken now, each done at once. */
  const drain = async () => {
    const keys: string[] = [];
    while (queue.depth > 0) {
      const key = await queue.take(signal);
      keys.push(key);
      queue.done(key);
    }
    return keys;
  };
  return { clock, queue, seen, signal, drain };
}

test('a key that is added often is taken once, in the order of the first additions', async () => {
  const { queue, drain, seen } = scene();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  expect(queue.depth).toBe(3);
  expect(await drain()).toEqual(['a', 'b', 'c']);
  expect(seen.added).toBe(3);
});

test('a key that is worked on is not taken again before that is done, and then once', async () => {
  const { queue, signal, drain } = scene();
  queue.add('a');
  await queue.take(signal);
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await drain()).toEqual(['a']);
});

test('what is urgent comes before the backlog, and a key of the backlog that becomes urgent too', async () => {
  const { queue, drain } = scene();
  for (const key of ['old-1', 'old-2', 'old-3']) queue.add(key, { priority: -100 });
  queue.add('live');
  queue.add('old-3');
  queue.add('live', { priority: -100 });
  expect(await drain()).toEqual(['live', 'old-3', 'old-1', 'old-2']);
});

test('a key that is due later waits, is brought forward by an earlier time, and not put back by a later one', async () => {
  const { clock, queue, drain } = scene();
  queue.add('a', { afterMs: 1_000 });
  queue.add('b', { afterMs: 1_000 });
  queue.add('a', { afterMs: 5_000 });
  queue.add('b', { afterMs: 200 });
  await clock.advance(199);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(await drain()).toEqual(['b']);
  await clock.advance(800);
  expect(await drain()).toEqual(['a']);
  await clock.advance(60_000);
  expect(await drain()).toEqual([]);
  expect(clock.sleeping).toBe(0);
});

test('a key that is added now does not come again for a time that was asked for before', async () => {
  const { clock, queue, drain } = scene();
  queue.add('a', { afterMs: 1_000, priority: 5 });
  queue.add('a');
  queue.add('b', { priority: 1 });
  expect(await drain()).toEqual(['a', 'b']);
  await clock.advance(10_000);
  expect(queue.depth).toBe(0);
});

test('a delayed key that is due while it is worked on comes when that is done', async () => {
  const { clock, queue, signal, drain } = scene();
  queue.add('a');
  await queue.take(signal);
  queue.add('a', { afterMs: 100 });
  await clock.advance(200);
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await drain()).toEqual(['a']);
});

test('a key that fails comes back later and later, up to five minutes, until it is forgotten', async () => {
  const { clock, queue, signal, seen } = scene();
  const waits: number[] = [];
  queue.add('a');
  for (let i = 0; i < 20; i++) {
    await queue.take(signal);
    queue.retry('a');
    queue.done('a');
    const from = clock.monotonic();
    await clock.until(() => queue.depth === 1);
    waits.push(clock.monotonic() - from);
  }
  expect(waits.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
  expect(waits.at(-1)).toBe(300_000);
  expect([queue.failures('a'), seen.retried]).toEqual([20, 20]);
  queue.forget('a');
  expect(queue.failures('a')).toBe(0);
});

test('retries of many keys are spread to ten a second after the first hundred, and live additions are not', async () => {
  const { clock, queue, drain } = scene();
  for (let i = 0; i < 150; i++) queue.retry(`failed-${i}`);
  queue.add('live');
  expect(await drain()).toEqual(['live']);
  await clock.advance(5);
  expect(await drain()).toHaveLength(100);
  await clock.advance(1_000);
  expect(await drain()).toHaveLength(10);
  await clock.advance(4_000);
  expect(await drain()).toHaveLength(40);
});

test('each of many workers gets a key of its own as soon as there is one', async () => {
  const { queue, signal } = scene();
  const taken = Promise.all(Array.from({ length: 3 }, () => queue.take(signal)));
  await settle();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  expect((await taken).toSorted()).toEqual(['a', 'b', 'c']);
});

test('a worker that stops in the moment in which a key comes leaves it to another', async () => {
  const { queue, signal } = scene();
  const stop = new AbortController();
  const stopping = queue.take(stop.signal);
  const other = queue.take(signal);
  queue.add('a');
  stop.abort(new Error('enough'));
  await expect(stopping).rejects.toThrow('enough');
  expect(await other).toBe('a');
});

test('a stop ends the wait for a key, and after the close nothing comes any more', async () => {
  const { clock, queue } = scene();
  const stop = new AbortController();
  const waiting = queue.take(stop.signal);
  queue.add('later', { afterMs: 10 });
  queue.close();
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(queue.take(stop.signal)).rejects.toThrow('enough');
  await clock.advance(100);
  expect([queue.depth, clock.sleeping]).toEqual([0, 0]);
});

test('how long keys waited and were worked on is told, and what is under way', async () => {
  const { clock, queue, signal, seen } = scene();
  queue.add('a');
  await clock.advance(30);
  await queue.take(signal);
  queue.add('b');
  await queue.take(signal);
  await clock.advance(70);
  expect([queue.unfinishedMs, queue.longestRunningMs]).toEqual([140, 70]);
  queue.done('a');
  expect(seen).toMatchObject({ waited: [30, 0], worked: [70] });
});
