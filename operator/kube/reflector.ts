/** Keeps a cache equal to what the API server has of one kind: lists, then watches, and lists again whenever the watch can not go on. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import { KubeError, type ApiCall, type KubeApi, type WatchEvent } from './api.ts';
import type { Cache } from './cache.ts';
import { transportFailure, watchFailure } from './failures.ts';
import { acceptOf, kept, listPages, pathOf, type Selection } from './list.ts';
import type { KubeObject, ResourceKind } from './object.ts';
import type { Reach } from './reach.ts';
import { Trouble } from './trouble.ts';

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  readonly api: KubeApi;
  readonly kind: ResourceKind;
  /** May be shared with reflectors of the same kind in other namespaces. */
  readonly cache: Cache<T>;
  /** Of all who ask the same server. */
  readonly reach: Reach;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly random?: (() => number) | undefined;
  /** For metrics. */
  readonly onCount?: ((what: ReflectorCount) => void) | undefined;
}

/** `expired`: the server no longer knew the moment from which the watch was to go on. */
export type ReflectorCount = 'lists' | 'watches' | 'expired' | 'failures';

/** As client-go: spread, so that watches that began together do not end together. */
const WATCH_SECONDS = { least: 300, spread: 300 };
/** A watch that the server ended so soon is not begun again at once. */
const SHORT_MS = 5_000;
/**
 * More than the minute in which a bookmark comes. Without one the moment may lie in the server's future, as after etcd was restored
 * from a backup: Kubernetes 1.36 then says nothing at all until it has caught up, and what happened before would never be told.
 */
const SILENT_MS = 75_000;

export class Reflector<T extends KubeObject> {
  /** Settles when the cache holds the first full listing; never after a stop before that. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #keep: ReturnType<typeof kept>;
  readonly #random: () => number;
  readonly #trouble: Trouble;
  readonly #listed = Promise.withResolvers<undefined>();
  #initial = true;
  /** From which the watch goes on; undefined: a listing is due. Only what the cache has taken counts. */
  #resourceVersion: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    const { kind, namespace, reach, clock, log, random = Math.random } = options;
    this.#options = options;
    this.#keep = kept(options);
    this.#random = random;
    this.#trouble = new Trouble({ kind: kind.plural, namespace }, { reach, clock, log, random });
    this.synced = this.#listed.promise;
  }

  /** Until the signal; rejects only with what is not the API's: a fault of ours, of which the cache may be short. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = () => signal.aborted;
    while (!stopped()) {
      try {
        await this.#followOnce(signal);
      } catch (error) {
        if (stopped()) return;
        if (!(error instanceof KubeError)) throw error;
        this.#noteFailure(error);
        await this.#trouble.failed(error, signal).catch(ignoreStop);
      }
    }
  }

  async #followOnce(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (this.#resourceVersion === undefined) this.#resourceVersion = await this.#list(signal);
    const begun = clock.monotonic();
    const from = this.#resourceVersion;
    await this.#watch(signal);
    if (clock.monotonic() - begun >= SHORT_MS) return;
    // Servers that drain and proxies that cut end watches early; without any progress that is a failure like others.
    if (from === this.#resourceVersion) throw transportFailure(this.#call(), 'ended at once');
    await this.#trouble.shortly(signal);
  }

  #noteFailure(error: KubeError): void {
    this.#count('failures');
    if (error.sort !== 'expired') return;
    this.#count('expired');
    this.#resourceVersion = undefined;
  }

  /** Taken page by page, so that no two copies of everything are held; what is missing goes last, when it is sure. */
  async #list(signal: AbortSignal): Promise<string> {
    const { api, kind, cache } = this.#options;
    this.#count('lists');
    const seen = new Set<string>();
    let resourceVersion = '';
    for await (const page of listPages(api, kind, this.#options, signal)) {
      for (const object of page.items) {
        seen.add(object.metadata.uid ?? '');
        cache.put(object as T, this.#initial);
      }
      resourceVersion = page.resourceVersion;
    }
    for (const object of [...cache.list(this.#options.namespace)])
      if (!seen.has(object.metadata.uid ?? '')) cache.remove(object);
    this.#initial = false;
    this.#listed.resolve(undefined);
    return resourceVersion;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    this.#count('watches');
    const call = this.#call();
    const timeoutSeconds = WATCH_SECONDS.least + Math.floor(this.#random() * WATCH_SECONDS.spread);
    const { labelSelector, api, clock } = this.#options;
    const query = { watch: true, allowWatchBookmarks: true, timeoutSeconds, labelSelector };
    const from = { ...query, resourceVersion: this.#resourceVersion };
    const begun = clock.monotonic();
    let heard = false;
    try {
      for await (const event of api.watch({ ...call, query: from }, signal)) {
        this.#take(event, call);
        this.#trouble.over();
        heard = true;
      }
      this.#trouble.over();
    } catch (error) {
      if (!heard && clock.monotonic() - begun >= SILENT_MS) this.#resourceVersion = undefined;
      throw error;
    }
  }

  #take({ type, object }: WatchEvent, call: ApiCall): void {
    if (type === 'ERROR') throw watchFailure(call, object);
    const news = object as T;
    // A proxy may have said it.
    const resourceVersion = (object as Partial<T> | null | undefined)?.metadata?.resourceVersion;
    if (resourceVersion === undefined) throw transportFailure(call, 'an event without a resourceVersion');
    this.#refuseThePast(resourceVersion, call);
    const { cache, kind } = this.#options;
    if (type === 'DELETED') cache.remove(this.#keep(news, kind) as T);
    else if (type !== 'BOOKMARK') cache.put(this.#keep(news, kind) as T);
    this.#resourceVersion = resourceVersion;
  }

  /** Events of one watch come in order. One that does not is of a restored etcd or a proxy that errs, and only a listing tells what is true. */
  #refuseThePast(resourceVersion: string, call: ApiCall): void {
    if (!isOlder(resourceVersion, this.#resourceVersion ?? '')) return;
    throw new KubeError(`${call.method} ${call.path}: the watch went back in time`, { sort: 'expired', status: 200 });
  }

  #call(): ApiCall {
    const { kind, namespace, metadataOnly } = this.#options;
    return { method: 'GET', path: pathOf(kind, namespace), accept: acceptOf(metadataOnly, '') };
  }

  #count(what: ReflectorCount): void {
    this.#options.onCount?.(what);
  }
}

/** Kubernetes 1.35 promises that they are decimal numbers of any length (KEP-5504); others are not compared. */
function isOlder(one: string, other: string): boolean {
  if (!/^\d+$/.test(one) || !/^\d+$/.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}

const ignoreStop = (): void => {
  // The loop sees the signal.
};
