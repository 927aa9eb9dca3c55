/** Fills the caches: one reflector for each kind and namespace that is watched. */
import type { Clock } from '../base/clock.ts';
import type { EventLog } from '../base/events.ts';
import { CHILD_KINDS, REFERENCE_KINDS, type Caches, type ChildKind, type ReferenceKind } from './caches.ts';
import { MANAGED, READER, selectorText } from './desired/names.ts';
import { KubeError, type KubeApi } from './kube/api.ts';
import { Cache } from './kube/cache.ts';
import { KINDS } from './kube/kinds.ts';
import type { KubeObject, ResourceKind } from './kube/object.ts';
import type { Reach } from './kube/reach.ts';
import { Reflector, type ReflectorCount } from './kube/reflector.ts';
import type { LogStream } from './logstream.ts';
import { worthOfPod } from './reconcile/pods.ts';

/** How often a cluster is asked whether it has learned of PodMonitors, or forgotten. */
const LEARNING_MS = 60_000;
const TRYING_MS = 2000;
const PENDING = 'whether there are podmonitors';

export interface WatchingParts {
  readonly api: KubeApi;
  /** All when undefined. */
  readonly namespaces: readonly string[] | undefined;
  readonly secrets: boolean;
  readonly reach: Reach;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly onCount?: (kind: string, what: ReflectorCount) => void;
  /** `podMonitors` has changed. */
  readonly onPodMonitors: () => void;
}

interface ResourceList {
  readonly resources?: readonly { readonly name: string }[];
}

interface Watched {
  readonly kind: ResourceKind;
  readonly cache: Cache<KubeObject>;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
  readonly keep?: (object: KubeObject) => KubeObject;
}

export class Watching {
  readonly caches: Caches;
  readonly #parts: WatchingParts;
  readonly #unsynced = new Set<string>();
  #podMonitors = false;

  constructor(parts: WatchingParts) {
    this.#parts = parts;
    this.caches = {
      logStreams: new Cache<LogStream>(),
      pods: new Cache(),
      children: cachesOf(CHILD_KINDS),
      references: { ...cachesOf(REFERENCE_KINDS), secret: parts.secrets ? new Cache() : undefined },
    };
  }

  /** The cluster has the kind PodMonitor. */
  get podMonitors(): boolean {
    return this.#podMonitors;
  }

  /** Plurals of the kinds that have not been listed yet. */
  get unsynced(): readonly string[] {
    return [...this.#unsynced];
  }

  /** `run` ends with the signal, and else only by a fault of ours. `synced` settles when every cache holds what there is, however long that takes. */
  start(signal: AbortSignal): { readonly synced: Promise<void>; readonly run: Promise<void> } {
    const reflectors = this.#watched().flatMap((watched) => this.#reflectors(watched));
    const known = Promise.withResolvers<undefined>();
    const monitors = this.#watchPodMonitors(known.resolve, signal);
    return {
      synced: Promise.all([...reflectors.map(({ synced }) => synced), known.promise]).then(() => undefined),
      run: Promise.all([...reflectors.map((reflector) => reflector.run(signal)), monitors]).then(() => undefined),
    };
  }

  #watched(): Watched[] {
    const { logStreams, pods, children, references } = this.caches;
    // The reflector stores what the API server says, and that of its own kind.
    const first = { kind: KINDS.logStream, cache: logStreams as unknown as Cache<KubeObject> };
    const whole = CHILD_KINDS.filter((name) => name !== 'podMonitor').map((name) => child(name, children[name]));
    const metadata = REFERENCE_KINDS.flatMap((name) => {
      const cache = references[name];
      return cache === undefined ? [] : [{ kind: KINDS[name], cache, metadataOnly: true }];
    });
    return [
      first,
      { kind: KINDS.pod, cache: pods, labelSelector: selectorText({ [READER.label]: READER.value }), keep: worthOfPod },
      ...whole,
      ...metadata,
    ];
  }

  #reflectors({ kind, ...watched }: Watched): Reflector<KubeObject>[] {
    const { namespaces = [undefined], onCount, ...parts } = this.#parts;
    return namespaces.map((namespace) => {
      const count = (what: ReflectorCount) => onCount?.(kind.plural, what);
      const reflector = new Reflector({ ...parts, kind, ...watched, namespace, onCount: count });
      const what = `${kind.plural}${watched.metadataOnly === true ? ' (metadata)' : ''} ${namespace ?? ''}`.trim();
      if (kind !== KINDS.podMonitor) this.#unsynced.add(what);
      void reflector.synced.then(() => this.#unsynced.delete(what));
      return reflector;
    });
  }

  /** Clusters without the Prometheus operator do not have the kind, and may get it later or lose it. `known`: told once it is sure, and the cache filled. */
  async #watchPodMonitors(known: (nothing: undefined) => void, signal: AbortSignal): Promise<void> {
    this.#unsynced.add(PENDING);
    const sure = () => {
      this.#unsynced.delete(PENDING);
      known(undefined);
    };
    while (!signal.aborted) {
      const there = await this.#hasPodMonitors(signal);
      if (there === true) await this.#followPodMonitors(sure, signal);
      else if (there === false) sure();
      await this.#parts.clock.sleep(there === undefined ? TRYING_MS : LEARNING_MS, signal).catch(() => undefined);
    }
  }

  /** Until the cluster does not know the kind any more, or the signal. */
  async #followPodMonitors(sure: () => void, signal: AbortSignal): Promise<void> {
    const { log, onPodMonitors } = this.#parts;
    const cache = this.caches.children.podMonitor;
    const reflectors = this.#reflectors(child('podMonitor', cache));
    const end = new AbortController();
    this.#podMonitors = true;
    log.emit('operator.pod-monitors');
    void Promise.all(reflectors.map(({ synced }) => synced)).then(() => {
      sure();
      onPodMonitors();
    });
    const runs = Promise.all(reflectors.map((reflector) => reflector.run(end.signal)));
    await Promise.race([runs, this.#untilPodMonitorsAreGone(signal)]).finally(() => end.abort());
    await runs;
    if (signal.aborted) return;
    this.#podMonitors = false;
    // They went with their kind; an apply of one would fail, and with it every pass.
    for (const object of [...cache.list()]) cache.remove(object);
    onPodMonitors();
  }

  async #untilPodMonitorsAreGone(signal: AbortSignal): Promise<void> {
    do await this.#parts.clock.sleep(LEARNING_MS, signal).catch(() => undefined);
    while (!signal.aborted && (await this.#hasPodMonitors(signal)) !== false);
  }

  /** Undefined: the API server does not say. */
  async #hasPodMonitors(signal: AbortSignal): Promise<boolean | undefined> {
    const { apiVersion, plural } = KINDS.podMonitor;
    try {
      const path = `/apis/${apiVersion}`;
      const { resources } = await this.#parts.api.call<ResourceList>({ method: 'GET', path }, signal);
      return resources?.some(({ name }) => name === plural) ?? false;
    } catch (error) {
      // Whoever may not ask may not make one either.
      if (error instanceof KubeError) return error.status === 404 || error.sort === 'forbidden' ? false : undefined;
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}

const child = (name: ChildKind, cache: Cache<KubeObject>): Watched => ({
  kind: KINDS[name],
  cache,
  labelSelector: selectorText({ [MANAGED.label]: MANAGED.value }),
});

const cachesOf = <Name extends ChildKind | ReferenceKind>(names: readonly Name[]): Record<Name, Cache<KubeObject>> =>
  Object.fromEntries(names.map((name) => [name, new Cache<KubeObject>()])) as Record<Name, Cache<KubeObject>>;
