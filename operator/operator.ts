/** The operator: watches the cluster, lets one of its kind lead, brings LogStreams up to date until it is stopped. */
import { isAbort, unlessAborted, type Clock } from '../base/clock.ts';
import { asKinlogError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { startStatusServer, type Pages, type StatusServer } from '../cli/status-server.ts';
import type { Caches } from './caches.ts';
import type { ReaderSettings } from './desired/desired.ts';
import { Feed } from './feed.ts';
import type { KubeApi } from './kube/api.ts';
import type { SeenRequest } from './kube/client.ts';
import { WorkQueue } from './kube/queue.ts';
import { Reach } from './kube/reach.ts';
import { fenced, Leader } from './leader.ts';
import { OperatorMetrics } from './metrics.ts';
import type { OperatorOptions } from './options.ts';
import { Probes } from './probes.ts';
import { EventRecorder, type Recorder } from './recorder.ts';
import { Watching } from './watching.ts';
import { Workers } from './workers.ts';

const LEASE_NAME = 'kinlog-operator';
/** How long passes that are under way may go on after a stop; with what follows, 15 s are kept. */
const DRAIN_MS = 8000;
/** For the last Events, and again for the release of the Lease. */
const FAREWELL_MS = 2000;
/** A resync is spread over this share of its interval, so that the API server hardly notices. */
const RESYNC_SPREAD = 0.1;

/** What a pass over a LogStream works with. */
export interface PassParts {
  /** Writes nothing while another operator may lead. */
  readonly api: KubeApi;
  readonly caches: Caches;
  readonly settings: ReaderSettings;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: EventLog;
  /** The LogStream of this key is to be looked at. */
  readonly onNews: (key: string) => void;
}

export interface Passes {
  reconcile(key: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }>;
  /** What goes on beside them, until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export interface OperatorParts {
  readonly options: OperatorOptions;
  /** `onRequest`: to be told of each request. */
  readonly client: (onRequest: (seen: SeenRequest) => void) => KubeApi;
  /** Where the Lease is. */
  readonly namespace: string;
  readonly identity: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly passes: (parts: PassParts) => Passes;
  readonly random?: () => number;
}

export class Operator {
  readonly #parts: OperatorParts;
  readonly #metrics = new OperatorMetrics();
  readonly #reach: Reach;
  readonly #probes: Probes;
  readonly #api: KubeApi;
  readonly #leader?: Leader;
  readonly #watching: Watching;
  readonly #queue: WorkQueue;
  readonly #feed: Feed;
  readonly #recorder: EventRecorder;
  readonly #passes: Passes;
  readonly #workers: Workers;

  constructor(parts: OperatorParts) {
    const { options, clock, log, namespace, identity } = parts;
    this.#parts = parts;
    this.#reach = new Reach(clock);
    this.#probes = new Probes(this.#reach);
    const api = parts.client((seen) => this.#onRequest(seen));
    this.#api = api;
    if (options.leaderElect) this.#leader = new Leader({ api, namespace, name: LEASE_NAME, identity, clock, log });
    const guarded = fenced(api, () => this.#leads);
    this.#queue = new WorkQueue(clock, this.#metrics.queueWatcher);
    this.#watching = this.#newWatching(guarded);
    this.#feed = new Feed(this.#watching.caches, this.#queue, log);
    const onDropped = () => this.#metrics.eventDropped();
    this.#recorder = new EventRecorder({ api: guarded, instance: identity, clock, log, onDropped });
    this.#passes = parts.passes(this.#passParts(guarded));
    this.#workers = this.#newWorkers();
    this.#measure();
  }

  /** Until `stop`, and then within 15 s. Rejects with KINLOG_LEADERSHIP_LOST when another one may lead, after which nothing was written. */
  async run(stop: AbortSignal): Promise<void> {
    const servers = await this.#serve();
    const end = new AbortController();
    const { synced, run: watching } = this.#watching.start(end.signal);
    const beside = [watching, this.#recorder.run(end.signal), this.#passes.run(end.signal), this.#resync(end.signal)];
    try {
      // What runs beside ends early only by a fault of ours.
      await Promise.race([this.#lead(synced, stop), Promise.all(beside)]);
    } catch (error) {
      if (!stop.aborted || !isAbort(error)) throw error;
    } finally {
      end.abort();
      this.#queue.close();
      await this.#within(async () => {
        await Promise.all([this.#api.close(), ...servers.map((server) => server.close())]);
      });
    }
  }

  /** From the first full listing on, once no other one leads. */
  async #lead(synced: Promise<void>, stop: AbortSignal): Promise<void> {
    await unlessAborted(synced, stop);
    this.#parts.log.emit('operator.synced', { logStreams: this.#watching.caches.logStreams.size });
    if (this.#leader === undefined) return this.#work(stop, new AbortController());
    await this.#leader.acquire(stop);
    const [lost, left] = [new AbortController(), new AbortController()];
    const holding = this.#leader.hold(left.signal);
    // At once, whoever waits for it: a write that is under way might still be taken.
    holding.catch(() => lost.abort());
    try {
      await Promise.race([this.#work(stop, lost), holding]);
    } finally {
      left.abort();
    }
    await holding;
    await this.#within((signal) => this.#leader!.release(signal));
  }

  /** Passes over LogStreams until `stop`, or until `giveUp` at once. The Lease is held until the last one has ended: nobody else may write before. */
  async #work(stop: AbortSignal, giveUp: AbortController): Promise<void> {
    const ended = new AbortController();
    const end = () => ended.abort();
    giveUp.signal.addEventListener('abort', end, { once: true });
    const drain = () => {
      end();
      void this.#parts.clock.sleep(DRAIN_MS).then(() => giveUp.abort());
    };
    if (stop.aborted) drain();
    stop.addEventListener('abort', drain, { once: true });
    this.#feed.begin();
    await this.#workers.run(ended.signal, giveUp.signal);
    await this.#within((signal) => this.#recorder.flush(signal));
  }

  /** Waits for it, but not longer than that. */
  async #within(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const end = new AbortController();
    const timer = new AbortController();
    this.#parts.clock.sleep(FAREWELL_MS, timer.signal).then(
      () => end.abort(),
      () => undefined,
    );
    const inTime = work(end.signal).finally(() => timer.abort());
    await Promise.race([
      inTime,
      new Promise((resolve) => end.signal.addEventListener('abort', resolve, { once: true })),
    ]);
  }

  async #resync(signal: AbortSignal): Promise<void> {
    const { clock, options, random = Math.random } = this.#parts;
    const everyMs = options.resyncHours * 3_600_000;
    for (;;) {
      await clock.sleep(everyMs * (1 - RESYNC_SPREAD * random()), signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#feed.resync(everyMs * RESYNC_SPREAD, random);
    }
  }

  get #leads(): boolean {
    return this.#leader?.leads ?? true;
  }

  #onRequest(seen: SeenRequest): void {
    this.#metrics.request(seen);
    this.#reach.seen(seen.status);
  }

  async #serve(): Promise<StatusServer[]> {
    const { metricsListen, probesListen } = this.#parts.options;
    const { registry } = this.#metrics;
    const metrics = async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() });
    const probed = () => ({ unsynced: this.#watching.unsynced, stuck: this.#workers.stuck });
    const servers = [
      await listening('--metrics-listen', metricsListen, { '/metrics': metrics }),
      await listening('--probes-listen', probesListen, this.#probes.pages(probed)),
    ];
    const [metricsAt, probesAt] = servers.map(({ address }) => address);
    this.#parts.log.emit('operator.started', { metrics: metricsAt, probes: probesAt, ...this.#scope });
    return servers;
  }

  get #scope(): { readonly version: string; readonly namespaces: string } {
    const { options, version } = this.#parts;
    return { version, namespaces: options.watchNamespaces?.join(',') ?? 'all' };
  }

  #newWatching(api: KubeApi): Watching {
    const { options, clock, log } = this.#parts;
    return new Watching({
      api,
      namespaces: options.watchNamespaces,
      secrets: options.secretWatch === 'on',
      reach: this.#reach,
      clock,
      log,
      onCount: (kind, what) => this.#metrics.reflector(kind, what),
      // Readers get theirs now.
      onPodMonitors: () => this.#feed.resync(0, Math.random),
    });
  }

  #passParts(api: KubeApi): PassParts {
    const { options, clock, log } = this.#parts;
    const watching = this.#watching;
    const settings: ReaderSettings = {
      image: options.readerImage,
      ...(options.readerImagePullPolicy === undefined ? {} : { imagePullPolicy: options.readerImagePullPolicy }),
      ...(options.podMonitorLabels === undefined ? {} : { podMonitorLabels: options.podMonitorLabels }),
      get podMonitors() {
        return watching.podMonitors;
      },
    };
    const onNews = (key: string) => this.#feed.add(key);
    return { api, caches: watching.caches, settings, recorder: this.#recorder, clock, log, onNews };
  }

  #measure(): void {
    const { options, version } = this.#parts;
    this.#metrics.observe({
      queue: this.#queue,
      workers: this.#workers,
      workerCount: options.workers,
      logStreams: this.#watching.caches.logStreams,
      leads: () => this.#leads,
      leaseName: LEASE_NAME,
      version,
    });
  }

  #newWorkers(): Workers {
    const { options, clock, log } = this.#parts;
    const { logStreams } = this.#watching.caches;
    return new Workers({
      queue: this.#queue,
      reconcile: (key, signal) => this.#passes.reconcile(key, signal),
      streamOf: (key) => logStreams.get(...(key.split('/') as [string, string])),
      recorder: this.#recorder,
      clock,
      log,
      count: options.workers,
      onResult: (result, ms) => this.#metrics.reconciled(result, ms),
      onFault: (fault) => this.#metrics.fault(fault),
    });
  }
}

async function listening(option: string, address: string, pages: Pages): Promise<StatusServer> {
  return startStatusServer(address, pages).catch((error: unknown) => {
    const { cause } = asKinlogError(error, option);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KinlogError('KINLOG_CONFIG_INVALID', `${option}: nothing can listen on ${address}: ${why}`, { cause });
  });
}
