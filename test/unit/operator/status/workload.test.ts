/** What a Deployment and its pods say, as the API server has them. */
import { expect, it } from 'vitest';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { workloadFacts } from '../../../../operator/reconcile/workload.ts';
import { conditionsOf } from '../../../../operator/reconcile/conditions.ts';
import { facts } from './known.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function deployment(status: object, generation = 3): KubeObject {
  const template = { metadata: { name: '', annotations: { 'kinlog.io/config-hash': 'h' } } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'orders-reader', generation },
    spec: { template },
    status: { observedGeneration: generation, replicas: 1, updatedReplicas: 1, readyReplicas: 1, ...status },
  } as unknown as KubeObject;
}

function podOf(container: object, more: { metadata?: object; conditions?: object[] } = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'orders-reader-1', uid: 'p', creationTimestamp: '2025-12-31T23:59:00Z', ...more.metadata },
    status: {
      podIP: '10.0.0.1',
      conditions: more.conditions ?? [{ type: 'Ready', status: 'False' }],
      containerStatuses: [
        { name: 'sidecar', state: { running: {} } },
        { name: 'reader', image: 'registry/kinlog:1', restartCount: 2, ...container },
      ],
    },
  } as unknown as KubeObject;
}

const only = (pod: KubeObject) => workloadFacts(deployment({}), [pod], NOW_MS)!.pods[0]!;

it('is nothing without a Deployment and pods, and current only when its controller has seen the newest generation', () => {
  expect(workloadFacts(undefined, [], NOW_MS)).toBeUndefined();
  expect(workloadFacts(deployment({}), [], NOW_MS)).toMatchObject({ current: true, replicas: 1, configHash: 'h' });
  expect(workloadFacts(deployment({ observedGeneration: 2 }), [], NOW_MS)).toMatchObject({ current: false });
});

it('tells why pods can not be made, without the name that each try has', () => {
  const conditions = (name: string) => [
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: `pods "orders-reader-${name}" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`,
    },
  ];
  const [a, b] = ['abc12', 'xyz98'].map((name) =>
    workloadFacts(deployment({ conditions: conditions(name) }), [], NOW_MS)!,
  );
  expect(a!.podsRefused).toBe('violates PodSecurity "restricted:latest": runAsNonRoot != true');
  expect(a).toEqual(b);
});

it('tells of a container that runs, waits, or has ended', () => {
  expect(only(podOf({ state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }))).toMatchObject({
    startedAt: '2026-01-01T00:00:00Z',
    waiting: undefined,
    restarts: 2,
    ip: '10.0.0.1',
  });
  const pulling = (reason: string, message: string) => only(podOf({ state: { waiting: { reason, message } } })).waiting;
  expect(pulling('ErrImagePull', 'rpc error 1')?.message).toBe(pulling('ImagePullBackOff', 'Back-off 2')?.message);
  expect(pulling('CreateContainerConfigError', 'secret "x" not found')?.message).toBe('secret "x" not found');
});

it('takes only what kinlog said itself from what a container wrote last', () => {
  const message = [
    'INFO reader.started: reading begins (token=hunter2)',
    'Error: something with hunter2',
    'kinlog: orders could not be read any more: DescribeStreamSummary on orders: no (KINLOG_STREAM_NOT_FOUND). Check it.',
    '',
  ].join('\n');
  const crashed = podOf({
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 100, reason: 'Error', message } },
  });
  const pod = only(crashed);
  expect(pod.terminated).toEqual({
    exitCode: 100,
    reason: 'Error',
    message:
      'orders could not be read any more: DescribeStreamSummary on orders: no (KINLOG_STREAM_NOT_FOUND). Check it.',
  });
  expect(JSON.stringify(pod)).not.toContain('hunter2');
  const known = facts({
    workload: workloadFacts(deployment({ readyReplicas: 0 }), [crashed], NOW_MS),
    reader: undefined,
  });
  const { conditions } = conditionsOf(known, [], NOW_MS);
  expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'SourceNotFound' });
  expect(conditions.find(({ type }) => type === 'SourceReachable')).toMatchObject({ reason: 'SourceNotFound' });
});

it('knows since when a pod has been asked to end: the API server stores when its grace is over', () => {
  const metadata = { deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 60 };
  expect(only(podOf({}, { metadata })).terminating).toEqual({ sinceMs: NOW_MS, graceMs: 60_000 });
});

it('tells which pod no node takes', () => {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }];
  expect(only(podOf({}, { conditions })).unschedulable).toBe('0/3 nodes');
});

it('whatever is missing in a pod is no failure', () => {
  const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } } as KubeObject;
  expect(only(bare)).toMatchObject({ ready: false, ip: undefined, createdMs: NOW_MS });
});
