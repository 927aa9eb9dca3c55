/** When a shard is read again. */
import { describe, expect, it } from 'vitest';
import { ShardPace } from '../../../reader/fetch/pace.ts';
import { FakeClock } from '../../fakes/clock.ts';

const EMPTY = { records: 0, bytes: 0 };
const SMALL = { records: 10, bytes: 1000 };
const TIP = { millisBehindLatest: 0 };
const BEHIND = { millisBehindLatest: 60_000 };

function paced(idleMs = 1_000) {
  const clock = new FakeClock();
  const pace = new ShardPace({ clock, idleMs, random: () => 0.5 });
  pace.called();
  return { clock, pace };
}

describe('the pace of a shard', () => {
  it('lets the first call go at once', () => {
    expect(new ShardPace({ clock: new FakeClock() }).waitMs()).toBe(0);
  });

  it('reads on at once while behind, empty page or not', () => {
    const { pace } = paced();
    pace.answered({ ...EMPTY, ...BEHIND });
    expect(pace.waitMs()).toBe(200);
    pace.answered({ ...SMALL, ...BEHIND });
    expect(pace.waitMs()).toBe(200);
  });

  it('backs off while there is nothing new, up to the ceiling, and comes back with the first record', async () => {
    const { clock, pace } = paced(1_500);
    const waits: number[] = [];
    for (const page of [EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, SMALL, EMPTY]) {
      pace.answered({ ...page, ...TIP });
      waits.push(pace.waitMs());
      await clock.advance(pace.waitMs());
      pace.called();
    }
    expect(waits).toEqual([250, 500, 1000, 1500, 1500, 500, 250]);
  });

  it('leaves room for a second reader at the tip', async () => {
    const { clock, pace } = paced();
    pace.answered({ ...SMALL, ...TIP });
    expect(pace.waitMs()).toBe(500);
    await clock.advance(500);
    expect(pace.waitMs()).toBe(0);
  });

  it('waits 5 s after a full page', () => {
    const { pace } = paced();
    pace.answered({ records: 10, bytes: 10 * 1024 * 1024, ...BEHIND });
    expect(pace.waitMs()).toBe(5_000);
  });

  it('waits a second and some more after a throttle, and slows down with each', async () => {
    const { clock, pace } = paced();
    pace.throttled();
    expect(pace.waitMs()).toBe(1_500);
    for (let i = 0; i < 3; i++) pace.throttled();
    await clock.advance(pace.waitMs());
    pace.called();
    pace.answered({ ...SMALL, ...BEHIND });
    expect(pace.waitMs()).toBeGreaterThan(900);
  });

  it('does not care about the wall clock', async () => {
    const { clock, pace } = paced();
    pace.answered({ ...SMALL, ...TIP });
    clock.wallOffsetMs -= 3_600_000;
    expect(pace.waitMs()).toBe(500);
    await clock.advance(499);
    expect(pace.waitMs()).toBe(1);
  });
});
