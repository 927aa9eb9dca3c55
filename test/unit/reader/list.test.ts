/** Listing and describing a stream. */
import { describe, expect, it } from 'vitest';
import { describeStream, listShards } from '../../../reader/shards/list.ts';
import type { Fault } from '../../fakes/kinesis/faults.ts';
import { accessDenied, throttled } from '../../fakes/kinesis/faults.ts';
import { PollingScene } from '../../faults/polling-scene.ts';
import { STREAM } from '../../faults/source-scene.ts';

const signal = new AbortController().signal;

async function outcome<T>(scene: PollingScene, work: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => (settled = true);
  work.then(done, done);
  await scene.until(() => settled);
  return work;
}

const list = (scene: PollingScene) => outcome(scene, listShards(scene.api, { signal, clock: scene.clock }));

describe('the list of shards', () => {
  it('is read to its last page', async () => {
    const scene = await new PollingScene({ shards: 2_100 }).start();
    const shards = await list(scene);
    expect(new Set(shards.map((shard) => shard.shardId)).size).toBe(2_100);
    expect(scene.fake.callsOf('ListShards')).toHaveLength(3);
  });

  it('starts anew when its continuation expires, and holds every shard once', async () => {
    const scene = await new PollingScene({ shards: 1_500 }).start();
    const expired: Fault = { kind: 'error', type: 'ExpiredNextTokenException' };
    scene.fake.on('ListShards', (_, nth) => {
      if (nth === 2) scene.fake.next('ListShards', expired);
    });
    const shards = await list(scene);
    expect(shards).toHaveLength(1_500);
    expect(new Set(shards.map((shard) => shard.shardId)).size).toBe(1_500);
    expect(scene.fake.callsOf('ListShards')).toHaveLength(4);
  });

  it('tells parents, hash range and whether a shard is closed', async () => {
    const scene = await new PollingScene({ shards: 2 }).start();
    const child = scene.fake.merge(STREAM, 'shardId-000000000000', 'shardId-000000000001');
    const shards = await list(scene);
    expect(shards.map(({ shardId, parents, closed }) => ({ shardId, parents, closed }))).toEqual([
      { shardId: 'shardId-000000000000', parents: [], closed: true },
      { shardId: 'shardId-000000000001', parents: [], closed: true },
      { shardId: child, parents: ['shardId-000000000000', 'shardId-000000000001'], closed: false },
    ]);
    expect(shards[2]).toMatchObject({ startingHashKey: '0', endingHashKey: (2n ** 128n - 1n).toString() });
  });

  it('waits through throttles and missing permission', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('ListShards', throttled(), { times: 2 });
    scene.fake.next('ListShards', accessDenied('ListShards'));
    expect(await list(scene)).toHaveLength(1);
  });

  it('fails at once with what is not retried', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('ListShards', { kind: 'error', type: 'ValidationException' });
    await expect(list(scene)).rejects.toMatchObject({ code: 'KINLOG_REQUEST_REFUSED' });
  });

  it('stops waiting when the signal aborts', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('ListShards', throttled(), { times: 1000 });
    const stop = new AbortController();
    const listing = listShards(scene.api, { signal: stop.signal, clock: scene.clock });
    await scene.until(() => scene.fake.callsOf('ListShards').length > 2);
    stop.abort();
    await expect(listing).rejects.toBe(stop.signal.reason);
  });
});

describe('the description of a stream', () => {
  it('tells creation, retention, and the time of the server rather than ours', async () => {
    const scene = await new PollingScene({ service: { clockOffsetMs: -3_600_000 } }).start();
    await scene.clock.advance(5_500);
    const found = await outcome(scene, describeStream(scene.api, { signal, clock: scene.clock }));
    expect(found).toMatchObject({ name: STREAM, status: 'ACTIVE', retentionMs: 86_400_000 });
    expect(found.arn).toContain(`:stream/${STREAM}`);
    expect(found.createdMs).toBe(scene.fake.stream(STREAM).shape.createdMs);
    expect(found.serverTimeMs).toBe(scene.clock.now() - 3_600_000 - 500);
  });

  it('says which stream is missing', async () => {
    const scene = await new PollingScene().start();
    scene.fake.deleteStream(STREAM);
    const options = { signal, clock: scene.clock, attempts: 1 };
    await expect(describeStream(scene.api, options)).rejects.toMatchObject({ code: 'KINLOG_STREAM_NOT_FOUND' });
  });
});
