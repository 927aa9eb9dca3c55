/** What Prometheus is told about a `kinlog run`: the totals of its logs, and how its readers stand at this moment. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { COUNTERS, EVENTS, type EventLog } from '../base/events.ts';
import type { ByteBudget, ReaderStatus } from '../reader/index.ts';
import type { SharedOutput } from './shared-output.ts';

export interface MeasuredStream {
  readonly config: { readonly id: string };
  readonly log: EventLog;
  readonly status: ReaderStatus | undefined;
  readonly notReady: string | undefined;
  readonly failure: Error | undefined;
  readonly storeOk: boolean;
  readonly positionStoredMs: number | undefined;
  readonly eventsDeliveredMs: number | undefined;
}

export interface Measured {
  readonly streams: readonly MeasuredStream[];
  readonly outputs: () => readonly Pick<SharedOutput, 'name' | 'log' | 'stalled' | 'notReady'>[];
  /** Of the process itself. */
  readonly log: EventLog;
  readonly budget: ByteBudget;
  readonly budgetBytes: number;
  readonly version: string;
}

/** A stream with more shards than this has no series for each of them: its furthest one is told in any case. */
const SHARD_SERIES = 100;

const texts = new Map<string, string>([
  ...Object.entries(COUNTERS),
  ...Object.values(EVENTS).flatMap((event): [string, string][] =>
    'counter' in event ? [[event.counter, event.text]] : [],
  ),
]);
const PROCESS_COUNTERS = ['config_refusals'];
const isOutputs = (name: string) => name.startsWith('output_');
const isSenders = (name: string) => name.startsWith('sender_') || name.endsWith('_sent');

export function metricsOf(measured: Measured): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const [name, help] of texts) {
    if (PROCESS_COUNTERS.includes(name)) total(registry, { name, help }, () => [[undefined, measured.log]]);
    else if (isOutputs(name))
      total(registry, { name, help, label: 'output' }, () =>
        measured.outputs().map((output) => [output.name, output.log]),
      );
    else if (!isSenders(name))
      total(registry, { name, help, label: 'stream' }, () =>
        measured.streams.map((stream) => [stream.config.id, stream.log]),
      );
  }
  streamGauges(registry, measured.streams);
  shardGauges(registry, measured.streams);
  processGauges(registry, measured);
  return registry;
}

interface Total {
  readonly name: string;
  readonly help: string;
  readonly label?: string;
}

function total(
  registry: Registry,
  { name, help, label }: Total,
  logs: () => (readonly [string | undefined, EventLog])[],
): void {
  new Counter({
    name: `kinlog_${name}_total`,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, log] of logs())
        this.inc(label === undefined || value === undefined ? {} : { [label]: value }, log.total(name));
    },
  });
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | undefined];

/** A sample whose value is not known is left out. */
function gauge(registry: Registry, name: string, help: string, samples: () => readonly Sample[]): void {
  new Gauge({
    name: `kinlog_${name}`,
    help,
    labelNames: ['stream', 'shard', 'state', 'output', 'version', 'node'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of samples()) if (value !== undefined) this.set(labels, value);
    },
  });
}

function streamGauges(registry: Registry, streams: readonly MeasuredStream[]): void {
  const each = (name: string, help: string, value: (stream: MeasuredStream) => number | undefined) =>
    gauge(registry, name, help, () => streams.map((stream) => [{ stream: stream.config.id }, value(stream)]));
  each('stream_ready', '1 while the stream is read as it should be', ({ notReady }) => Number(notReady === undefined));
  each('stream_failed', '1 once reading the stream has become impossible', ({ failure }) =>
    Number(failure !== undefined),
  );
  each('store_ok', '0 while a position that is due can not be stored', ({ storeOk }) => Number(storeOk));
  each('position_stored_timestamp_seconds', 'when a position was last stored', ({ positionStoredMs }) =>
    seconds(positionStoredMs),
  );
  each('events_delivered_timestamp_seconds', 'when the output last accepted events', ({ eventsDeliveredMs }) =>
    seconds(eventsDeliveredMs),
  );
  each(
    'behind_seconds',
    'how far the shard that is furthest behind lies behind the tip of the stream',
    ({ status }) => {
      const behind = behindOf(status);
      return behind.length === 0 ? undefined : Math.max(...behind.map(({ ms }) => ms)) / 1000;
    },
  );
}

function shardGauges(registry: Registry, streams: readonly MeasuredStream[]): void {
  gauge(registry, 'shards', 'shards by what this reader knows of them', () =>
    streams.flatMap(({ config, status }) => {
      const counts = new Map<string, number>(STATES.map((state) => [state, 0]));
      for (const { state } of status?.shards ?? []) counts.set(state, counts.get(state)! + 1);
      return [...counts].map(([state, count]): Sample => [{ stream: config.id, state }, count]);
    }),
  );
  gauge(
    registry,
    'shard_behind_seconds',
    `how far each shard lies behind the tip; only of streams with at most ${SHARD_SERIES} shards being read`,
    () =>
      streams.flatMap(({ config, status }) => {
        const behind = behindOf(status);
        if (behind.length > SHARD_SERIES) return [];
        return behind.map(({ shard, ms }): Sample => [{ stream: config.id, shard }, ms / 1000]);
      }),
  );
}

const STATES = ['reading', 'handing-over', 'waiting', 'elsewhere', 'unowned', 'failed', 'ended'] as const;

function processGauges(registry: Registry, { outputs, budget, budgetBytes, version }: Measured): void {
  gauge(registry, 'output_ok', '0 while the output takes nothing', () =>
    outputs().map(({ name, stalled }) => [{ output: name }, Number(stalled === undefined)]),
  );
  gauge(registry, 'in_flight_bytes', 'fetched and not accepted yet', () => [[{}, budget.held]]);
  gauge(registry, 'in_flight_limit_bytes', 'what may be fetched and not accepted yet', () => [[{}, budgetBytes]]);
  gauge(registry, 'build_info', 'always 1', () => [[{ version, node: process.versions.node }, 1]]);
}

function behindOf(status: ReaderStatus | undefined): { readonly shard: string; readonly ms: number }[] {
  return (status?.shards ?? [])
    .filter(({ state, behindMs }) => state !== 'ended' && behindMs !== undefined)
    .map(({ shardId, behindMs }) => ({ shard: shardId, ms: behindMs! }));
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
