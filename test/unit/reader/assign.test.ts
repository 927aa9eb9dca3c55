/** The division of shards among readers: each rule, and that many readers following it come to rest evenly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredRow } from '../../../reader/checkpoint/store.ts';
import { assign, type AssignInput, type Assignment } from '../../../reader/shards/assign.ts';
import { seededRandom } from '../../fakes/access-log.ts';
import { row, shard } from './lease-rows.ts';

interface Situation {
  readonly me?: string;
  readonly rows: readonly StoredRow[];
  readonly dead?: readonly string[];
  readonly unreadable?: readonly string[];
  readonly overdue?: AssignInput['overdue'];
  readonly denied?: AssignInput['denied'];
  readonly random?: () => number;
  readonly alone?: boolean;
}

function decide({ me = 'me', rows, dead = [], unreadable = [], ...rest }: Situation): Assignment {
  return assign({
    ...{ me, rows, overdue: () => false, denied: () => false, random: seededRandom(1), ...rest },
    readable: new Set(rows.map(({ shardId }) => shardId).filter((id) => !unreadable.includes(id))),
    lives: (owner) => !dead.includes(owner),
  });
}

const ids = (rows: readonly StoredRow[]): string[] => rows.map(({ shardId }) => shardId).sort();
const rowsOf = (owners: readonly (string | undefined)[]): StoredRow[] =>
  owners.map((owner, n) => row(n, owner === undefined ? {} : { owner }));

describe('free shards', () => {
  it('are all taken by a reader that is alone', () => {
    expect(ids(decide({ rows: rowsOf([undefined, undefined, undefined]) }).take)).toHaveLength(3);
  });

  it('are taken up to a fair share, the odd one included', () => {
    const rows = rowsOf([undefined, undefined, undefined, undefined, 'other']);
    expect(decide({ rows }).take).toHaveLength(3);
  });

  it('are those of a dead owner too, and it has no share', () => {
    const rows = rowsOf(['dead', 'dead', 'dead', 'me']);
    expect(ids(decide({ rows, dead: ['dead'] }).take)).toEqual([shard(0), shard(1), shard(2)]);
  });

  it('are left to others by a reader that has its share', () => {
    expect(decide({ rows: rowsOf(['me', 'me', 'other', undefined]) }).take).toEqual([]);
  });

  it('that nobody has taken for long are taken beyond the share', () => {
    const rows = rowsOf(['me', 'me', 'other', undefined]);
    expect(ids(decide({ rows, overdue: ({ shardId }) => shardId === shard(3) }).take)).toEqual([shard(3)]);
  });

  it('are not taken while they can not be read, and count for nobody', () => {
    const rows = rowsOf([undefined, undefined, 'other', 'other']);
    const { take } = decide({ rows, unreadable: [shard(0)] });
    expect(ids(take)).toEqual([shard(1)]);
  });

  it("at their end are nobody's business", () => {
    const ended = row(0, { position: { kind: 'end' } });
    expect(decide({ rows: [ended, row(1, { position: { kind: 'end' }, owner: 'dead' })], dead: ['dead'] })).toEqual({
      take: [],
      steal: [],
      ask: [],
    });
  });

  it('are chosen at random, so that two readers that start together rarely want the same', () => {
    const rows = rowsOf([...Array<undefined>(10).fill(undefined), ...Array<string>(2).fill('other')]);
    const choices = [1, 2, 3].map((seed) => ids(decide({ rows, random: seededRandom(seed) }).take).join());
    expect(new Set(choices).size).toBe(3);
  });
});

describe('a busier reader', () => {
  it('is asked for as many as make the loads equal', () => {
    expect(decide({ rows: rowsOf(['other', 'other', 'other', 'other']) }).ask).toHaveLength(2);
  });

  it('is not asked when it has one more: the move would only change places', () => {
    expect(decide({ rows: rowsOf(['other', 'other', 'me']) }).ask).toEqual([]);
  });

  it('is the one that is asked, the busiest first', () => {
    const rows = rowsOf(['a', 'b', 'b', 'b', 'b', 'me']);
    const { ask } = decide({ rows });
    expect(ask.map(({ owner }) => owner)).toEqual(['b']);
  });

  it('is not asked for what another has asked for, which counts for that one', () => {
    const rows = [
      row(0, { owner: 'a', successor: 'b' }),
      row(1, { owner: 'a', successor: 'b' }),
      row(2, { owner: 'a' }),
    ];
    expect(decide({ rows }).ask).toHaveLength(0);
  });

  it('is not asked for more when what this reader has asked for is on its way', () => {
    const rows = [row(0, { owner: 'a', successor: 'me' }), row(1, { owner: 'a', successor: 'me' })];
    rows.push(row(2, { owner: 'a' }), row(3, { owner: 'a' }));
    expect(decide({ rows }).ask).toEqual([]);
  });

  it('is not asked for a shard that can not be read, nor for one of another program', () => {
    const rows = [row(0, { owner: 'a' }), row(1, { owner: 'a', foreign: true }), row(2, { owner: 'a', foreign: true })];
    expect(decide({ rows, unreadable: [shard(0)] }).ask).toEqual([]);
  });
});

describe('a shard that was asked for', () => {
  const asked = [row(0, { owner: 'a', successor: 'me' }), row(1, { owner: 'a' })];

  it('is taken by force once its owner had the time to hand it over', () => {
    expect(ids(decide({ rows: asked, denied: () => true }).steal)).toEqual([shard(0)]);
  });

  it('is waited for until then', () => {
    expect(decide({ rows: asked }).steal).toEqual([]);
  });

  it('is not taken by force when somebody else asked, or when it has arrived', () => {
    const rows = [row(0, { owner: 'a', successor: 'b' }), row(1, { owner: 'me' }), row(2, { owner: 'a' })];
    expect(decide({ rows, denied: () => true }).steal).toEqual([]);
  });
});

/** Readers that decide in turn; owners hand over what is asked of them before the next turn. */
class Town {
  readonly rows: StoredRow[];
  readonly readers: string[];
  readonly #random: () => number;
  dead: string[] = [];
  moves = 0;

  constructor(shards: number, readers: number, random: () => number) {
    this.rows = Array.from({ length: shards }, (_, n) => row(n));
    this.readers = Array.from({ length: readers }, (_, n) => `reader ${n}`);
    this.#random = random;
  }

  /** Everybody once, in a random order, each from the rows as the one before has left them; then what was asked for is handed over. */
  round(): void {
    const order = this.readers.map((me) => ({ me, at: this.#random() })).sort((a, b) => a.at - b.at);
    for (const { me } of order) {
      const { take, ask } = decide({ me, rows: this.rows, dead: this.dead, random: this.#random });
      for (const { shardId, version } of take) this.#put(shardId, version, { owner: me });
      for (const { shardId, version } of ask) this.#put(shardId, version, { successor: me });
    }
    for (const { shardId, version, owner, successor } of [...this.rows])
      if (successor !== undefined && !this.dead.includes(owner!)) this.#put(shardId, version, { owner: successor });
  }

  #put(shardId: string, version: number, change: Partial<StoredRow>): void {
    const at = this.rows.findIndex((stored) => stored.shardId === shardId);
    const { successor: _, ...before } = this.rows[at]!;
    if (before.version !== version) return;
    if ('owner' in change) this.moves++;
    this.rows[at] = { ...before, ...change, version: version + 1 };
  }

  get even(): boolean {
    const loads = this.readers.map((reader) => this.rows.filter(({ owner }) => owner === reader).length);
    const owned = loads.reduce((sum, load) => sum + load, 0);
    return owned === this.rows.length && Math.max(...loads) - Math.min(...loads) <= 1;
  }

  /** Rounds until the shards are divided; more than `limit` is a failure. */
  settle(limit: number): number {
    for (let rounds = 0; rounds <= limit; rounds++) {
      if (this.even) return rounds;
      this.round();
    }
    throw new Error(`not divided after ${limit} rounds: ${this.rows.map(({ owner }) => owner).join()}`);
  }
}

const town = fc.record({
  shards: fc.integer({ min: 0, max: 200 }),
  readers: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(),
});

describe('readers that all decide by these rules', () => {
  /** Looks of every reader; there are three in a period, and one more goes by until a shard has changed hands. */
  const LIMIT = 6;

  it('divide any number of shards to loads that differ by one at most, and then leave it at that', () => {
    fc.assert(
      fc.property(town, ({ shards, readers, seed }) => {
        const place = new Town(shards, readers, seededRandom(seed));
        place.settle(LIMIT);
        const { moves } = place;
        for (let n = 0; n < 5; n++) place.round();
        expect(place.moves).toBe(moves);
      }),
    );
  });

  it('do so when they come one after the other', () => {
    fc.assert(
      fc.property(town, ({ shards, readers, seed }) => {
        const place = new Town(shards, readers, seededRandom(seed));
        const all = place.readers.splice(1);
        place.settle(LIMIT);
        for (const reader of all) {
          place.readers.push(reader);
          place.settle(LIMIT);
        }
      }),
    );
  });

  it('spread what dead ones leave, and move each shard twice more at the most until the loads are equal', () => {
    fc.assert(
      fc.property(town, fc.integer({ min: 1, max: 15 }), ({ shards, readers, seed }, deaths) => {
        const place = new Town(shards, readers, seededRandom(seed));
        place.settle(LIMIT);
        place.dead = place.readers.splice(0, Math.min(deaths, readers - 1));
        const orphans = place.rows.filter(({ owner }) => place.dead.includes(owner!)).length;
        const { moves } = place;
        place.settle(LIMIT);
        expect(place.moves - moves).toBeLessThanOrEqual(orphans + 2 * shards);
      }),
    );
  });
});

describe('a reader that shares with nobody', () => {
  it('begins with the one shard that all who begin then see first, and has the others once it has that', () => {
    const { take, more } = decide({ rows: rowsOf([undefined, 'dead', undefined]), dead: ['dead'], alone: true });
    expect([ids(take), more]).toEqual([[shard(0)], true]);
    const next = decide({ rows: rowsOf(['me', 'dead', undefined]), dead: ['dead'], alone: true });
    expect([ids(next.take), next.more]).toEqual([[shard(1), shard(2)], undefined]);
  });

  it('takes none while the row of that shard is not known', () => {
    const rows = rowsOf([undefined, undefined, undefined]);
    const readable = new Set(ids(rows));
    const how = { me: 'me', alone: true, overdue: () => false, denied: () => false, random: seededRandom(1) };
    expect(assign({ ...how, rows: rows.slice(1), readable, lives: () => true }).take).toEqual([]);
  });

  it("takes every shard when no other lives, the dead ones' too", () => {
    const { take, aside } = decide({ rows: rowsOf([undefined, 'dead', 'me']), dead: ['dead'], alone: true });
    expect([ids(take), aside]).toEqual([[shard(0), shard(1)], undefined]);
  });

  it('takes and asks for nothing while another lives, not even what is free', () => {
    expect(decide({ rows: rowsOf(['other', undefined]), alone: true })).toEqual({
      ...{ take: [], steal: [], ask: [], aside: 'other' },
    });
  });

  it('goes on when it has more than another that began at the same time, and stands aside when it has fewer', () => {
    const rows = rowsOf(['me', 'me', 'other', undefined]);
    expect(decide({ rows, alone: true }).aside).toBeUndefined();
    expect(decide({ rows, alone: true, me: 'other' }).aside).toBe('me');
  });

  it('never stands aside together with the other, whatever each of them has', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', undefined), { minLength: 1 }), (owners) => {
        const rows = rowsOf(owners);
        const living = [...new Set(owners.filter((owner) => owner !== undefined)), 'new'];
        const reading = living.filter((me) => decide({ rows, me, alone: true }).aside === undefined);
        expect(reading).toHaveLength(1);
      }),
    );
  });
});
