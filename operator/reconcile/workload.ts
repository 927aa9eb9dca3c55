/** What the Deployment of a reader and its pods say, from the cache; pure. */
import type { KubeObject } from '../kube/object.ts';
import type { PodFacts, WorkloadFacts } from './facts.ts';

export const CONFIG_HASH_ANNOTATION = 'kinlog.io/config-hash';
const CONTAINER = 'reader';
const DEFAULT_GRACE_S = 30;
/** What kinlog writes of itself, in front of what it says last. */
const OWN_LINE = /^kinlog(?:-operator)?: (.*)$/;
const MESSAGE = 1000;

interface StatusCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly template?: { readonly metadata?: KubeObject['metadata'] } };
  readonly status?: DeploymentStatus;
}

interface DeploymentStatus extends WithConditions {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
}

interface Ended {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
}

interface Waiting {
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: { readonly startedAt?: string };
    readonly waiting?: Waiting;
    readonly terminated?: Ended;
  };
  readonly lastState?: { readonly terminated?: Ended };
}

interface Pod extends KubeObject {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly StatusCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
  readonly metadata: KubeObject['metadata'] & { readonly deletionGracePeriodSeconds?: number };
}

/** Undefined: there is neither. */
export function workloadFacts(
  deployment: KubeObject | undefined,
  pods: readonly KubeObject[],
  nowMs: number,
): WorkloadFacts | undefined {
  if (deployment === undefined && pods.length === 0) return undefined;
  const { spec, status = {}, ...rest } = (deployment ?? {}) as Partial<Deployment>;
  const known = pods.map((pod) => podFacts(pod as Pod, nowMs));
  return {
    ...countsOf(status, known),
    current: hasSeen(status, rest.metadata),
    progressDeadlineExceeded: conditionOf(status, 'Progressing')?.reason === 'ProgressDeadlineExceeded',
    podsRefused: refusalOf(conditionOf(status, 'ReplicaFailure')),
    configHash: spec?.template?.metadata?.annotations?.[CONFIG_HASH_ANNOTATION],
    pods: known,
  };
}

/** Without a Deployment there is nothing to see. */
function hasSeen({ observedGeneration = 0 }: DeploymentStatus, metadata: KubeObject['metadata'] | undefined): boolean {
  return metadata === undefined || observedGeneration >= (metadata.generation ?? 1);
}

/** A pod tells first that it is not ready; its Deployment's controller, which may be down, comes after it. */
function countsOf(
  { replicas = 0, updatedReplicas = 0, readyReplicas = 0 }: DeploymentStatus,
  pods: readonly PodFacts[],
) {
  const ready = pods.filter((pod) => pod.ready && pod.terminating === undefined).length;
  return { replicas, updatedReplicas, readyReplicas: Math.min(readyReplicas, ready) };
}

/** Each try has a name of its own, and what changes with every try would be written with every try. */
function refusalOf(failure: StatusCondition | undefined): string | undefined {
  if (failure?.status !== 'True') return undefined;
  return (failure.message ?? '').replace(/^pods "[^"]*" is forbidden: /, '').slice(0, MESSAGE);
}

interface WithConditions {
  readonly conditions?: readonly StatusCondition[];
}

const conditionOf = (status: WithConditions | undefined, type: string): StatusCondition | undefined =>
  status?.conditions?.find((one) => one.type === type);

function podFacts({ metadata, status }: Pod, nowMs: number): PodFacts {
  const container = status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ip: status?.podIP,
    ready: conditionOf(status, 'Ready')?.status === 'True',
    createdMs: timeMs(metadata.creationTimestamp) ?? nowMs,
    terminating: terminatingOf(metadata),
    unschedulable: unschedulableOf(conditionOf(status, 'PodScheduled')),
    configHash: metadata.annotations?.[CONFIG_HASH_ANNOTATION],
    ...lifeOf(container),
  };
}

function lifeOf(
  container: ContainerStatus | undefined,
): Pick<PodFacts, 'startedAt' | 'waiting' | 'terminated' | 'restarts'> {
  const { state = {}, lastState = {}, restartCount = 0 } = container ?? {};
  return {
    startedAt: state.running?.startedAt,
    waiting: waitingOf(state.waiting, container?.image ?? ''),
    terminated: endOf(state.terminated ?? lastState.terminated),
    restarts: restartCount,
  };
}

function unschedulableOf(scheduled: StatusCondition | undefined): string | undefined {
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return (scheduled.message ?? '').slice(0, MESSAGE);
}

/** The API server stores when the grace will be over. */
function terminatingOf(metadata: Pod['metadata']): PodFacts['terminating'] {
  const endMs = timeMs(metadata.deletionTimestamp);
  if (endMs === undefined) return undefined;
  const graceMs = (metadata.deletionGracePeriodSeconds ?? DEFAULT_GRACE_S) * 1000;
  return { sinceMs: endMs - graceMs, graceMs };
}

/** The kubelet's own words count how long it waits until the next try, so they differ each time. */
function waitingOf(waiting: Waiting | undefined, image: string): PodFacts['waiting'] {
  if (waiting === undefined) return undefined;
  const { reason = '', message = '' } = waiting;
  if (PULLING.includes(reason)) return { reason, message: image };
  return { reason, message: reason === 'CrashLoopBackOff' ? '' : message.slice(0, MESSAGE) };
}

export const PULLING: readonly string[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
];

function endOf(ended: Ended | undefined): PodFacts['terminated'] {
  if (ended === undefined) return undefined;
  const { exitCode, reason = '', message = '' } = ended;
  const own = message.split('\n').flatMap((line) => OWN_LINE.exec(line.trim())?.[1] ?? []);
  return { exitCode, reason, message: own.join('\n').slice(-MESSAGE) };
}

function timeMs(time: string | undefined): number | undefined {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
