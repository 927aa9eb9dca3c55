/** The resource `LogStream` as the API server hands it out: defaults filled in, rules of the schema held. The schema itself is rendered from crd/. */
import type { Condition, KubeObject, LocalReference } from './kube/object.ts';

export const GROUP = 'kinlog.io';
export const VERSION = 'v1alpha1';
export const KIND = 'LogStream';
export const PLURAL = 'logstreams';

export interface LogStream extends KubeObject {
  readonly spec: LogStreamSpec;
  readonly status?: LogStreamStatus;
}

export interface LogStreamSpec {
  readonly source: Source;
  readonly format?: Format;
  readonly checkpoint: Checkpoint;
  /** A list by name, so that more than one may come; one for now. */
  readonly outputs: readonly Output[];
  readonly deadLetters?: DeadLetters;
  /** 0 or 1; `paused` wins. */
  readonly replicas: number;
  readonly paused: boolean;
  readonly deletionPolicy: 'Retain' | 'Delete';
  readonly updateStrategy: 'Recreate' | 'Overlap';
  readonly logLevel: 'Debug' | 'Info' | 'Warn' | 'Error';
  readonly monitoring: { readonly podMonitor: 'Auto' | 'Never'; readonly lagThresholdSeconds: number };
  /** MiB fetched and not accepted yet. */
  readonly maxMegabytesInFlight?: number;
  /** The operator's own reader image when absent. */
  readonly image?: string;
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly resources?: {
    readonly limits?: Readonly<Record<string, string | number>>;
    readonly requests?: Readonly<Record<string, string | number>>;
  };
  readonly serviceAccount: {
    readonly create: boolean;
    /** `<name>-reader` when absent. */
    readonly name?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly podDisruptionBudget?: { readonly maxUnavailable: number };
  /** Laid over the pod template by strategic-merge rules; kept as it is. */
  readonly podTemplate?: PodTemplateOverlay;
  readonly resetRequest?: ResetRequest;
}

export interface PodTemplateOverlay {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** How AWS is reached. */
export interface AwsReach {
  readonly region?: string;
  readonly endpoint?: string;
}

export interface Source extends AwsReach {
  /** One of the two. */
  readonly streamName?: string;
  readonly streamArn?: string;
  readonly auth?: Auth;
  readonly mode: 'Polling' | 'EnhancedFanOut';
  readonly polling?: { readonly idleMilliseconds?: number };
  readonly enhancedFanOut?: {
    /** One of the two. */
    readonly consumerName?: string;
    readonly consumerArn?: string;
    readonly register: 'IfMissing' | 'Never';
  };
  readonly startPosition: StartPosition;
  /** Absent: records that aged out are skipped to the oldest that is left, anything else stops. */
  readonly onLostPosition?: {
    readonly type: 'Stop' | 'TrimHorizon' | 'AtTimestamp';
    readonly timestamp?: string;
  };
  readonly proxy?: string;
  readonly stsEndpoint?: string;
  readonly tls?: { readonly ca?: CaReference };
}

export interface StartPosition {
  readonly type: 'Latest' | 'TrimHorizon' | 'AtTimestamp';
  /** RFC 3339. */
  readonly timestamp?: string;
}

/** WorkloadIdentity: what the pod's service account gives. Secret: a long-lived access key, with or without a role assumed by it. */
export interface Auth {
  readonly type: 'WorkloadIdentity' | 'Secret';
  readonly roleArn?: string;
  readonly externalId?: string;
  readonly sessionName?: string;
  readonly secretRef?: {
    readonly name: string;
    readonly accessKeyIdKey: string;
    readonly secretAccessKeyKey: string;
    readonly sessionTokenKey?: string;
  };
}

/** One of the two. */
export interface CaReference {
  readonly secretRef?: LocalReference;
  readonly configMapRef?: LocalReference;
}

export interface Format {
  readonly codec: 'Auto' | 'Kinlog' | 'CloudWatchLogs' | 'Hec' | 'Json' | 'Text';
  /** Whether each line of a record of plain text is an event. */
  readonly lines: 'Whole' | 'Split';
}

export interface Checkpoint {
  readonly type: 'DynamoDB' | 'SplunkKVStore' | 'LevelDB';
  /** Whose positions these are; `<namespace>.<name>` when absent. Never the uid: applying the same file again goes on where reading stopped. */
  readonly applicationName?: string;
  readonly intervalSeconds: number;
  readonly leasePeriodSeconds: number;
  readonly dynamoDB?: AwsReach & {
    /** The application's name when absent. */
    readonly tableName?: string;
    readonly createTable: 'IfMissing' | 'Never';
    /** Shard: the table holds one stream, as that of a KCL application. Stream: several. */
    readonly keys: 'Shard' | 'Stream';
    readonly billing?: { readonly readCapacity: number; readonly writeCapacity: number };
    readonly tags?: Readonly<Record<string, string>>;
    readonly roleArn?: string;
    readonly externalId?: string;
  };
  readonly splunkKVStore?: {
    readonly url: string;
    readonly app: string;
    readonly collection?: string;
    readonly tokenSecretRef: LocalReference;
    readonly tls?: { readonly ca?: CaReference };
  };
  readonly levelDB?: VolumeClaim;
}

/** A claim of the operator's own, or one that exists. */
export interface VolumeClaim {
  readonly existingClaim?: string;
  readonly storageClassName?: string;
  readonly size?: string;
  readonly accessMode?: 'ReadWriteOncePod' | 'ReadWriteOnce';
}

export interface Output {
  readonly name: string;
  readonly type: 'SplunkHEC' | 'Stdout';
  readonly splunkHEC?: SplunkHec;
}

export interface SplunkHec {
  /** Of equal standing. */
  readonly urls: readonly string[];
  readonly tokenSecretRef: LocalReference;
  readonly index?: string;
  readonly source?: string;
  readonly sourcetype?: string;
  readonly host?: string;
  readonly acknowledgement?: { readonly mode: 'Required' | 'None'; readonly timeoutSeconds?: number };
  readonly batch?: {
    readonly maxBodyBytes?: number;
    readonly maxEventBytes?: number;
    readonly maxInFlight?: number;
  };
  readonly proxy?: string;
  readonly tls?: { readonly ca?: CaReference };
}

/** Where events go that an output will never take: a file on a volume that outlives the pod. */
export interface DeadLetters {
  readonly volume: VolumeClaim;
  readonly maxMegabytes?: number;
}

/** Done once for each id, while paused. */
export interface ResetRequest {
  readonly id: string;
  readonly position: StartPosition;
}

export interface LogStreamStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly replicas?: number;
  readonly readyReplicas?: number;
  /** For the scale subresource. */
  readonly selector?: string;
  readonly reader?: {
    readonly podName?: string;
    readonly version?: string;
    readonly startedAt?: string;
  };
  readonly source?: { readonly openShards?: number; readonly closedShardsPending?: number };
  /** Coarse, so that it is seldom written: the largest boundary that is passed. */
  readonly lag?: { readonly maxMillisBehindLatest?: number; readonly updatedAt?: string };
  readonly checkpoint?: { readonly lastCheckpointTime?: string; readonly applicationName?: string };
  readonly lastError?: { readonly reason: string; readonly message: string; readonly time: string };
  /** Of the configuration that the reader runs with. */
  readonly configHash?: string;
  /** Id of the last reset that was done. */
  readonly resetAcknowledged?: string;
}
