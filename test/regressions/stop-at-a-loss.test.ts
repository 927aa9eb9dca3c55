/** `onLostPosition: stop`: reading stops where records aged out unread, whole shards too, and begins again only when a person has decided. */
import { afterEach, describe, expect, it } from 'vitest';
import { accessDenied, expiredIterator } from '../fakes/kinesis/faults.ts';
import { FIRST, ReaderScene, STREAM } from '../faults/reader-scene.ts';
import { SharedScene } from '../faults/shared-scene.ts';

const HOUR_MS = 3_600_000;

describe('records that aged out of an open shard', () => {
  it('stop the shard at every start, with the same loss each time, until the option is changed', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('read');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    scene.put('never read');
    await scene.clock.advance(30 * HOUR_MS);
    scene.put('still there');
    for (const times of [1, 2]) {
      const again = scene.start({ onLostPosition: 'stop' });
      await scene.until(() => scene.named('shard.failed').length === times);
      await again.stop();
      expect(again.error).toMatchObject({ code: 'KINLOG_POSITION_LOST' });
      await scene.clock.advance(10_000);
    }
    const [first, second] = scene.named('stream.data-loss').map(({ fields }) => fields['from']);
    expect(second).toBe(first);
    expect(scene.output.texts).toEqual(['read']);
    const decided = scene.start({ onLostPosition: 'horizon' });
    await scene.until(() => scene.output.texts.includes('still there'));
    await decided.stop();
    expect(decided.error).toBeNull();
  });
});

describe('a shard that aged out as a whole', () => {
  it('stops there, once, and its children wait until the option is changed', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('read');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    scene.fake.next('GetRecords', accessDenied('GetRecords'), { times: 1_000_000, shardId: FIRST });
    scene.put('aged out');
    await scene.clock.advance(1000);
    scene.fake.split(STREAM, FIRST);
    await scene.clock.advance(20 * HOUR_MS);
    scene.put('of a child');
    await scene.clock.advance(5 * HOUR_MS);
    const again = scene.start({ onLostPosition: 'stop' });
    await scene.until(() => scene.named('shard.failed').length === 1);
    await scene.clock.advance(60_000);
    expect(scene.named('stream.data-loss')).toMatchObject([{ fields: { shard: FIRST, to: 'its end' } }]);
    expect(scene.output.texts).toEqual(['read']);
    const listings = scene.fake.callsOf('ListShards').length;
    await scene.clock.advance(300_000);
    expect(scene.fake.callsOf('ListShards').length - listings).toBeLessThanOrEqual(11);
    await again.stop();
    expect(again.error).toMatchObject({ code: 'KINLOG_POSITION_LOST' });
    const decided = scene.start({ onLostPosition: 'horizon' });
    await scene.until(() => scene.output.texts.includes('of a child'));
    await decided.stop();
    expect(decided.error).toBeNull();
  });
});

describe('a shard that failed at one reader', () => {
  let scene: SharedScene;
  afterEach(() => scene.close());

  it('is not its failure any more once another has read it to the end', async () => {
    scene = new SharedScene({ shards: 2 });
    const [first, second] = [scene.join(), scene.join()];
    await scene.until(() => scene.balanced);
    const [shardId] = first.shards;
    const message = 'StartingSequenceNumber is invalid';
    scene.fake.next('GetRecords', expiredIterator(), { shardId: shardId! });
    scene.fake.next(
      'GetShardIterator',
      { kind: 'error', type: 'InvalidArgumentException', message },
      { shardId: shardId! },
    );
    await scene.until(() => first.said('shard.failed').length === 1);
    await scene.until(() => second.shards.length === 2);
    expect(first.reader.status()?.lastError).toBeDefined();
    scene.fake.split('shared-logs', shardId!);
    await scene.until(() => scene.rows.get(shardId!)!.position.kind === 'end');
    await scene.until(() => scene.balanced);
    await scene.clock.advance(1000);
    expect(first.reader.status()?.lastError).toBeUndefined();
    await first.stop();
    expect(first.error).toBeNull();
  });
});
