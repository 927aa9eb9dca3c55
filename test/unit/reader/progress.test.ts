/** One shard's row while it is read on a store that others share: what is written, what a conflict means, and when the shard is still ours. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { MemoryStore } from '../../../reader/checkpoint/memory.ts';
import type { ShardRow, StoredRow } from '../../../reader/checkpoint/store.ts';
import { ShardProgress } from '../../../reader/shards/progress.ts';
import { Tenure } from '../../../reader/shards/tenure.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { row, shard } from './lease-rows.ts';

const LASTS = 2000;
const STREAM = { id: 'logs', createdMs: 0 };
const signal = new AbortController().signal;

/** A shard of ours, stored, with a store that can be told to fail. */
class Held {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore();
  readonly tenure = new Tenure(this.clock, LASTS);
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line), 'debug');
  readonly #failures: Error[] = [];
  putMs = 0;
  progress!: ShardProgress;

  async open({ handedOver = false }: { handedOver?: boolean } = {}): Promise<this> {
    const first: ShardRow = row(0, { owner: 'me' });
    const version = await this.store.put(STREAM, first, 'absent', signal);
    const rows = this.store;
    const failures = this.#failures;
    const store = {
      traits: { survivesRestart: true, shared: true },
      rows: rows.rows.bind(rows),
      put: async (...[stream, next, expected, until]: Parameters<MemoryStore['put']>) => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        if (this.putMs > 0) await this.clock.sleep(this.putMs);
        return rows.put(stream, next, expected, until);
      },
      close: () => rows.close(),
    };
    const context = { stream: STREAM, store, clock: this.clock, log: this.log, checkpointEveryMs: 1000 };
    const now = this.clock.monotonic();
    if (!handedOver) this.tenure.confirm(now);
    this.progress = new ShardProgress(
      { ...first, version },
      { ...context, serverTimeMs: () => 0, retentionMs: undefined, tenure: this.tenure, reread: () => this.stored() },
      handedOver ? -Infinity : now,
    );
    return this;
  }

  failNext(...failures: Error[]): void {
    this.#failures.push(...failures);
  }

  async stored(): Promise<StoredRow | undefined> {
    for await (const found of this.store.rows(STREAM, signal)) return found;
    return undefined;
  }

  /** Somebody else writes the row. */
  async edit(change: Partial<StoredRow>): Promise<void> {
    const { version, ...found } = (await this.stored())!;
    await this.store.put(STREAM, { ...found, ...change }, version, signal);
  }

  /** One more record was accepted. */
  accept(sequenceNumber: string): void {
    const { watermark } = this.progress;
    const end = { kind: 'after', sequenceNumber, subSequence: 0, partial: false } as const;
    watermark.accept(watermark.open(end, 1));
  }
}

const away = () => new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'away');
const leaseLost = expect.objectContaining({ code: 'KINLOG_LEASE_LOST' });

describe('a renewal', () => {
  it('stores what was accepted, and keeps the shard', async () => {
    const held = await new Held().open();
    held.accept('7');
    await held.progress.renew(signal);
    expect(await held.stored()).toMatchObject({ owner: 'me', version: 2, position: { sequenceNumber: '7' } });
    expect(held.tenure.confirmedAt).toBe(0);
  });

  it('counts from the beginning of the try that succeeded, however long the store was away', async () => {
    const held = await new Held().open();
    await held.clock.advance(1000);
    held.failNext(away(), away());
    const renewed = held.progress.renew(signal);
    await held.clock.until(() => held.tenure.confirmedAt > 1000);
    await renewed;
    expect(held.tenure.confirmedAt).toBe(held.clock.monotonic());
    expect(held.lines.filter(({ name }) => name === 'checkpoint.delayed')).toHaveLength(1);
    expect(held.log.total('checkpoints_delayed')).toBe(2);
  });

  it('that the store is too far away for is told once in five minutes, and anew after one that succeeded', async () => {
    const held = await new Held().open();
    const told = () => held.lines.filter(({ name }) => name === 'checkpoint.delayed').length;
    held.failNext(...Array.from({ length: 200 }, away));
    let stored = false;
    void held.progress.renew(signal).then(() => (stored = true));
    await held.clock.until(() => stored, 3_600_000);
    const lastedMs = held.clock.monotonic();
    // Only a failure can tell it, and the next one may be half a minute away.
    expect(told()).toBeLessThanOrEqual(Math.ceil(lastedMs / 300_000));
    expect(told()).toBeGreaterThanOrEqual(Math.floor(lastedMs / 330_000));
    expect(lastedMs).toBeGreaterThan(600_000);
    const before = told();
    held.failNext(away());
    await Promise.all([held.progress.renew(signal), held.clock.advance(60_000)]);
    expect(told()).toBe(before + 1);
  });

  it('counts from the beginning of the write, not from its answer', async () => {
    const held = await new Held().open();
    await held.clock.advance(1000);
    held.putMs = 700;
    const renewed = held.progress.renew(signal);
    await held.clock.advance(700);
    await renewed;
    expect(held.tenure.confirmedAt).toBe(1000);
    expect(held.progress.confirmedAt).toBe(1000);
  });

  it('is stored in its time too when it was accepted during a write', async () => {
    const held = await new Held().open();
    held.putMs = 500;
    held.accept('1');
    held.progress.accepted(signal);
    await held.clock.advance(1200);
    held.accept('2');
    held.progress.accepted(signal);
    await held.clock.advance(3000);
    expect((await held.stored())?.position).toMatchObject({ sequenceNumber: '2' });
  });

  it('keeps the asking of another reader in the row', async () => {
    const held = await new Held().open();
    await held.edit({ successor: 'other' });
    await held.progress.renew(signal);
    expect(await held.stored()).toMatchObject({ owner: 'me', successor: 'other', version: 3 });
    expect(held.progress.lost.aborted).toBe(false);
  });

  it.each([
    ['another has taken the shard', { owner: 'other' }],
    ['its position was changed by hand', { position: { kind: 'timestamp', ms: 1 } as const }],
  ])('ends with KINLOG_LEASE_LOST when %s, and leaves the row alone', async (_why, change) => {
    const held = await new Held().open();
    held.accept('7');
    await held.edit(change);
    await expect(held.progress.renew(signal)).rejects.toEqual(leaseLost);
    expect(await held.stored()).toMatchObject({ ...change, version: 2 });
    expect(held.progress.held()).toBe(false);
    await expect(held.progress.renew(signal)).rejects.toEqual(leaseLost);
  });

  it('ends with KINLOG_LEASE_LOST when the row is gone, and does not bring it back', async () => {
    const held = await new Held().open();
    await held.store.remove(STREAM, shard(0), 1, signal);
    await expect(held.progress.renew(signal)).rejects.toEqual(leaseLost);
    expect(await held.stored()).toBeUndefined();
  });
});

describe('whether a shard is still ours', () => {
  it('need not be asked while the tenure lasts', async () => {
    const held = await new Held().open();
    await held.clock.advance(LASTS - 1);
    expect(held.progress.confirm(signal)).toBeUndefined();
  });

  it('is asked of the store once the tenure has lapsed', async () => {
    const held = await new Held().open();
    await held.clock.advance(LASTS);
    await held.progress.confirm(signal);
    expect(await held.stored()).toMatchObject({ version: 2 });
    expect(held.lines.filter(({ name }) => name === 'lease.unconfirmed')).toHaveLength(1);
    expect(held.progress.confirm(signal)).toBeUndefined();
  });

  it('is asked for every shard after a lapse: that another row is ours says nothing of this one', async () => {
    const held = await new Held().open();
    await held.clock.advance(LASTS);
    held.tenure.confirm(held.clock.monotonic());
    expect(held.tenure.holds()).toBe(true);
    expect(held.progress.held()).toBe(false);
    await held.edit({ owner: 'other' });
    await expect(held.progress.confirm(signal)).rejects.toEqual(leaseLost);
  });

  it('is asked, without a warning, before the first delivery of a shard that was handed over', async () => {
    const held = await new Held().open({ handedOver: true });
    await held.progress.confirm(signal);
    expect(await held.stored()).toMatchObject({ version: 2 });
    expect(held.lines.filter(({ name }) => name === 'lease.unconfirmed')).toEqual([]);
  });

  it('is over as soon as the row is seen with another owner, though the tenure lasts', async () => {
    const held = await new Held().open();
    held.progress.lose('other has it');
    expect(held.tenure.holds()).toBe(true);
    expect(held.progress.held()).toBe(false);
    await expect(held.progress.confirm(signal)).rejects.toEqual(leaseLost);
  });
});

describe('giving a shard away', () => {
  it('stores what was accepted and makes the reader that asked its owner', async () => {
    const held = await new Held().open();
    await held.edit({ successor: 'other' });
    held.accept('7');
    await held.progress.leave(signal);
    const stored = await held.stored();
    expect(stored).toMatchObject({ owner: 'other', position: { sequenceNumber: '7' } });
    expect(stored).not.toHaveProperty('successor');
  });

  it('leaves the row without an owner when nobody asked', async () => {
    const held = await new Held().open();
    await held.progress.leave(signal);
    expect(await held.stored()).not.toHaveProperty('owner');
  });

  it.each(['leave', 'end'] as const)(
    'does not prolong the tenure (%s): to others it shows no life of ours',
    async (how) => {
      const held = await new Held().open();
      await held.edit({ successor: 'other' });
      await held.clock.advance(1000);
      await (how === 'leave' ? held.progress.leave(signal) : held.progress.end([], signal));
      expect(held.tenure.confirmedAt).toBe(0);
    },
  );

  it('that happened although its answer was lost is no loss, even when the new owner has written already', async () => {
    const held = await new Held().open();
    await held.edit({ successor: 'other' });
    held.accept('7');
    await held.progress.renew(signal);
    await held.edit({ owner: 'other' });
    await held.edit({});
    await held.progress.leave(signal);
    expect(held.progress.lost.aborted).toBe(false);
    expect(await held.stored()).toMatchObject({ owner: 'other', version: 5 });
  });

  it('that was forestalled by force is a loss: what was accepted is not in the row', async () => {
    const held = await new Held().open();
    await held.edit({ successor: 'other' });
    await held.progress.renew(signal);
    held.accept('7');
    await held.edit({ owner: 'other' });
    await expect(held.progress.leave(signal)).rejects.toEqual(leaseLost);
  });

  it('writes nothing when the shard is lost already', async () => {
    const held = await new Held().open();
    held.progress.lose('other has it');
    await held.progress.leave(signal);
    expect(await held.stored()).toMatchObject({ owner: 'me', version: 1 });
  });

  it('at its end names its children and no owner', async () => {
    const held = await new Held().open();
    await held.progress.end(['child'], signal);
    const stored = await held.stored();
    expect(stored).toMatchObject({ position: { kind: 'end' }, children: ['child'] });
    expect(stored).not.toHaveProperty('owner');
  });
});

describe('a store that nobody shares', () => {
  it('takes a conflict for what it is: somebody else works on the same rows', async () => {
    const held = await new Held().open();
    const { store, clock, log, tenure } = held;
    const context = {
      stream: STREAM,
      store,
      clock,
      log,
      checkpointEveryMs: 1000,
      serverTimeMs: () => 0,
      retentionMs: undefined,
      tenure,
    };
    const alone = new ShardProgress((await held.stored())!, context);
    await held.edit({});
    await expect(alone.renew(signal)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
  });
});
