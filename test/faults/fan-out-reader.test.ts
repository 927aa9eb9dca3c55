/** The whole reader over enhanced fan-out: the invariants that the source alone can not keep. */
import { describe, expect, it } from 'vitest';
import { accessDenied } from '../fakes/kinesis/faults.ts';
import { FIRST, numbers, ReaderScene, SECOND, STREAM } from './reader-scene.ts';

const fanOut = { consumer: 'splunk', register: true };

describe('a reader that is pushed to', () => {
  it.each(['together', 'empty-page'] as const)(
    'invariant 2 and 3: keeps the order of a key across a split, a split of a child and a merge (end of shard: %s)',
    async (endOfShard) => {
      const scene = new ReaderScene({ shards: 2, service: { endOfShard, childShards: endOfShard === 'together' } });
      let n = 0;
      const put = (count: number) => numbers(n, (n += count)).forEach((text) => scene.put(text, 'one key'));
      put(20);
      const run = scene.start({ fanOut });
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
      expect(run.error).toBeNull();
      expect(scene.output.texts).toEqual(numbers(0, n));
      expect(scene.childrenReadTooEarly()).toEqual([]);
      expect(scene.fake.callsOf('GetRecords')).toEqual([]);
    },
  );

  it('invariant 7: repeats nothing after a graceful stop, also over subscriptions that ended meanwhile', async () => {
    const scene = new ReaderScene();
    for (let life = 0; life < 4; life++) {
      const run = scene.start({ fanOut });
      for (const text of numbers(life * 100, life * 100 + 100)) scene.put(text, text);
      await scene.until(() => scene.output.events.length >= (life + 1) * 100);
      await scene.clock.advance(400_000);
      await run.stop();
      expect(run.error).toBeNull();
    }
    expect(scene.output.texts).toHaveLength(400);
    expect(new Set(scene.output.texts)).toEqual(new Set(numbers(0, 400)));
    expect(scene.fake.callsOf('RegisterStreamConsumer')).toHaveLength(1);
  });

  it('invariant 1: loses nothing when it crashes and begins again while its old subscriptions still hold', async () => {
    const scene = new ReaderScene();
    for (let life = 0; life < 4; life++) {
      const run = scene.start({ fanOut });
      for (const text of numbers(life * 100, life * 100 + 100)) scene.put(text, text);
      await scene.until(() => new Set(scene.output.texts).size >= life * 100 + 30);
      await run.crash();
    }
    const run = scene.start({ fanOut });
    await scene.until(() => new Set(scene.output.texts).size === 400);
    await run.stop();
    expect(scene.store.wentBack()).toEqual([]);
  });

  it('invariant 10: at the tip loses nothing of what is put after it said that it reads', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('long ago');
    await scene.clock.advance(60_000);
    const run = scene.start({ fanOut, start: { kind: 'tip' } });
    await scene.until(() => scene.named('reader.started').length === 1);
    scene.put('new');
    await run.crash();
    const again = scene.start({ fanOut, start: { kind: 'tip' } });
    await scene.until(() => scene.output.texts.includes('new'));
    await again.stop();
    expect(scene.output.texts).toEqual(['new']);
  });

  it('needs no permission to describe the stream when that is given by its ARN', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.fake.next('DescribeStreamSummary', accessDenied('DescribeStreamSummary'), { times: 100 });
    scene.put('a');
    const run = scene.start({ fanOut, stream: scene.fake.stream(STREAM).arn });
    await scene.until(() => scene.output.events.length === 1);
    await run.stop();
    expect(run.error).toBeNull();
  });

  it('goes on where polling stopped, and polling where it stopped', async () => {
    const scene = new ReaderScene({ shards: 2 });
    for (const [life, how] of [{}, { fanOut }, {}, { fanOut }].entries()) {
      for (const text of numbers(life * 50, life * 50 + 50)) scene.put(text, text);
      const run = scene.start(how);
      await scene.until(() => scene.output.events.length >= (life + 1) * 50);
      await run.stop();
    }
    expect([...scene.output.texts].sort()).toEqual([...numbers(0, 200)].sort());
    expect(new Set(scene.fake.calls.map(({ shardId }) => shardId)).has(FIRST)).toBe(true);
    expect(scene.fake.callsOf('SubscribeToShard', SECOND).length).toBeGreaterThan(0);
  });

  it('ends at once with all that is wrong about a consumer that can not be meant', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const run = scene.start({ fanOut: { consumer: 'no such name', register: true } });
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  });
});
