/** The Deployment that keeps one reader running. */
import type { LogStream } from '../logstream.ts';
import { digest } from '../reconcile/drift.ts';
import { readerConfig } from './config.ts';
import type { ReaderSettings, Resolved } from './desired.ts';
import { labelsOf, ownedMetadata, selectorOf, type Child } from './names.ts';
import { overlaid } from './overlay.ts';
import { podSpec, readerWork, type Json } from './pod.ts';

const CONFIG_HASH_ANNOTATION = 'kinlog.io/config-hash';
const REFERENCES_ANNOTATION = 'kinlog.io/references';
const KEPT_REPLICA_SETS = 3;

export function deploymentOf(stream: LogStream, resolved: Resolved, settings: ReaderSettings): Child {
  const { paused, replicas } = stream.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ownedMetadata(stream),
    spec: {
      replicas: paused ? 0 : Math.min(replicas, 1),
      revisionHistoryLimit: KEPT_REPLICA_SETS,
      selector: { matchLabels: selectorOf(stream) },
      strategy: strategyOf(stream),
      template: {
        metadata: templateMetadata(stream, resolved),
        spec: overlaid(podSpec(stream, readerWork(stream), settings), stream.spec.podTemplate?.spec ?? {}),
      },
    },
  };
}

/** With maxUnavailable 0 a new pod would wait for an old one that hangs on a lost node. */
function strategyOf({ spec }: LogStream): Json {
  if (spec.updateStrategy === 'Recreate') return { type: 'Recreate' };
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
}

/** Both hashes change with one write, so that a change of several things replaces the pod once. */
function templateMetadata(stream: LogStream, resolved: Resolved): Json {
  const { labels, annotations } = stream.spec.podTemplate?.metadata ?? {};
  return {
    labels: { ...labels, ...labelsOf(stream) },
    annotations: {
      ...annotations,
      [CONFIG_HASH_ANNOTATION]: configHash(stream),
      [REFERENCES_ANNOTATION]: digest({
        stamps: Object.fromEntries(resolved.stamps),
        // A webhook reads them when it makes the pod.
        account: stream.spec.serviceAccount.annotations ?? {},
      }),
    },
  };
}

/** Of the configuration that the reader runs with. */
export const configHash = (stream: LogStream): string => digest(readerConfig(stream));
