/** A stop that gives up a batch which the output did not take in time is a stop, and no failure of the shard. */
import { expect, test } from 'vitest';
import { FIRST, ReaderScene } from '../faults/reader-scene.ts';

test('a reader that waits for its next page while the last batch hangs in the output stops without an error', async () => {
  const scene = new ReaderScene({ shards: 1, service: { maxPageBytes: 1000 } });
  for (let n = 0; n < 3; n++) scene.put(`event ${n} ${'x'.repeat(900)}`);
  scene.output.hold();
  const run = scene.start();
  await scene.until(() => scene.output.waiting === 1);
  await run.stop();
  expect(run.error).toBeNull();
  expect(scene.named('shard.failed')).toEqual([]);
  expect(scene.store.positions(FIRST).some(({ kind }) => kind === 'after')).toBe(false);
});
