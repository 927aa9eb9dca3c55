/** From changes in the cluster to the LogStreams that they concern: what is put into the queue, and what is not. */
import type { EventLog } from '../base/events.ts';
import { CHILD_KINDS, REFERENCE_KINDS, type Caches } from './caches.ts';
import { STREAM_LABEL } from './desired/names.ts';
import { referencesOf } from './desired/references.ts';
import type { Change } from './kube/cache.ts';
import { keyOf, type KubeObject } from './kube/object.ts';
import type { AddOptions } from './kube/queue.ts';
import { KIND, type LogStream } from './logstream.ts';

/** A Secret and a ConfigMap that change together give one new pod, and one that is made anew is not missed meanwhile. */
const TOGETHER_MS = 1000;
/** What nothing has happened to stands behind what somebody waits for; controller-runtime's number. */
const LOW_PRIORITY = -100;

export interface Keys {
  add(key: string, how?: AddOptions): void;
}

/** Listens from its construction on. Puts nothing into the queue before `begin`: whoever stands by has nobody who would take it out. */
export class Feed {
  readonly #caches: Caches;
  readonly #queue: Keys;
  readonly #log: EventLog;
  /** Keys of the LogStreams that name a Secret or the like, by kind, namespace and name of that. */
  readonly #naming = new Map<string, Set<string>>();
  readonly #named = new Map<string, readonly string[]>();
  #begun = false;

  constructor(caches: Caches, queue: Keys, log: EventLog) {
    this.#caches = caches;
    this.#queue = queue;
    this.#log = log;
    caches.logStreams.onChange((change) => this.#streamChanged(change));
    for (const kind of CHILD_KINDS) caches.children[kind].onChange((change) => this.#childChanged(change));
    caches.pods.onChange((change) => this.#childChanged(change));
    for (const kind of REFERENCE_KINDS) caches.references[kind]?.onChange((change) => this.#referenceChanged(change));
  }

  /** Somebody works from now on: first on every LogStream that there is, whatever has happened to it until now. */
  begin(): void {
    this.#begun = true;
    this.resync(0, Math.random);
  }

  /** Every LogStream, at leisure: some within each part of `spreadMs`. */
  resync(spreadMs: number, random: () => number): void {
    for (const stream of this.#caches.logStreams.list())
      this.add(keyOf(stream), { priority: LOW_PRIORITY, afterMs: spreadMs * random() });
  }

  add(key: string, how?: AddOptions): void {
    if (this.#begun) this.#queue.add(key, how);
  }

  #streamChanged({ type, object, before, initial }: Change<LogStream>): void {
    const key = keyOf(object);
    this.#forget(key);
    if (type !== 'deleted') this.#remember(key, object);
    // Our own writes of the status come back as changes, too.
    if (type === 'modified' && before !== undefined && !isNews(before, object)) return;
    this.add(key, priorityOf(initial));
  }

  #childChanged({ object, before, initial }: Change<KubeObject>): void {
    for (const key of new Set([streamOf(object), before && streamOf(before)]))
      if (key !== undefined) this.add(key, priorityOf(initial));
  }

  #referenceChanged({ object, initial }: Change<KubeObject>): void {
    const { kind, metadata } = object;
    const naming = this.#naming.get(nameOf(kind, metadata.namespace, metadata.name)) ?? [];
    for (const key of naming) this.add(key, { ...priorityOf(initial), afterMs: initial ? 0 : TOGETHER_MS });
  }

  #remember(key: string, stream: LogStream): void {
    const names = this.#referencesOf(stream);
    this.#named.set(key, names);
    for (const name of names) this.#naming.set(name, (this.#naming.get(name) ?? new Set<string>()).add(key));
  }

  #forget(key: string): void {
    for (const name of this.#named.get(key) ?? []) {
      const naming = this.#naming.get(name);
      naming?.delete(key);
      if (naming?.size === 0) this.#naming.delete(name);
    }
    this.#named.delete(key);
  }

  /** An older or newer CRD lets through what we do not expect; one such LogStream must not end the watching of all. */
  #referencesOf(stream: LogStream): readonly string[] {
    try {
      return referencesOf(stream).map(({ kind, name }) => nameOf(kind, stream.metadata.namespace, name));
    } catch (error) {
      this.#log.emit('reconcile.crashed', { logStream: keyOf(stream), error: String(error) });
      return [];
    }
  }
}

const priorityOf = (initial: boolean): { readonly priority: number } => ({ priority: initial ? LOW_PRIORITY : 0 });

const nameOf = (kind: string, namespace: string | undefined, name: string): string =>
  `${kind}/${namespace ?? ''}/${name}`;

/** What a reconcile looks at: everything but status, and what the API server counts. */
function isNews({ metadata: was }: LogStream, { metadata: is }: LogStream): boolean {
  const seen = ({ generation, deletionTimestamp, labels, annotations, finalizers }: LogStream['metadata']) =>
    JSON.stringify([generation, deletionTimestamp, inOrder(labels), inOrder(annotations), finalizers]);
  return seen(was) !== seen(is);
}

const inOrder = (texts: Readonly<Record<string, string>> = {}): [string, string][] =>
  Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));

/** By its controller, or by the label: pods are controlled by a ReplicaSet, and a claim that is kept by nobody. */
function streamOf({ metadata }: KubeObject): string | undefined {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true && owner.kind === KIND);
  const name = controller?.name ?? metadata.labels?.[STREAM_LABEL];
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`;
}
