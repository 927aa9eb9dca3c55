/** What the output accepted is stored in its time, also while it keeps the rest of the page waiting. */
import { expect, test } from 'vitest';
import { numbers, FIRST, ReaderScene } from '../faults/reader-scene.ts';

test('an output that stalls in the middle of a page keeps nothing unstored that it has accepted', async () => {
  const scene = new ReaderScene({ shards: 1 });
  for (const text of numbers(0, 4)) scene.put(`${text} ${'x'.repeat(900_000)}`);
  const write = scene.output.write.bind(scene.output);
  let writes = 0;
  scene.output.write = (batch, signal) => {
    if (++writes === 2) scene.output.hold();
    return write(batch, signal);
  };
  const run = scene.start({ checkpointEveryMs: 1000 });
  await scene.until(() => scene.output.waiting === 1);
  await scene.until(() => scene.store.positions(FIRST).some(({ kind }) => kind === 'after'), 5000);
  scene.output.release();
  await run.stop();
  expect(run.error).toBeNull();
});
