/** Why the workload of a reader does not get on: from its Deployment and its pods; pure. */
import { sinceMs, type Previous } from './condition.ts';
import type { PodFacts, WorkloadFacts } from './facts.ts';
import type { Trouble } from './told.ts';
import { PULLING } from './workload.ts';

/** Past the grace of a pod. */
const STUCK_AFTER_MS = 60_000;
/** Restarts after which the pauses between them have reached minutes. */
const MANY_RESTARTS = 5;
const NOT_CREATED = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'PreCreateHookError'];

/** The one that matters most; undefined while everything may still be on its way. */
export function workloadTrouble(
  { podsRefused, progressDeadlineExceeded, pods, readyReplicas }: WorkloadFacts,
  previous: Previous,
  nowMs: number,
): Trouble | undefined {
  // Beside a reader that is ready a pod has its trouble since it was made.
  const known = sinceMs(previous.get('ReaderAvailable'), 'False') ?? sinceMs(previous.get('Ready'), 'False');
  const unavailableMs = readyReplicas > 0 ? 0 : (known ?? nowMs);
  if (podsRefused !== undefined) return { ...refusal(podsRefused), sinceMs: unavailableMs };
  const living = pods.filter(({ terminating }) => terminating === undefined);
  const found = living.flatMap((pod) => podTrouble(pod, Math.max(unavailableMs, pod.createdMs)) ?? []);
  if (!progressDeadlineExceeded) return found[0];
  const message = 'The Deployment has not got its new pod ready in time.';
  return found[0] === undefined
    ? { reason: 'ProgressDeadlineExceeded', message, sinceMs: 0 }
    : { ...found[0], sinceMs: 0 };
}

/** Of pods that were asked to end and are still there; and until one of them is overdue, milliseconds. */
export function stuckTerminating(
  pods: readonly PodFacts[],
  nowMs: number,
): { readonly trouble?: Trouble; readonly afterMs?: number } {
  const due = pods.flatMap(({ name, terminating }) =>
    terminating === undefined ? [] : [{ name, ms: terminating.sinceMs + terminating.graceMs + STUCK_AFTER_MS }],
  );
  const stuck = due.find(({ ms }) => ms <= nowMs);
  if (stuck !== undefined)
    return {
      trouble: {
        reason: 'PodStuckTerminating',
        message: `Pod ${stuck.name} was asked to end and is still there a minute after its grace: its node is probably lost. Bring the node back, or, when it is certain that it is off, run: kubectl delete pod --force ${stuck.name}`,
        sinceMs: stuck.ms,
      },
    };
  return due.length === 0 ? {} : { afterMs: Math.min(...due.map(({ ms }) => ms)) - nowMs };
}

function podTrouble(pod: PodFacts, since: number): Trouble | undefined {
  const { name, waiting, unschedulable } = pod;
  if (unschedulable !== undefined)
    return { reason: 'ReaderUnschedulable', message: `No node takes pod ${name}: ${unschedulable}`, sinceMs: since };
  if (waiting === undefined) return undefined;
  if (PULLING.includes(waiting.reason))
    return {
      reason: 'ImagePullFailed',
      message: `Pod ${name} can not pull its image ${waiting.message}. Check the name, imagePullSecrets and the way to the registry; kubectl describe pod ${name} shows what the registry says.`,
      sinceMs: since,
    };
  if (NOT_CREATED.includes(waiting.reason))
    return {
      reason: 'ContainerNotCreated',
      message: `The container of pod ${name} can not be made (${waiting.reason}): ${waiting.message}`,
      sinceMs: since,
    };
  return waiting.reason === 'CrashLoopBackOff' ? crashing(pod, since) : undefined;
}

function crashing({ name, terminated, restarts }: PodFacts, since: number): Trouble {
  const { exitCode, reason = '', message = '' } = terminated ?? {};
  const how = `exit code ${exitCode ?? 'unknown'}${['', 'Error'].includes(reason) ? '' : `, ${reason}`}`;
  const said = message === '' ? remedyOf(reason, name) : message;
  return {
    reason: 'ReaderCrashLooping',
    message: `The reader in pod ${name} ends again and again (${how}). ${said}`,
    sinceMs: restarts >= MANY_RESTARTS ? 0 : since,
  };
}

const remedyOf = (reason: string, pod: string): string =>
  reason === 'OOMKilled'
    ? 'Raise spec.resources.limits.memory, or lower spec.maxMegabytesInFlight.'
    : `Read its last lines: kubectl logs --previous ${pod}`;

/** Only the text tells which of the admission plugins it was: kubernetes plugin/pkg/admission/resourcequota and limitranger. */
function refusal(message: string): { reason: string; message: string } {
  const isQuota = /quota|(?:minimum|maximum) (?:cpu|memory|ephemeral-storage) usage/i.test(message);
  return {
    reason: isQuota ? 'QuotaExceeded' : 'PodsForbidden',
    message: `The namespace does not admit the pod of the reader: ${message}`,
  };
}
