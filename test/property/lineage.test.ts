/** Laws of lineage, on random histories of splits and merges read by a reader that is interrupted anywhere: parents first, nothing skipped, no standstill. Invariant 3. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Position } from '../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../reader/checkpoint/store.ts';
import type { Shard } from '../../reader/fetch/source.ts';
import { lineage, type StartPosition } from '../../reader/shards/lineage.ts';

const stream = { id: 'logs', createdMs: 1 };

interface LivingShard extends Shard {
  closed: boolean;
  readonly createdMs: number;
}

/** A stream that reshards at random; its clock counts steps. */
class RandomStream {
  readonly shards: LivingShard[] = [];
  readonly #choose: () => number;
  nowMs = 1000;

  constructor(choose: () => number, shards: number) {
    this.#choose = choose;
    for (let n = 0; n < shards; n++) this.#add([]);
  }

  reshard(): void {
    this.nowMs += 10;
    const open = this.shards.filter((shard) => !shard.closed);
    const one = this.#pick(open);
    const other = this.#pick(open);
    one.closed = true;
    if (one === other) {
      this.#add([one.shardId]);
      this.#add([one.shardId]);
    } else {
      other.closed = true;
      this.#add([one.shardId, other.shardId]);
    }
  }

  /** In any order, as ListShards may answer while it is not consistent yet: some parents of the newest shards still look open. */
  listing(consistent: boolean): Shard[] {
    const stale = consistent ? -1 : this.shards.length - 3;
    const listed = this.shards.map((shard, n) => ({ ...shard, closed: shard.closed && (stale < 0 || n < stale) }));
    return listed.sort(() => (this.#choose() % 3) - 1);
  }

  #add(parents: string[]): void {
    const shardId = `shard-${this.shards.length}`;
    this.shards.push({
      shardId,
      parents,
      closed: false,
      createdMs: this.nowMs,
      startingHashKey: '0',
      endingHashKey: '1',
    });
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#choose() % items.length]!;
  }
}

/** Everything a shard holds was read when its position reached the end from one that skips nothing since the start of the reading. */
class Reading {
  readonly rows = new Map<string, ShardRow>();
  readonly readFrom = new Map<string, Position>();
  readonly start: StartPosition;
  readonly #stream: RandomStream;
  readonly #choose: () => number;

  constructor(living: RandomStream, start: StartPosition, choose: () => number) {
    this.#stream = living;
    this.start = start;
    this.#choose = choose;
  }

  /** One round of the reader; a process that dies while it creates rows has stored the first of them. Its next start asks for a later tip. */
  round(dies: boolean, consistent: boolean): boolean {
    const start: StartPosition =
      this.start.kind === 'horizon' ? this.start : { kind: 'timestamp', ms: this.start.ms + (this.#choose() % 50) };
    const listed = this.#stream.listing(consistent);
    const plan = lineage({ stream, listed, rows: this.rows, start: this.rows.size === 0 ? this.start : start });
    const missing = dies ? plan.missing.slice(0, this.#choose() % (plan.missing.length + 1)) : plan.missing;
    for (const row of missing) this.rows.set(row.shardId, row);
    if (dies) return true;
    for (const shard of plan.ready) this.#mayBeRead(shard);
    const next = plan.ready[this.#choose() % Math.max(1, plan.ready.length)];
    if (next !== undefined) this.#advance(next);
    expect(plan.vanished).toEqual([]);
    return plan.ready.some((shard) => shard.closed);
  }

  #mayBeRead(shard: Shard): void {
    for (const parent of shard.parents) expect([parent, this.rows.get(parent)?.position.kind]).toEqual([parent, 'end']);
    const row = this.rows.get(shard.shardId)!;
    if (!this.readFrom.has(shard.shardId)) this.readFrom.set(shard.shardId, row.position);
  }

  #advance(shard: Shard): void {
    const row = this.rows.get(shard.shardId)!;
    const position: Position =
      shard.closed && this.#choose() % 2 === 0
        ? { kind: 'end' }
        : { kind: 'after', sequenceNumber: '1', subSequence: 0, partial: false };
    if (row.position.kind !== 'end') this.rows.set(shard.shardId, { ...row, position });
  }
}

test('invariant 3: parents before children, nothing skipped and no standstill, whatever reshards and whoever dies when', () => {
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.nat({ max: 1_000_000 })),
      fc.record({
        shards: fc.integer({ min: 1, max: 4 }),
        before: fc.nat({ max: 8 }),
        steps: fc.nat({ max: 25 }),
        tip: fc.boolean(),
      }),
      (choices, { shards, before, steps, tip }) => {
        const choose = () => Number(choices.next().value);
        const living = new RandomStream(choose, shards);
        for (let n = 0; n < before; n++) living.reshard();
        const startMs = living.nowMs;
        const reading = new Reading(living, tip ? { kind: 'timestamp', ms: startMs } : { kind: 'horizon' }, choose);
        for (let n = 0; n < steps; n++) {
          if (choose() % 3 === 0) living.reshard();
          else reading.round(choose() % 4 === 0, choose() % 2 === 0);
        }
        for (let n = 0, busy = true; busy; n++) {
          busy = reading.round(false, true);
          expect(n).toBeLessThan(20 * living.shards.length + 20);
        }
        for (const shard of living.shards) {
          if (shard.closed)
            expect([shard.shardId, reading.rows.get(shard.shardId)?.position]).toEqual([
              shard.shardId,
              { kind: 'end' },
            ]);
          expectNothingSkipped(shard, reading.readFrom.get(shard.shardId)!, tip ? startMs : undefined);
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** From the horizon everything is read. From a time on, everything since the start is read if the time is not later; and nothing before it, if the shard is older. */
function expectNothingSkipped(shard: LivingShard, from: Position, startMs: number | undefined): void {
  if (startMs === undefined) {
    expect(from).toEqual({ kind: 'horizon' });
    return;
  }
  if (shard.createdMs <= startMs && from.kind === 'horizon')
    expect([shard.shardId, from]).toEqual([shard.shardId, 'a time']);
  if (from.kind === 'timestamp') expect(from.ms).toBe(startMs);
  else expect(from.kind).toBe('horizon');
}

test('a plan is stable: once its rows are stored, the next plan of the same listing creates none and begins with the same shards', () => {
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 4 }),
      fc.nat({ max: 12 }),
      (choices, shards, reshards) => {
        const living = new RandomStream(() => Number(choices.next().value), shards);
        for (let n = 0; n < reshards; n++) living.reshard();
        const listed = living.listing(true);
        const start = { kind: 'timestamp', ms: 5 } as const;
        const first = lineage({ stream, listed, rows: new Map<string, ShardRow>(), start });
        const rows = new Map(first.missing.map((row) => [row.shardId, row]));
        const second = lineage({ stream, listed, rows, start: { kind: 'horizon' } });
        expect(second.missing).toEqual([]);
        expect(second.ready).toEqual(first.ready);
        expect(second.waiting).toEqual(first.waiting);
        expect(first.ready.length + first.waiting.length).toBe(living.shards.length);
      },
    ),
  );
});
