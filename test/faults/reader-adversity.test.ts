/** What a long life brings to the whole reader: stops for other reasons, stores that are away, shards that vanish, ends that are none. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { accessDenied, unavailable } from '../fakes/kinesis/faults.ts';
import { FIRST, keyFor, numbers, ReaderScene, SECOND, STREAM } from './reader-scene.ts';

describe('a stop', () => {
  it.each([
    ['a timeout', new DOMException('time is up', 'TimeoutError')],
    ['an error of the caller', new Error('enough')],
    ['a text', 'enough'],
    ['nothing in particular', undefined],
  ])('is no failure, whatever its reason: %s', async (_, reason) => {
    const scene = new ReaderScene();
    scene.put('one');
    const stop = new AbortController();
    let outcome: unknown;
    void scene
      .reader()
      .run(stop.signal)
      .then(
        () => (outcome = 'stopped'),
        (error: unknown) => (outcome = error),
      );
    await scene.until(() => scene.output.events.length === 1);
    await scene.clock.advance(5000);
    stop.abort(reason);
    await scene.until(() => outcome !== undefined);
    expect(outcome).toBe('stopped');
  });

  it('that comes before the start is no failure either', async () => {
    const scene = new ReaderScene();
    await expect(scene.reader().run(AbortSignal.abort(new Error('enough')))).resolves.toBeUndefined();
  });

  it('ends in time with more shards than batches in flight, while the output takes nothing', async () => {
    const scene = new ReaderScene({ shards: 20 });
    for (const { shardId } of scene.fake.stream(STREAM).shards)
      for (const text of numbers(0, 30)) scene.put(text, keyFor(scene.fake, shardId));
    scene.output.hold();
    const run = scene.start({ drainMs: 4000 });
    await scene.until(() => scene.output.waiting === 8);
    await scene.clock.advance(2000);
    const asked = scene.clock.monotonic();
    await run.stop();
    expect(run.error).toBeNull();
    expect(scene.clock.monotonic() - asked).toBeLessThanOrEqual(4000);
    scene.output.release();
    const again = scene.start();
    await scene.until(() => scene.output.events.length >= 600);
    await again.stop();
    expect(scene.output.events).toHaveLength(600);
  });
});

describe('invariant 7: a stop in the middle of a backlog', () => {
  it('stores whatever was accepted, long before the next position is due', async () => {
    const scene = new ReaderScene({ shards: 1, service: { readLimits: false, maxPageBytes: 100 } });
    for (const text of numbers(0, 100)) scene.put(text);
    for (let life = 1; life <= 3; life++) {
      const run = scene.start({ checkpointEveryMs: 3_600_000 });
      await scene.until(() => scene.output.events.length >= life * 20);
      await run.stop();
      expect(run.error).toBeNull();
    }
    const last = scene.start();
    await scene.until(() => scene.output.texts.includes('event 99'));
    await last.stop();
    expect(scene.output.texts).toEqual(numbers(0, 100));
  });
});

describe('a store', () => {
  it('that can not be read at the start is waited for', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('one');
    scene.store.rowsFailWith(new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'the disk is away'));
    const run = scene.start();
    await scene.clock.advance(30_000);
    scene.store.rowsFailWith(undefined);
    await scene.until(() => scene.output.events.length === 1 || run.error !== undefined);
    await run.stop();
    expect(run.error).toBeNull();
  });

  it('that is away does not keep a reader alive whose output is gone', async () => {
    const scene = new ReaderScene({ shards: 2 });
    const run = scene.start({ checkpointEveryMs: 3_600_000 });
    for (const text of numbers(0, 20)) scene.put(text, text);
    await scene.until(() => scene.output.events.length === 20);
    scene.store.failWith(new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'the disk is full'));
    scene.output.refuseNext(new KinlogError('KINLOG_OUTPUT_CLOSED', 'the pipe is gone'));
    scene.put('refused', keyFor(scene.fake, FIRST));
    await scene.until(() => run.error !== undefined, 20_000);
    expect(run.error).toMatchObject({ code: 'KINLOG_OUTPUT_CLOSED' });
  });

  it('in which somebody else stores the first row first ends the reader before anything was read', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('one');
    scene.fake.on('ListShards', async () => {
      const row = { shardId: FIRST, position: { kind: 'horizon' }, parents: [], streamCreatedMs: 0, arrivalMs: 0 };
      const none = new AbortController().signal;
      await scene.store.put({ id: STREAM, createdMs: 0 }, row as never, 'absent', none).catch(() => undefined);
    });
    const run = scene.start();
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
    expect(scene.output.events).toEqual([]);
  });
});

describe('the tip', () => {
  it('is where a start at a time that has not come begins, and it is kept: nothing is missing after a stop', async () => {
    const scene = new ReaderScene();
    scene.put('old news');
    await scene.clock.advance(60_000);
    const start = { kind: 'timestamp', ms: scene.clock.now() + 86_400_000 } as const;
    const run = scene.start({ start });
    await scene.until(() => scene.named('shard.started').length === 2);
    await run.stop();
    scene.put('while nobody reads');
    await scene.clock.advance(60_000);
    const again = scene.start({ start });
    await scene.until(() => scene.named('shard.started').length === 4);
    scene.put('afterwards');
    await scene.until(() => scene.output.texts.includes('afterwards'));
    await again.stop();
    expect(scene.output.texts).toEqual(['while nobody reads', 'afterwards']);
  });

  it.each([3_600_000, -3_600_000])(
    'is the present of the server, also when it may not be described and the clock here is %i ms off',
    async (offMs) => {
      const scene = new ReaderScene({ shards: 1, service: { clockOffsetMs: -offMs } });
      scene.fake.next('DescribeStreamSummary', accessDenied('DescribeStreamSummary'), { times: 1000 });
      scene.put('old news');
      await scene.clock.advance(60_000);
      const run = scene.start({ start: { kind: 'tip' } });
      await scene.until(() => scene.named('shard.started').length === 1);
      scene.put('news');
      await scene.until(() => scene.output.events.length > 0, 30_000);
      await run.stop();
      expect(scene.output.texts).toEqual(['news']);
    },
  );
});

describe('a stream of a thousand shards', () => {
  it('is begun with a listing, one row and one iterator for each, and every shard is read', async () => {
    const scene = new ReaderScene({ shards: 1000 });
    const run = scene.start();
    await scene.until(() => scene.named('shard.started').length === 1000);
    for (const { shardId, shape } of scene.fake.stream(STREAM).shards)
      scene.fake.put(STREAM, { data: shardId, explicitHashKey: `${shape.firstHash}` });
    await scene.until(() => scene.output.events.length === 1000);
    await run.stop();
    expect(run.error).toBeNull();
    expect(new Set(scene.output.texts).size).toBe(1000);
    expect(scene.fake.callsOf('ListShards').length).toBeLessThanOrEqual(3);
    expect(scene.fake.callsOf('GetShardIterator')).toHaveLength(1000);
  });
});

describe('a listing', () => {
  it('that never answers is asked for again, and keeps nobody from stopping', async () => {
    const scene = new ReaderScene();
    scene.fake.next('ListShards', { kind: 'hang' }, { times: 3 });
    scene.put('one');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    scene.fake.next('ListShards', { kind: 'hang' }, { times: 1000 });
    await scene.clock.advance(120_000);
    const asked = scene.clock.monotonic();
    await run.stop();
    expect(run.error).toBeNull();
    expect(scene.clock.monotonic() - asked).toBeLessThan(1000);
  });

  it('that is refused while shards are read is told, because their children wait for it', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start();
    await scene.until(() => scene.named('shard.started').length === 1);
    scene.fake.next('ListShards', accessDenied('ListShards'), { times: 1000 });
    await scene.clock.advance(10 * 60_000);
    expect(scene.named('reader.stalled').length).toBeGreaterThan(0);
    scene.fake.faults.clear();
    scene.fake.split(STREAM, FIRST);
    scene.put('of a child');
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    expect(run.error).toBeNull();
  });

  it('and a description that fail for long at the start are told once each', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.fake.next('*', unavailable(), { times: 1000 });
    const run = scene.start();
    await scene.clock.advance(10 * 60_000);
    expect(scene.named('reader.stalled').length).toBeGreaterThan(0);
    scene.fake.faults.clear();
    scene.put('one');
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    expect(run.error).toBeNull();
  });
});

describe('a shard', () => {
  it('that ages out of the stream while it is read lets its children go on, and the loss is told', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('read');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    scene.fake.next('GetRecords', accessDenied('GetRecords'), { times: 1_000_000, shardId: FIRST });
    scene.put('aged out');
    await scene.clock.advance(1000);
    scene.fake.split(STREAM, FIRST);
    await scene.clock.advance(20 * 3_600_000);
    scene.put('of a child');
    await scene.clock.advance(5 * 3_600_000);
    scene.fake.faults.clear();
    await scene.until(() => scene.output.texts.includes('of a child'), 3_600_000);
    await run.stop();
    expect(scene.output.texts).toEqual(['read', 'of a child']);
    expect(scene.named('stream.data-loss')).toMatchObject([{ fields: { shard: FIRST } }]);
    expect(scene.childrenReadTooEarly()).toEqual([]);
  });

  it('is not taken for ended by an answer without a next iterator, however often it comes while the shard is open', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start();
    for (let n = 0; n < 4; n++) {
      scene.put(`${n}`);
      await scene.until(() => scene.output.events.length === n + 1);
      scene.fake.next('GetRecords', { kind: 'null-iterator' }, { times: n + 1 });
      await scene.until(() => scene.fake.faults.left === 0);
    }
    scene.put('last');
    await scene.until(() => scene.output.texts.includes('last'));
    await run.stop();
    expect(scene.output.texts).toEqual(['0', '1', '2', '3', 'last']);
    expect(scene.named('shard.ended')).toEqual([]);
  });

  it('whose position has aged out and is refused for it goes on at the horizon, and the loss is told', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.fake.settings.agedSequence = 'refuse';
    scene.put('read');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    scene.put('never read');
    await scene.clock.advance(25 * 3_600_000);
    scene.put('still there');
    const again = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await again.stop();
    expect(scene.output.texts).toEqual(['read', 'still there']);
    expect(scene.named('stream.data-loss')).toMatchObject([{ fields: { shard: FIRST } }]);
    expect(again.error).toBeNull();
  });

  it('that is throttled for good is told, and its neighbour is read', async () => {
    const scene = new ReaderScene();
    const type = 'ProvisionedThroughputExceededException';
    scene.fake.next('GetRecords', { kind: 'error', type }, { times: 1_000_000, shardId: FIRST });
    const run = scene.start();
    scene.put('one', keyFor(scene.fake, SECOND));
    await scene.clock.advance(10 * 60_000);
    expect(scene.output.texts).toEqual(['one']);
    expect(scene.named('shard.stalled').map((line) => line.fields['shard'])).toEqual([FIRST]);
    await run.stop();
  });
});
