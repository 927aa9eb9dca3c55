/** Credentials that end are replaced in time. */
import { describe, expect, it } from 'vitest';
import { renewed } from '../../../base/aws-credentials.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A source that hands out a session of so many milliseconds at each call, and can be told to wait or to fail. */
class Source {
  readonly clock = new FakeClock();
  asked = 0;
  sessionMs = 90_000;
  failure: Error | undefined;
  gate: Promise<undefined> | undefined;
  readonly provider = renewed(async () => {
    const n = ++this.asked;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const expiration = new Date(this.clock.now() + this.sessionMs);
    return { accessKeyId: `key ${n}`, secretAccessKey: 's', expiration };
  }, this.clock);

  async key(): Promise<string> {
    return (await this.provider()).accessKeyId;
  }

  async expiresInMs(): Promise<number> {
    return (await this.provider()).expiration!.getTime() - this.clock.now();
  }
}

describe('credentials of a role', () => {
  it('are asked for once, however many calls wait', async () => {
    const source = new Source();
    const gate = Promise.withResolvers<undefined>();
    source.gate = gate.promise;
    const keys = Promise.all(Array.from({ length: 1000 }, () => source.key()));
    gate.resolve(undefined);
    expect(new Set(await keys)).toEqual(new Set(['key 1']));
    expect(source.asked).toBe(1);
  });

  it('are never used when they are about to end, and renewed about once a session', async () => {
    const source = new Source();
    for (let second = 0; second < 3600; second++) {
      expect(await source.expiresInMs()).toBeGreaterThanOrEqual(5000);
      await source.clock.advance(1000);
    }
    expect(source.asked).toBeLessThanOrEqual(3600 / (90 * 0.75) + 1);
  });

  it('stay in use while their renewal takes its time', async () => {
    const source = new Source();
    expect(await source.key()).toBe('key 1');
    const gate = Promise.withResolvers<undefined>();
    source.gate = gate.promise;
    await source.clock.advance(70_000);
    expect(await source.key()).toBe('key 1');
    expect(await source.key()).toBe('key 1');
    expect(source.asked).toBe(2);
    gate.resolve(undefined);
    await source.clock.advance(0);
    expect(await source.key()).toBe('key 2');
  });

  it('outlive an outage of STS that ends before they do, which is asked every ten seconds', async () => {
    const source = new Source();
    source.sessionMs = 3_600_000;
    await source.key();
    source.failure = new Error('STS is away');
    await source.clock.advance(3_300_000);
    for (let second = 0; second < 290; second++) {
      expect(await source.key()).toBe('key 1');
      await source.clock.advance(1000);
    }
    expect(source.asked).toBeGreaterThan(25);
    expect(source.asked).toBeLessThan(35);
    source.failure = undefined;
    await source.clock.advance(4000);
    await source.key();
    await source.clock.advance(0);
    expect(await source.key()).toMatch(/^key \d\d$/);
  });

  it('that have ended make the calls fail with the failure of their renewal', async () => {
    const source = new Source();
    await source.key();
    source.failure = new Error('STS is away');
    await source.clock.advance(90_000);
    await expect(source.key()).rejects.toThrow('STS is away');
    source.failure = undefined;
    expect(await source.key()).toMatch(/^key [34]$/);
  });

  it('are over after the hour that was asked for, also when the wall clock runs an hour behind', async () => {
    const source = new Source();
    source.sessionMs = 2 * 3_600_000;
    await source.key();
    await source.clock.advance(3_599_000);
    expect(await source.key()).not.toBe('key 1');
  });

  it('are over when the wall clock says so, because the monotonic one stands still while the host sleeps', async () => {
    const source = new Source();
    await source.key();
    source.clock.wallOffsetMs += 80_000;
    await source.clock.advance(6000);
    expect(await source.key()).toBe('key 2');
  });

  it('that this clock takes for past are refused, with a word about the clock', async () => {
    const source = new Source();
    source.sessionMs = -1000;
    const refused = await source.key().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'KINLOG_CREDENTIALS_REFUSED', retry: 'slow' });
    expect(refused).toMatchObject({ remedy: expect.stringContaining('clock') as string });
  });
});
