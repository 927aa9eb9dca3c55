/** What a shared store may show a reader besides other readers: people, other programs, earlier streams, shards that fail. */
import { afterEach, describe, expect, it } from 'vitest';
import type { LostPosition, Start } from '../../reader/index.ts';
import { accessDenied, expiredIterator } from '../fakes/kinesis/faults.ts';
import { breaches } from '../property/leases-laws.ts';
import { KEYS, SharedScene, STREAM, T, type SharedReader } from './shared-scene.ts';

let scene: SharedScene;
afterEach(() => scene.close());

const FIRST = 'shardId-000000000000';

async function two(shards = 4): Promise<[SharedReader, SharedReader]> {
  scene = new SharedScene({ shards });
  const both: [SharedReader, SharedReader] = [scene.join(), scene.join()];
  await scene.until(() => scene.balanced);
  scene.put(48);
  await scene.delivered();
  return both;
}

const holderOf = (shardId: string): SharedReader => scene.readers.find(({ shards }) => shards.includes(shardId))!;
const timesOf = (text: string): number => scene.accepted.filter((accepted) => accepted === text).length;

describe('two readers of one name', () => {
  it('are announced, by both, once, and both work', async () => {
    scene = new SharedScene();
    const both = [scene.join({ name: 'web-1' }), scene.join({ name: 'web-1' })];
    await scene.until(() => scene.balanced);
    await scene.clock.advance(10 * T);
    for (const reader of both) expect(reader.said('reader.same-name')).toMatchObject([{ fields: { name: 'web-1' } }]);
    scene.put(24);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });

  it('are not announced when one is the dead predecessor of the other', async () => {
    scene = new SharedScene();
    const first = scene.join({ name: 'web-1' });
    await scene.until(() => scene.balanced);
    await scene.clock.advance(3 * T);
    first.kill();
    const next = scene.join({ name: 'web-1' });
    await scene.until(() => scene.balanced);
    await scene.clock.advance(3 * T);
    expect(next.said('reader.same-name')).toEqual([]);
    expect(next.said('lease.watching')).toMatchObject([{ fields: { owner: first.me, shards: 4 } }]);
  });
});

describe('rows that a KCL worker wrote', () => {
  /** Rows as a KCL application leaves them: its lease schema, its owner. */
  async function kclRows(): Promise<void> {
    scene = new SharedScene({ shards: 2 });
    scene.put(24);
    const first = scene.join();
    await scene.until(() => scene.balanced);
    await first.stop();
    for (const shardId of scene.rows.keys())
      await scene.edit(shardId, (row) => ({ ...row, owner: 'kcl-worker', foreign: true }));
  }

  it('stop the reader while that worker still renews', async () => {
    await kclRows();
    const reader = scene.join();
    await scene.clock.advance(3 * T);
    await scene.edit(FIRST, (row) => ({ ...row }));
    await scene.until(() => reader.error !== undefined, 5 * T);
    expect(reader.error).toMatchObject({ code: 'KINLOG_KCL_ALIVE' });
    expect(scene.rows.get(FIRST)).toMatchObject({ owner: 'kcl-worker' });
    expect(scene.entries.filter((entry) => entry.kind === 'put' && entry.by === reader.name)).toEqual([]);
  });

  it('get no company while it is not known whether that worker lives', async () => {
    await kclRows();
    // A KCL has not made the rows of children yet.
    scene.fake.split(STREAM, FIRST);
    const reader = scene.join();
    await scene.clock.advance(3 * T);
    await scene.edit(FIRST, (row) => ({ ...row }));
    await scene.until(() => reader.error !== undefined, 5 * T);
    expect(reader.error).toMatchObject({ code: 'KINLOG_KCL_ALIVE' });
    expect(scene.entries.filter((entry) => entry.kind === 'put' && entry.by === reader.name)).toEqual([]);
    expect(scene.rows.size).toBe(2);
  });

  it('are taken once they stand still for longer than a KCL may be silent', async () => {
    await kclRows();
    const reader = scene.join();
    const ms = await scene.timeUntil(() => reader.shards.length === 2);
    expect(ms).toBeGreaterThanOrEqual(40_000);
    expect(ms).toBeLessThanOrEqual(40_000 + T);
    expect(reader.said('lease.watching')).toMatchObject([{ fields: { owner: 'kcl-worker', shards: 2 } }]);
    scene.put(24);
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });

  it('are never asked for: such a worker hands nothing over', async () => {
    await kclRows();
    scene.join();
    await scene.clock.advance(30 * T);
    expect([...scene.rows.values()].map(({ successor }) => successor)).toEqual([undefined, undefined]);
  });
});

describe('a position that a person sets while the shard is read', () => {
  it('counts: without an owner in the row the shard is read again from there', async () => {
    await two();
    const event = [...scene.events.values()].find(({ shardId }) => shardId === FIRST)!;
    const loser = holderOf(FIRST);
    await scene.edit(FIRST, ({ owner: _owner, ...row }) => ({ ...row, position: { kind: 'horizon' } }));
    await scene.until(() => timesOf(event.text) === 2, 3 * T);
    await scene.until(() => scene.balanced);
    expect(loser.said('lease.lost')).toHaveLength(1);
    scene.put(24);
    await scene.delivered();
    expect(scene.rows.get(FIRST)!.position.kind).toBe('after');
  });

  it('counts also under the owner that the row had', async () => {
    await two();
    const event = [...scene.events.values()].find(({ shardId }) => shardId === FIRST)!;
    await scene.until(() => scene.rows.get(FIRST)!.position.kind === 'after');
    await scene.edit(FIRST, (row) => ({ ...row, position: { kind: 'horizon' } }));
    await scene.until(() => timesOf(event.text) === 2, 6 * T);
    scene.put(24);
    await scene.delivered();
    expect(scene.readers.map(({ error }) => error)).toEqual([undefined, undefined]);
  });
});

describe('rows that a person removes while they are read', () => {
  it('come back, and the shard is read from its beginning rather than not at all', async () => {
    await two();
    const event = [...scene.events.values()].find(({ shardId }) => shardId === FIRST)!;
    await scene.remove(FIRST);
    await scene.until(() => timesOf(event.text) === 2, 10 * T);
    scene.put(24);
    await scene.delivered();
    await scene.until(() => scene.balanced);
    expect(scene.rows.get(FIRST)!.position.kind).toBe('after');
  });

  it('all of them: reading begins anew as it was told to', async () => {
    await two();
    for (const shardId of [...scene.rows.keys()]) await scene.remove(shardId);
    await scene.until(() => [...scene.events.keys()].every((text) => timesOf(text) === 2), 10 * T);
    await scene.until(() => scene.balanced);
    scene.put(24);
    await scene.delivered();
  });
});

describe('a shard that one reader can not read', () => {
  it('invariant 13: is given up, so that another may try, and holds nothing else up', async () => {
    const [first, second] = await two(2);
    const [shardId] = first.shards;
    const message = 'StartingSequenceNumber is invalid';
    scene.fake.next('GetRecords', expiredIterator(), { shardId: shardId! });
    scene.fake.next(
      'GetShardIterator',
      { kind: 'error', type: 'InvalidArgumentException', message },
      { shardId: shardId! },
    );
    await scene.until(() => first.said('shard.failed').length === 1);
    scene.put(24);
    await scene.delivered();
    expect(second.shards).toContain(shardId);
    expect(first.error).toBeUndefined();
    expect(breaches(scene).filter((breach) => !breach.includes('shard.failed'))).toEqual([]);
  });

  it('no permission for anybody: nobody gives up, and it goes on once it is granted', async () => {
    await two(2);
    scene.fake.next('GetRecords', accessDenied('GetRecords'), { times: 6 });
    scene.put(24);
    await scene.delivered();
    expect(scene.readers.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect(breaches(scene)).toEqual([]);
  });
});

describe('a stream that was deleted and created again', () => {
  async function recreated(onLostPosition: LostPosition | undefined, start: Start = { kind: 'tip' }) {
    const [first, second] = await two(2);
    await first.stop();
    await second.stop();
    scene.fake.deleteStream(STREAM);
    await scene.clock.advance(60_000);
    scene.fake.createStream(STREAM, 2);
    const before = scene.events.size;
    scene.put(12);
    await scene.clock.advance(60_000);
    const options = { start, ...(onLostPosition === undefined ? {} : { onLostPosition }) };
    const readers = [scene.join(options), scene.join(options)];
    const texts = [...scene.events.keys()].slice(before);
    return { readers, arrived: () => texts.filter((text) => timesOf(text) === 1).length };
  }

  it.each([undefined, 'stop'] as const)('stops every reader unless the user has decided (%s)', async (policy) => {
    const { readers } = await recreated(policy);
    await scene.until(() => readers.every(({ error }) => error !== undefined), 10 * T);
    for (const { error } of readers) expect(error).toMatchObject({ code: 'KINLOG_STREAM_RECREATED' });
    for (const reader of readers) expect(reader.said('stream.data-loss')).toHaveLength(1);
  });

  it('is read from its beginning when the user says so, each shard once', async () => {
    const { arrived } = await recreated('horizon');
    await scene.until(() => arrived() === 12, 20 * T);
    await scene.until(() => scene.balanced);
    scene.put(12);
    await scene.delivered();
    expect(scene.accepted.length).toBe(new Set(scene.accepted).size);
  });

  it('is read from a time when the user says so', async () => {
    const { arrived } = await recreated({ kind: 'timestamp', ms: Date.UTC(2026, 0, 1) });
    await scene.until(() => arrived() === 12, 20 * T);
    await scene.until(() => scene.balanced);
  });
});

describe('positions that were promised', () => {
  it.each([undefined, 'stop' as const])('and are missing: readers stop (%s)', async (onLostPosition) => {
    scene = new SharedScene({ shards: 2 });
    const options = { start: { kind: 'stored' as const }, ...(onLostPosition === undefined ? {} : { onLostPosition }) };
    const readers = [scene.join(options), scene.join(options)];
    await scene.until(() => readers.every(({ error }) => error !== undefined), 10 * T);
    for (const { error } of readers) expect(error).toMatchObject({ code: 'KINLOG_POSITION_MISSING' });
    expect(scene.rows.size).toBe(0);
  });

  it('and are missing: readers begin at the horizon when the user says so', async () => {
    scene = new SharedScene({ shards: 2 });
    scene.put(24, KEYS);
    const options = { start: { kind: 'stored' as const }, onLostPosition: 'horizon' as const };
    const reader = scene.join(options);
    await scene.delivered();
    expect(reader.said('stream.data-loss')).toHaveLength(1);
  });

  it('and are there: nothing is asked of anybody', async () => {
    const [first, second] = await two(2);
    await first.stop();
    await second.stop();
    const reader = scene.join({ start: { kind: 'stored' } });
    scene.put(24);
    await scene.delivered();
    expect(reader.said('stream.data-loss')).toEqual([]);
    expect(breaches(scene)).toEqual([]);
  });
});
