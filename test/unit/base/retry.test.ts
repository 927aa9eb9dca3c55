/** The retry loop: who is repeated, how long it waits, when it gives up. */
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { backoffMs, retry } from '../../../base/retry.ts';
import { FakeClock } from '../../fakes/clock.ts';

const throttled = () => new KinlogError('KINLOG_THROTTLED', 'slow down');

describe('retry', () => {
  it('repeats what may be repeated until it succeeds', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const result = retry(() => (++calls < 4 ? Promise.reject(throttled()) : Promise.resolve('done')), {
      signal: new AbortController().signal,
      clock,
      doing: 'trying',
    });
    await clock.until(() => calls === 4);
    expect(await result).toBe('done');
  });

  it('does not repeat an error it has no name for', async () => {
    let calls = 0;
    const result = retry(() => Promise.reject(new TypeError(`boom ${++calls}`)), {
      signal: new AbortController().signal,
      doing: 'trying',
    });
    await expect(result).rejects.toMatchObject({ code: 'KINLOG_UNEXPECTED', message: 'trying: TypeError: boom 1' });
    expect(calls).toBe(1);
  });

  it('gives up after the attempts it was given and says the last error', async () => {
    const clock = new FakeClock();
    let calls = 0;
    let failed: unknown;
    void retry(() => Promise.reject((calls++, throttled())), {
      signal: new AbortController().signal,
      clock,
      doing: 'trying',
      attempts: 3,
    }).catch((error: unknown) => (failed = error));
    await clock.until(() => failed !== undefined);
    expect(failed).toMatchObject({ code: 'KINLOG_THROTTLED' });
    expect(calls).toBe(3);
  });

  it('ends at once when the signal aborts during a wait', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const result = retry(() => Promise.reject(throttled()), { signal: stop.signal, clock, doing: 'trying' });
    await clock.advance(0);
    stop.abort();
    await expect(result).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('waits longer and longer up to a ceiling, and much longer for what a person must mend', () => {
    const waits = [1, 2, 3, 20].map((attempt) => backoffMs(throttled(), attempt, () => 1));
    expect(waits).toEqual([200, 400, 800, 10_000]);
    const slow = new KinlogError('KINLOG_PERMISSION_REFUSED', 'no');
    expect(backoffMs(slow, 1, () => 0)).toBe(15_000);
    expect(backoffMs(slow, 9, () => 1)).toBe(60_000);
  });
});
