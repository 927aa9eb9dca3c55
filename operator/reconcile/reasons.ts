/** Every reason that a condition of a LogStream can give: what it means, what to do, and how long it may last before somebody has to look. */
import type { ErrorPart } from '../../base/error-parts.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { ReaderError } from './facts.ts';

interface Reason {
  /** For docs/kubernetes/troubleshooting.md. */
  readonly meaning: string;
  readonly remedy: string;
  /** It may pass by itself, so only after so long it is Stalled and no longer Reconciling; absent: it never stalls. */
  readonly stallsAfterMs?: number;
}

const MINUTE_MS = 60_000;
const well = (meaning: string, remedy = 'Nothing.'): Reason => ({ meaning, remedy });
/** A person must act. */
const stalls = (meaning: string, remedy: string): Reason => ({ meaning, remedy, stallsAfterMs: 0 });
/** Often a matter of order or of patience. */
const waits = (minutes: number, meaning: string, remedy: string): Reason => ({
  meaning,
  remedy,
  stallsAfterMs: minutes * MINUTE_MS,
});

export const REASONS = {
  Initializing: well('The operator has seen the LogStream and has not worked on it yet.'),
  Progressing: well(
    'The reader is being started, replaced or stopped.',
    'Wait; it becomes Stalled with a reason when that can not go on.',
  ),
  Running: well('The reader runs with the newest spec and is ready.'),
  Paused: well(
    'spec.paused is set, or there are no replicas: no reader runs, and the positions are kept.',
    'To go on, take spec.paused away, or scale to 1.',
  ),
  Resetting: well('The reset of spec.resetRequest is being done while the LogStream is paused.'),
  HandsOff: well(
    'The annotation kinlog.io/pause-reconcile keeps the operator’s hands off: what there is goes on, and nothing is changed.',
    'Take the annotation away.',
  ),

  Valid: well('The configuration is one that a reader can take.'),
  Resolved: well('Everything that the spec names is there.'),
  Available: well('A reader is ready.'),
  Reachable: well('The reader has met nothing in its way there.'),
  Unheard: well(
    'The reader has not told how it stands.',
    'If it lasts while the reader is ready: let the operator reach port 9464 of the pods (NetworkPolicy), and set --status-interval-seconds above 0.',
  ),
  CaughtUp: well('No shard is further behind the tip than spec.monitoring.lagThresholdSeconds.'),
  Behind: well(
    'A shard is further behind the tip than spec.monitoring.lagThresholdSeconds. What is not read within the retention of the stream is lost.',
    'Look for a slow output (OutputReachable, HEC’s queues), too little CPU or memory, or more data than shards; lengthen the retention to win time.',
  ),

  InvalidConfig: stalls(
    'The spec says something that no reader can take. What ran goes on as before.',
    'Correct the fields that the message names.',
  ),
  PositionsShared: stalls(
    'Another LogStream keeps its positions in the same rows and was there before. Two readers of the same rows divide the shards of the stream between them, so that each output would get a part of the events. What ran goes on as before.',
    'Name another table, collection or claim in spec.checkpoint (while paused, if it has run); or, to share the work, give both LogStreams the same outputs and format in one namespace. It goes on by itself once the other one is gone.',
  ),
  SecretNotFound: waits(
    2,
    'A Secret that the spec names is not there, or has no such key, or nothing under it. What ran goes on as before.',
    'Create it in the namespace of the LogStream, add the key, or name another one.',
  ),
  ConfigMapNotFound: waits(
    2,
    'A ConfigMap that the spec names is not there, or has no such key. What ran goes on as before.',
    'Create it in the namespace of the LogStream, add the key, or name another one.',
  ),
  ServiceAccountNotFound: waits(
    2,
    'The ServiceAccount that the spec names is not there. What ran goes on as before.',
    'Create it, or let the operator do so with spec.serviceAccount.create.',
  ),
  VolumeClaimNotFound: waits(
    2,
    'The PersistentVolumeClaim that the spec names is not there. What ran goes on as before.',
    'Create it, or leave existingClaim out and let the operator do so.',
  ),
  NameConflict: stalls(
    'An object that is not the operator’s has the name of one that the LogStream needs. It is never taken over.',
    'Rename or delete that object, or give the LogStream another name.',
  ),
  CRDOutdated: stalls(
    'The CRD in the cluster is older than the operator and lacks a field that it writes.',
    'Install the CRD of this version of the operator.',
  ),
  InvalidPodTemplate: stalls(
    'The API server refuses the Deployment, or the pod that it would make. What ran goes on as before.',
    'Correct spec.podTemplate, spec.resources or spec.image as the message says.',
  ),
  ChildRefused: stalls(
    'The API server refuses an object that the reader needs. What ran goes on as before.',
    'Correct the field of the spec that the message names.',
  ),
  ConfigTooLarge: stalls('An object would be larger than the API server takes.', 'Shorten the spec.'),
  QuotaExceeded: stalls(
    'A ResourceQuota or a LimitRange of the namespace lets no more be made. What ran goes on as before: a changed pod is tried without being made first.',
    'Raise the quota, free something, or lower spec.resources.',
  ),
  PodsForbidden: stalls(
    'The namespace admits no such pod: pod security, an admission policy or a webhook. What ran goes on as before: a changed pod is tried without being made first. A webhook that does not support dry runs can not be asked before.',
    'Correct spec.podTemplate; the reader itself fits into the restricted level of pod security.',
  ),
  RBACDenied: stalls(
    'The operator may not do what it has to.',
    'Give its service account the rights of the shipped role.',
  ),
  ApiCallFailing: stalls(
    'What the operator asks of the API server for this LogStream has failed for minutes: a webhook that the API server calls is down, or it has no room to answer. What ran goes on as before.',
    'Look after what the message names, such as the pods behind a webhook. It is tried again by itself.',
  ),
  OperatorFault: stalls(
    'A fault of the operator itself has kept it for minutes from bringing the LogStream about. What ran goes on as before, and so do other LogStreams.',
    'Report it with what the operator’s log says at reconcile.crashed. It is tried again with every change and every five minutes.',
  ),
  ResetFailed: stalls(
    'The reset of spec.resetRequest could not be done. Nothing is changed while a reader is at work; one that is cut short leaves some shards at the new position and some at the old one.',
    'Remove the cause that the message names, and it is tried again; or take spec.resetRequest away.',
  ),
  PositionsNotDeleted: stalls(
    'spec.deletionPolicy is Delete, and the positions outside the cluster could not be deleted. The LogStream stays until they are.',
    'Give the access back that is missing; or set the annotation kinlog.io/force-delete: "true" to leave the positions where they are.',
  ),

  ReaderUnschedulable: waits(
    5,
    'No node takes the pod of the reader.',
    'Free resources, lower spec.resources, or correct node selectors, affinities and tolerations in spec.podTemplate; a LevelDB volume binds the pod to its zone.',
  ),
  ImagePullFailed: waits(
    5,
    'The image of the reader can not be pulled. Nobody can tell before it is tried, so with the update strategy Recreate the reader before it has ended by then; its positions are kept.',
    'Check spec.image (or the operator’s --reader-image), spec.imagePullSecrets and the way to the registry; `kubectl describe pod` shows what the registry says.',
  ),
  ContainerNotCreated: waits(
    2,
    'The kubelet can not make the container of the reader: a Secret, a key or a volume is missing there.',
    'Look at the events of the pod: `kubectl describe pod`.',
  ),
  ReaderCrashLooping: waits(
    5,
    'The reader ends again and again.',
    'Read its last lines: `kubectl logs --previous`. Exit code 137 with OOMKilled: raise the memory limit in spec.resources.',
  ),
  ReaderNotReady: waits(
    5,
    'The reader runs and is not ready.',
    'Ask it why: `kubectl get --raw /api/v1/namespaces/NAMESPACE/pods/POD:9464/proxy/readyz`, or read its log.',
  ),
  ProgressDeadlineExceeded: stalls(
    'The Deployment has not got its new pod ready in ten minutes.',
    'Look at the pod and its events: `kubectl describe pod`.',
  ),
  PodStuckTerminating: stalls(
    'A pod was asked to end and is there a minute after its grace: its node is lost. With the update strategy Recreate no new reader starts before it is gone.',
    'Bring the node back, or, when it is certain that it is off, delete the pod by force: `kubectl delete pod --force`; readers are fenced by the position store.',
  ),

  SourceAccessDenied: stalls(
    'AWS refuses the credentials of the reader, or an action to them, or the KMS key of the stream.',
    'Check spec.source.auth, the role and its trust policy, the annotation of the ServiceAccount, and the policy that the message names.',
  ),
  SourceNotFound: stalls(
    'There is no such stream in that region and account, or it was deleted.',
    'Check spec.source; names are case-sensitive.',
  ),
  SourceRecreated: stalls(
    'The stored positions belong to an earlier stream of the same name.',
    'Pause the LogStream and ask for a reset (spec.resetRequest), or set spec.source.onLostPosition.',
  ),
  SourceUntrusted: stalls(
    'The certificate of the stream’s endpoint, or of a proxy, is not trusted.',
    'Name its authority in spec.source.tls.ca.',
  ),
  SourceUnreachable: waits(
    5,
    'Kinesis does not answer the reader.',
    'Check region (it is part of the host’s name), endpoint, proxy, NetworkPolicy, firewall and DNS.',
  ),
  ConsumerUnavailable: waits(
    5,
    'The stream consumer for enhanced fan-out is not there, is not active, or is used by somebody else.',
    'Check spec.source.enhancedFanOut; give each reader a consumer of its own.',
  ),
  PositionLost: stalls(
    'Records aged out unread, or the stored position is not one of this stream.',
    'Decide with spec.source.onLostPosition where to go on, or reset. Find out why reading fell behind by the whole retention.',
  ),

  OutputRejected: stalls(
    'Splunk refuses the HEC token, the index, the acknowledgement or the events. Nothing is dropped; it is tried again by itself.',
    'Correct what the message names, in Splunk or in the Secret; a renewed Secret rolls the reader.',
  ),
  OutputUntrusted: stalls(
    'The certificate of the HTTP Event Collector is not trusted.',
    'Name its authority in spec.outputs[].splunkHEC.tls.ca; the name in the certificate must be that of the URL.',
  ),
  OutputUnreachable: waits(
    5,
    'The output takes nothing for now. Nothing is dropped, and reading waits.',
    'Check the URL, Splunk’s health and queues, proxy, NetworkPolicy and DNS.',
  ),
  OutputFailed: stalls(
    'Events can not be written to the output.',
    'Check the target that the message names: free space, permissions, path.',
  ),
  DeadLettersFull: stalls(
    'The file of refused events has reached its limit, and reading stops before the next one.',
    'Look into it why events are refused, move it away, or raise spec.deadLetters.maxMegabytes.',
  ),

  CheckpointAccessDenied: stalls(
    'The position store refuses the credentials of the reader, or an action to them.',
    'Check what the table is reached with: spec.checkpoint.dynamoDB.roleArn or else the identity of the pod, never spec.source.auth.roleArn; or the token of the KV store.',
  ),
  CheckpointUnavailable: waits(
    5,
    'The position store does not answer or takes no writes. Positions do not move.',
    'Check its health, the way to it, and free space.',
  ),
  CheckpointUnusable: stalls(
    'The position store holds something else: another application’s table, rows of another stream or of a newer version, or it is damaged or missing.',
    'Name a table or a collection of its own in spec.checkpoint, or restore what was there.',
  ),
  CheckpointInUse: waits(
    5,
    'Another process holds the positions: an earlier reader that has not ended, or a KCL application.',
    'Stop the other one; two readers never read one shard.',
  ),

  ConfigRejected: stalls(
    'The reader refuses the configuration that the operator gave it: its image is of another version.',
    'Use a reader image of the operator’s version: take spec.image away.',
  ),
  ReaderFailed: stalls(
    'The reader has failed in a way that has no name here.',
    'The message has code and remedy; docs/errors.md explains the code.',
  ),
} as const satisfies Record<string, Reason>;

export type ReasonName = keyof typeof REASONS;

/** Undefined: it is none of what stalls. Unknown ones, of a newer operator, stall at once. */
export function stallsAfterMs(reason: string): number | undefined {
  if (!Object.hasOwn(REASONS, reason)) return 0;
  return (REASONS as Readonly<Record<string, Reason>>)[reason]!.stallsAfterMs;
}

const OF_SOURCE: Partial<Record<ErrorCode, ReasonName>> = {
  KINLOG_CREDENTIALS_MISSING: 'SourceAccessDenied',
  KINLOG_CREDENTIALS_REFUSED: 'SourceAccessDenied',
  KINLOG_PERMISSION_REFUSED: 'SourceAccessDenied',
  KINLOG_KMS_REFUSED: 'SourceAccessDenied',
  KINLOG_STREAM_NOT_FOUND: 'SourceNotFound',
  KINLOG_STREAM_DELETED: 'SourceNotFound',
  KINLOG_STREAM_RECREATED: 'SourceRecreated',
  KINLOG_TLS_UNTRUSTED: 'SourceUntrusted',
  KINLOG_SERVICE_UNAVAILABLE: 'SourceUnreachable',
  KINLOG_CONSUMER_UNAVAILABLE: 'ConsumerUnavailable',
  KINLOG_SUBSCRIPTION_TAKEN: 'ConsumerUnavailable',
  KINLOG_POSITION_LOST: 'PositionLost',
  KINLOG_POSITION_REFUSED: 'PositionLost',
  KINLOG_SHARD_GONE: 'PositionLost',
};

const OF_OUTPUT: Partial<Record<ErrorCode, ReasonName>> = {
  KINLOG_SPLUNK_REFUSED: 'OutputRejected',
  KINLOG_EVENTS_REFUSED: 'OutputRejected',
  KINLOG_TLS_UNTRUSTED: 'OutputUntrusted',
  KINLOG_SERVICE_UNAVAILABLE: 'OutputUnreachable',
  KINLOG_DEAD_LETTERS_FULL: 'DeadLettersFull',
  KINLOG_OUTPUT_FAILED: 'OutputFailed',
  KINLOG_OUTPUT_CLOSED: 'OutputFailed',
};

const OF_STORE: Partial<Record<ErrorCode, ReasonName>> = {
  KINLOG_CREDENTIALS_MISSING: 'CheckpointAccessDenied',
  KINLOG_CREDENTIALS_REFUSED: 'CheckpointAccessDenied',
  KINLOG_PERMISSION_REFUSED: 'CheckpointAccessDenied',
  KINLOG_SPLUNK_REFUSED: 'CheckpointAccessDenied',
  KINLOG_TLS_UNTRUSTED: 'CheckpointUnavailable',
  KINLOG_SERVICE_UNAVAILABLE: 'CheckpointUnavailable',
  KINLOG_CHECKPOINT_UNAVAILABLE: 'CheckpointUnavailable',
  KINLOG_CHECKPOINT_LOCKED: 'CheckpointInUse',
  KINLOG_CHECKPOINT_IN_USE: 'CheckpointInUse',
  KINLOG_CHECKPOINT_CONFLICT: 'CheckpointInUse',
  KINLOG_KCL_ALIVE: 'CheckpointInUse',
  KINLOG_POSITION_MISSING: 'PositionLost',
};

const OF_PART: Readonly<Record<ErrorPart, Partial<Record<ErrorCode, ReasonName>>>> = {
  source: OF_SOURCE,
  output: OF_OUTPUT,
  store: OF_STORE,
  reader: { KINLOG_CONFIG_INVALID: 'ConfigRejected' },
};
const ELSE: Readonly<Record<ErrorPart, ReasonName>> = {
  source: 'ReaderFailed',
  output: 'OutputFailed',
  store: 'CheckpointUnusable',
  reader: 'ReaderFailed',
};

/** `code`: as the reader says it, so it may be one that this version does not know. */
export function reasonOfError({ part, code }: { readonly part: ErrorPart; readonly code: string }): ReasonName {
  const reasons: Readonly<Record<string, ReasonName | undefined>> = OF_PART[part];
  return (Object.hasOwn(reasons, code) ? reasons[code] : undefined) ?? ELSE[part];
}

/** How conditions say what a reader told: what happened, and what to do. */
export const sentence = ({ message, code, remedy }: Pick<ReaderError, 'message' | 'code' | 'remedy'>): string =>
  `${message} (${code}). ${remedy}`;

/** Those that only a reader tells; kept while it has not been asked anew. */
export const TOLD_BY_READER: ReadonlySet<string> = new Set([
  ...Object.values(OF_PART).flatMap((reasons) => Object.values(reasons)),
  ...Object.values(ELSE),
]);
