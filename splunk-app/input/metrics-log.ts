/** The metrics log of one stanza: JSON lines about its stream, its shards and what happened, in the folder that splunkd itself indexes (`_internal`). */
import path from 'node:path';
import { unlessAborted, type Clock } from '../../base/clock.ts';
import { formatFields, type EventLog, type EventName, type LogLine } from '../../base/events.ts';
import { arnRegion, streamId } from '../../base/stream.ts';
import type { ReaderStatus, ShardStatus } from '../../reader/index.ts';
import { StalledShards } from '../../reader/stalled-shards.ts';
import { MetricsFile, type OpenMetricsFile } from './metrics-file.ts';
import type { LineKind, MetricsLine } from './metrics-fields.ts';
import { nameOnDisk } from './positions.ts';
import { ShardCounting, zero } from './shard-counts.ts';

export interface MetricsLogOptions {
  /** `$SPLUNK_HOME/var/log/splunk`; it is not made when it is missing. */
  readonly folder: string;
  /** Full name of the stanza, such as `kinesis_log://prod`. */
  readonly stanza: string;
  /** Name or ARN, as the stanza has it. */
  readonly stream: string;
  readonly region?: string | undefined;
  /** Between two lines of a shard, milliseconds. */
  readonly everyMs: number;
  readonly status: () => ReaderStatus | undefined;
  /** Its totals are told, and it is told once when the file can not be written. */
  readonly log: EventLog;
  /** The output takes nothing at this moment. */
  readonly stalled: () => boolean;
  readonly clock: Clock;
  /** Takes the place of node:fs in tests. */
  readonly openFile?: OpenMetricsFile;
}

/** A stream with more shards tells of the worst, so that a line costs the same whatever the stream. */
const MAX_SHARD_LINES = 100;
const MAX_BYTES = 10 * 1024 * 1024;
const KEEP = 3;
/** Between two looks whether something waits to be written. */
const TICK_MS = 1000;
/** After a failure. */
const RETRY_MS = 30_000;
/** For the last lines of a run. */
const FLUSH_MS = 500;
/** Of a text within a line. */
const MAX_TEXT = 1000;

const STREAM_TOTALS = [
  'records_read',
  'bytes_read',
  'events_delivered',
  'throttles',
  'fetch_retries',
  'data_losses',
  'records_undecoded',
  'events_dead_lettered',
  'output_stalls',
  'leases_lost',
  'leases_stolen',
] as const;

/** What has a line of its own besides every warning and error. */
const NOTABLE: readonly EventName[] = [
  'reader.started',
  'reader.stopped',
  'shard.recovered',
  'output.resumed',
  'input.stopping',
];

export class MetricsLog {
  readonly #options: MetricsLogOptions;
  readonly #file: MetricsFile;
  readonly #path: string;
  readonly #counting: ShardCounting;
  readonly #stalls: StalledShards;
  readonly #about: MetricsLine;
  readonly #toldTotals = new Map<string, number>();
  #toldAt: number;
  /** As of the last look: a status lists every shard, which is too much to ask for at every event. */
  #reader: string | undefined;
  #leftOut = 0;
  #failing = false;
  #retryAt = -Infinity;

  constructor(options: MetricsLogOptions) {
    const { folder, stanza, stream, region, clock, openFile } = options;
    this.#options = options;
    this.#path = path.join(folder, `kinloader_metrics_${nameOnDisk(stanza)}.log`);
    this.#file = new MetricsFile({ file: this.#path, maxBytes: MAX_BYTES, keep: KEEP, openFile });
    this.#counting = new ShardCounting(clock);
    this.#stalls = new StalledShards(clock);
    this.#toldAt = clock.monotonic();
    this.#about = {
      stanza: short(stanza),
      stream: streamId(stream),
      ...optional('region', region ?? arnRegion(stream)),
      pid: process.pid,
      started: isoTime(clock.now()),
    };
  }

  /** To be told every line of the stanza's log, those of level debug too. */
  note(line: LogLine): void {
    this.#counting.note(line);
    this.#stalls.note(line);
    const { name, level } = line;
    const isOurs = name === 'metrics.stalled' || name === 'metrics.resumed';
    if (!isOurs && (level === 'warn' || level === 'error' || NOTABLE.includes(name))) this.#add('event', told(line));
  }

  /** Writes until the signal aborts, and then the last lines. Abort it when the reader has ended, so that they tell how. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs } = this.#options;
    let dueAt = clock.monotonic();
    while (!signal.aborted) {
      if (clock.monotonic() >= dueAt) {
        this.#sample();
        // Without making up for what a process that stood still has missed.
        while (dueAt <= clock.monotonic()) dueAt += Math.max(everyMs, TICK_MS);
      }
      await unlessAborted(this.#write(), signal).catch(() => undefined);
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
    this.#sample();
    this.#retryAt = -Infinity;
    // What is under way took the lines that waited when it began.
    const written = this.#write().then(() => this.#write());
    await Promise.race([written, clock.sleep(FLUSH_MS)]);
  }

  #add(kind: LineKind, fields: MetricsLine): void {
    const { clock, status } = this.#options;
    this.#reader ??= status()?.owner;
    const line: MetricsLine = {
      ...{ time: isoTime(clock.now()), kind, ...this.#about },
      ...optional('reader', this.#reader),
      ...fields,
    };
    if (!this.#file.add(JSON.stringify(line))) this.#leftOut++;
  }

  /** One line of the stream, and one of each shard that is read here or was since the last time. */
  #sample(): void {
    const { clock, status: of } = this.#options;
    const now = clock.monotonic();
    const interval = { interval_ms: Math.round(now - this.#toldAt) };
    this.#toldAt = now;
    const found = of();
    this.#reader = found?.owner ?? this.#reader;
    const status = found && this.#stalls.in(found);
    const read = new Set(status?.shards.filter(isRead).map(({ shardId }) => shardId));
    const age = (shardId: string) => this.#counting.checkpointAgeMs(shardId);
    const ages = new Map([...read].map((shardId) => [shardId, age(shardId)]));
    const counts = this.#counting.take(read);
    const lines = (status?.shards ?? []).filter((shard) => read.has(shard.shardId) || counts.has(shard.shardId));
    const shown = lines.sort(worstFirst).slice(0, MAX_SHARD_LINES);
    this.#add('stream', {
      ...interval,
      ...streamState(status),
      ...this.#totals(),
      checkpoint_age_ms: Math.max(0, ...ages.values()),
      output_stalled: Number(this.#options.stalled()),
      rss_bytes: process.memoryUsage.rss(),
      shards_left_out: lines.length - shown.length,
      lines_left_out: this.#leftOut,
    });
    this.#leftOut = 0;
    for (const shard of shown) {
      const { shardId } = shard;
      const told = { ...(counts.get(shardId) ?? zero()), checkpoint_age_ms: ages.get(shardId) ?? 0 };
      this.#add('shard', { shard: shardId, ...shardState(shard), ...interval, ...told });
    }
  }

  /** Since the line before. */
  #totals(): MetricsLine {
    return Object.fromEntries(
      STREAM_TOTALS.map((name) => {
        const total = this.#options.log.total(name);
        const since = total - (this.#toldTotals.get(name) ?? 0);
        this.#toldTotals.set(name, total);
        return [name, since];
      }),
    );
  }

  async #write(): Promise<void> {
    const { log, clock } = this.#options;
    if (!this.#file.waiting || clock.monotonic() < this.#retryAt) return;
    try {
      await this.#file.write();
      if (this.#failing) log.emit('metrics.resumed', { file: this.#path });
      this.#failing = false;
    } catch (error) {
      this.#retryAt = clock.monotonic() + RETRY_MS;
      if (!this.#failing) log.emit('metrics.stalled', { error: (error as Error).message });
      this.#failing = true;
    }
  }
}

function told({ name, level, text, fields }: LogLine): MetricsLine {
  const { shard, code, stanza: _stanza, ...others } = fields;
  const detail = formatFields(others);
  return {
    ...{ event: name, level, text },
    ...optional('shard', shard === undefined ? undefined : short(String(shard))),
    ...optional('code', code === undefined ? /\bKINLOG_[A-Z_]+/.exec(detail)?.[0] : String(code)),
    ...optional('detail', detail === '' ? undefined : short(detail)),
  };
}

function streamState(status: ReaderStatus | undefined): MetricsLine {
  const shards = status?.shards ?? [];
  const behind = shards.filter(({ state }) => state !== 'ended').flatMap(({ behindMs }) => behindMs ?? []);
  const count = (state: ShardStatus['state']) => shards.filter((shard) => shard.state === state).length;
  return {
    state: status?.state ?? 'starting',
    ...optional('error', status?.lastError === undefined ? undefined : short(status.lastError)),
    ...optional('behind_ms', behind.length === 0 ? undefined : behind.reduce((a, b) => Math.max(a, b))),
    shards_reading: count('reading'),
    shards_handing_over: count('handing-over'),
    shards_waiting: count('waiting'),
    shards_elsewhere: count('elsewhere'),
    shards_unowned: count('unowned'),
    shards_failed: count('failed'),
    shards_ended: count('ended'),
  };
}

function shardState({ state, behindMs, arrivalMs, lastError }: ShardStatus): MetricsLine {
  return {
    state,
    ...optional('behind_ms', behindMs),
    ...optional('arrival_ms', arrivalMs || undefined),
    ...optional('error', lastError === undefined ? undefined : short(lastError)),
  };
}

const isRead = ({ state }: ShardStatus) => state === 'reading' || state === 'handing-over' || state === 'failed';

/** Failed shards, then by how far they are behind; a shard of which nothing is known yet comes last. */
function worstFirst(a: ShardStatus, b: ShardStatus): number {
  const rank = ({ state, behindMs }: ShardStatus) => (state === 'failed' ? Infinity : (behindMs ?? -1));
  return rank(a) === rank(b) ? 0 : rank(b) - rank(a);
}

const isoTime = (ms: number) => new Date(ms).toISOString();
const short = (text: string) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
const optional = (name: keyof MetricsLine, value: string | number | undefined): MetricsLine =>
  value === undefined ? {} : { [name]: value };
