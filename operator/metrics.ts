/** What Prometheus is told of the operator: under the names of controller-runtime and client-go, so that dashboards for operators show it. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Cache } from './kube/cache.ts';
import type { SeenRequest } from './kube/client.ts';
import type { QueueWatcher } from './kube/queue.ts';
import type { ReflectorCount } from './kube/reflector.ts';
import type { LogStream } from './logstream.ts';
import { REASONS } from './reconcile/reasons.ts';
import type { ReconcileFault, ReconcileResult } from './workers.ts';

const CONTROLLER = 'logstream';
/** As controller-runtime's and client-go's. */
const RECONCILE_SECONDS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9],
  ...[1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
];
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const QUEUE_SECONDS = Array.from({ length: 12 }, (_, exponent) => 10 ** (exponent - 8));

const FAULTS: Readonly<Record<ReconcileFault, string>> = {
  error: 'controller_runtime_reconcile_errors_total',
  terminal: 'controller_runtime_terminal_reconcile_errors_total',
  panic: 'controller_runtime_reconcile_panics_total',
  timeout: 'controller_runtime_reconcile_timeouts_total',
};
const RESULTS: readonly ReconcileResult[] = ['success', 'error', 'requeue_after'];
const REFLECTOR: Readonly<Record<ReflectorCount, string>> = {
  lists: 'whole listings',
  watches: 'watches that were begun',
  expired: 'watches that could not go on where they had ended, so that everything was listed again',
  failures: 'listings and watches that failed',
};

/** What is read at the moment of a scrape. */
export interface Measured {
  readonly queue: { readonly depth: number; readonly unfinishedMs: number; readonly longestRunningMs: number };
  readonly workers: { readonly active: number };
  readonly workerCount: number;
  readonly logStreams: Cache<LogStream>;
  readonly leads: () => boolean;
  readonly leaseName: string;
  readonly version: string;
}

export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #reconciles: Counter;
  readonly #faults: Readonly<Record<ReconcileFault, Counter>>;
  readonly #reconcileSeconds: Histogram;
  readonly #requests: Counter;
  readonly #requestSeconds: Histogram;
  readonly #reflector: Readonly<Record<ReflectorCount, Counter>>;
  readonly #eventsDropped: Counter;
  /** For the queue. */
  readonly queueWatcher: Required<QueueWatcher>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#reconciles = this.#counter('controller_runtime_reconcile_total', 'passes over a LogStream', 'result');
    this.#faults = mapped(FAULTS, (name, fault) => this.#counter(name, `passes that ended by: ${fault}`));
    const name = 'controller_runtime_reconcile_time_seconds';
    this.#reconcileSeconds = this.#histogram(name, 'how long a pass over a LogStream took', RECONCILE_SECONDS);
    const registers = [this.registry];
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'requests to the API server; code <error>: no answer',
      labelNames: ['code', 'method', 'host'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'how long the API server took to answer',
      labelNames: ['verb', 'host'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    this.#reflector = mapped(REFLECTOR, (help, what) => {
      const metric = `kinlog_operator_reflector_${what}_total`;
      return new Counter({ name: metric, help, labelNames: ['kind'], registers });
    });
    const dropped = 'Events that were not written: too many, or the API server does not take them';
    this.#eventsDropped = new Counter({ name: 'kinlog_operator_events_dropped_total', help: dropped, registers });
    this.queueWatcher = this.#queueWatcher();
    this.#beginAtZero();
  }

  reconciled(result: ReconcileResult, ms: number): void {
    this.#reconciles.inc({ controller: CONTROLLER, result });
    this.#reconcileSeconds.observe({ controller: CONTROLLER }, ms / 1000);
  }

  fault(fault: ReconcileFault): void {
    this.#faults[fault].inc({ controller: CONTROLLER });
  }

  request({ method, status, ms, host }: SeenRequest): void {
    this.#requests.inc({ code: status === 0 ? '<error>' : String(status), method, host });
    this.#requestSeconds.observe({ verb: method, host }, ms / 1000);
  }

  reflector(kind: string, what: ReflectorCount): void {
    this.#reflector[what].inc({ kind });
  }

  eventDropped(): void {
    this.#eventsDropped.inc();
  }

  /** Once everything is there that is asked at a scrape. */
  observe(measured: Measured): void {
    const { queue, workers, leaseName, version } = measured;
    const controller = { controller: CONTROLLER };
    const named = { name: CONTROLLER, ...controller };
    this.#gauge('controller_runtime_active_workers', 'LogStreams that are worked on', controller, () => workers.active);
    const most = 'LogStreams that may be worked on at once';
    this.#gauge('controller_runtime_max_concurrent_reconciles', most, controller, () => measured.workerCount);
    this.#gauge('workqueue_depth', 'LogStreams that wait for a worker', named, () => queue.depth);
    const unfinished = 'sum of how long those are worked on that are not done';
    this.#gauge('workqueue_unfinished_work_seconds', unfinished, named, () => queue.unfinishedMs / 1000);
    const longest = 'how long the oldest of them is worked on';
    this.#gauge('workqueue_longest_running_processor_seconds', longest, named, () => queue.longestRunningMs / 1000);
    const master = '1 while this operator leads';
    this.#gauge('leader_election_master_status', master, { name: leaseName }, () => Number(measured.leads()));
    const build = { version, node: process.versions.node };
    this.#gauge('kinlog_operator_build_info', 'always 1', build, () => 1);
    this.#logStreams(measured.logStreams);
  }

  /** A rate over what has not happened yet is 0, and not unknown. */
  #beginAtZero(): void {
    for (const result of RESULTS) this.#reconciles.inc({ controller: CONTROLLER, result }, 0);
    for (const fault of Object.values(this.#faults)) fault.inc({ controller: CONTROLLER }, 0);
  }

  #logStreams(cache: Cache<LogStream>): void {
    const ready = 'LogStreams by the status of their condition Ready';
    this.#tally('kinlog_operator_logstreams', ready, 'ready', () => readinessOf(cache));
    const stalled =
      'LogStreams that are Stalled, by the reason; Ready stays True while a reader of an earlier spec runs';
    this.#tally('kinlog_operator_logstreams_stalled', stalled, 'reason', () => stallsOf(cache));
  }

  /** A value that nobody has any more is not told any more. */
  #tally(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, count] of read()) this.set({ [label]: value }, count);
      },
    });
  }

  #queueWatcher(): Required<QueueWatcher> {
    const labels = { name: CONTROLLER, controller: CONTROLLER };
    const added = this.#counter('workqueue_adds_total', 'LogStreams that were put into the queue', 'name');
    const retried = this.#counter('workqueue_retries_total', 'LogStreams that were tried again', 'name');
    const waited = this.#histogram('workqueue_queue_duration_seconds', 'how long one waited', QUEUE_SECONDS, 'name');
    const worked = this.#histogram(
      'workqueue_work_duration_seconds',
      'how long one was worked on',
      QUEUE_SECONDS,
      'name',
    );
    return {
      added: () => added.inc(labels),
      retried: () => retried.inc(labels),
      taken: (ms) => waited.observe(labels, ms / 1000),
      done: (ms) => worked.observe(labels, ms / 1000),
    };
  }

  #counter(name: string, help: string, ...labels: string[]): Counter {
    return new Counter({ name, help, labelNames: ['controller', ...labels], registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[], ...labels: string[]): Histogram {
    return new Histogram({ name, help, buckets, labelNames: ['controller', ...labels], registers: [this.registry] });
  }

  #gauge(name: string, help: string, labels: Readonly<Record<string, string>>, read: () => number): void {
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers: [this.registry],
      collect() {
        this.set(labels, read());
      },
    });
  }
}

function readinessOf(cache: Cache<LogStream>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(['True', 'False', 'Unknown'].map((name) => [name, 0]));
  for (const { status } of cache.list()) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
    counts.set(ready, (counts.get(ready) ?? 0) + 1);
  }
  return counts;
}

/** By reasons of this version: what somebody else may have written into a status makes no series. */
function stallsOf(cache: Cache<LogStream>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of cache.list()) {
    const stalled = status?.conditions?.find(({ type }) => type === 'Stalled');
    if (stalled?.status !== 'True') continue;
    const reason = Object.hasOwn(REASONS, stalled.reason) ? stalled.reason : 'Other';
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

const mapped = <Key extends string, In, Out>(
  record: Readonly<Record<Key, In>>,
  to: (value: In, key: Key) => Out,
): Record<Key, Out> =>
  Object.fromEntries(Object.entries<In>(record).map(([key, value]) => [key, to(value, key as Key)])) as Record<
    Key,
    Out
  >;
