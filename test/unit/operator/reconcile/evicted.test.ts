/** What an eviction leaves behind is a pod that has ended: it reads nothing, and what it said last is over. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { NAMESPACE, World } from './world.ts';

const LABELS = { 'app.kubernetes.io/name': 'kinlog-reader', 'kinlog.io/logstream': 'orders' };
let world: World;
beforeEach(async () => {
  world = new World();
  world.secret();
  await world.running();
});

/** As the kubelet leaves it when its node runs out of memory; the garbage collector takes it after 12,500 others. */
function evict(): void {
  const terminated = { exitCode: 1, reason: 'Error', message: 'kinlog: the end (KINLOG_OUTPUT_FAILED). Look.' };
  world.kube.put(KINDS.pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: NAMESPACE, name: 'evicted', labels: LABELS },
    status: {
      phase: 'Failed',
      reason: 'Evicted',
      containerStatuses: [{ name: 'reader', restartCount: 0, state: { terminated } }],
    },
  });
}

describe('a pod that was evicted', () => {
  it('says nothing of the reader that came after it', async () => {
    evict();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running' });
    expect(world.stream.status?.reader?.podName).not.toBe('evicted');
  });

  it('keeps nobody from being paused', async () => {
    world.edit({ paused: true });
    await world.settle();
    world.run();
    evict();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Paused' });
  });

  it('does not keep positions from being deleted', async () => {
    world.edit({ deletionPolicy: 'Delete' });
    await world.settle();
    const { metadata } = world.stream;
    world.kube.put(KINDS.logStream, { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    await world.settle();
    for (const pod of world.kube.all(KINDS.pod)) world.kube.remove(KINDS.pod, NAMESPACE, pod.metadata.name);
    evict();
    await world.settle();
    expect(world.kube.all(KINDS.job)).toHaveLength(1);
  });
});
