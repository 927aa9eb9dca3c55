/** A child that somebody else keeps changing is repaired more and more seldom. */
import { describe, expect, it } from 'vitest';
import { Contest } from '../../../../operator/reconcile/contest.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const child = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'orders-reader', uid: 'a' } };

describe('repairing a child', () => {
  it('is done at once a few times, then in growing pauses of at most five minutes', async () => {
    const clock = new FakeClock();
    const contest = new Contest(clock);
    expect(contest.waitMs(child, 'hash')).toBe(0);
    contest.applied(child, 'hash');
    const repairs: number[] = [];
    while (clock.monotonic() < 3_600_000) {
      const waitMs = contest.waitMs(child, 'hash');
      if (waitMs === 0) {
        contest.applied(child, 'hash');
        repairs.push(clock.monotonic());
      }
      await clock.advance(Math.max(waitMs, 100));
    }
    const pauses = repairs.slice(1).map((at, i) => at - repairs[i]!);
    expect(repairs.length).toBeLessThan(25);
    expect(Math.max(...pauses)).toBe(300_000);
    expect(pauses.slice(2, 6)).toEqual([1100, 2100, 4100, 8100].map((ms) => expect.closeTo(ms, -3) as number));
  });

  it('knows the difference between a repair and a new state', () => {
    const contest = new Contest(new FakeClock());
    for (let i = 0; i < 50; i++) {
      expect(contest.waitMs(child, `hash ${i}`)).toBe(0);
      expect(contest.isContested(child, `hash ${i}`)).toBe(false);
      contest.applied(child, `hash ${i}`);
    }
  });

  it('is told from the repair on after which it pauses', () => {
    const contest = new Contest(new FakeClock());
    const told = Array.from({ length: 4 }, () => {
      const isContested = contest.isContested(child, 'hash');
      contest.applied(child, 'hash');
      return isContested;
    });
    expect(told).toEqual([false, false, false, true]);
  });

  it('is at once again when ten minutes were quiet', async () => {
    const clock = new FakeClock();
    const contest = new Contest(clock);
    for (let i = 0; i < 4; i++) contest.applied(child, 'hash');
    expect(contest.waitMs(child, 'hash')).toBeGreaterThan(0);
    await clock.advance(600_000);
    expect(contest.waitMs(child, 'hash')).toBe(0);
    expect(contest.isContested(child, 'hash')).toBe(false);
  });
});
