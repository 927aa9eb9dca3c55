/** What is known of one LogStream at one moment; its conditions and its status are computed from nothing else. */

export interface Facts {
  readonly generation: number;
  /** No pass has written a status yet. */
  readonly firstSeen: boolean;
  /** The annotation that keeps the operator's hands off. */
  readonly handsOff: boolean;
  /** `spec.paused`, or no replicas: no reader shall run. */
  readonly paused: boolean;
  /** The pass ended before it had looked at everything: what the configuration and the references are is not known anew. */
  readonly cutShort?: boolean;
  /** What the schema can not check. */
  readonly configProblems: readonly Problem[];
  readonly referenceProblems: readonly Problem[];
  /** Why the children are not what they should be. */
  readonly applyProblem: Problem | undefined;
  readonly workload: WorkloadFacts | undefined;
  readonly reader: ReaderFacts | undefined;
  /** The pod that reads is not the one that the status is about. */
  readonly otherReader?: boolean;
  /** How far behind a reader may be and still have caught up. */
  readonly lagThresholdMs?: number;
  /** A reset that was asked for and is not done. */
  readonly resetPending: boolean;
}

/** `reason`: CamelCase, of the closed list in reasons.ts. `message`: what, which, and what to do; never a secret. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
  /** Wall-clock milliseconds since when; absent: as long as the condition has said so. */
  readonly sinceMs?: number;
}

/** From the Deployment and its pods in the cache. */
export interface WorkloadFacts {
  /** The Deployment's controller has seen its newest generation. */
  readonly current: boolean;
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly progressDeadlineExceeded: boolean;
  /** Pods can not be made: quota, pod security, admission. */
  readonly podsRefused: string | undefined;
  /** Of the configuration that the pods of the newest template run with. */
  readonly configHash?: string | undefined;
  readonly pods: readonly PodFacts[];
}

export interface PodFacts {
  readonly name: string;
  readonly uid: string;
  readonly ip: string | undefined;
  readonly ready: boolean;
  /** Wall-clock milliseconds. */
  readonly createdMs: number;
  /** RFC 3339; of its container. */
  readonly startedAt: string | undefined;
  /** Wall-clock milliseconds since when it has been asked to end; with its grace. */
  readonly terminating: { readonly sinceMs: number; readonly graceMs: number } | undefined;
  /** Why its container does not run, such as ImagePullBackOff, CrashLoopBackOff; the message stays the same while that does. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  /** How its container ended last. The message: what kinlog itself said about it, and nothing else, for a log may hold anything. */
  readonly terminated: { readonly exitCode: number; readonly reason: string; readonly message: string } | undefined;
  readonly restarts: number;
  readonly unschedulable: string | undefined;
  /** Of the configuration that it was made for. */
  readonly configHash?: string | undefined;
}

/** What the reader itself says, read seldom. */
export interface ReaderFacts {
  readonly podName: string;
  /** Wall-clock milliseconds of the answer. */
  readonly atMs: number;
  /** It has not answered for so long that nothing of this may still be true. */
  readonly stale?: boolean;
  readonly version: string;
  readonly ready: boolean;
  readonly notReady: string | undefined;
  readonly openShards: number;
  readonly closedShardsPending: number;
  readonly behindMs: number | undefined;
  /** RFC 3339. */
  readonly positionStored: string | undefined;
  /** RFC 3339; when the output accepted events last, so that it stands still while nothing arrives. */
  readonly eventsDelivered?: string | undefined;
  readonly errors: readonly ReaderError[];
}

export interface ReaderError {
  readonly part: 'source' | 'output' | 'store' | 'reader';
  /** KINLOG_… */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** RFC 3339. */
  readonly since?: string;
}
