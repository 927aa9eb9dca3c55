/** Readers that share a stream: how they divide its shards, and how they join, leave and die. */
import { afterEach, describe, expect, it } from 'vitest';
import { breaches, puts } from '../property/leases-laws.ts';
import { SharedScene, T } from './shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

/** Rare polls: what is shown here does not depend on them, and 64 shards are many calls. */
const QUIET = { idleMs: 10_000 };

const repeated = (): number => scene.accepted.length - new Set(scene.accepted).size;

describe('readers that share a stream', () => {
  it('one alone takes every shard', async () => {
    scene = new SharedScene({ shards: 6 });
    scene.put(60);
    const reader = scene.join();
    await scene.delivered();
    expect(reader.shards).toHaveLength(6);
    await reader.stop();
    expect(reader.error).toBeNull();
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
  });

  it.each([2, 3, 5, 8, 16])('%d that start together divide 32 shards evenly within three periods', async (count) => {
    scene = new SharedScene({ shards: 32 });
    scene.put(100);
    for (let n = 0; n < count; n++) scene.join(QUIET);
    const ms = await scene.timeUntil(() => scene.balanced);
    expect(ms).toBeLessThanOrEqual(3 * T);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
  });

  it.each([2, 4, 16])('%d in all share within three periods after all but one joined at one moment', async (count) => {
    scene = new SharedScene({ shards: 32 });
    scene.join(QUIET);
    await scene.until(() => scene.balanced);
    scene.put(100);
    await scene.delivered();
    for (let n = 1; n < count; n++) scene.join(QUIET);
    const ms = await scene.timeUntil(() => scene.balanced);
    expect(ms).toBeLessThanOrEqual(3 * T);
    scene.put(100);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
  });

  it('that have divided the shards leave it at that', async () => {
    scene = new SharedScene({ shards: 7 });
    for (let n = 0; n < 3; n++) scene.join(QUIET);
    await scene.until(() => scene.balanced);
    await scene.clock.advance(2 * T);
    const from = scene.entries.length;
    await scene.clock.advance(20 * T);
    const moves = scene.entries
      .slice(from)
      .filter((entry) => entry.kind === 'put' && entry.row.owner !== entry.before?.owner);
    expect(moves).toEqual([]);
  });

  it('more readers than shards: each shard has one owner, the rest wait', async () => {
    scene = new SharedScene({ shards: 2 });
    for (let n = 0; n < 5; n++) scene.join();
    await scene.until(() => scene.balanced);
    scene.put(30);
    await scene.delivered();
    await scene.clock.advance(10 * T);
    expect(scene.readers.map(({ shards }) => shards.length).sort()).toEqual([0, 0, 0, 1, 1]);
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
  });

  it('one after the other join and leave while events flow: nothing is delivered twice, and order holds', async () => {
    scene = new SharedScene({ shards: 8, service: { maxPageBytes: 300 } });
    const flow = async (periods: number) => {
      for (let n = 0; n < periods * 4; n++) {
        for (const { output } of scene.readers) output.acceptsAfterMs = T / 50;
        scene.put(20);
        await scene.clock.advance(T / 4);
      }
    };
    scene.join();
    await flow(2);
    for (let n = 0; n < 3; n++) {
      scene.join();
      await flow(4);
    }
    await scene.until(() => scene.balanced);
    for (const reader of scene.readers.slice(0, 3)) {
      reader.ask();
      await flow(3);
      expect(reader.error).toBeNull();
    }
    await scene.delivered();
    expect(scene.readers[3]!.shards).toHaveLength(8);
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
    expect(scene.readers.flatMap((reader) => [...reader.said('lease.stolen'), ...reader.said('lease.lost')])).toEqual(
      [],
    );
  });

  it('whoever leaves leaves its shards to the others within one period', async () => {
    scene = new SharedScene({ shards: 8 });
    const [first] = [scene.join(QUIET), scene.join(QUIET)];
    await scene.until(() => scene.balanced);
    await first.stop();
    expect(await scene.timeUntil(() => scene.balanced)).toBeLessThanOrEqual(T);
  });

  it.each([2, 3, 16])(
    'of %d, one that is killed is replaced within three periods, and repeats only what it had not stored',
    async (count) => {
      scene = new SharedScene({ shards: 16 });
      for (let n = 0; n < count; n++) scene.join({ ...QUIET, checkpointEveryMs: 60_000 });
      await scene.until(() => scene.balanced);
      scene.put(100);
      await scene.delivered();
      const [victim] = scene.readers;
      const positions = new Map([...scene.rows.values()].map((row) => [row.shardId, row.position]));
      expect(victim!.shards.length).toBeGreaterThan(0);
      const theirs = new Set(victim!.shards);
      victim!.kill();
      scene.put(100);
      expect(await scene.timeUntil(() => scene.balanced)).toBeLessThanOrEqual(3 * T);
      await scene.delivered();
      expect(breaches(scene)).toEqual([]);
      const again = scene.accepted.filter((text, i, all) => all.indexOf(text) < i);
      expect(again.filter((text) => !theirs.has(scene.events.get(text)!.shardId))).toEqual([]);
      expect(positions.size).toBe(16);
    },
  );

  it('all killed but one: it takes everything', async () => {
    scene = new SharedScene({ shards: 8 });
    for (let n = 0; n < 5; n++) scene.join(QUIET);
    await scene.until(() => scene.balanced);
    for (const reader of scene.readers.slice(1)) reader.kill();
    expect(await scene.timeUntil(() => scene.balanced)).toBeLessThanOrEqual(3 * T);
    expect(scene.readers[0]!.shards).toHaveLength(8);
  });

  it('all killed: a new one takes everything within three periods', async () => {
    scene = new SharedScene({ shards: 8 });
    for (let n = 0; n < 3; n++) scene.join(QUIET);
    await scene.until(() => scene.balanced);
    for (const reader of scene.readers) reader.kill();
    const next = scene.join(QUIET);
    expect(await scene.timeUntil(() => scene.balanced)).toBeLessThanOrEqual(3 * T);
    expect(next.said('lease.watching').length).toBe(3);
    expect(breaches(scene).filter((breach) => !breach.includes('was lost'))).toEqual([]);
  });

  it('at idle each writes once in a period, however many shards it has', async () => {
    scene = new SharedScene({ shards: 12 });
    for (let n = 0; n < 3; n++) scene.join();
    await scene.until(() => scene.balanced);
    await scene.clock.advance(5 * T);
    const from = puts(scene).length;
    const periods = 50;
    await scene.clock.advance(periods * T);
    const writes = puts(scene).length - from;
    expect(writes).toBeLessThanOrEqual(3 * periods);
    expect(writes).toBeGreaterThanOrEqual(3 * Math.floor(periods / 1.2));
  });

  it('a busy one writes nothing but its positions', async () => {
    scene = new SharedScene({ shards: 2 });
    const reader = scene.join({ checkpointEveryMs: T / 2 });
    scene.join();
    await scene.until(() => scene.balanced);
    for (let n = 0; n < 40; n++) {
      scene.put(12);
      await scene.clock.advance(T / 4);
    }
    await scene.delivered();
    const still = puts(scene).filter(
      ({ by, row, before }) =>
        by === reader.name &&
        before?.owner === reader.me &&
        row.owner === reader.me &&
        JSON.stringify(row.position) === JSON.stringify(before?.position),
    );
    expect(still.length).toBeLessThanOrEqual(2);
  });

  it('parents in different readers: the child of a merge begins when both ends are stored, whoever stored them', async () => {
    scene = new SharedScene({ shards: 2 });
    const [left, right] = [scene.join(), scene.join()];
    await scene.until(() => scene.balanced);
    scene.put(40);
    const holder = [left, right].find(({ shards }) => shards.includes('shardId-000000000001'))!;
    holder.output.hold();
    const child = scene.fake.merge('shared-logs', 'shardId-000000000000', 'shardId-000000000001');
    scene.put(40);
    await scene.clock.advance(2 * T);
    expect(scene.rows.get('shardId-000000000000')!.position.kind).toBe('end');
    expect(scene.entries.filter((entry) => entry.kind === 'begun' && entry.shardId === child)).toEqual([]);
    holder.output.release();
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toBe(0);
  });
});
