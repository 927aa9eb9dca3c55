/** What the operator knows of the cluster without asking: one cache for each kind that it looks at, over all namespaces that it watches. */
import type { Cache } from './kube/cache.ts';
import type { KINDS } from './kube/kinds.ts';
import type { KubeObject } from './kube/object.ts';
import type { LogStream } from './logstream.ts';

/** The kinds of which a LogStream has children, by their names in KINDS. */
export const CHILD_KINDS = [
  'serviceAccount',
  'configMap',
  'volumeClaim',
  'deployment',
  'podDisruptionBudget',
  'podMonitor',
  'job',
] as const satisfies readonly (keyof typeof KINDS)[];
export type ChildKind = (typeof CHILD_KINDS)[number];

/** What a LogStream names without owning it, by names in KINDS. */
export const REFERENCE_KINDS = [
  'secret',
  'configMap',
  'serviceAccount',
  'volumeClaim',
] as const satisfies readonly (keyof typeof KINDS)[];
export type ReferenceKind = (typeof REFERENCE_KINDS)[number];

export interface Caches {
  readonly logStreams: Cache<LogStream>;
  /** Of readers, by their label. */
  readonly pods: Cache<KubeObject>;
  /** Whole objects that carry the label of what the operator manages. PodMonitors: empty in a cluster that does not know them. */
  readonly children: Readonly<Record<ChildKind, Cache<KubeObject>>>;
  /** Metadata of every object of the kind, whoever made it. Secrets: undefined when they are not watched. */
  readonly references: Readonly<Record<Exclude<ReferenceKind, 'secret'>, Cache<KubeObject>>> & {
    readonly secret: Cache<KubeObject> | undefined;
  };
}
