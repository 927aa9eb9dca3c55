import { afterEach, describe, expect, it } from 'vitest';
import { isKinlogError } from '../../../../base/errors.ts';
import { applyObject } from '../../../../operator/kube/apply.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { settle } from '../../../fakes/clock.ts';
import { Cluster, SPEC } from './operator-scene.ts';

describe('the operator', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.end();
    cluster = new Cluster();
  });

  it('brings every LogStream up to date that there is, and each that comes', async () => {
    cluster.stream('a');
    cluster.stream('b', {}, 'other');
    const program = cluster.start();
    await program.until('leader.elected');
    await cluster.clock.until(() => program.passed.length === 2);
    cluster.stream('c');
    await settle();
    expect(program.passed.sort()).toEqual(['logs/a', 'logs/c', 'other/b']);
  });

  it('is ready once everything is listed, and says what is missing until then', async () => {
    cluster.crd = false;
    const program = cluster.start();
    await program.until('operator.started');
    await cluster.clock.advance(60_000);
    expect(program.outcome).toBe('runs');
    expect(await program.get('probes', '/readyz')).toEqual({
      status: 503,
      body: 'not listed yet: logstreams (is the CRD logstreams.kinlog.io installed?)\n',
    });
    expect((await program.get('probes', '/healthz')).status).toBe(200);
    cluster.crd = true;
    await program.until('operator.synced');
    expect(await program.get('probes', '/readyz')).toEqual({ status: 200, body: 'ok\n' });
  });

  it('stays ready through a minute without the API server, and is unready after it', async () => {
    const program = cluster.start('--leader-elect=false');
    await program.until('operator.synced');
    program.cut = true;
    await expect(program.parts.api.call({ method: 'GET', path: '/api/v1/pods' })).rejects.toThrow('no answer');
    await cluster.clock.advance(59_000);
    expect((await program.get('probes', '/readyz')).status).toBe(200);
    await cluster.clock.advance(2000);
    expect((await program.get('probes', '/readyz')).status).toBe(503);
    program.cut = false;
    await program.parts.api.call({ method: 'GET', path: '/api/v1/pods' });
    expect((await program.get('probes', '/readyz')).status).toBe(200);
  });

  it('looks at a LogStream again when its spec, labels, annotations or end change, and not when its status does', async () => {
    cluster.stream('a');
    const program = cluster.start();
    await cluster.clock.until(() => program.passed.length === 1);
    const passes = async (more: object): Promise<number> => {
      program.passed.length = 0;
      cluster.stream('a', more);
      await settle();
      return program.passed.length;
    };
    const meta = { name: 'a', namespace: 'logs', generation: 1 };
    expect(await passes({ status: { replicas: 1 } })).toBe(0);
    expect(await passes({ metadata: { ...meta, labels: { team: 'x' } } })).toBe(1);
    expect(await passes({ metadata: { ...meta, labels: { team: 'x' }, annotations: { note: 'y' } } })).toBe(1);
    expect(await passes({ spec: { ...SPEC, paused: true } })).toBe(1);
    expect(await passes({ metadata: { ...meta, deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(1);
  });

  it('looks at the LogStream of a child, of a pod, and of a Secret that it names', async () => {
    cluster.stream('a');
    cluster.stream('b');
    const program = cluster.start();
    await cluster.clock.until(() => program.passed.length === 2);
    const passes = async (kind: keyof typeof KINDS, metadata: object): Promise<string[]> => {
      program.passed.length = 0;
      const { apiVersion, kind: name } = KINDS[kind];
      cluster.kube.put(KINDS[kind], { apiVersion, kind: name, metadata: { namespace: 'logs', ...metadata } });
      await settle();
      if (kind === 'secret') await cluster.clock.advance(1000);
      await settle();
      return program.passed.sort();
    };
    const labels = {
      'app.kubernetes.io/managed-by': 'kinlog-operator',
      'app.kubernetes.io/name': 'kinlog-reader',
      'kinlog.io/logstream': 'b',
    };
    const ownerReferences = [
      { apiVersion: 'kinlog.io/v1alpha1', kind: 'LogStream', name: 'a', uid: '1', controller: true },
    ];
    expect(await passes('deployment', { name: 'a-reader', labels, ownerReferences })).toEqual(['logs/a']);
    expect(await passes('volumeClaim', { name: 'b-reader-positions', labels })).toEqual(['logs/b']);
    expect(await passes('pod', { name: 'b-reader-x', labels })).toEqual(['logs/b']);
    expect(await passes('pod', { name: 'somebody' })).toEqual([]);
    expect(await passes('secret', { name: 'hec' })).toEqual(['logs/a', 'logs/b']);
    expect(await passes('secret', { name: 'other' })).toEqual([]);
    cluster.kube.remove(KINDS.logStream, 'logs', 'b');
    await settle();
    expect(await passes('secret', { name: 'hec', labels: { changed: 'yes' } })).toEqual(['logs/a']);
  });

  it('looks once when what a LogStream names changes several times within a second', async () => {
    cluster.stream('a');
    const program = cluster.start();
    await cluster.clock.until(() => program.passed.length === 1);
    const secret = (labels: Record<string, string>) =>
      cluster.kube.put(KINDS.secret, { metadata: { namespace: 'logs', name: 'hec', labels } });
    secret({ of: 'before' });
    await settle();
    await cluster.clock.advance(500);
    cluster.kube.remove(KINDS.secret, 'logs', 'hec');
    await settle();
    secret({ of: 'now' });
    await settle();
    expect(program.passed).toEqual(['logs/a']);
    await cluster.clock.advance(500);
    await settle();
    await cluster.clock.advance(5000);
    await settle();
    expect(program.passed).toEqual(['logs/a', 'logs/a']);
  });

  it('is not stopped by a LogStream that an older CRD let through', async () => {
    cluster.stream('odd', { spec: {} });
    const program = cluster.start();
    await cluster.clock.until(() => program.passed.length === 1);
    cluster.stream('a');
    await settle();
    expect(program.passed).toEqual(['logs/odd', 'logs/a']);
    expect(program.said('reconcile.crashed')).toBeDefined();
  });

  it('keeps to the namespaces that it is told', async () => {
    cluster.stream('a', {}, 'one');
    cluster.stream('b', {}, 'two');
    cluster.stream('c', {}, 'three');
    const program = cluster.start('--watch-namespaces=one,two');
    await cluster.clock.until(() => program.passed.length === 2);
    await settle();
    expect(program.passed.sort()).toEqual(['one/a', 'two/b']);
    expect(
      cluster.kube.calls.filter(({ path }) => /^\/apis?\/[^/]+(\/v\d\w*)?\/(logstreams|secrets|pods)$/.test(path)),
    ).toEqual([]);
  });

  it('does not ask for Secrets with --secret-watch off', async () => {
    const program = cluster.start('--secret-watch=off');
    await program.until('operator.synced');
    expect(cluster.kube.calls.filter(({ path }) => path.includes('/secrets'))).toEqual([]);
  });

  it('looks at everything again after ten hours, a little spread', async () => {
    cluster.stream('a');
    const program = cluster.start('--leader-elect=false');
    await cluster.clock.until(() => program.passed.length === 1);
    await cluster.clock.advance(8.9 * 3_600_000);
    expect(program.passed).toHaveLength(1);
    await cluster.clock.advance(2.2 * 3_600_000);
    expect(program.passed).toHaveLength(2);
  });

  it('stands by with full caches while another one leads, and takes over within two seconds of its stop', async () => {
    cluster.stream('a');
    const one = cluster.start();
    await one.until('leader.elected');
    const two = cluster.start();
    await two.until('leader.waiting');
    expect((await two.get('probes', '/readyz')).status).toBe(200);
    expect(two.passed).toEqual([]);
    const write = two.parts.api.call({ method: 'DELETE', path: '/api/v1/namespaces/logs/pods/x' });
    await expect(write).rejects.toMatchObject({ code: 'KINLOG_LEADERSHIP_LOST' });
    await one.end();
    expect(one.outcome).toBe('stopped');
    const stopped = cluster.clock.monotonic();
    await two.until('leader.elected');
    expect(cluster.clock.monotonic() - stopped).toBeLessThanOrEqual(2000);
    await cluster.clock.until(() => two.passed.length === 1);
  });

  it('finishes the pass that is under way before it lets another one lead', async () => {
    cluster.stream('a');
    const one = cluster.start();
    const running = Promise.withResolvers<{ requeueAfterMs?: number }>();
    one.pass = () => running.promise;
    await cluster.clock.until(() => one.passed.length === 1);
    const two = cluster.start();
    await two.until('leader.waiting');
    one.stop.abort(new DOMException('stopped', 'AbortError'));
    await cluster.clock.advance(5000);
    expect([one.outcome, two.said('leader.elected')]).toEqual(['runs', undefined]);
    running.resolve({});
    await two.until('leader.elected');
    expect(one.outcome).toBe('stopped');
  });

  it('ends within 15 s though a pass heeds nothing but its signal', async () => {
    cluster.stream('a');
    const program = cluster.start();
    program.pass = (_key, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
    await cluster.clock.until(() => program.passed.length === 1);
    program.stop.abort(new DOMException('stopped', 'AbortError'));
    await cluster.clock.advance(15_000);
    expect(program.outcome).toBe('stopped');
    expect(program.said('leader.released')).toBeDefined();
  });

  it('ends without another write when it can not renew', async () => {
    cluster.stream('a');
    const program = cluster.start();
    const wrote: unknown[] = [];
    program.pass = async (_key, signal) => {
      while (!signal.aborted) {
        await cluster.clock.sleep(500, signal);
        await applyObject(program.parts.api, KINDS.configMap, CONFIG_MAP, { force: true }, signal).catch(
          (error: unknown) => wrote.push(error),
        );
      }
      return {};
    };
    await program.until('leader.elected');
    await cluster.clock.advance(5000);
    program.cut = true;
    await cluster.clock.advance(10_500);
    expect(program.outcome).toBe('failed');
    expect(isKinlogError(program.failure, 'KINLOG_LEADERSHIP_LOST')).toBe(true);
    program.cut = false;
    const before = cluster.kube.writes.length;
    await cluster.clock.advance(60_000);
    expect(cluster.kube.writes.length).toBe(before);
  });

  it('gives up at once what is under way when it can not renew', async () => {
    cluster.stream('a');
    const program = cluster.start();
    let aborted = false;
    program.pass = (_key, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new DOMException('given up', 'AbortError'));
        }),
      );
    await cluster.clock.until(() => program.passed.length === 1);
    program.cut = true;
    await cluster.clock.advance(10_100);
    expect([program.outcome, aborted]).toEqual(['failed', true]);
    cluster.stream('b');
    await cluster.clock.advance(60_000);
    expect(program.passed).toEqual(['logs/a']);
  });

  it('learns PodMonitors when the cluster does', async () => {
    cluster.stream('a');
    const program = cluster.start('--pod-monitor-labels', 'release=prometheus');
    await cluster.clock.until(() => program.passed.length === 1);
    expect(program.parts.settings.podMonitors).toBe(false);
    cluster.monitors = true;
    await cluster.clock.until(() => program.passed.length === 2, 400_000);
    expect(program.parts.settings).toMatchObject({ podMonitors: true, podMonitorLabels: { release: 'prometheus' } });
  });

  it('forgets PodMonitors when the cluster does, learns them again, and takes neither for a deletion', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'kinlog-operator', 'kinlog.io/logstream': 'a' };
    const metadata = { name: 'a-reader', namespace: 'logs', labels };
    cluster.kube.put(KINDS.podMonitor, { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata });
    cluster.stream('a');
    cluster.monitors = true;
    const program = cluster.start();
    const { podMonitor } = await cluster.clock
      .until(() => program.passed.length > 0)
      .then(() => program.parts.caches.children);
    const holds = (there: boolean) => program.parts.settings.podMonitors === there && podMonitor.size === Number(there);
    expect(holds(true)).toBe(true);
    cluster.monitors = false;
    const before = program.passed.length;
    await cluster.clock.until(() => holds(false), 200_000);
    await cluster.clock.until(() => program.passed.length > before);
    cluster.monitors = true;
    await cluster.clock.until(() => holds(true), 200_000);
    expect(cluster.kube.writes.filter(({ path }) => path.includes('podmonitors'))).toEqual([]);
  });

  it('measures under the names of controller-runtime', async () => {
    cluster.stream('a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    const program = cluster.start();
    await cluster.clock.until(() => program.passed.length === 1);
    await settle();
    const { body } = await program.get('metrics', '/metrics');
    for (const line of [
      'controller_runtime_reconcile_total{controller="logstream",result="success"} 1',
      'controller_runtime_reconcile_panics_total{controller="logstream"} 0',
      'controller_runtime_max_concurrent_reconciles{controller="logstream"} 5',
      'controller_runtime_active_workers{controller="logstream"} 0',
      'workqueue_adds_total{name="logstream",controller="logstream"} 1',
      'workqueue_depth{name="logstream",controller="logstream"} 0',
      'leader_election_master_status{name="kinlog-operator"} 1',
      'kinlog_operator_logstreams{ready="True"} 1',
      'kinlog_operator_reflector_lists_total{kind="logstreams"} 1',
      `kinlog_operator_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    ])
      expect(body).toContain(`${line}\n`);
    expect(body).toMatch(/rest_client_requests_total\{code="200",method="GET",host="api"\} \d+/);
    expect(body).toMatch(/controller_runtime_reconcile_time_seconds_count\{controller="logstream"\} 1/);
  });
});

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'logs' } };
