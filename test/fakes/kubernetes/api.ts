/** An API server in the process: keeps objects and their history, lists in pages, watches from a moment, forgets old moments, and fails when told to. */
import { abortReason } from '../../../base/clock.ts';
import { KubeError, type ApiCall, type KubeApi, type WatchEvent } from '../../../operator/kube/api.ts';
import { watchFailure } from '../../../operator/kube/failures.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';

type Draft = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: Partial<KubeObject['metadata']> & { readonly name: string };
};

interface Watcher {
  readonly namespace: string | undefined;
  /** Ends the wait for news. */
  wake: () => void;
  readonly news: WatchEvent[];
  end: 'clean' | Error | undefined;
}

/** One kind. */
export class FakeApi implements KubeApi {
  readonly calls: ApiCall[] = [];
  /** Answers every listing, every watch, until it is taken away. */
  refusing: { list?: Error | undefined; watch?: Error | undefined } = {};
  /** Of listings; the caller's `limit` when absent. */
  pageSize: number | undefined;
  readonly #objects = new Map<string, KubeObject>();
  readonly #history: { readonly revision: number; readonly event: WatchEvent }[] = [];
  readonly #watchers = new Set<Watcher>();
  #revision = 100;
  #compacted = 0;
  #uids = 0;

  get revision(): string {
    return String(this.#revision);
  }

  get watching(): number {
    return this.#watchers.size;
  }

  count(what: 'list' | 'watch'): number {
    return this.calls.filter(({ query }) => (query?.['watch'] === undefined) === (what === 'list')).length;
  }

  /** Without its own uid, resourceVersion and creation. */
  put(draft: Draft): KubeObject {
    const namespace = draft.metadata.namespace ?? 'default';
    const key = `${namespace}/${draft.metadata.name}`;
    const before = this.#objects.get(key);
    const uid = before?.metadata.uid ?? `uid-${++this.#uids}`;
    const metadata = { ...draft.metadata, namespace, uid, resourceVersion: String(++this.#revision) };
    const object: KubeObject = { ...draft, metadata };
    this.#objects.set(key, object);
    this.#happened({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  remove(name: string, namespace = 'default'): void {
    const object = this.#objects.get(`${namespace}/${name}`)!;
    this.#objects.delete(`${namespace}/${name}`);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#revision) };
    this.#happened({ type: 'DELETED', object: { ...object, metadata } });
  }

  list(namespace?: string): KubeObject[] {
    return [...this.#objects.values()].filter(
      (object) => namespace === undefined || object.metadata.namespace === namespace,
    );
  }

  /** Watches and continued listings from before now are refused. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history.length = 0;
  }

  bookmark(): void {
    this.send({
      type: 'BOOKMARK',
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: this.revision } },
    });
  }

  /** Whatever it is, true or not, to every watch that is open. */
  send(event: WatchEvent): void {
    for (const watcher of this.#watchers) {
      watcher.news.push(event);
      watcher.wake();
    }
  }

  /** `clean`: as the server ends them when their time is up. */
  endWatches(how: 'clean' | Error): void {
    for (const watcher of this.#watchers) {
      watcher.end = how;
      watcher.wake();
    }
    this.#watchers.clear();
  }

  async call<T>(call: ApiCall, signal?: AbortSignal): Promise<T> {
    this.calls.push(call);
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.refusing.list !== undefined) throw this.refusing.list;
    return this.#page(call) as T;
  }

  async *watch(call: ApiCall, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.calls.push(call);
    if (this.refusing.watch !== undefined) throw this.refusing.watch;
    const from = Number(call.query?.['resourceVersion']);
    if (from < this.#compacted) {
      yield { type: 'ERROR', object: expired };
      return;
    }
    const watcher: Watcher = { namespace: namespaceOf(call), wake: () => undefined, news: [], end: undefined };
    for (const { revision, event } of this.#history) if (revision > from) this.#tell(watcher, event);
    this.#watchers.add(watcher);
    try {
      yield* this.#follow(watcher, signal);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async close(): Promise<void> {
    this.endWatches('clean');
  }

  async *#follow(watcher: Watcher, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    for (;;) {
      for (let event = watcher.news.shift(); event !== undefined; event = watcher.news.shift()) yield event;
      if (signal.aborted) throw abortReason(signal);
      if (watcher.end instanceof Error) throw watcher.end;
      if (watcher.end === 'clean') return;
      await new Promise<void>((resolve) => {
        watcher.wake = () => {
          signal.removeEventListener('abort', watcher.wake);
          resolve();
        };
        signal.addEventListener('abort', watcher.wake, { once: true });
      });
    }
  }

  #happened(event: WatchEvent): void {
    this.#history.push({ revision: this.#revision, event });
    for (const watcher of this.#watchers) this.#tell(watcher, event);
  }

  #tell(watcher: Watcher, event: WatchEvent): void {
    const { namespace } = (event.object as KubeObject).metadata;
    if (watcher.namespace !== undefined && watcher.namespace !== namespace) return;
    watcher.news.push(event);
    watcher.wake();
  }

  /** The token holds what is left of the moment in which the listing began. */
  #page(call: ApiCall): object {
    const token = call.query?.['continue'];
    const kept = token === undefined ? undefined : (JSON.parse(String(token)) as { at: number; items: KubeObject[] });
    const { at, items } = kept ?? { at: this.#revision, items: this.list(namespaceOf(call)) };
    if (at < this.#compacted) throw watchFailure(call, expired);
    const size = this.pageSize ?? Number(call.query?.['limit'] ?? Infinity);
    const rest = items.slice(size);
    return {
      metadata: {
        resourceVersion: String(at),
        ...(rest.length === 0 ? {} : { continue: JSON.stringify({ at, items: rest }) }),
      },
      // As the server: items of a listing do not say what they are.
      items: items.slice(0, size).map(({ metadata, apiVersion: _version, kind: _kind, ...object }) => ({
        metadata: { ...metadata, managedFields: [{ manager: 'somebody' }] },
        ...object,
      })),
    };
  }
}

/** As Kubernetes 1.36 says it. */
const expired = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'too old resource version: 5 (1294)',
  reason: 'Expired',
  code: 410,
};

const namespaceOf = ({ path }: ApiCall): string | undefined => /\/namespaces\/([^/]+)\//.exec(path)?.[1];

/** As KubeError by the client. */
export const broken = (): KubeError => new KubeError('GET: ECONNRESET', { sort: 'transport', status: 0 });
