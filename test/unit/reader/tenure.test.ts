/** How long a reader may believe that its shards are its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tenure } from '../../../reader/shards/tenure.ts';
import { FakeClock } from '../../fakes/clock.ts';

const LASTS = 2000;

describe('a tenure', () => {
  it('does not hold before anything was confirmed', () => {
    expect(new Tenure(new FakeClock(), LASTS).holds()).toBe(false);
  });

  it('lasts from the beginning of the write, not from its end', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    const startedAt = clock.monotonic();
    await clock.advance(1500);
    tenure.confirm(startedAt);
    await clock.advance(499);
    expect(tenure.holds()).toBe(true);
    await clock.advance(1);
    expect(tenure.holds()).toBe(false);
  });

  it('lasts for ever on a store that nobody shares', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, Infinity);
    tenure.confirm(0);
    await clock.advance(1e9);
    expect(tenure.holds()).toBe(true);
    expect(tenure.since).toBe(-Infinity);
  });

  it('is not shortened by an answer that comes late', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    tenure.confirm(1000);
    tenure.confirm(10);
    expect(tenure.confirmedAt).toBe(1000);
    expect(tenure.since).toBe(-Infinity);
  });

  it('that lapsed and was confirmed anew casts doubt on whatever was confirmed before the lapse', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    tenure.confirm(0);
    await clock.advance(LASTS);
    tenure.confirm(clock.monotonic());
    expect(tenure.since).toBe(2000);
    await clock.advance(900);
    tenure.confirm(clock.monotonic());
    expect(tenure.since).toBe(2000);
  });

  it('lapses also when a write that began in time is answered too late: it may have been seen as late as that', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    tenure.confirm(0);
    await clock.advance(LASTS + 500);
    tenure.confirm(LASTS - 100);
    expect(tenure.holds()).toBe(true);
    expect(tenure.since).toBe(LASTS);
  });

  it('casts doubt on what was confirmed during the lapse and is told of after its end, when that lapsed in between', async () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    tenure.confirm(0);
    await clock.advance(10_000);
    tenure.confirm(10_000);
    // The answer of a slow store to what began at 5,000: others could take that shard from 7,000 on.
    tenure.confirm(5000);
    expect(tenure.since).toBe(10_000);
    tenure.confirm(8001);
    expect(tenure.since).toBe(8001);
  });

  it('takes no notice of the wall clock', () => {
    const clock = new FakeClock();
    const tenure = new Tenure(clock, LASTS);
    tenure.confirm(0);
    clock.wallOffsetMs += 3_600_000;
    expect(tenure.holds()).toBe(true);
    clock.wallOffsetMs -= 7_200_000;
    expect(tenure.holds()).toBe(true);
  });

  it('ends before anybody who saw the last write, whenever that was, has waited as long', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1 }), fc.nat(3000), (waits, seenAfterMs) => {
        const clock = new FakeClock();
        const tenure = new Tenure(clock, LASTS);
        let at = 0;
        for (const wait of waits) tenure.confirm((at += wait));
        expect(tenure.confirmedAt + LASTS).toBeLessThanOrEqual(at + seenAfterMs + LASTS);
        expect(tenure.since).toBeLessThanOrEqual(tenure.confirmedAt);
      }),
    );
  });
});
