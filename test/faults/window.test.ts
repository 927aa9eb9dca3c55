/** A reader whose output wants several batches of a shard on their way, because being safe takes longer than being sent. */
import { beforeEach, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import type { Output } from '../../reader/output/output.ts';
import type { EventBatch } from '../../record/batch.ts';
import { FIRST, ReaderScene } from './reader-scene.ts';

/** Tells of each batch when the test says so. */
class SlowOutput implements Output {
  readonly window: number;
  readonly batches: { readonly last: string; settle: () => void; reject: (error: Error) => void }[] = [];

  constructor(window: number) {
    this.window = window;
  }

  write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    const last = batch.records.at(-1)!.sequenceNumber;
    this.batches.push({ last, settle: () => resolve(undefined), reject });
    return promise.then(() => undefined);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

let scene: ReaderScene;

beforeEach(() => {
  scene = new ReaderScene({ shards: 1 });
});

/** Each record is more than half a batch. */
const put = (records: number) => {
  for (let n = 0; n < records; n++) scene.put(`${n} ${'x'.repeat(600_000)}`);
};
/** Positions behind a record that were stored, newest last. */
const stored = () =>
  scene.store.positions(FIRST).flatMap((position) => (position.kind === 'after' ? [position.sequenceNumber] : []));

it('gets so many and no more, and no position passes the first that has not settled', async () => {
  const output = new SlowOutput(4);
  put(14);
  const run = scene.start({ output, checkpointEveryMs: 100 });
  await scene.until(() => output.batches.length === 4);
  await scene.clock.advance(10_000);
  expect(output.batches).toHaveLength(4);
  const [first, second, third] = output.batches;
  third!.settle();
  second!.settle();
  await scene.until(() => output.batches.length === 6);
  await scene.clock.advance(10_000);
  expect(stored()).toEqual([]);
  first!.settle();
  await scene.until(() => stored().includes(third!.last));
  expect(stored()).toEqual([third!.last]);
  await scene.until(() => output.batches.length === 7);
  for (const batch of output.batches) batch.settle();
  await run.stop();
  expect(run.error).toBeNull();
  expect(stored().at(-1)).toBe(output.batches.at(-1)!.last);
});

it.each([
  [4, 2],
  [1, 1],
])('of which it wants %i has so many at the tip: %i', async (window, handed) => {
  const output = new SlowOutput(window);
  const run = scene.start({ output });
  for (const text of ['one', 'two']) {
    scene.put(text);
    await scene.clock.advance(5000);
  }
  expect(output.batches).toHaveLength(handed);
  for (const batch of output.batches) batch.settle();
  await scene.until(() => output.batches.length === 2);
  output.batches[1]!.settle();
  await scene.until(() => stored().includes(output.batches[1]!.last));
  await run.stop();
});

it('that fails one of them ends reading, with what had settled before it stored', async () => {
  const output = new SlowOutput(4);
  put(8);
  const run = scene.start({ output });
  await scene.until(() => output.batches.length === 4);
  output.batches[0]!.settle();
  output.batches[3]!.settle();
  output.batches[1]!.reject(new KinlogError('KINLOG_OUTPUT_FAILED', 'gone'));
  output.batches[2]!.settle();
  await scene.until(() => run.error !== undefined);
  expect(run.error).toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
  expect(stored().at(-1)).toBe(output.batches[0]!.last);
});

it('that fails one at the tip ends reading without another record', async () => {
  const output = new SlowOutput(4);
  scene.put('one');
  const run = scene.start({ output });
  await scene.until(() => output.batches.length === 1);
  await scene.clock.advance(5000);
  output.batches[0]!.reject(new KinlogError('KINLOG_OUTPUT_FAILED', 'gone'));
  await scene.until(() => run.error !== undefined);
  expect(run.error).toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
  expect(stored()).toEqual([]);
});

it('is given up when the time to stop is over, and what had settled is stored', async () => {
  const output = new SlowOutput(4);
  put(8);
  const run = scene.start({ output });
  await scene.until(() => output.batches.length === 4);
  output.batches[0]!.settle();
  await run.stop();
  expect(run.error).toBeNull();
  expect(stored().at(-1)).toBe(output.batches[0]!.last);
});
