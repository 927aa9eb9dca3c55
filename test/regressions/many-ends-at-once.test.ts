/** Hundreds of shards that end within seconds must not have the rows and the shards listed for each of them. */
import { afterEach, expect, it } from 'vitest';
import { SharedScene, STREAM } from '../faults/shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

it('the rows are read a few times in a second, however many shards end in it, and every child is read', async () => {
  scene = new SharedScene({ shards: 48 });
  const reader = scene.join();
  await scene.until(() => reader.shards.length === 48);
  await scene.clock.advance(1000);
  const rows = reader.store.rows.bind(reader.store);
  let reads = 0;
  reader.store.rows = (...call) => {
    reads++;
    return rows(...call);
  };
  const listings = scene.fake.callsOf('ListShards').length;
  for (const { shardId } of [...scene.fake.stream(STREAM).open]) scene.fake.split(STREAM, shardId);
  scene.put(48);
  const ms = await scene.timeUntil(() => scene.missing === 0, 60_000);
  expect(ms).toBeLessThanOrEqual(4000);
  const rounds = (ms / 1000) * 5 + 3;
  expect(reads).toBeLessThanOrEqual(rounds);
  expect(scene.fake.callsOf('ListShards').length - listings).toBeLessThanOrEqual(rounds);
});
