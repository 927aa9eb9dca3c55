/** The invariants of reading that polling answers for, over a simulated stream. */
import { describe, expect, it } from 'vitest';
import { isKinlogError } from '../../base/errors.ts';
import { ByteBudget } from '../../reader/fetch/budget.ts';
import { expiredIterator, throttled, type Fault } from '../fakes/kinesis/faults.ts';
import type { Call } from '../fakes/kinesis/fake.ts';
import { PollingScene } from './polling-scene.ts';
import { FIRST, LAST_KEY, MIB, names, SECOND, STREAM } from './source-scene.ts';

/** Most calls in any half-open second. */
function busiest(calls: readonly Call[]): number {
  return Math.max(...calls.map((from) => calls.filter(({ at }) => at >= from.at && at < from.at + 1000).length));
}

describe('invariant 8: the last page of a shard is delivered', () => {
  it.each([
    ['in one answer', 'together', true],
    ['before an empty one', 'empty-page', true],
    ['in one answer that names no children', 'together', false],
    ['before an empty one that names no children', 'empty-page', false],
  ] as const)('when its records and its end come %s', async (_, endOfShard, childShards) => {
    const scene = await new PollingScene({ service: { endOfShard, childShards } }).start();
    const shard = scene.shard();
    scene.put('a', 'b');
    scene.fake.split(STREAM, FIRST);
    const reading = scene.read({ shard });
    await scene.until(() => reading.ended);
    expect(reading.data).toEqual(['a', 'b']);
  });

  it('when it is as large as a page can be', async () => {
    const scene = await new PollingScene().start();
    const put = scene.fill(10);
    scene.fake.split(STREAM, FIRST);
    const reading = scene.read({ shard: { ...scene.shard(), closed: true } });
    await scene.until(() => reading.ended);
    expect(names(reading.data)).toEqual(put);
    expect(reading.pages.map((page) => page.records.length)).toEqual([10]);
  });

  it.each([true, false])(
    'and an end without children that is named before the last records of a closed shard is not believed (known: %s)',
    async (known) => {
      const scene = await new PollingScene().start();
      const open = scene.shard();
      const put = scene.fill(15);
      scene.fake.split(STREAM, FIRST);
      scene.fake.next('GetRecords', { kind: 'null-iterator' });
      const reading = scene.read({ shard: { ...open, closed: known } });
      await scene.until(() => reading.ended);
      expect(names(reading.data)).toEqual(put);
    },
  );

  it('and an end that the service names by mistake on an open shard is asked for again', async () => {
    const scene = await new PollingScene().start();
    scene.put('a');
    scene.fake.next('GetRecords', { kind: 'null-iterator' });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    scene.put('b');
    await scene.until(() => reading.data.length === 2);
    expect(reading.data).toEqual(['a', 'b']);
    expect(reading.ended).toBe(false);
    await reading.stop();
  });
});

describe('invariant 9: an expired iterator loses nothing before the first record', () => {
  it('from a time', async () => {
    const scene = await new PollingScene({ service: { iteratorTtlMs: 100 } }).start();
    await scene.clock.advance(10_000);
    const from = { kind: 'timestamp', ms: scene.clock.now() - 5_000 } as const;
    const reading = scene.read({ from });
    await scene.until(() => scene.named('iterator.expired').length > 0);
    scene.put('a');
    await scene.until(() => reading.data.length > 0);
    expect(reading.data).toEqual(['a']);
    await reading.stop();
  });

  it('after a stored position', async () => {
    const scene = await new PollingScene().start();
    const { sequenceNumber } = scene.fake.put(STREAM, { data: 'a' });
    const from = { kind: 'after', sequenceNumber, subSequence: 0, partial: false } as const;
    scene.fake.next('GetRecords', expiredIterator(), { times: 4 });
    const reading = scene.read({ from });
    await scene.until(() => scene.named('iterator.expired').length > 1);
    scene.put('b');
    await scene.until(() => reading.data.length > 0);
    expect(reading.data).toEqual(['b']);
    await reading.stop();
  });
});

describe('invariant 12: no shard is read faster than Kinesis allows', () => {
  it('at most 5 calls and on the long run 2 MiB a second, and none for 5 s after a full page', async () => {
    // Without limits of the service it is only our own pace that holds back.
    const scene = await new PollingScene({ service: { readLimits: false } }).start();
    const put = scene.fill(45);
    const reading = scene.read();
    await scene.until(() => reading.data.length === put.length);
    const calls = scene.fake.callsOf('GetRecords');
    expect(names(reading.data)).toEqual(put);
    expect(busiest(calls)).toBeLessThanOrEqual(5);
    const full = calls.findIndex((call) => call.bytes >= 10 * MIB);
    expect(calls[full + 1]!.at - calls[full]!.at).toBeGreaterThanOrEqual(5000);
    calls.slice(1).forEach((call, i) => {
      const before = calls.slice(0, i + 1).reduce((sum, { bytes }) => sum + bytes, 0);
      expect(before / (call.at - calls[0]!.at)).toBeLessThanOrEqual((2 * MIB) / 1000);
    });
    await reading.stop();
  });

  it('a lone reader is never throttled, behind or at the tip', async () => {
    const scene = await new PollingScene().start();
    scene.fill(25);
    const reading = scene.read();
    await scene.until(() => reading.data.length === 25);
    for (let i = 0; i < 40; i++) {
      scene.put('small');
      await scene.clock.advance(100 * i);
    }
    await scene.until(() => reading.data.length === 65);
    expect(scene.named('fetch.throttled')).toEqual([]);
    await reading.stop();
  });

  it('throttles make it slower, and it becomes fast again', async () => {
    const scene = await new PollingScene({ service: { readLimits: false } }).start();
    scene.fill(1);
    await scene.clock.advance(60_000);
    scene.fake.next('GetRecords', throttled(), { times: 5 });
    scene.fake.next('GetRecords', { kind: 'empty-page' }, { times: 400 });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    const gaps = scene.fake.callsOf('GetRecords').map((call, i, all) => call.at - (all[i - 1]?.at ?? call.at));
    expect(gaps[6]).toBeGreaterThan(1_000);
    expect(gaps[400]).toBe(200);
    await reading.stop();
  });

  it('an idle shard is asked at most once per idle ceiling', async () => {
    const scene = await new PollingScene({ source: { idleMs: 4_000 } }).start();
    const reading = scene.read();
    await scene.clock.advance(60_000);
    const calls = scene.fake.callsOf('GetRecords');
    expect(calls.slice(1, 6).map((call, i) => call.at - calls[i]!.at)).toEqual([250, 500, 1000, 2000, 4000]);
    expect(calls.length).toBeLessThan(22);
    await reading.stop();
  });
});

describe('invariant 13: one shard that fails stalls no other', () => {
  it.each([
    ['an error that nobody retries', { kind: 'error', type: 'BrandNewException' }],
    ['an error that waits for somebody', { kind: 'error', type: 'AccessDeniedException' }],
    ['no answer', { kind: 'hang' }],
  ] as [string, Fault][])('%s', async (_, fault) => {
    const scene = await new PollingScene({ shards: 2 }).start();
    scene.fake.next('GetRecords', fault, { shardId: FIRST, times: 1000 });
    const failing = scene.read({ shard: scene.shard(FIRST) });
    const other = scene.read({ shard: scene.shard(SECOND) });
    for (let i = 1; i <= 20; i++) {
      scene.fake.put(STREAM, { data: `${i}`, explicitHashKey: LAST_KEY });
      await scene.until(() => other.data.length === i);
    }
    expect(failing.data).toEqual([]);
    await failing.stop();
    await other.stop();
  });

  it('an error that nobody retries comes out, so that the shard cannot be kept without being read', async () => {
    const scene = await new PollingScene().start();
    scene.fake.next('GetRecords', { kind: 'error', type: 'BrandNewException' });
    const reading = scene.read();
    await scene.until(() => reading.error !== undefined);
    expect(isKinlogError(reading.error, 'KINLOG_UNEXPECTED')).toBe(true);
  });
});

describe('invariant 14: a reader that takes nothing holds little and loses nothing', () => {
  it('one page ahead is fetched and no more, and iterators that expire meanwhile are renewed', async () => {
    const scene = await new PollingScene().start();
    const put = scene.fill(30);
    const gate = Promise.withResolvers<undefined>();
    const reading = scene.read({ take: () => gate.promise });
    await scene.until(() => reading.pages.length === 1);
    await scene.clock.advance(600_000);
    expect(scene.fake.callsOf('GetRecords')).toHaveLength(2);
    gate.resolve(undefined);
    await scene.until(() => reading.data.length === put.length);
    expect(names(reading.data)).toEqual(put);
    expect(scene.named('iterator.expired')).toHaveLength(1);
    await reading.stop();
  });

  it('shards wait for the bytes that others hold, and go on when these are given back', async () => {
    const budget = new ByteBudget(16 * MIB);
    const scene = await new PollingScene({ shards: 2, source: { budget } }).start();
    scene.fill(20, '0');
    scene.fill(20, LAST_KEY);
    const gate = Promise.withResolvers<undefined>();
    const readings = [FIRST, SECOND].map((id) => scene.read({ shard: scene.shard(id), take: () => gate.promise }));
    await scene.clock.advance(60_000);
    const bytes = () => scene.fake.callsOf('GetRecords').reduce((sum, call) => sum + call.bytes, 0);
    expect(bytes()).toBe(10 * MIB);
    gate.resolve(undefined);
    await scene.until(() => readings.every((reading) => reading.data.length === 20));
    for (const reading of readings) await reading.stop();
    expect(budget.held).toBe(0);
  });

  it('a page larger than the whole budget is read alone', async () => {
    const budget = new ByteBudget(MIB);
    const scene = await new PollingScene({ source: { budget } }).start();
    const put = scene.fill(15);
    const reading = scene.read();
    await scene.until(() => reading.data.length === put.length);
    expect(names(reading.data)).toEqual(put);
    await reading.stop();
    expect(budget.held).toBe(0);
  });

  it('a reader that leaves in the middle gives back what was fetched for it', async () => {
    const budget = new ByteBudget();
    const scene = await new PollingScene({ source: { budget } }).start();
    scene.fill(30);
    const stop = new AbortController();
    const pages = scene.source.open(scene.shard(), { kind: 'horizon' }, stop.signal);
    const first = await pages.next();
    await scene.clock.advance(20_000);
    await pages.return(undefined);
    expect(budget.held).toBeGreaterThan(0);
    first.value?.release();
    expect(budget.held).toBe(0);
    expect(scene.clock.sleeping).toBe(0);
  });

  it('a reader that leaves while nothing comes leaves nothing behind', async () => {
    const budget = new ByteBudget();
    const scene = await new PollingScene({ source: { budget } }).start();
    const pages = scene.source.open(scene.shard(), { kind: 'horizon' }, new AbortController().signal);
    (await pages.next()).value?.release();
    await scene.until(() => scene.clock.sleeping > 0);
    await pages.return(undefined);
    expect(scene.clock.sleeping).toBe(0);
    expect(budget.held).toBe(0);
  });

  it('a page holds what it weighs, not what was expected of it', async () => {
    const budget = new ByteBudget();
    const scene = await new PollingScene({ source: { budget } }).start();
    const held: number[] = [];
    const reading = scene.read({ take: (page) => void held.push(budget.held - (page.release(), budget.held)) });
    await scene.until(() => held.length === 1);
    scene.fill(5);
    await scene.until(() => reading.data.length === 5);
    expect(held[0]).toBe(0);
    expect(held.at(-1)).toBeGreaterThan(5 * MIB);
    expect(held.at(-1)).toBeLessThan(8 * MIB);
    await reading.stop();
  });
});
