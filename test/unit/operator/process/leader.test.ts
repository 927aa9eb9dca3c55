import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fenced, LEASE_TIMINGS } from '../../../../operator/leader.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { aborted, PATH, Scene, unanswered, type Spec } from './leader-scene.ts';
import { ObjectsApi, refusal } from './objects-api.ts';

describe('a candidate', () => {
  it('makes the Lease that is not there, and renews it for as long as it lives', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    expect(one.state).toBe('leads');
    expect(scene.spec).toMatchObject({
      holderIdentity: one.leader.identity,
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      renewTime: '2026-01-01T00:00:00.000000Z',
    });
    await scene.clock.advance(60_000);
    expect(one.state).toBe('leads');
    expect(Date.parse(scene.spec.renewTime!) - Date.parse(scene.spec.acquireTime!)).toBeGreaterThan(57_000);
    await one.end();
  });

  it('stands by while another one renews, and takes over 15 to 17 s after the last sign of life', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    const two = scene.candidate('two');
    await scene.clock.advance(30_000);
    expect([one.state, two.state]).toEqual(['leads', 'waits']);
    await one.end();
    const lastSign = Date.parse(scene.spec.renewTime!);
    await scene.clock.until(() => two.state === 'leads');
    expect(scene.clock.now() - lastSign).toBeGreaterThanOrEqual(15_000);
    expect(scene.clock.now() - lastSign).toBeLessThanOrEqual(17_000);
    expect(scene.spec.leaseTransitions).toBe(1);
    await two.end();
  });

  it('takes a released Lease within two seconds', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    const two = scene.candidate('two');
    await scene.clock.advance(10_000);
    await one.end();
    await one.leader.release(new AbortController().signal);
    expect(scene.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    const released = scene.clock.monotonic();
    await scene.clock.until(() => two.state === 'leads');
    expect(scene.clock.monotonic() - released).toBeLessThanOrEqual(2000);
    await two.end();
  });

  it.each([-3_600_000, 3_600_000])(
    'waits for the whole lease of a holder whose clock is %i ms off, and no longer',
    async (offMs) => {
      const scene = new Scene();
      const renewTime = new Date(scene.clock.now() + offMs).toISOString().replace('Z', '000Z');
      scene.write({ holderIdentity: 'elsewhere', leaseDurationSeconds: 15, renewTime, leaseTransitions: 7 });
      const one = scene.candidate('one');
      await scene.clock.advance(14_900);
      expect(one.state).toBe('waits');
      await scene.clock.advance(200);
      expect(one.state).toBe('leads');
      expect(scene.spec.leaseTransitions).toBe(8);
      await one.end();
    },
  );

  it('does not take a change of the labels for a sign of life', async () => {
    const scene = new Scene();
    scene.write({ holderIdentity: 'elsewhere', leaseDurationSeconds: 15 });
    const one = scene.candidate('one');
    await scene.clock.advance(10_000);
    const there = scene.api.objects.get(PATH)!;
    scene.api.put(PATH, { ...there, metadata: { ...there.metadata, labels: { touched: 'yes' } } });
    await scene.clock.advance(5100);
    expect(one.state).toBe('leads');
    await one.end();
  });

  it('is another one after a restart under the same name', () => {
    const scene = new Scene();
    const [one, two] = [scene.candidate('pod'), scene.candidate('pod')];
    expect(one.leader.identity).not.toBe(two.leader.identity);
    one.stop.abort();
    two.stop.abort();
  });

  it('tries on through an outage of the API server', async () => {
    const scene = new Scene();
    scene.api.fault = () => ({ error: refusal('transport') });
    const one = scene.candidate('one');
    await scene.clock.advance(120_000);
    expect(one.state).toBe('waits');
    scene.api.fault = () => undefined;
    await scene.clock.advance(2000);
    expect(one.state).toBe('leads');
    await one.end();
  });
});

describe('a leader', () => {
  it('goes on when the answer to its renewal is lost', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    let lost = 0;
    scene.api.fault = ({ method }) =>
      method === 'PUT' && lost++ === 0 ? { error: refusal('transport'), after: true } : undefined;
    await scene.clock.advance(20_000);
    expect(lost).toBeGreaterThan(1);
    expect(one.state).toBe('leads');
    expect(scene.spec.leaseTransitions).toBe(0);
    await one.end();
  });

  it('goes on through an outage of seven seconds', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    scene.api.fault = () => ({ error: refusal('transport') });
    await scene.clock.advance(7000);
    scene.api.fault = () => undefined;
    await scene.clock.advance(60_000);
    expect(one.state).toBe('leads');
    await one.end();
  });

  it('is lost after ten seconds without a renewal, five before anybody else may lead', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    scene.api.fault = () => ({ error: refusal('transport') });
    await scene.clock.advance(9900);
    expect(one.state).toBe('leads');
    await scene.clock.advance(200);
    expect(one.state).toBe('lost');
    expect(one.leader.leads).toBe(false);
  });

  it('that was frozen writes nothing when it goes on, even when nobody took the Lease', async () => {
    const scene = new Scene();
    // A frozen process: time passes, and nothing of it runs.
    const clock = new FakeClock();
    const one = scene.candidate('one', clock);
    await settle();
    const writes = scene.api.writes;
    const frozen = clock.monotonic.bind(clock);
    clock.monotonic = () => frozen() + 12_000;
    expect(one.leader.leads).toBe(false);
    await clock.advance(2000);
    expect(one.state).toBe('lost');
    await one.leader.release(new AbortController().signal);
    expect(scene.api.writes).toBe(writes);
  });

  it('makes a Lease anew that somebody deleted', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    scene.api.objects.delete(PATH);
    await scene.clock.advance(2100);
    expect(one.state).toBe('leads');
    expect(scene.spec.holderIdentity).toBe(one.leader.identity);
    await one.end();
  });

  it('keeps leading when somebody deletes the Lease, whoever looks first', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    const two = scene.candidate('two');
    for (let i = 0; i < 5; i++) {
      await scene.clock.advance(1700);
      scene.api.objects.delete(PATH);
    }
    await scene.clock.advance(5000);
    expect([one.state, two.state]).toEqual(['leads', 'waits']);
    scene.api.objects.delete(PATH);
    await one.end();
    await scene.clock.until(() => two.state === 'leads', 20_000);
    await two.end();
  });

  it('is lost as soon as it sees another holder', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    scene.write({ holderIdentity: 'thief', leaseDurationSeconds: 15 });
    await scene.clock.advance(2100);
    expect(one.state).toBe('lost');
    expect(scene.spec.holderIdentity).toBe('thief');
  });

  it('keeps what others wrote into the Lease', async () => {
    const scene = new Scene();
    const one = scene.candidate('one');
    await settle();
    const there = scene.api.objects.get(PATH)!;
    scene.api.put(PATH, { ...there, metadata: { ...there.metadata, labels: { team: 'logs' } } });
    await scene.clock.advance(5000);
    expect(scene.api.objects.get(PATH)!.metadata.labels).toEqual({ team: 'logs' });
    expect(one.state).toBe('leads');
    await one.end();
  });
});

describe('the fence', () => {
  it('lets reads through and holds writes back as soon as this operator does not lead', async () => {
    const api = new ObjectsApi();
    let leads = true;
    const guarded = fenced(api, () => leads);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    await guarded.call({ method: 'POST', path: '/api/v1/configmaps', body });
    leads = false;
    await expect(guarded.call({ method: 'POST', path: '/api/v1/configmaps', body })).rejects.toMatchObject({
      code: 'KINLOG_LEADERSHIP_LOST',
    });
    await expect(guarded.call({ method: 'GET', path: '/api/v1/configmaps/a' })).resolves.toMatchObject({
      kind: 'ConfigMap',
    });
    expect(api.writes).toBe(1);
  });
});

describe('two candidates under any faults', () => {
  it('never lead at the same time', async () => {
    const step = fc.record({
      ms: fc.integer({ min: 1, max: 12_000 }),
      fault: fc.constantFrom('none', 'down', 'lost answers', 'deaf', 'late'),
      side: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, seed) => {
        const scene = new Scene(seed);
        const faults = new Map<string, string>();
        const who = (call: { readonly body?: unknown }) =>
          (call.body as { spec?: Spec } | undefined)?.spec?.holderIdentity?.split('_')[0] ?? '';
        scene.api.fault = (call) => {
          const fault = faults.get(who(call)) ?? 'none';
          if (fault === 'none' || fault === 'deaf') return undefined;
          return { error: refusal('transport'), after: fault !== 'down' };
        };
        scene.api.hold = (call, signal) => {
          const fault = faults.get(who(call));
          if (fault === 'deaf') return unanswered(signal);
          // Carried out when nobody waits for it any more.
          return fault === 'late' ? aborted(signal) : undefined;
        };
        const both = [scene.candidate('one'), scene.candidate('two')];
        for (const { ms, fault, side } of steps) {
          faults.set(side ? 'one' : 'two', fault);
          for (let left = ms; left > 0; left -= 500) {
            await scene.clock.advance(Math.min(left, 500));
            expect(both.filter(({ leader }) => leader.leads).length).toBeLessThanOrEqual(1);
          }
        }
        for (const one of both) one.stop.abort();
        await Promise.all(both.map(({ done }) => done));
      }),
      { numRuns: 25 },
    );
  });

  it('waits as client-go does', () => {
    expect(LEASE_TIMINGS).toEqual({ leaseMs: 15_000, renewMs: 10_000, retryMs: 2000 });
  });
});
