/** What a reader concludes from looking at the rows again and again: who lives, what is free for too long, what is withheld, whose the table is. */
import { describe, expect, it } from 'vitest';
import type { StoredRow } from '../../../reader/checkpoint/store.ts';
import { LeaseWatch } from '../../../reader/shards/watch.ts';
import { row } from './lease-rows.ts';

const T = 1000;

/** As many looks as silence needs, at one moment, or a single one that takes its time. */
class Looks {
  readonly watch = new LeaseWatch(T);

  at(ms: number, ...rows: StoredRow[]): this {
    for (let n = 0; n < 8; n++) this.over(ms, ms, ...rows);
    return this;
  }

  over(from: number, to: number, ...rows: StoredRow[]): this {
    this.watch.see(rows, { from, to });
    return this;
  }
}

const a = (version: number, fields: Partial<StoredRow> = {}): StoredRow => row(0, { owner: 'a', version, ...fields });

describe('an owner', () => {
  it('lives when it is first seen, and for two periods without a sign', () => {
    const looks = new Looks().at(0, a(1)).at(1999, a(1));
    expect(looks.watch.lives('a')).toBe(true);
    expect(looks.watch.waitMs('a')).toBe(1);
    expect(looks.at(2000, a(1)).watch.lives('a')).toBe(false);
  });

  it('lives on by any write to any of its rows', () => {
    const other = (version: number) => row(1, { owner: 'a', version });
    const { watch } = new Looks().at(0, a(1), other(1)).at(1900, a(1), other(2)).at(3800, a(1), other(2));
    expect(watch.lives('a')).toBe(true);
  });

  it('does not live by being asked, for that is written by others', () => {
    const { watch } = new Looks()
      .at(0, a(1))
      .at(1000, a(2, { successor: 'b' }))
      .at(2000, a(2, { successor: 'b' }));
    expect(watch.lives('a')).toBe(false);
  });

  it('lives by a write of its own that came together with the asking', () => {
    const { watch } = new Looks()
      .at(0, a(1))
      .at(1000, a(3, { successor: 'b' }))
      .at(2000, a(3, { successor: 'b' }));
    expect(watch.lives('a')).toBe(true);
  });

  it('lives by writing a row that it was asked for', () => {
    const asked = (version: number) => a(version, { successor: 'b' });
    const { watch } = new Looks().at(0, a(1)).at(500, asked(2)).at(1500, asked(3)).at(3000, asked(3));
    expect(watch.lives('a')).toBe(true);
  });

  it('lives when a shard is handed to it', () => {
    const { watch } = new Looks().at(0, a(1)).at(1000, row(0, { owner: 'b', version: 2 }));
    expect(watch.waitMs('b')).toBe(2 * T);
  });

  it('that has come into a row since the latest look lives', () => {
    expect(new Looks().at(0, a(1)).watch.lives('newcomer')).toBe(true);
  });

  it('is judged by the beginning of a look: what it wrote while the answer was on its way is not in it', () => {
    const { watch } = new Looks().at(0, a(1)).over(300, 60_000, a(1));
    expect(watch.lives('a')).toBe(true);
    for (let n = 0; n < 4; n++) watch.see([a(1)], { from: 60_000, to: 60_000 });
    expect(watch.lives('a')).toBe(false);
  });

  it('is waited for from the end of the look that showed its sign', () => {
    const { watch } = new Looks().over(0, 1500, a(1)).at(3499, a(1));
    expect(watch.lives('a')).toBe(true);
  });

  it('is not silent while nobody could listen: a look after minutes without the store shows nothing', () => {
    const looks = new Looks().over(0, 0, a(1));
    for (let n = 0; n < 4; n++) expect(looks.over(300_000 + n, 300_000 + n, a(1)).watch.lives('a')).toBe(true);
    expect(looks.over(300_004, 300_004, a(1)).watch.lives('a')).toBe(false);
  });

  it('is said to have moved once it wrote a second time, not for being there', () => {
    const looks = new Looks().at(0, a(1));
    expect(looks.watch.owners()).toEqual([{ owner: 'a', moved: false }]);
    expect(looks.at(100, a(2)).watch.owners()).toEqual([{ owner: 'a', moved: true }]);
    expect(looks.at(200, row(0, { version: 3 })).watch.owners()).toEqual([]);
  });
});

describe('a shard', () => {
  it('without an owner is overdue after two periods', () => {
    const free = row(0);
    const looks = new Looks().at(0, free).at(1999, free);
    expect(looks.watch.overdue(free)).toBe(false);
    expect(looks.at(2000, free).watch.overdue(free)).toBe(true);
  });

  it('of a dead owner is overdue two periods after its death', () => {
    const looks = new Looks().at(0, a(1)).at(3999, a(1));
    expect(looks.watch.overdue(a(1))).toBe(false);
    expect(looks.at(4000, a(1)).watch.overdue(a(1))).toBe(true);
  });

  it('that was asked for is withheld after three periods, however often its owner writes it meanwhile', () => {
    const asked = (version: number) => a(version, { successor: 'me' });
    const looks = new Looks().at(0, a(1)).at(1000, asked(2)).at(2000, asked(3)).at(3999, asked(4));
    expect(looks.watch.denied(asked(4))).toBe(false);
    expect(looks.at(4000, asked(5)).watch.denied(asked(5))).toBe(true);
  });

  it('is not withheld while its owner could not be seen to hand it over', () => {
    const asked = a(2, { successor: 'me' });
    const looks = new Looks().over(0, 0, a(1)).over(100, 100, asked);
    for (let n = 0; n < 7; n++) expect(looks.over(300_000, 300_000, asked).watch.denied(asked)).toBe(false);
    expect(looks.over(300_000, 300_000, asked).watch.denied(asked)).toBe(true);
  });

  it('that was not asked for is withheld by nobody', () => {
    const looks = new Looks().at(0, a(1)).at(9000, a(2));
    expect(looks.watch.denied(a(2))).toBe(false);
  });

  it('that is asked for by another one than before has its time anew', () => {
    const looks = new Looks()
      .at(0, a(1, { successor: 'b' }))
      .at(2500, a(2, { successor: 'me' }))
      .at(3500, a(2, { successor: 'me' }));
    expect(looks.watch.denied(a(2, { successor: 'me' }))).toBe(false);
  });
});

describe('a row of another program', () => {
  const kcl = (version: number, owner = 'kcl'): StoredRow => row(0, { owner, version, foreign: true });

  it('that moves is refused, by the name of who moves it', () => {
    const looks = new Looks().at(0, kcl(1)).at(300, kcl(1));
    expect(() => looks.at(600, kcl(2))).toThrow(expect.objectContaining({ code: 'KINLOG_KCL_ALIVE' }));
    expect(() => new Looks().at(0, kcl(1)).at(600, kcl(2, 'another'))).toThrow(/another.*shard-0/);
  });

  it('that stands still is waited for far longer than one of ours', () => {
    const looks = new Looks().at(0, kcl(1)).at(39_999, kcl(1));
    expect(looks.watch.lives('kcl')).toBe(true);
    expect(looks.at(40_000, kcl(1)).watch.lives('kcl')).toBe(false);
  });

  it('may be released by it, and taken by one of ours', () => {
    const { foreign: _, ...released } = kcl(2);
    const looks = new Looks().at(0, kcl(1));
    expect(() => looks.at(100, { ...released, owner: 'ours' })).not.toThrow();
    const { owner: _owner, ...free } = kcl(2);
    expect(() => new Looks().at(0, kcl(1)).at(100, free)).not.toThrow();
  });
});

describe('rows that come and go', () => {
  it('are forgotten with their owners when they go, and seen for the first time when they come back', () => {
    const looks = new Looks().at(0, a(5)).at(100).at(5000, a(1));
    expect(looks.watch.lives('a')).toBe(true);
    expect(looks.watch.owners()).toEqual([{ owner: 'a', moved: false }]);
    expect(looks.watch.overdue(row(1))).toBe(false);
  });
});
