/** Facts of a LogStream whose reader runs well, to be changed by tests, and a status that is written when it says something else. */
import type { LogStream } from '../../../../operator/logstream.ts';
import type { Facts, PodFacts, ReaderFacts, WorkloadFacts } from '../../../../operator/reconcile/facts.ts';
import { statusOf, type StatusChange } from '../../../../operator/reconcile/status.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const MINUTE_MS = 60_000;

export const pod = (more: Partial<PodFacts> = {}): PodFacts => ({
  name: 'orders-reader-1',
  uid: 'pod-1',
  ip: '10.0.0.1',
  ready: true,
  createdMs: START_MS,
  startedAt: '2026-01-01T00:00:05Z',
  terminating: undefined,
  waiting: undefined,
  terminated: undefined,
  restarts: 0,
  unschedulable: undefined,
  ...more,
});

export const workload = (more: Partial<WorkloadFacts> = {}): WorkloadFacts => ({
  current: true,
  replicas: 1,
  updatedReplicas: 1,
  readyReplicas: 1,
  progressDeadlineExceeded: false,
  podsRefused: undefined,
  configHash: 'hash-1',
  pods: [pod()],
  ...more,
});

/** A pod that is not ready, for this reason. */
export const notReady = (more: Partial<PodFacts> = {}, of: Partial<WorkloadFacts> = {}): WorkloadFacts =>
  workload({ readyReplicas: 0, pods: [pod({ ready: false, ...more })], ...of });

/** A container that does not run. */
export const waitingFor = (reason: string, more: Partial<PodFacts> = {}): WorkloadFacts =>
  notReady({ startedAt: undefined, waiting: { reason, message: 'registry/kinlog:1' }, ...more });

export const reader = (more: Partial<ReaderFacts> = {}): ReaderFacts => ({
  podName: 'orders-reader-1',
  atMs: START_MS,
  version: '1.0.0',
  ready: true,
  notReady: undefined,
  openShards: 4,
  closedShardsPending: 0,
  behindMs: 0,
  positionStored: '2026-01-01T00:10:00.000Z',
  eventsDelivered: '2026-01-01T00:09:59.000Z',
  errors: [],
  ...more,
});

export const facts = (more: Partial<Facts> = {}): Facts => ({
  generation: 1,
  firstSeen: false,
  handsOff: false,
  paused: false,
  configProblems: [],
  referenceProblems: [],
  applyProblem: undefined,
  workload: workload(),
  reader: reader(),
  lagThresholdMs: 300_000,
  resetPending: false,
  ...more,
});

/** A LogStream that passes follow each other over, each with what is known then. */
export class Followed {
  stream: LogStream = {
    apiVersion: 'kinlog.io/v1alpha1',
    kind: 'LogStream',
    metadata: { name: 'orders', namespace: 'logs', uid: 'u-1', generation: 1 },
    spec: { checkpoint: {}, monitoring: { podMonitor: 'Auto', lagThresholdSeconds: 300 } },
  } as unknown as LogStream;
  nowMs = START_MS;
  writes = 0;

  pass(more: Partial<Facts> = {}, afterMs = 0): StatusChange {
    this.nowMs += afterMs;
    const found = statusOf(this.stream, facts(more), this.nowMs);
    const metadata = { ...this.stream.metadata, generation: more.generation ?? 1 };
    this.stream = { ...this.stream, metadata };
    if (!found.changed) return found;
    this.writes++;
    // The server keeps JSON, and conditions in an order of its own.
    const written = JSON.parse(JSON.stringify(found.status)) as typeof found.status;
    this.stream = { ...this.stream, status: { ...written, conditions: [...written.conditions!].reverse() } };
    return found;
  }

  condition(type: string) {
    return this.stream.status?.conditions?.find((one) => one.type === type);
  }

  /** Ready, Reconciling, Stalled and the reason of Ready. */
  get row(): string {
    const { status: ready, reason } = this.condition('Ready')!;
    return [ready, this.condition('Reconciling')!.status, this.condition('Stalled')!.status, reason].join(' ');
  }

  get read() {
    return { generation: this.stream.metadata.generation!, status: this.stream.status };
  }
}
