/** Suite 7: one operator leads, whatever happens to it, to its Lease, to the API server and to the clocks. Real processes and the real timings: 15, 10 and 2 s. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { install, OperatorProcess, SYSTEM, writesOf } from './operator-process.ts';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces';

interface Lease {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly renewTime?: string;
  };
}

describe('7 leader election on a real control plane', () => {
  let plane: ControlPlane;
  const started: OperatorProcess[] = [];

  const start = (name: string, namespace = SYSTEM): OperatorProcess => {
    const operator = OperatorProcess.start(plane, name, namespace);
    started.push(operator);
    return operator;
  };
  const lease = (namespace = SYSTEM): Promise<Lease> =>
    plane.call('GET', `${LEASE}/${namespace}/leases/kinlog-operator`);
  /** Needs nothing to run: a spec that the operator has work with is enough. */
  const logStream = (name: string): void => {
    const example = readFileSync(new URL('../../crds/examples/smallest.yaml', import.meta.url), 'utf8');
    plane.kubectl(['-n', 'default', 'apply', '-f', '-'], example.replace(/^ {2}name: .*$/m, `  name: ${name}`));
  };
  const untilSeen = (name: string, limitMs?: number): Promise<void> =>
    until(
      async () => {
        const path = `/apis/kinlog.io/v1alpha1/namespaces/default/logstreams/${name}`;
        const stream = await plane.call<{ status?: { conditions?: unknown[] } }>('GET', path);
        return (stream.status?.conditions?.length ?? 0) > 0;
      },
      `LogStream ${name} has conditions; the operators said:\n${started.map(({ text }) => text.slice(-3000)).join('\n')}`,
      limitMs,
    );

  beforeAll(async () => {
    plane = await ControlPlane.start({ binary: builtFile() });
    install(plane);
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((operator) => operator.kill()));
    await plane.call('DELETE', `${LEASE}/${SYSTEM}/leases/kinlog-operator`).catch(() => undefined);
  });

  afterAll(async () => {
    await plane.stop();
  });

  it('a leader that was frozen for 30 s ends without a write when it goes on', async () => {
    const one = start('frozen');
    await one.until('leader.elected');
    logStream('before');
    await untilSeen('before');
    const two = start('awake');
    await two.until('leader.waiting');
    one.signal('SIGSTOP');
    const frozenMs = performance.now();
    const writes = writesOf(plane, 'frozen').length;
    // There is work that it would do if it believed that it still leads.
    logStream('during');
    await two.until('leader.elected');
    await untilSeen('during');
    await sleep(Math.max(0, 30_000 - (performance.now() - frozenMs)));
    logStream('after');
    one.signal('SIGCONT');
    expect(await one.ended).toEqual({ status: 100, signal: null });
    expect(one.said('operator.failed')).toMatchObject({
      error: expect.stringContaining('KINLOG_LEADERSHIP_LOST') as string,
    });
    await untilSeen('after');
    expect(writesOf(plane, 'frozen').slice(writes)).toEqual([]);
    expect((await lease()).spec).toMatchObject({ leaseTransitions: 1, leaseDurationSeconds: 15 });
  });

  it('a leader that gets SIGTERM lets another one lead without waiting for the end of its Lease, and ends with status 0', async () => {
    const one = start('leaving');
    await one.until('leader.elected');
    const two = start('coming');
    await two.until('leader.waiting');
    const asked = performance.now();
    one.signal('SIGTERM');
    const elected = await two.until('leader.elected');
    // Two or three seconds; a Lease that nobody gives back lasts for at least 13.
    expect(elected.atMs - asked).toBeLessThan(10_000);
    expect(await one.ended).toEqual({ status: 0, signal: null });
    expect(one.said('operator.stopped')).toBeDefined();
    expect(one.other).toBe('');
    two.signal('SIGTERM');
    await two.ended;
    expect((await lease()).spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  });

  it('a Lease that somebody deletes is made anew by its leader, and nobody else leads', async () => {
    const one = start('keeping');
    await one.until('leader.elected');
    const two = start('watching');
    await two.until('leader.waiting');
    const { holderIdentity } = (await lease()).spec;
    for (let times = 0; times < 3; times++) {
      await plane.call('DELETE', `${LEASE}/${SYSTEM}/leases/kinlog-operator`);
      await until(async () => (await lease().catch(() => undefined)) !== undefined, 'a Lease');
      expect((await lease()).spec.holderIdentity).toBe(holderIdentity);
    }
    logStream('once');
    await untilSeen('once');
    expect(one.exited).toBe(false);
    expect(two.said('leader.elected')).toBeUndefined();
  });

  it('a leader without an API server for 12 s ends, and it is led again once that is back', async () => {
    const one = start('alone');
    await one.until('leader.elected');
    const two = start('second');
    await two.until('leader.waiting');
    const { renewTime } = (await lease()).spec;
    await plane.kill('kube-apiserver');
    const lost = performance.now();
    const { status } = await one.ended;
    expect(status).toBe(100);
    // Not before it has tried for 10 s, and before anybody else could lead.
    expect(Date.now() - Date.parse(renewTime!)).toBeGreaterThan(9900);
    expect(performance.now() - lost).toBeLessThan(15_000);
    await sleep(Math.max(0, 12_000 - (performance.now() - lost)));
    await plane.run('kube-apiserver');
    await two.until('leader.elected');
    logStream('again');
    // The Lease is asked for every two seconds, and whoever is answered wakes the watches.
    await untilSeen('again');
    expect(two.exited).toBe(false);
  }, 180_000);

  it.each([
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ])(
    'a holder whose clock is %s is waited for while it renews, and no longer than its lease after',
    async (_what, offMs) => {
      const namespace = offMs > 0 ? 'clock-ahead' : 'clock-behind';
      plane.kubectl(['create', 'namespace', namespace]);
      const where = `${LEASE}/${namespace}/leases`;
      const spec = (second: number) => ({
        holderIdentity: 'elsewhere',
        leaseDurationSeconds: 15,
        renewTime: new Date(Date.now() + offMs + second * 1000).toISOString().replace('Z', '000Z'),
        leaseTransitions: 3,
      });
      const metadata = { name: 'kinlog-operator', namespace };
      const made = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: spec(0) };
      await plane.call('POST', where, made);
      const operator = start(namespace, namespace);
      await operator.until('leader.waiting');
      // It shows twice that it lives, and is gone.
      let lastMs = 0;
      for (const second of [1, 2]) {
        await sleep(2000);
        lastMs = performance.now();
        await plane.call('PATCH', `${where}/kinlog-operator`, { spec: spec(second) }, 'application/merge-patch+json');
      }
      // Whoever believed the clock would wait for an hour.
      const elected = await operator.until('leader.elected');
      expect(elected.atMs - lastMs).toBeGreaterThanOrEqual(14_990);
      expect((await lease(namespace)).spec.leaseTransitions).toBe(4);
    },
  );
});
