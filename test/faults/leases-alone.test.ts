/** Readers that share their stream with nobody: one reads everything, another stands aside, says so, and takes over. */
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { breaches } from '../property/leases-laws.ts';
import { SharedScene, T } from './shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

const ALONE = { otherReaders: 'refuse', idleMs: 10_000 } as const;

describe('a reader that shares with nobody', () => {
  it('stands aside while another reads, says so once in five minutes, and takes over when that one has gone', async () => {
    scene = new SharedScene({ shards: 4 });
    const first = scene.join(ALONE);
    await scene.until(() => first.shards.length === 4);
    const second = scene.join(ALONE);
    scene.put(40);
    await scene.delivered();
    await scene.clock.advance(20 * T);
    expect([first.shards.length, second.shards.length]).toEqual([4, 0]);
    expect(second.said('reader.aside').map(({ level, fields }) => [level, fields['owner']])).toEqual([
      ['error', first.me],
    ]);
    await first.stop();
    await scene.until(() => second.shards.length === 4);
    scene.put(40);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
    expect(new Set(scene.accepted).size).toBe(scene.accepted.length);
  });

  it('takes over from one that was killed, without taking the dead for the living', async () => {
    scene = new SharedScene({ shards: 2 });
    const first = scene.join(ALONE);
    await scene.until(() => first.shards.length === 2);
    first.kill();
    const second = scene.join(ALONE);
    expect(await scene.timeUntil(() => second.shards.length === 2)).toBeLessThanOrEqual(4 * T);
    expect(second.said('reader.aside')).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'is the only one that ever reads when several begin at once (seed %d)',
    async (seed) => {
      scene = new SharedScene({ shards: 9 });
      const readers = [scene.join(ALONE), scene.join(ALONE), scene.join(ALONE)];
      const random = seededRandom(seed);
      // Their writes pass each other on the way.
      for (const { store } of readers)
        store.weather = {
          away: false,
          lostAnswers: 0,
          get latencyMs() {
            return Math.floor(random() * 100);
          },
        };
      scene.put(90);
      await scene.until(() => readers.some(({ shards }) => shards.length === 9));
      await scene.delivered();
      await scene.clock.advance(5 * T);
      expect(readers.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
      const reading = readers.filter((reader) => reader.said('lease.taken').length > 0);
      expect(reading.map(({ shards }) => shards.length)).toEqual([9]);
      expect(readers.filter((reader) => reader.said('reader.aside').length === 1)).toHaveLength(2);
      expect(breaches(scene)).toEqual([]);
    },
  );

  it('keeps a stream whose shards are split', async () => {
    scene = new SharedScene({ shards: 1 });
    const first = scene.join(ALONE);
    await scene.until(() => first.shards.length === 1);
    scene.join(ALONE);
    await scene.clock.advance(3 * T);
    scene.fake.split('shared-logs', scene.unfinished[0]!.shardId);
    scene.put(20);
    await scene.delivered(600_000);
    const owners = new Set(scene.unfinished.map(({ owner }) => owner));
    expect(owners.size).toBe(1);
    expect(breaches(scene)).toEqual([]);
  });

  it('says so when a reader that shares comes after it, which is given shards and delivers nothing twice', async () => {
    scene = new SharedScene({ shards: 5 });
    const first = scene.join(ALONE);
    await scene.until(() => first.shards.length === 5);
    const second = scene.join({ idleMs: 10_000 });
    scene.put(50);
    await scene.until(() => second.shards.length > 0 && first.said('reader.beside').length > 0);
    await scene.delivered();
    await scene.clock.advance(20 * T);
    expect(first.said('reader.beside').map(({ level, fields }) => [level, fields['owner']])).toEqual([
      ['error', second.me],
    ]);
    expect(second.said('reader.beside')).toEqual([]);
    expect(new Set(scene.accepted).size).toBe(scene.accepted.length);
    expect(breaches(scene)).toEqual([]);
  });

  it('ends with KINLOG_STREAM_TAKEN and gives back what it had when one that shares counts more than it', async () => {
    scene = new SharedScene({ shards: 2 });
    const first = scene.join({ ...ALONE, name: 'b' });
    await scene.until(() => first.shards.length === 2);
    const second = scene.join({ idleMs: 10_000, name: 'a' });
    scene.put(20);
    await scene.until(() => second.shards.length === 2);
    await scene.delivered();
    expect(first.error).toMatchObject({ code: 'KINLOG_STREAM_TAKEN' });
    expect(new Set(scene.accepted).size).toBe(scene.accepted.length);
    expect(breaches(scene)).toEqual([]);
  });
});
