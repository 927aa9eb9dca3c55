/** A HEC output looked into a batch for the name of a refused index after its writer had given the batch up, and the memory was in use for other events. */
import { expect, it } from 'vitest';
import { BatchBuilder } from '../../record/batch.ts';
import { MetaRows } from '../../record/meta-table.ts';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never } from '../faults/hec-scene.ts';

/** An event for the last of the indexes. */
function fill(builder: BatchBuilder, ...indexes: readonly string[]): void {
  builder.record({ sequenceNumber: '1', subSequence: 0, arrivalMs: 0 });
  const bytes = Buffer.from('an event');
  const at = builder.load(bytes);
  const rows = indexes.map((index) => builder.meta({ index }));
  builder.add(at, at + bytes.length, NaN, rows.at(-1)!);
}

it('an index that is refused concerns nobody once the writer of its batch has given up', async () => {
  const scene = await HecScene.open(1, { tokens: { [TOKEN]: { indexes: ['main'] } } });
  const output = await scene.opened();
  const builder = new BatchBuilder();
  fill(builder, 'secret');
  scene.port.faults.holdAnswers();
  const stop = new AbortController();
  const write = output.write(builder.seal(), stop.signal);
  await scene.until(() => scene.posts() === 1);
  stop.abort();
  await expect(write).rejects.toMatchObject({ name: 'AbortError' });
  // Other metadata, as a pool gives a builder a new table when the old one is full.
  builder.reset(new MetaRows());
  fill(builder, 'a', 'b', 'c', 'd');
  scene.port.faults.release();
  await scene.settled(output.write(batchOf('of another writer'), never));
  await scene.close();
  expect(scene.named('output.refused')).toEqual([]);
});
