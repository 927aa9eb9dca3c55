/** Readers that stand still in the middle of sharing, as processes of a busy machine do: whoever lost everything has its share again. */
import { afterEach, describe, expect, it } from 'vitest';
import { breaches } from '../property/leases-laws.ts';
import { SharedScene, T, type SharedReader } from './shared-scene.ts';

/** Longer than others wait for a sign of life. */
const STANDSTILL = 3 * T;

let scene: SharedScene;
afterEach(() => scene.close());

/** What holds whoever stood still: shares within three periods of everybody's going on, nothing lost, no law broken. */
async function shares(): Promise<void> {
  await scene.until(() => scene.balanced, 3 * T);
  scene.put(48);
  await scene.delivered();
  await scene.clock.advance(5 * T);
  expect(scene.balanced).toBe(true);
  expect(scene.readers.map(({ error }) => error)).toEqual(scene.readers.map(() => undefined));
  expect(breaches(scene)).toEqual([]);
}

/** It stands still, and goes on once others have everything. */
async function standStill(reader: SharedReader, other: SharedReader): Promise<void> {
  reader.pause();
  scene.put(24);
  await scene.clock.advance(STANDSTILL);
  expect(other.shards).toHaveLength(4);
  reader.resume();
}

describe('a reader that loses all its shards while it stands still has its share within three periods', () => {
  it.each([0, 2, 4, 6, 8])('it had begun %d tenths of a period before', async (tenths) => {
    scene = new SharedScene({ shards: 4 });
    const [early, late] = [scene.join(), scene.join()];
    scene.put(24);
    await scene.until(() => early.shards.length > 0);
    await scene.clock.advance((tenths * T) / 10);
    await standStill(early, late);
    await shares();
  });

  it('it had just asked for its share, and was given it meanwhile', async () => {
    scene = new SharedScene({ shards: 4 });
    const owner = scene.join();
    await scene.until(() => owner.shards.length === 4);
    const joined = scene.join();
    await scene.until(() => joined.said('lease.asked').length > 0);
    joined.pause();
    scene.put(24);
    await scene.until(() => joined.shards.length > 0);
    await scene.until(() => owner.shards.length === 4, 3 * T);
    await scene.delivered();
    joined.resume();
    await shares();
  });

  it('it had just been asked for a share of its own', async () => {
    scene = new SharedScene({ shards: 4 });
    const owner = scene.join();
    await scene.until(() => owner.shards.length === 4);
    scene.put(24);
    const joined = scene.join();
    await scene.until(() => joined.said('lease.asked').length > 0);
    await standStill(owner, joined);
    await shares();
  });

  it('it was handing over', async () => {
    scene = new SharedScene({ shards: 4 });
    const owner = scene.join();
    await scene.until(() => owner.shards.length === 4);
    owner.output.hold();
    scene.put(24);
    await scene.until(() => scene.entries.at(-1)?.kind === 'begun');
    const joined = scene.join();
    await scene.until(() => owner.reader.status()!.shards.some(({ state }) => state === 'handing-over'));
    owner.output.release();
    await standStill(owner, joined);
    await shares();
  });

  it('both do so in turn, again and again', async () => {
    scene = new SharedScene({ shards: 4 });
    const [one, two] = [scene.join(), scene.join()];
    await scene.until(() => scene.balanced);
    for (let n = 0; n < 6; n++) {
      await standStill(one, two);
      await standStill(two, one);
    }
    await shares();
  });

  it('it stands still for longer than it runs', async () => {
    scene = new SharedScene({ shards: 4 });
    const [slow, other] = [scene.join(), scene.join()];
    await scene.until(() => scene.balanced);
    for (let n = 0; n < 10; n++) {
      await standStill(slow, other);
      await scene.clock.advance((n * T) / 4);
    }
    await shares();
  });
});
