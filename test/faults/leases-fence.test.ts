/** Readers that stand still, lose the store, or do not let go: what they may no longer do. */
import { afterEach, describe, expect, it } from 'vitest';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import { breaches, puts } from '../property/leases-laws.ts';
import { SharedScene, T, type SharedReader } from './shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

const repeated = (): string[] => scene.accepted.filter((text, i, all) => all.indexOf(text) < i);

/** Two readers of a shard each, and events under way. */
async function two(shards = 2): Promise<[SharedReader, SharedReader]> {
  scene = new SharedScene({ shards });
  const both: [SharedReader, SharedReader] = [scene.join(), scene.join()];
  await scene.until(() => scene.balanced);
  scene.put(24);
  await scene.delivered();
  return both;
}

/** Entries of a reader from its continuing on. */
const afterResume = (reader: SharedReader) =>
  scene.entries.slice(scene.entries.findLastIndex((entry) => entry.kind === 'resumed' && entry.by === reader.name));

describe('a reader that stood still past its lease', () => {
  it.each(['with a batch under way', 'between two pages'])(
    'invariant 6: moves no position and renews nothing, and its late deliveries are counted (%s)',
    async (when) => {
      const [paused, other] = await two();
      const underWay = when === 'with a batch under way';
      if (underWay) paused.output.hold();
      const theirs = new Set(paused.shards);
      scene.put(24);
      if (underWay) await scene.until(() => scene.entries.at(-1)?.kind === 'begun' || scene.missing === 12);
      await scene.clock.advance(T / 4);
      paused.pause();
      paused.output.release();
      scene.put(24);
      expect(await scene.timeUntil(() => other.shards.length === 2)).toBeLessThanOrEqual(3 * T);
      await scene.delivered();
      await scene.clock.advance(T / 4);
      const stored = new Map(scene.rows);
      paused.resume();
      await scene.clock.advance(T / 5);
      for (const [shardId, row] of stored)
        if (theirs.has(shardId)) expect(comparePositions(scene.rows.get(shardId)!.position, row.position)).toBe(0);
      const late = afterResume(paused).flatMap((entry) =>
        entry.kind === 'accepted' && entry.by === paused.name ? entry.texts : [],
      );
      expect(late.length > 0).toBe(underWay);
      expect(paused.log.total('events_delivered_late')).toBe(late.length);
      expect(paused.said('lease.lost')).toHaveLength(1);
      scene.put(24);
      await scene.until(() => scene.balanced);
      await scene.delivered();
      expect(breaches(scene)).toEqual([]);
    },
  );

  it('leaves what it has lost alone, even when it lists the shards at the moment it continues', async () => {
    const [paused, other] = await two(8);
    paused.pause();
    await scene.until(() => other.shards.length === 8);
    other.kill();
    scene.fake.next('ListShards', { kind: 'delay', ms: T / 2 });
    await scene.clock.advance(30_000);
    const calls = scene.fake.callsOf('GetShardIterator').length;
    paused.resume();
    await scene.clock.advance(T);
    expect(scene.fake.callsOf('GetShardIterator').length - calls).toBeLessThanOrEqual(8);
    expect(paused.error).toBeUndefined();
  });

  it('confirms every shard before it delivers again, when nobody has taken them', async () => {
    scene = new SharedScene({ shards: 3 });
    const reader = scene.join();
    await scene.until(() => scene.balanced);
    await scene.clock.advance(T);
    reader.pause();
    scene.put(36);
    await scene.clock.advance(10 * T);
    reader.resume();
    await scene.delivered();
    const from = scene.entries.findIndex(({ kind }) => kind === 'resumed');
    const confirmed = new Set<string>();
    for (const entry of scene.entries.slice(from)) {
      if (entry.kind === 'put') confirmed.add(entry.row.shardId);
      if (entry.kind === 'begun') expect(confirmed).toContain(entry.shardId);
    }
    expect(reader.said('lease.unconfirmed').length).toBeGreaterThan(0);
    expect(reader.log.total('events_delivered_late')).toBe(0);
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toEqual([]);
  });

  it('parted from the store alone: delivers nothing more once others may have its shards', async () => {
    const [parted, other] = await two();
    parted.store.weather = { away: true, latencyMs: 0, lostAnswers: 0 };
    const partedAt = scene.clock.monotonic();
    for (let n = 0; n < 40; n++) {
      scene.put(12);
      await scene.clock.advance(T / 4);
    }
    await scene.until(() => other.shards.length === 2);
    await scene.delivered();
    const begun = scene.entries.filter((entry) => entry.kind === 'begun' && entry.by === parted.name);
    expect(Math.max(...begun.map(({ at }) => at))).toBeLessThanOrEqual(partedAt + 2 * T);
    parted.store.weather = scene.weather;
    scene.put(24);
    await scene.until(() => scene.balanced);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    "takes its own standing still for nobody's silence (stopped in the middle of a look, if %d tenths of a look bring it there)",
    async (tenths) => {
      const [paused, other] = await two(16);
      paused.store.weather = { away: false, latencyMs: T / 3, lostAnswers: 0 };
      await scene.clock.advance(3 * T + (tenths * T) / 15);
      const theirs = other.shards;
      paused.pause();
      await scene.clock.advance(3 * T);
      paused.resume();
      await scene.clock.advance(T / 3);
      for (const shardId of theirs) expect(scene.rows.get(shardId)!.owner).toBe(other.me);
    },
  );
});

describe('a store that is away for minutes', () => {
  it('invariant 16: nothing stale is written afterwards, nothing is lost, and reading goes on', async () => {
    await two(6);
    scene.weather.away = true;
    for (let n = 0; n < 60; n++) {
      scene.put(12);
      await scene.clock.advance(5000);
    }
    scene.weather.away = false;
    scene.put(24);
    await scene.delivered();
    await scene.until(() => scene.balanced);
    expect(scene.readers.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect(breaches(scene)).toEqual([]);
  });

  it.each([60_000, 300_000])('for %d ms: no shard changes hands when it is back', async (awayMs) => {
    scene = new SharedScene({ shards: 6 });
    // The period is the default: what a reader tries again it tries at least every ten seconds.
    for (let n = 0; n < 3; n++) scene.join({ leasePeriodMs: 10_000 });
    await scene.until(() => scene.balanced);
    scene.weather.away = true;
    await scene.clock.advance(awayMs);
    scene.weather.away = false;
    const from = puts(scene).length;
    await scene.clock.advance(120_000);
    const moves = puts(scene)
      .slice(from)
      .filter(({ row, before }) => row.owner !== before?.owner);
    expect(moves).toEqual([]);
    scene.put(24);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });

  it('a reader that is asked to stop meanwhile stops when its time is up', async () => {
    const [first] = await two(6);
    scene.weather.away = true;
    await scene.clock.advance(60_000);
    first.ask();
    expect(await scene.timeUntil(() => first.error !== undefined)).toBeLessThanOrEqual(4001);
    expect(first.said('reader.stopped')).toMatchObject([{ fields: { inTime: false } }]);
    scene.weather.away = false;
  });

  it.each([500, 2500])('answers within %d ms: no shard changes hands for that', async (latencyMs) => {
    scene = new SharedScene({ shards: 6 });
    const options = { leasePeriodMs: 1000 };
    scene.join(options);
    scene.join(options);
    await scene.until(() => scene.balanced);
    await scene.clock.advance(3 * T);
    scene.weather.latencyMs = latencyMs;
    await scene.clock.advance(5000);
    const from = scene.entries.length;
    for (let n = 0; n < 40; n++) {
      scene.put(12);
      await scene.clock.advance(T);
    }
    const moves = scene.entries
      .slice(from)
      .filter((entry) => entry.kind === 'put' && entry.row.owner !== entry.before?.owner);
    expect(moves).toEqual([]);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });

  it("loses the answers of puts: nobody takes its own write for another one's", async () => {
    scene = new SharedScene({ shards: 4 });
    scene.join();
    scene.weather.lostAnswers = 3;
    await scene.until(() => scene.balanced);
    scene.join();
    for (let n = 0; n < 40; n++) {
      scene.put(12);
      scene.weather.lostAnswers = n % 3;
      await scene.clock.advance(T / 4);
    }
    await scene.delivered();
    await scene.until(() => scene.balanced);
    expect(scene.readers.flatMap((reader) => reader.said('lease.lost'))).toEqual([]);
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toEqual([]);
  });
});

describe('a reader that does not let go', () => {
  it('finishes what is under way before it hands over, when its output is slow', async () => {
    scene = new SharedScene({ shards: 2 });
    const owner = scene.join();
    await scene.until(() => scene.balanced);
    owner.output.hold();
    scene.put(24);
    await scene.clock.advance(T / 2);
    const joined = scene.join();
    await scene.clock.advance(2 * T);
    expect(joined.shards).toEqual([]);
    expect(
      owner.reader
        .status()
        ?.shards.map(({ state }) => state)
        .sort(),
    ).toEqual(['handing-over', 'reading']);
    owner.output.release();
    expect(await scene.timeUntil(() => scene.balanced)).toBeLessThanOrEqual(T);
    scene.put(24);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toEqual([]);
    expect(joined.said('lease.stolen')).toEqual([]);
  });

  it.each([false, true])(
    'loses the shard when its output blocks for more than three periods (its output finishes whatever happens: %s)',
    async (deaf) => {
      scene = new SharedScene({ shards: 2 });
      const owner = scene.join();
      await scene.until(() => scene.balanced);
      owner.output.hold();
      owner.output.deaf = deaf;
      scene.put(24);
      await scene.clock.advance(T / 2);
      const joined = scene.join();
      const ms = await scene.timeUntil(() => joined.said('lease.stolen').length === 1);
      expect(ms).toBeGreaterThanOrEqual(3 * T);
      expect(ms).toBeLessThanOrEqual(5 * T);
      await scene.until(() => owner.said('lease.lost').length === 1 || deaf, 10 * T);
      await scene.clock.advance(2 * T);
      owner.output.release();
      await scene.delivered();
      const late = deaf ? repeated().length : 0;
      expect(owner.log.total('events_delivered_late')).toBe(late);
      expect(late > 0).toBe(deaf);
      expect(breaches(scene)).toEqual([]);
    },
  );
});

describe('the wall clock', () => {
  it.each([3_600_000, -3_600_000])('invariant 19: a jump of %d ms at one reader changes no owner', async (jumpMs) => {
    const [jumping] = await two(6);
    await scene.clock.advance(3 * T);
    const from = puts(scene).length;
    for (let n = 0; n < 24; n++) {
      if (n === 4) jumping.clock.wallOffsetMs += jumpMs;
      scene.put(12);
      await scene.clock.advance(T / 2);
    }
    await scene.delivered();
    expect(
      puts(scene)
        .slice(from)
        .filter(({ row, before }) => row.owner !== before?.owner),
    ).toEqual([]);
    expect(breaches(scene)).toEqual([]);
    expect(repeated()).toEqual([]);
  });
});
