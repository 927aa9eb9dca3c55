/** The invariants of reading that enhanced fan-out answers for, over a simulated stream. */
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../reader/fetch/budget.ts';
import type { Fault } from '../fakes/kinesis/faults.ts';
import { FanOutScene } from './fan-out-scene.ts';
import { FIRST, LAST_KEY, MIB, names, SECOND, STREAM } from './source-scene.ts';

const EVENT = 'SubscribeToShardEvent';

describe('invariant 1: nothing is lost or comes twice', () => {
  it('over the renewals of almost an hour, each going on after the continuation of the last event', async () => {
    const scene = await new FanOutScene().start();
    const reading = scene.read();
    const put: string[] = [];
    for (let minute = 0; minute < 59; minute++) {
      scene.put(String(minute));
      put.push(String(minute));
      await scene.clock.advance(60_000);
    }
    await scene.until(() => reading.data.length === put.length);
    expect(reading.data).toEqual(put);
    expect(scene.subscribes).toHaveLength(12);
    const starts = scene.subscribes.map(({ start }) => start!.split(' ')[0]);
    expect(starts).toEqual(['TRIM_HORIZON', ...Array<string>(11).fill('AFTER_SEQUENCE_NUMBER')]);
    expect(scene.named('subscription.ended')).toHaveLength(11);
    expect(scene.named('shard.stalled')).toEqual([]);
    await reading.stop();
  });

  it('when nothing was ever put before a renewal, from a time and after a position', async () => {
    const scene = await new FanOutScene().start();
    const [sequenceNumber] = scene.put('before');
    await scene.clock.advance(10_000);
    const reading = scene.read({ from: { kind: 'timestamp', ms: scene.clock.now() - 5_000 } });
    await scene.until(() => scene.named('subscription.ended').length === 1);
    scene.put('a');
    await scene.until(() => reading.data.length === 1);
    expect(reading.data).toEqual(['a']);
    await reading.stop();
    const from = { kind: 'after', sequenceNumber: sequenceNumber!, subSequence: 0, partial: false } as const;
    const after = scene.read({ from });
    await scene.until(() => after.data.length === 1);
    expect(after.data).toEqual(['a']);
    await after.stop();
  });
});

describe('invariant 8: the last events of a shard are delivered', () => {
  it.each([
    ['in one event', 'together', true],
    ['before an empty one', 'empty-page', true],
    ['in one event that names no children', 'together', false],
    ['before an empty one that names no children', 'empty-page', false],
  ] as const)('when its records and its end come %s', async (_, endOfShard, childShards) => {
    const scene = await new FanOutScene({ service: { endOfShard, childShards } }).start();
    const shard = scene.shard();
    scene.put('a', 'b');
    const reading = scene.read({ shard });
    await scene.until(() => reading.data.length === 2);
    scene.put('c');
    scene.fake.split(STREAM, FIRST);
    await scene.until(() => reading.ended);
    expect(reading.data).toEqual(['a', 'b', 'c']);
    expect(scene.clock.sleeping).toBe(0);
  });

  it('and an end that the service names by mistake on an open shard is asked for again', async () => {
    const scene = await new FanOutScene().start();
    scene.put('a');
    scene.fake.next(EVENT, { kind: 'null-iterator' });
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    scene.put('b');
    await scene.until(() => reading.data.length === 2);
    expect(reading.data).toEqual(['a', 'b']);
    expect(reading.ended).toBe(false);
    await reading.stop();
  });

  it.each([true, false])(
    'and one that it names before the last records of a shard that is closed (known: %s)',
    async (known) => {
      const scene = await new FanOutScene().start();
      const open = scene.shard();
      const put = scene.fill(5);
      scene.fake.split(STREAM, FIRST);
      scene.fake.next(EVENT, { kind: 'null-iterator' });
      const reading = scene.read({ shard: { ...open, closed: known } });
      await scene.until(() => reading.ended);
      expect(names(reading.data)).toEqual(put);
    },
  );

  it('and children that are named before the end do not end it', async () => {
    const scene = await new FanOutScene().start();
    const child = { ShardId: SECOND, ParentShards: [FIRST], HashKeyRange: {} };
    const edit: Fault = { kind: 'edit', edit: (fields) => ({ ...fields, ChildShards: [child] }) };
    scene.put('a');
    scene.fake.next(EVENT, edit);
    const reading = scene.read();
    await scene.until(() => reading.data.length === 1);
    scene.put('b');
    await scene.until(() => reading.data.length === 2);
    expect(reading.pages.flatMap(({ children }) => children)).toEqual([]);
    await reading.stop();
  });
});

describe('invariant 12: subscriptions are asked for no faster than Kinesis allows', () => {
  it('a lone reader meets no refusal, whatever ends its subscriptions', async () => {
    const scene = await new FanOutScene().start();
    const reading = scene.read();
    const ends: Fault[] = [{ kind: 'end' }, { kind: 'reset' }, { kind: 'half-body' }];
    for (const [i, fault] of [...ends, ...ends].entries()) {
      scene.fake.next(EVENT, fault);
      scene.put(String(i));
      await scene.until(() => reading.data.length === i + 1);
    }
    expect(scene.subscribes.map(({ answer }) => answer)).toEqual(scene.subscribes.map(() => 'ok'));
    const gaps = scene.subscribes.slice(1).map(({ at }, i) => at - scene.subscribes[i]!.at);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000);
    await reading.stop();
  });

  it('many shards do not begin at once, nor end at once', async () => {
    let seed = 0;
    const random = () => (seed = (seed + 0.37) % 1);
    const scene = await new FanOutScene({ shards: 50, source: { random } }).start();
    const shards = scene.fake.stream(STREAM).shards.map(({ shardId }) => scene.shard(shardId));
    const readings = shards.map((shard) => scene.read({ shard }));
    await scene.until(() => scene.subscribes.length === 100);
    for (const round of [scene.subscribes.slice(0, 50), scene.subscribes.slice(50)]) {
      const times = round.map(({ at }) => at);
      expect(new Set(times).size).toBeGreaterThan(25);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(5_000);
    }
    for (const reading of readings) await reading.stop();
  });
});

describe('invariant 13: one shard that fails stalls no other', () => {
  it.each([
    ['an error that nobody retries', { kind: 'error', type: 'BrandNewException' }],
    ['an error that waits for somebody', { kind: 'error', type: 'KMSDisabledException' }],
    ['silence', { kind: 'hang' }],
  ] as [string, Fault][])('%s', async (_, fault) => {
    const scene = await new FanOutScene({ shards: 2 }).start();
    scene.fake.next(EVENT, fault, { shardId: FIRST, times: 1000 });
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
});

describe('invariant 14: a reader that takes nothing holds little and loses nothing', () => {
  it('what it does not take stays with the service, though its subscription ends meanwhile', async () => {
    const budget = new ByteBudget();
    const scene = await new FanOutScene({ source: { budget } }).start();
    const put = scene.fill(30);
    const gate = Promise.withResolvers<undefined>();
    const reading = scene.read({ take: () => gate.promise });
    await scene.until(() => reading.pages.length === 1);
    await scene.clock.advance(600_000);
    expect(scene.subscribes[0]!.records).toBeLessThanOrEqual(3);
    expect(budget.held).toBeLessThan(3 * MIB);
    gate.resolve(undefined);
    await scene.until(() => reading.data.length === put.length);
    expect(names(reading.data)).toEqual(put);
    expect(scene.named('shard.stalled')).toEqual([]);
    await reading.stop();
    expect(budget.held).toBe(0);
  });

  it('a silence that is our own is no dead connection', async () => {
    const scene = await new FanOutScene({ service: { subscriptionMs: 3_600_000 } }).start();
    scene.fill(5);
    const gate = Promise.withResolvers<undefined>();
    const reading = scene.read({ take: () => gate.promise });
    await scene.clock.advance(600_000);
    gate.resolve(undefined);
    await scene.until(() => reading.data.length === 5);
    expect(scene.subscribes).toHaveLength(1);
    await reading.stop();
  });

  it('shards wait for the bytes that others hold, and go on when these are given back', async () => {
    const budget = new ByteBudget(4 * MIB);
    const scene = await new FanOutScene({ shards: 2, source: { budget } }).start();
    scene.fill(10, '0');
    scene.fill(10, LAST_KEY);
    const gate = Promise.withResolvers<undefined>();
    const readings = [FIRST, SECOND].map((id) => scene.read({ shard: scene.shard(id), take: () => gate.promise }));
    await scene.clock.advance(60_000);
    expect(readings.reduce((sum, { pages }) => sum + pages.length, 0)).toBeLessThanOrEqual(2);
    expect(budget.held).toBeLessThanOrEqual(4 * MIB + 2000);
    gate.resolve(undefined);
    await scene.until(() => readings.every((reading) => reading.data.length === 10));
    for (const reading of readings) await reading.stop();
    expect(budget.held).toBe(0);
  });

  it('an event larger than the whole budget is read alone', async () => {
    const budget = new ByteBudget(MIB / 2);
    const scene = await new FanOutScene({ source: { budget } }).start();
    const put = scene.fill(5);
    const reading = scene.read();
    await scene.until(() => reading.data.length === put.length);
    expect(names(reading.data)).toEqual(put);
    await reading.stop();
    expect(budget.held).toBe(0);
  });

  it.each<[string, Fault | undefined]>([
    ['while nothing comes', undefined],
    ['while the connection is silent', { kind: 'hang' }],
    ['while it waits for somebody', { kind: 'error', type: 'KMSDisabledException' }],
  ])('a reader that leaves %s leaves nothing behind', async (_, fault) => {
    const budget = new ByteBudget();
    const scene = await new FanOutScene({ source: { budget } }).start();
    const pages = scene.source.open(scene.shard(), { kind: 'horizon' }, new AbortController().signal);
    const first = pages.next();
    await scene.clock.advance(6_000);
    (await first).value?.release();
    if (fault !== undefined) scene.fake.next(EVENT, fault);
    await scene.clock.advance(6_000);
    await pages.return(undefined);
    await scene.clock.advance(0);
    expect(scene.clock.sleeping).toBe(0);
    expect(budget.held).toBe(0);
  });

  it('a reader that leaves in the middle gives back what was fetched for it', async () => {
    const budget = new ByteBudget();
    const scene = await new FanOutScene({ source: { budget } }).start();
    scene.fill(10);
    const pages = scene.source.open(scene.shard(), { kind: 'horizon' }, new AbortController().signal);
    const opening = pages.next();
    await scene.clock.advance(20_000);
    const first = await opening;
    await pages.return(undefined);
    expect(budget.held).toBeGreaterThan(0);
    first.value?.release();
    expect(budget.held).toBe(0);
    await scene.clock.advance(0);
    expect(scene.clock.sleeping).toBe(0);
  });
});
