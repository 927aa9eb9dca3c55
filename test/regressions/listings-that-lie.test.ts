/** ListShards may leave shards out, lag behind, or fail: no shard is given up, or left lying, for that. */
import { afterEach, describe, expect, it } from 'vitest';
import { SharedScene, STREAM, T } from '../faults/shared-scene.ts';
import { breaches } from '../property/leases-laws.ts';
import { accessDenied, type Fault } from '../fakes/kinesis/faults.ts';

let scene: SharedScene;
afterEach(() => scene.close());

interface ListedShard {
  readonly ShardId: string;
}

const FIRST = 'shardId-000000000000';
const SECOND = 'shardId-000000000001';

/** Answers of ListShards with some shards only. */
const only = (keep: (shardId: string) => boolean): Fault => ({
  kind: 'edit',
  edit: (fields) => ({
    ...fields,
    Shards: (fields['Shards'] as readonly ListedShard[]).filter(({ ShardId }) => keep(ShardId)),
  }),
});

describe('a listing with a hole', () => {
  it('buries nobody: the open shard that it leaves out is read when it is listed again', async () => {
    scene = new SharedScene({ shards: 2 });
    const first = scene.join();
    await scene.until(() => scene.balanced);
    scene.put(24);
    await scene.delivered();
    await first.stop();
    scene.fake.next(
      'ListShards',
      only((shardId) => shardId !== SECOND),
      { times: 6 },
    );
    const second = scene.join();
    await scene.until(() => second.shards.length === 1);
    scene.put(24);
    await scene.delivered();
    expect(scene.rows.get(SECOND)!.position.kind).toBe('after');
    expect(breaches(scene)).toEqual([]);
  });
});

describe('a listing that is two reshards behind', () => {
  it('buries no grandchild whose row was stored by a quicker reader', async () => {
    scene = new SharedScene({ shards: 1 });
    const quick = scene.join({ listEveryMs: 1000 });
    await scene.until(() => scene.balanced);
    scene.put(12);
    await scene.delivered();
    const [child] = scene.fake.split(STREAM, FIRST);
    await scene.until(() => scene.rows.get(FIRST)!.position.kind === 'end');
    const [grandchild] = scene.fake.split(STREAM, child!);
    await scene.until(() => scene.rows.get(child!)!.position.kind === 'end');
    await scene.until(() => scene.balanced);
    quick.kill();
    scene.fake.next(
      'ListShards',
      only((shardId) => shardId === FIRST),
      { times: 3 },
    );
    scene.put(12);
    const late = scene.join({ listEveryMs: 1000 });
    await scene.clock.advance(4 * T);
    expect(scene.rows.get(grandchild!)!.position.kind).not.toBe('end');
    await scene.delivered();
    await late.stop();
    expect(breaches(scene)).toEqual([]);
  });
});

describe('a listing that leaves out a shard which is still read', () => {
  it('buries it neither at its owner nor at the others', async () => {
    scene = new SharedScene({ shards: 2 });
    const both = [scene.join({ listEveryMs: T }), scene.join({ listEveryMs: T })];
    await scene.until(() => scene.balanced);
    scene.put(24);
    await scene.delivered();
    const owner = both.find(({ shards }) => shards.includes(FIRST))!;
    owner.output.hold();
    scene.put(24);
    await scene.clock.advance(T / 2);
    scene.fake.split(STREAM, FIRST);
    scene.fake.next(
      'ListShards',
      only((shardId) => shardId !== FIRST),
      { times: 12 },
    );
    await scene.clock.advance(4 * T);
    expect(scene.fake.callsOf('ListShards').length).toBeGreaterThan(4);
    expect(scene.rows.get(FIRST)).toMatchObject({ owner: owner.me, position: { kind: 'after' } });
    owner.output.release();
    await scene.delivered();
    expect(breaches(scene)).toEqual([]);
  });
});

describe('ListShards that is refused for hours', () => {
  it('keeps nobody from taking what a dead reader has left, nor from handing over', async () => {
    scene = new SharedScene({ shards: 4 });
    const both = [scene.join(), scene.join()];
    await scene.until(() => scene.balanced);
    scene.fake.next('ListShards', accessDenied('ListShards'), { times: 1e6 });
    await scene.clock.advance(60_000);
    both[0]!.kill();
    expect(await scene.timeUntil(() => both[1]!.shards.length === 4, 10 * T)).toBeLessThanOrEqual(3 * T);
    scene.put(24);
    await scene.delivered();
    expect(both[1]!.said('reader.stalled').length).toBeGreaterThan(0);
    expect(breaches(scene)).toEqual([]);
  });
});
