/** The operator's passes in the process of the test, on a real API server: what it may know, when it dies and when it is late are the test's to say. */
import { systemClock, unlessAborted } from '../../base/clock.ts';
import { silentLog } from '../../base/events.ts';
import { Feed } from '../../operator/feed.ts';
import type { ApiCall, KubeApi, WatchEvent } from '../../operator/kube/api.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { WorkQueue } from '../../operator/kube/queue.ts';
import { Reach } from '../../operator/kube/reach.ts';
import { Readers } from '../../operator/readers/readers.ts';
import type { Recorder } from '../../operator/recorder.ts';
import { Reconciler } from '../../operator/reconcile/reconcile.ts';
import { Watching } from '../../operator/watching.ts';
import { Workers } from '../../operator/workers.ts';

export interface Told {
  readonly about: string;
  readonly reason: string;
  readonly note: string;
}

export interface OperatorHereOptions {
  /** Of passes: after so many calls have been answered it dies, and nothing it does has any effect. */
  readonly diesAfter?: number;
  /** Events of watches come so much later; of all of them, or of those of one kind, by its plural. */
  readonly watchesLateMs?: number;
  readonly lateKind?: string;
  readonly image?: string;
}

export class OperatorHere {
  /** Of passes, reads too. */
  readonly calls: ApiCall[] = [];
  readonly told: Told[] = [];
  readonly watching: Watching;
  readonly queue: WorkQueue;
  readonly feed: Feed;
  readonly #workers: Workers;
  readonly #api: KubeApi;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #isDead = false;

  private constructor(
    api: KubeApi,
    { diesAfter = Infinity, watchesLateMs = 0, lateKind = '', image = 'kinlog' }: OperatorHereOptions,
  ) {
    this.#api = api;
    const clock = systemClock;
    const log = silentLog();
    const watched = watchesLateMs === 0 ? api : late(api, watchesLateMs, lateKind);
    this.watching = new Watching({
      ...{ api: watched, namespaces: undefined, secrets: true, reach: new Reach(clock), clock, log },
      onPodMonitors: () => undefined,
    });
    const { caches } = this.watching;
    this.queue = new WorkQueue(clock);
    this.feed = new Feed(caches, this.queue, log);
    const recorder: Recorder = {
      event: (...[about, , reason, , note]) => void this.told.push({ about: about.metadata.name, reason, note }),
    };
    const readers = new Readers({ intervalSeconds: 0, clock, onNews: () => undefined });
    const reconciler = new Reconciler({
      ...{ api: this.#mortal(diesAfter), caches, recorder, clock, log },
      settings: { image, podMonitors: false },
      readers,
      onNews: (key) => this.feed.add(key),
    });
    this.#workers = new Workers({
      ...{ queue: this.queue, recorder, clock, log, count: 5 },
      reconcile: (key, signal) => reconciler.reconcile(key, signal),
      streamOf: (key) => caches.logStreams.get(...(key.split('/') as [string, string])),
    });
  }

  /** Settles once it knows the cluster; it works from then on. */
  static async start(kubeconfig: string, options: OperatorHereOptions = {}): Promise<OperatorHere> {
    const api = kubeClient(await connect(kubeconfig), { log: silentLog() });
    const operator = new OperatorHere(api, options);
    const { signal } = operator.#stop;
    const { synced, run } = operator.watching.start(signal);
    operator.#running = run;
    await synced;
    operator.feed.begin();
    operator.#running = Promise.all([run, operator.#workers.run(signal, signal)]);
    return operator;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Nothing is under way, and nothing waits but for its time. */
  get isIdle(): boolean {
    return this.#workers.active === 0 && this.queue.depth === 0;
  }

  /** Not what was only tried. */
  get writes(): readonly ApiCall[] {
    return this.calls.filter(({ method, query }) => method !== 'GET' && query?.['dryRun'] === undefined);
  }

  /** At once, whatever it does. */
  async kill(): Promise<void> {
    this.#isDead = true;
    this.#stop.abort();
    this.queue.close();
    await this.#running;
    await this.#api.close();
  }

  #mortal(diesAfter: number): KubeApi {
    const { signal } = this.#stop;
    let answered = 0;
    return {
      ...{ watch: this.#api.watch.bind(this.#api), close: () => Promise.resolve() },
      call: async <T>(call: ApiCall, given?: AbortSignal): Promise<T> => {
        if (this.#isDead) return dead(signal);
        this.calls.push(call);
        const answer = await this.#api.call<T>(call, given);
        answered++;
        if (answered >= diesAfter) this.#isDead = true;
        return this.#isDead ? dead(signal) : answer;
      },
    };
  }
}

/** Never answers. */
const dead = <T>(signal: AbortSignal): Promise<T> => unlessAborted(new Promise<T>(() => undefined), signal);

/** Each event is as late as the others: they keep their distances. */
function late(api: KubeApi, lateMs: number, kind: string): KubeApi {
  return {
    ...{ call: api.call.bind(api), close: () => Promise.resolve() },
    async *watch(call, signal): AsyncIterable<WatchEvent> {
      const ms = call.path.endsWith(kind) ? lateMs : 0;
      const events = api.watch(call, signal)[Symbol.asyncIterator]();
      const due: Promise<IteratorResult<WatchEvent>>[] = [];
      const next = (): void => {
        const event = events.next().then(async (one) => {
          if (one.done !== true) next();
          await systemClock.sleep(ms, signal);
          return one;
        });
        event.catch(() => undefined);
        due.push(event);
      };
      next();
      for (;;) {
        const one = await due.shift()!;
        if (one.done === true) return;
        yield one.value;
      }
    },
  };
}
