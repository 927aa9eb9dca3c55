/** Whoever has read `reader.started` may rely on it: what is put from then on is delivered, whoever dies. */
import { afterEach, expect, it } from 'vitest';
import { ReaderScene } from '../faults/reader-scene.ts';
import { SharedScene } from '../faults/shared-scene.ts';

let shared: SharedScene | undefined;
afterEach(() => shared?.close());

it('is said once the start at the tip is stored, however long the first listing takes', async () => {
  const scene = new ReaderScene();
  scene.fake.next('ListShards', { kind: 'error', type: 'LimitExceededException' }, { times: 6 });
  const run = scene.start({ start: { kind: 'tip' } });
  await scene.until(() => scene.named('fetch.retried').length >= 5);
  expect(scene.named('reader.started')).toEqual([]);
  await scene.until(() => scene.named('reader.started').length === 1);
  expect(scene.store.puts.map(({ position }) => position.kind)).toEqual(['timestamp', 'timestamp']);
  expect(scene.named('reader.started')).toMatchObject([{ fields: { knownShards: 0, start: 'tip' } }]);
  scene.put('while the reader dies');
  await run.crash();
  await scene.clock.advance(60_000);
  const again = scene.start({ start: { kind: 'tip' } });
  await scene.until(() => scene.output.texts.includes('while the reader dies'), 60_000);
  await again.stop();
});

it('holds when several start at the tip at different times, and the first of them is held up', async () => {
  shared = new SharedScene({ shards: 4 });
  shared.fake.next('ListShards', { kind: 'delay', ms: 25_000 });
  shared.join({ start: { kind: 'tip' } });
  for (let second = 0; second < 40; second++) {
    if (second === 20) shared.join({ start: { kind: 'tip' } });
    if (shared.readers.some((reader) => reader.said('reader.started').length > 0)) shared.put(8);
    await shared.clock.advance(1000);
  }
  expect(shared.events.size).toBeGreaterThan(100);
  await shared.delivered(60_000);
});
