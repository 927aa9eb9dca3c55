/** A leader and its candidates whose calls are never answered, as on connections that died without a word. */
import { describe, expect, it } from 'vitest';
import { settle } from '../../../fakes/clock.ts';
import { aborted, Scene, unanswered } from './leader-scene.ts';
import { refusal } from './objects-api.ts';

describe('a candidate', () => {
  it('asks again within seconds when a call is never answered, whether it reads or writes', async () => {
    const scene = new Scene();
    let held = 0;
    scene.api.hold = (_call, signal) => (held++ === 0 ? unanswered(signal) : undefined);
    const one = scene.candidate('one');
    await scene.clock.until(() => one.state === 'leads');
    expect(scene.clock.monotonic()).toBeLessThanOrEqual(7000);
    await one.end();
    let puts = 0;
    scene.api.hold = ({ method }, signal) => (method === 'PUT' && puts++ === 0 ? unanswered(signal) : undefined);
    const lastSign = Date.parse(scene.spec.renewTime!);
    const two = scene.candidate('two');
    await scene.clock.until(() => two.state === 'leads');
    expect(puts).toBeGreaterThan(1);
    expect(scene.clock.now() - lastSign).toBeLessThanOrEqual(24_000);
    await two.end();
  });
});

describe('a leader', () => {
  it.each([1, 2, 3])('goes on when %i calls in a row are never answered', async (count) => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    let held = 0;
    scene.api.hold = (_call, signal) => (held++ < count ? unanswered(signal) : undefined);
    await scene.clock.advance(30_000);
    expect(held).toBeGreaterThan(count);
    expect(one.state).toBe('leads');
    expect(scene.spec.leaseTransitions).toBe(0);
    await one.end();
  });

  it('counts from the beginning of the renewal that was confirmed, and not of one that nobody answered', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    let puts = 0;
    let begun: number | undefined;
    scene.api.fault = ({ method }) =>
      method === 'PUT' && ++puts === 1 ? { error: refusal('transport'), after: true } : undefined;
    scene.api.hold = ({ method }, signal) => {
      if (begun !== undefined) return unanswered(signal);
      if (method !== 'PUT') return undefined;
      if (puts === 1) return aborted(signal);
      begun = scene.clock.monotonic();
      return scene.clock.sleep(1000);
    };
    await scene.clock.until(() => begun !== undefined);
    expect(begun).toBeGreaterThan(2000);
    await scene.clock.advance(9999);
    expect(one.leader.leads).toBe(true);
    await scene.clock.advance(1);
    expect(one.leader.leads).toBe(false);
    await scene.clock.until(() => one.state === 'lost', 1000);
  });

  it('stops at once while nothing is answered, and does not wait for the release of its Lease', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    let held = 0;
    scene.api.hold = (_call, signal) => {
      held++;
      return unanswered(signal);
    };
    await scene.clock.until(() => held > 0);
    const asked = scene.clock.monotonic();
    await one.end();
    expect([one.state, scene.clock.monotonic()]).toEqual(['ended', asked]);
    let released = false;
    void one.leader.release(new AbortController().signal).then(() => (released = true));
    await scene.clock.advance(5000);
    expect([one.leader.leads, released]).toEqual([false, true]);
  });

  it('is lost after ten seconds of an API server that does not answer at all', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    scene.api.hold = (_call, signal) => unanswered(signal);
    await scene.clock.advance(9900);
    expect(one.state).toBe('leads');
    await scene.clock.advance(200);
    expect(one.state).toBe('lost');
  });
});
