/** What must exist for a LogStream. Pure: the same LogStream and the same stamps give the same objects. */
import type { LogStream } from '../logstream.ts';
import { claimsOf } from './claims.ts';
import { readerConfig } from './config.ts';
import { deploymentOf } from './deployment.ts';
import { ownedMetadata, selectorOf, serviceAccountName, STREAM_LABEL, type Child } from './names.ts';
import { configData } from './pod.ts';

/** The operator's own settings for every reader. */
export interface ReaderSettings {
  readonly image: string;
  readonly imagePullPolicy?: string;
  /** The cluster knows the kind. */
  readonly podMonitors: boolean;
  /** By which a Prometheus selects PodMonitors. */
  readonly podMonitorLabels?: Readonly<Record<string, string>>;
}

export interface Resolved {
  /** `Secret/name`, `ConfigMap/name` and so on -> what changes when a new pod is needed. */
  readonly stamps: ReadonlyMap<string, string>;
}

export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap' | 'ServiceAccount' | 'PersistentVolumeClaim';
  readonly name: string;
  /** That must be in it and hold something. */
  readonly keys: readonly string[];
  /** Where the LogStream names it. */
  readonly field: string;
}

/** In the order in which they are applied: what a pod needs before the Deployment. Ask for `configProblems` before; with problems this may throw. */
export function desiredChildren(stream: LogStream, resolved: Resolved, settings: ReaderSettings): readonly Child[] {
  return [
    ...serviceAccountOf(stream),
    ...claimsOf(stream),
    // A claim may be refused, and a reader that runs meets its configuration again whenever its container is started anew.
    configMapOf(stream),
    deploymentOf(stream, resolved, settings),
    ...disruptionBudgetOf(stream),
    ...podMonitorOf(stream, settings),
  ];
}

function serviceAccountOf(stream: LogStream): readonly Child[] {
  const { create, annotations } = stream.spec.serviceAccount;
  if (!create) return [];
  const metadata = ownedMetadata(stream, serviceAccountName(stream));
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { ...metadata, ...(annotations !== undefined && { annotations }) },
      automountServiceAccountToken: false,
    },
  ];
}

function configMapOf(stream: LogStream): Child {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(stream),
    data: configData(readerConfig(stream)),
  };
}

/** None unless asked for: that of a single pod keeps its node from being drained. */
function disruptionBudgetOf(stream: LogStream): readonly Child[] {
  const { podDisruptionBudget } = stream.spec;
  if (podDisruptionBudget === undefined) return [];
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: ownedMetadata(stream),
      spec: { maxUnavailable: podDisruptionBudget.maxUnavailable, selector: { matchLabels: selectorOf(stream) } },
    },
  ];
}

function podMonitorOf(stream: LogStream, { podMonitors, podMonitorLabels }: ReaderSettings): readonly Child[] {
  if (!podMonitors || stream.spec.monitoring.podMonitor === 'Never') return [];
  const metadata = ownedMetadata(stream);
  return [
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { ...metadata, labels: { ...podMonitorLabels, ...metadata.labels } },
      spec: {
        selector: { matchLabels: selectorOf(stream) },
        podTargetLabels: [STREAM_LABEL],
        podMetricsEndpoints: [{ port: 'http', path: '/metrics' }],
      },
    },
  ];
}
