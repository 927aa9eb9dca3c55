/** An operator that waits until another one ends, for days perhaps. */
import { afterEach, describe, expect, it } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { settle } from '../../../fakes/clock.ts';
import { Cluster } from './operator-scene.ts';

describe('an operator that stands by', () => {
  const cluster = new Cluster();
  afterEach(() => cluster.end());

  it('queues nothing whatever happens, and looks once at every LogStream that is there when it leads', async () => {
    cluster.stream('a');
    const one = cluster.start();
    await one.until('leader.elected');
    const two = cluster.start();
    await two.until('leader.waiting');
    const metrics = async () => (await two.get('metrics', '/metrics')).body;
    cluster.stream('b');
    cluster.stream('gone');
    cluster.kube.put(KINDS.secret, { metadata: { namespace: 'logs', name: 'hec' } });
    cluster.monitors = true;
    await cluster.clock.until(() => two.parts.settings.podMonitors);
    expect(await metrics()).toContain('kinlog_operator_logstreams{ready="Unknown"} 3\n');
    cluster.kube.remove(KINDS.logStream, 'logs', 'gone');
    two.parts.onNews('logs/a');
    await settle();
    const standing = await metrics();
    expect(standing).toContain('kinlog_operator_logstreams{ready="Unknown"} 2\n');
    expect(standing).toContain('workqueue_depth{name="logstream",controller="logstream"} 0\n');
    expect(standing).not.toMatch(/workqueue_adds_total\{.*\} [1-9]/);
    await one.end();
    await cluster.clock.until(() => two.passed.length > 0);
    await settle();
    expect(two.passed.sort()).toEqual(['logs/a', 'logs/b']);
    const leading = await metrics();
    expect(leading).toContain('workqueue_queue_duration_seconds_count{name="logstream",controller="logstream"} 2\n');
    expect(leading).toContain('workqueue_queue_duration_seconds_sum{name="logstream",controller="logstream"} 0\n');
    cluster.stream('c');
    await settle();
    expect(two.passed).toContain('logs/c');
  });
});
