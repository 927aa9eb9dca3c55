/** Whether records aged out is a matter of the service's clock: a host whose clock is days off, or jumps, neither cries loss nor hides one. */
import { afterEach, expect, it } from 'vitest';
import { SharedScene } from '../faults/shared-scene.ts';

const HOUR_MS = 3_600_000;
let scene: SharedScene;
afterEach(() => scene.close());

it.each([48, -48])('a clock that jumps by %d hours while the shard is read is no loss', async (hours) => {
  scene = new SharedScene({ shards: 2 });
  const reader = scene.join({ onLostPosition: 'stop' });
  scene.put(12);
  await scene.delivered();
  reader.clock.wallOffsetMs += hours * HOUR_MS;
  scene.put(12);
  await scene.delivered();
  await scene.clock.advance(10_000);
  scene.put(12);
  await scene.delivered();
  expect(reader.said('stream.data-loss')).toEqual([]);
  await reader.stop();
  expect(reader.error).toBeNull();
});

it.each([0, 40])(
  'a loss is told by a reader whose clock is %d hours ahead of what the one before had',
  async (hours) => {
    scene = new SharedScene({ shards: 1 });
    const first = scene.join();
    first.clock.wallOffsetMs += hours * HOUR_MS;
    scene.put(12);
    await scene.delivered();
    await scene.clock.advance(2 * HOUR_MS);
    await first.stop();
    scene.put(12);
    await scene.clock.advance(30 * HOUR_MS);
    const second = scene.join();
    scene.put(12);
    await scene.until(() => scene.missing === 12, 60_000);
    expect(second.said('stream.data-loss')).toHaveLength(1);
  },
);
