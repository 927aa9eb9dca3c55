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

it('several readers that start at the tip at different times, one of them held up: nothing put after any of them said so is lost', async () => {
  shared = new SharedScene({ shards: 4 });
  shared.fake.next('ListShards', { kind: 'delay', ms: 25_000 });
  const slow = shared.join({ start: { kind: 'tip' } });
  await shared.clock.advance(20_000);
  const quick = shared.join({ start: { kind: 'tip' } });
  await shared.until(() => quick.said('reader.started').length === 1);
  shared.put(24);
  await shared.until(() => slow.said('reader.started').length === 1);
  shared.put(24);
  await shared.delivered(60_000);
});
