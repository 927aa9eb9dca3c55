/** A reader that has no shard at this moment is as alive as the others. */
import { afterEach, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { SharedScene, T } from '../faults/shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

it('a reader without a shard does not end when the store is refused for a while', async () => {
  scene = new SharedScene({ shards: 1 });
  const owner = scene.join();
  await scene.until(() => owner.shards.length === 1);
  const spare = scene.join({ whenRefused: 'stop' });
  await scene.until(() => spare.reader.status()?.state === 'reading');
  const rows = spare.store.rows.bind(spare.store);
  let refused = 0;
  spare.store.rows = async function* (...call) {
    if (refused++ < 3) throw new KinlogError('KINLOG_PERMISSION_REFUSED', 'not now');
    yield* rows(...call);
  };
  await scene.until(() => refused > 3, 600_000);
  expect(spare.error).toBeUndefined();
  owner.kill();
  await scene.until(() => spare.shards.length === 1, 600_000);
  expect(spare.said('reader.stalled').length).toBeGreaterThan(0);
  await scene.clock.advance(T);
});
