/** What a store takes over from the one before it, forward only, and whom it waits for. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { MemoryStore } from '../../../reader/checkpoint/memory.ts';
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';
import { MovingStore } from '../../../splunk-app/input/moving-store.ts';
import type { Store } from '../../../splunk-app/input/released-rows.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { after, row, rowsOf, STREAM } from './position-rows.ts';

const { signal } = new AbortController();

/** One that several processes use at the same time. */
class SharedStore extends MemoryStore {
  override readonly traits = { survivesRestart: false, shared: true };
}

async function filled(...rows: readonly ShardRow[]): Promise<MemoryStore> {
  return fill(new MemoryStore(), ...rows);
}

async function fill(store: MemoryStore, ...rows: readonly ShardRow[]): Promise<MemoryStore> {
  for (const one of rows) await store.put(STREAM, one, 'absent', signal);
  return store;
}

const PERIOD_MS = 10_000;

function moving(from: Store, to: Store, clock = new FakeClock()) {
  const moved: number[] = [];
  const lines: LogLine[] = [];
  const left: string[] = [];
  const store = new MovingStore({
    ...{ from, to, clock, leasePeriodMs: PERIOD_MS },
    log: new EventLog((line) => lines.push(line)),
    kept: (error) => error,
    done: (count, living) => {
      moved.push(count);
      left.push(...living);
      return Promise.resolve();
    },
  });
  return { store, moved, left, lines };
}

/** A reader that shows once in a period that it lives, until it stops and stores how far it got. */
function reader(store: MemoryStore, clock: FakeClock, owner: string) {
  const stop = new AbortController();
  void (async () => {
    for (;;) {
      await clock.sleep(PERIOD_MS, stop.signal);
      for await (const { version, ...found } of store.rows(STREAM, signal))
        if (found.owner === owner) await store.put(STREAM, found, version, signal);
    }
  })().catch(() => undefined);
  return async (position: Position): Promise<void> => {
    stop.abort();
    for await (const { version, owner: _owner, ...found } of store.rows(STREAM, signal))
      await store.put(STREAM, { ...found, position }, version, signal);
  };
}

describe('a store that takes positions over', () => {
  it('gives them to whoever reads it first, without the leases of the store before', async () => {
    const from = await filled(row('b', { kind: 'end' }, { owner: 'x', successor: 'y' }), row('a', after(3)));
    const { store, moved } = moving(from, new MemoryStore());
    expect(await rowsOf(store)).toEqual([row('a', after(3)), row('b', { kind: 'end' })]);
    await rowsOf(store);
    expect(moved).toEqual([2]);
  });

  it('never puts a position back, and leaves alone what a living reader has', async () => {
    const clock = new FakeClock();
    const from = await filled(row('a', after(3)), row('b', after(9)), row('c', after(9)));
    const to = await fill(
      new SharedStore(),
      ...[row('a', after(5)), row('b', after(1)), row('c', after(1), { owner: 'lives' })],
    );
    reader(to, clock, 'lives');
    const { store, moved } = moving(from, to, clock);
    const rows = rowsOf(store);
    await clock.until(() => moved.length > 0);
    expect(await rows).toEqual([row('a', after(5)), row('b', after(9)), row('c', after(1), { owner: 'lives' })]);
    expect(clock.monotonic()).toBeLessThan(2 * PERIOD_MS);
  });

  it('overtakes the row of a reader that died, so that nobody begins again where that one ended', async () => {
    const clock = new FakeClock();
    const from = await filled(row('a', after(9)));
    const to = await fill(new SharedStore(), row('a', after(1), { owner: 'dead', successor: 'me' }));
    const { store, moved, lines } = moving(from, to, clock);
    const rows = rowsOf(store);
    await clock.until(() => moved.length > 0);
    expect(lines.map(({ name, fields }) => [name, fields['owner']])).toEqual([['lease.watching', 'dead']]);
    expect(await rows).toEqual([row('a', after(9))]);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(2 * PERIOD_MS);
  });

  it('takes no owner for a living one in a store that one process has for itself', async () => {
    const from = await filled(row('a', after(9), { owner: 'killed' }));
    const to = await filled(row('a', after(1), { owner: 'killed before' }));
    const { store, moved, left } = moving(from, to);
    expect(await rowsOf(store)).toEqual([row('a', after(9))]);
    expect([moved, left]).toEqual([[1], []]);
  });

  it('waits for the process before this one, which still stores what it delivered', async () => {
    const clock = new FakeClock();
    const from = await fill(new SharedStore(), row('a', after(1), { owner: 'drains' }));
    const stop = reader(from, clock, 'drains');
    const { store, moved, left } = moving(from, new MemoryStore(), clock);
    const rows = rowsOf(store);
    await clock.advance(PERIOD_MS);
    expect(moved).toEqual([]);
    await stop(after(5));
    await clock.until(() => moved.length > 0);
    expect(await rows).toEqual([row('a', after(5))]);
    expect(left).toEqual([]);
    expect(clock.monotonic()).toBeLessThan(2 * PERIOD_MS);
  });

  it('does not wait for ever for readers that go on using the store before, and names them', async () => {
    const clock = new FakeClock();
    const from = await fill(new SharedStore(), row('a', after(1), { owner: 'x' }), row('b', after(2), { owner: 'y' }));
    for (const owner of ['x', 'y']) reader(from, clock, owner);
    const { store, moved, left } = moving(from, new MemoryStore(), clock);
    const rows = rowsOf(store);
    await clock.until(() => moved.length > 0);
    expect(await rows).toEqual([row('a', after(1)), row('b', after(2))]);
    expect(left).toEqual(['x', 'y']);
    expect(clock.monotonic()).toBeLessThan(4 * PERIOD_MS);
  });

  it('compares with rows whose writer was not allowed to know which stream of the name it was', async () => {
    const from = await filled(row('a', after(9), { streamCreatedMs: 0 }), row('b', after(1)));
    const to = await filled(row('a', after(1)), row('b', after(9), { streamCreatedMs: 0 }));
    const { store } = moving(from, to);
    expect((await rowsOf(store)).map(({ position }) => position)).toEqual([after(9), after(9)]);
  });

  it('does not compare positions of an earlier stream of the same name', async () => {
    const from = await filled(row('a', after(9), { streamCreatedMs: 1 }), row('b', after(1)));
    const to = await filled(row('a', after(1)), row('b', after(9), { streamCreatedMs: 1 }));
    expect(await rowsOf(moving(from, to).store)).toEqual([row('a', after(1)), row('b', after(1))]);
  });

  it('moves parents before children, so that another reader never sees a child alone', async () => {
    const from = await filled(row('a', after(1), { parents: ['z'] }), row('z', after(2)));
    const to = new MemoryStore();
    const order: string[] = [];
    const put = to.put.bind(to);
    to.put = (stream, one, expected, abort) => {
      order.push(one.shardId);
      return put(stream, one, expected, abort);
    };
    await rowsOf(moving(from, to).store);
    expect(order).toEqual(['z', 'a']);
  });

  it('makes up for an interruption, and is not done before everything is over', async () => {
    const from = await filled(row('a', after(1)), row('b', after(2)));
    const to = new MemoryStore();
    const put = to.put.bind(to);
    let puts = 0;
    to.put = (...args) =>
      ++puts === 2 ? Promise.reject(new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'away')) : put(...args);
    const { store, moved } = moving(from, to);
    await expect(rowsOf(store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE' });
    expect(moved).toEqual([]);
    expect(await rowsOf(store)).toHaveLength(2);
    expect(moved).toEqual([1]);
  });
});
