import { describe, expect, it } from 'vitest';
import { EventLimits, Recent } from '../../../../operator/event-limits.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const event = (uid: string, note: string, reason = 'Failed') =>
  ({ uid, type: 'Warning', reason, action: 'Reconcile', note }) as const;

describe('the limits of Events', () => {
  it('count the same under the same key, and what differs under another', () => {
    const limits = new EventLimits(new FakeClock());
    const [one, again, other] = ['x', 'x', 'y'].map((note) => limits.admit(event('a', note))!.key);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(limits.admit(event('b', 'x'))!.key).not.toBe(one);
  });

  it('give an object one more after each five minutes, and never more than 25 at once', async () => {
    const clock = new FakeClock();
    const limits = new EventLimits(clock);
    const admitted = (): number => {
      let count = 0;
      while (limits.admit(event('a', 'x')) !== undefined) count++;
      return count;
    };
    expect(admitted()).toBe(25);
    await clock.advance(299_000);
    expect(admitted()).toBe(0);
    await clock.advance(1000);
    expect(admitted()).toBe(1);
    await clock.advance(365 * 86_400_000);
    expect(admitted()).toBe(25);
  });

  it('remember the last ones only', () => {
    const recent = new Recent<number>();
    for (let i = 0; i < 5000; i++) {
      recent.set(String(i), i);
      recent.get('0');
    }
    expect([recent.get('0'), recent.get('1'), recent.get('900'), recent.get('4999')]).toEqual([
      0,
      undefined,
      undefined,
      4999,
    ]);
  });
});
