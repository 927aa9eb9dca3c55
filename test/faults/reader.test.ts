/** The whole reader on the simulated stream: the invariants that no single part can keep. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { accessDenied, internalFailure, throttled } from '../fakes/kinesis/faults.ts';
import { FIRST, keyFor, numbers, ReaderScene, SECOND, STREAM } from './reader-scene.ts';

describe('a reader', () => {
  it('invariant 1: delivers everything that was put after the start, once, when nothing goes wrong', async () => {
    const scene = new ReaderScene();
    for (const text of numbers(0, 500)) scene.put(text, text);
    const run = scene.start();
    await scene.until(() => scene.output.events.length >= 500);
    for (const text of numbers(500, 700)) scene.put(text, text);
    await scene.until(() => scene.output.events.length >= 700);
    await run.stop();
    expect(run.error).toBeNull();
    expect(scene.named('reader.stopped')).toMatchObject([{ fields: { inTime: true } }]);
    expect(new Set(scene.output.texts)).toEqual(new Set(numbers(0, 700)));
    expect(scene.output.texts).toHaveLength(700);
  });

  it.each(['together', 'empty-page'] as const)(
    'invariant 2 and 3: keeps the order of a key across a split, a split of a child and a merge (end of shard: %s)',
    async (endOfShard) => {
      const scene = new ReaderScene({ shards: 2, service: { endOfShard, childShards: endOfShard === 'together' } });
      let n = 0;
      const put = (count: number) => numbers(n, (n += count)).forEach((text) => scene.put(text, 'one key'));
      put(20);
      const run = scene.start();
      const split = () => scene.fake.split(STREAM, scene.shardOf('one key'));
      split();
      put(20);
      split();
      put(20);
      await scene.until(() => scene.output.events.length >= 20);
      scene.fake.merge(STREAM, ...scene.openNeighbours());
      put(20);
      await scene.until(() => scene.output.events.length >= n);
      await run.stop();
      expect(scene.output.texts).toEqual(numbers(0, n));
      expect(scene.childrenReadTooEarly()).toEqual([]);
    },
  );

  it('invariant 5: never stores a position that lies before the one stored last', async () => {
    const scene = new ReaderScene();
    const run = scene.start({ checkpointEveryMs: 100 });
    for (let round = 0; round < 10; round++) {
      for (const text of numbers(round * 10, round * 10 + 10)) scene.put(text, text);
      if (round === 5) scene.fake.split(STREAM, FIRST);
      await scene.until(() => scene.output.events.length >= (round + 1) * 10);
    }
    await run.stop();
    expect(scene.store.wentBack()).toEqual([]);
    expect(scene.store.positions(FIRST).at(-1)).toEqual({ kind: 'end' });
  });

  it('invariant 7: repeats nothing after a graceful stop', async () => {
    const scene = new ReaderScene();
    for (let life = 0; life < 4; life++) {
      for (const text of numbers(life * 100, life * 100 + 100)) scene.put(text, text);
      const run = scene.start({ checkpointEveryMs: 60_000 });
      await scene.until(() => scene.output.events.length > life * 100);
      await run.stop();
      expect(run.error).toBeNull();
    }
    const last = scene.start();
    await scene.until(() => scene.output.events.length >= 400);
    await last.stop();
    expect(scene.output.texts).toHaveLength(400);
  });

  it('invariant 7: repeats after a crash no more than was accepted since the last stored position', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start({ checkpointEveryMs: 1000 });
    for (let second = 0; second < 10; second++) {
      for (const text of numbers(second * 10, second * 10 + 10)) scene.put(text);
      await scene.clock.advance(1000);
    }
    await scene.until(() => scene.output.events.length >= 100);
    for (const text of numbers(100, 110)) scene.put(text);
    await run.crash();
    const delivered = scene.output.events.length;
    const again = scene.start();
    await scene.until(() => new Set(scene.output.texts).size >= 110);
    await again.stop();
    const repeated = scene.output.events.length - 110;
    expect(new Set(scene.output.texts)).toEqual(new Set(numbers(0, 110)));
    expect(repeated).toBeLessThanOrEqual(Math.max(0, delivered - 90));
  });

  it('invariant 10: started at the tip, delivers what was put before a crash that came before the first record', async () => {
    const scene = new ReaderScene();
    scene.put('old news');
    await scene.clock.advance(60_000);
    const run = scene.start({ start: { kind: 'tip' } });
    await scene.until(() => scene.named('shard.started').length === 2);
    await run.crash();
    scene.put('while nobody reads');
    await scene.clock.advance(60_000);
    const again = scene.start({ start: { kind: 'tip' } });
    await scene.until(() => scene.output.events.length > 0);
    scene.put('afterwards');
    await scene.until(() => scene.output.events.length > 1);
    await again.stop();
    expect(scene.output.texts).toEqual(['while nobody reads', 'afterwards']);
  });

  it('invariant 11: says so when records aged out before they were read', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('read in time');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    scene.put('never read');
    await scene.clock.advance(30 * 3_600_000);
    scene.put('still there');
    const again = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await again.stop();
    expect(scene.output.texts).toEqual(['read in time', 'still there']);
    expect(scene.named('stream.data-loss')).toMatchObject([{ level: 'error', fields: { shard: FIRST } }]);
  });

  it('does not cry loss for a shard that was silent for longer than the retention while it was read', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('first');
    const run = scene.start({ idleMs: 60_000 });
    await scene.until(() => scene.output.events.length === 1);
    await scene.clock.advance(40 * 3_600_000);
    await run.crash();
    scene.put('second');
    const again = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await again.stop();
    expect(scene.named('stream.data-loss')).toEqual([]);
  });

  it('invariant 11: refuses to go on with the positions of an earlier stream of the same name', async () => {
    const scene = new ReaderScene();
    scene.put('of the first stream');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    scene.fake.deleteStream(STREAM);
    await scene.clock.advance(10_000);
    scene.fake.createStream(STREAM, 2);
    const again = scene.start();
    await scene.until(() => again.error !== undefined);
    expect(again.error).toMatchObject({ code: 'KINLOG_STREAM_RECREATED' });
  });

  it('stops with the positions kept when the stream is deleted while it is read', async () => {
    const scene = new ReaderScene();
    scene.put('one', 'a');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    scene.fake.deleteStream(STREAM);
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_STREAM_DELETED' });
    expect(scene.store.wentBack()).toEqual([]);
  });

  it('invariant 13: a shard that can not be read for good does not stop the others, and is named again and again', async () => {
    const scene = new ReaderScene();
    scene.fake.next(
      'GetShardIterator',
      { kind: 'error', type: 'InvalidArgumentException', message: 'StartingSequenceNumber is invalid' },
      { times: 1000, shardId: FIRST },
    );
    const run = scene.start();
    await scene.until(() => scene.named('shard.failed').length === 1);
    for (const text of numbers(0, 20)) scene.put(text, keyFor(scene.fake, SECOND));
    await scene.until(() => scene.output.events.length === 20);
    await scene.until(() => scene.named('shard.failed').length === 3);
    await run.stop();
    expect(scene.named('shard.failed').every((line) => line.fields['shard'] === FIRST)).toBe(true);
    expect(run.error).toBeInstanceOf(KinlogError);
  });

  it('invariant 14: fetches no more than its memory allows while the output takes nothing, and goes on after iterators expired', async () => {
    const scene = new ReaderScene({ shards: 4 });
    const big = 'x'.repeat(200_000);
    for (let i = 0; i < 200; i++) scene.put(`${i} ${big}`, `key ${i}`);
    scene.output.hold();
    const run = scene.start({ maxBytesInFlight: 4_000_000 });
    await scene.until(() => scene.output.waiting > 0);
    await scene.clock.advance(600_000);
    const fetched = scene.fake.calls.reduce((bytes, call) => bytes + call.bytes, 0);
    expect(fetched).toBeLessThan(20_000_000);
    scene.output.release();
    await scene.until(() => scene.output.events.length >= 200);
    await run.stop();
    expect(new Set(scene.output.texts.map((text) => text.split(' ')[0])).size).toBe(200);
    expect(scene.output.events).toHaveLength(200);
  });

  it('invariant 16: waits for a store that is away, and never stores what is older afterwards', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start({ checkpointEveryMs: 1000 });
    scene.put('before');
    await scene.until(() => scene.store.positions(FIRST).length >= 2);
    scene.store.failWith(new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'the disk is full'));
    for (const text of numbers(0, 10)) scene.put(text);
    await scene.until(() => scene.store.failures >= 5);
    scene.store.failWith(undefined);
    scene.put('after');
    await scene.until(() => scene.output.texts.includes('after'));
    await run.stop();
    expect(scene.output.texts).toEqual(['before', ...numbers(0, 10), 'after']);
    expect(scene.store.wentBack()).toEqual([]);
    expect(scene.named('checkpoint.delayed').length).toBeGreaterThan(0);
  });

  it('invariant 19: a wall clock that jumps an hour to and fro changes nothing', async () => {
    const scene = new ReaderScene();
    const run = scene.start();
    for (let round = 0; round < 6; round++) {
      scene.clock.wallOffsetMs += round % 2 === 0 ? 3_600_000 : -3_600_000;
      scene.fake.settings.clockOffsetMs = -(scene.clock.wallOffsetMs - Date.UTC(2026, 0, 1));
      for (const text of numbers(round * 10, round * 10 + 10)) scene.put(text, text);
      await scene.until(() => scene.output.events.length >= round * 10 + 10);
    }
    await run.stop();
    expect(new Set(scene.output.texts)).toEqual(new Set(numbers(0, 60)));
    expect(scene.output.events).toHaveLength(60);
    expect(scene.store.wentBack()).toEqual([]);
    expect(scene.named('stream.data-loss')).toEqual([]);
  });

  it('stops at once, with everything accepted stored, when somebody else writes its rows', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start({ checkpointEveryMs: 1000 });
    scene.put('one');
    await scene.until(() => scene.output.events.length === 1);
    await scene.store.takeOver(FIRST);
    scene.put('two');
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
  });

  it('ends with the reason when the output refuses for good, and stores nothing that was refused', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start();
    scene.put('accepted');
    await scene.until(() => scene.output.events.length === 1);
    scene.output.refuseNext(new KinlogError('KINLOG_OUTPUT_CLOSED', 'the pipe is gone'));
    scene.put('refused');
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_OUTPUT_CLOSED' });
    const again = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await again.stop();
    expect(scene.output.texts).toEqual(['accepted', 'refused']);
  });

  it('gives an output that stalls a few seconds when it is told to stop, then leaves without storing', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.output.hold();
    const run = scene.start({ drainMs: 4000 });
    scene.put('never taken');
    await scene.until(() => scene.output.waiting === 1);
    const asked = scene.clock.monotonic();
    await run.stop();
    expect(scene.clock.monotonic() - asked).toBeLessThanOrEqual(4000);
    expect(scene.store.positions(FIRST).every((position) => position.kind === 'horizon')).toBe(true);
    expect(run.error).toBeNull();
    expect(scene.lines.filter((line) => line.level === 'error')).toEqual([]);
    expect(scene.named('reader.stopped')).toMatchObject([{ fields: { inTime: false } }]);
  });

  it('rides out throttles and failures of the service', async () => {
    const scene = new ReaderScene();
    scene.fake.next('ListShards', internalFailure(), { times: 3 });
    scene.fake.next('DescribeStreamSummary', throttled(), { times: 2 });
    scene.fake.next('GetRecords', internalFailure(), { times: 4 });
    for (const text of numbers(0, 50)) scene.put(text, text);
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 50);
    await run.stop();
    expect(run.error).toBeNull();
  });

  it('reads without the permission to describe the stream', async () => {
    const scene = new ReaderScene();
    scene.fake.next('DescribeStreamSummary', accessDenied('DescribeStreamSummary'), { times: 1000 });
    scene.put('one');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    expect(run.error).toBeNull();
  });

  it.each([
    ['an unknown stream', { stream: 'no-such-stream' }, 'KINLOG_STREAM_NOT_FOUND'],
    ['a refused listing', {}, 'KINLOG_PERMISSION_REFUSED'],
  ] as const)('ends at the start with a clear error: %s', async (_name, options, code) => {
    const scene = new ReaderScene();
    if (code === 'KINLOG_PERMISSION_REFUSED')
      scene.fake.next('ListShards', accessDenied('ListShards'), { times: 1000 });
    const run = scene.start(options);
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code });
  });
});
