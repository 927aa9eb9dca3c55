/** The public names of the reader, and how its parts are put together. */
import type { KinesisConnection } from '../base/aws.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { silentLog, type EventLog } from '../base/events.ts';
import { streamId } from '../base/stream.ts';
import { RecordDecoder, type DecodeOptions } from '../record/decode.ts';
import type { CheckpointStore, RowRemover } from './checkpoint/store.ts';
import { BuilderPool } from './builder-pool.ts';
import { EventDelivery, type Delivery } from './deliver.ts';
import { RecordDelivery, type RecordSink } from './deliver-records.ts';
import { ByteBudget } from './fetch/budget.ts';
import type { FanOutOptions } from './fetch/consumer.ts';
import type { FanOutApi } from './fetch/fan-out-api.ts';
import type { FanOutSource } from './fetch/fan-out.ts';
import { KinesisApi } from './fetch/kinesis.ts';
import { PollingSource } from './fetch/polling.ts';
import type { RecordSource, Shard } from './fetch/source.ts';
import { DeadLetterOutput, type DeadLetters } from './output/dead-letter.ts';
import type { Output } from './output/output.ts';
import { ReadingLoop, type ReaderParts } from './reader.ts';
import type { LostPosition } from './shard-reader.ts';
import type { ShardProgress } from './shards/progress.ts';
import type { ReaderStatus } from './status.ts';

export { ByteBudget } from './fetch/budget.ts';
export { KinlogError } from '../base/errors.ts';
export { EventLog } from '../base/events.ts';
export { MemoryStore } from './checkpoint/memory.ts';
export { openLevelStore } from './checkpoint/leveldb.ts';
export type { Position } from './checkpoint/position.ts';
export type { CheckpointStore, RowRemover, ShardRow, StoredRow, StreamKey, Version } from './checkpoint/store.ts';
export type { RecordSink } from './deliver-records.ts';
export type { FanOutOptions } from './fetch/consumer.ts';
export type { KinesisRecord, RecordPage, Shard } from './fetch/source.ts';
export { EventPipe, ModularInputOutput } from './output/modular-input.ts';
export type { LostPosition } from './shard-reader.ts';
export type { DeadLetter, DeadLetters } from './output/dead-letter.ts';
export { DeadLetterFile } from './output/dead-letter-file.ts';
export { EventsRefused, type Output, type RefusedEvent } from './output/output.ts';
export type { ReaderState, ReaderStatus, ShardState, ShardStatus } from './status.ts';

/** Where a stream is read from that was never read before; later starts go on where reading stopped. */
export type Start =
  /** What arrives from now on. */
  | { readonly kind: 'tip' }
  /** The oldest record still stored. */
  | { readonly kind: 'horizon' }
  /** Records that arrived at or after this time, milliseconds since the epoch. */
  | { readonly kind: 'timestamp'; readonly ms: number }
  /** Only where reading stopped: without a stored position it ends with KINLOG_POSITION_MISSING. */
  | { readonly kind: 'stored' };

interface CommonOptions {
  /** Name or ARN. */
  readonly stream: string;
  /** How to reach Kinesis; the SDK's default region and credentials otherwise. */
  readonly kinesis?: Omit<KinesisConnection, 'stream' | 'protocol'>;
  /** Where positions are kept. The caller closes it. */
  readonly store: CheckpointStore & Partial<RowRemover>;
  /** Default: the tip. */
  readonly start?: Start;
  /** What to do when records aged out before they were read, the stream was deleted and created again, or `start` is `stored` and nothing is: `stop`, or go on at the horizon or
   *  a time. All of them are announced by `stream.data-loss`. Default: the first goes on with the oldest record that is left, the others stop. */
  readonly onLostPosition?: LostPosition;
  /** How people call this reader; the host's name otherwise. Only told to others, never a lock: readers that share a stream need not have different names. */
  readonly name?: string;
  /** A reader shows once in this time that it lives; after two without a sign others take its shards. Only on stores that several readers share. Milliseconds, default 10,000. */
  readonly leasePeriodMs?: number;
  /** What to do about other readers of the stream in the same store: share its shards with them, or `refuse`: stand aside while one lives. Default: share. */
  readonly otherReaders?: 'share' | 'refuse';
  /** Default: silent. */
  readonly log?: EventLog;
  readonly clock?: Clock;
  /** Longest time between an acceptance and its storing, milliseconds; what a crash may deliver twice. Default 1,000. */
  readonly checkpointEveryMs?: number;
  /** Enhanced fan-out instead of polling: the service pushes, with 2 MB/s for each shard that no other reader takes. Costs by the hour, shard and gigabyte. */
  readonly fanOut?: FanOutOptions | undefined;
  /** Longest wait between two reads of a shard that has nothing new, milliseconds; only when polling. Default 1,000. */
  readonly idleMs?: number;
  /** Bytes of pages that are fetched and not accepted yet, over all shards. Default 64 MiB. */
  readonly maxBytesInFlight?: number;
  /** In the place of `maxBytesInFlight`, when several readers of a process share one. */
  readonly budget?: ByteBudget;
  /** Time between two listings of the shards when nothing else asks for one, milliseconds. Default 30,000. */
  readonly listEveryMs?: number;
  /** How long a stopping reader waits for the output and the store, milliseconds. Default 4,000. */
  readonly drainMs?: number;
  /** What a person must mend once reading has begun (permission, credentials, encryption key): `wait` and ask again slowly, which is the default, or `stop`
   *  with the error, as a command does. `stop` also ends a start that has had no answer from Kinesis three times. */
  readonly whenRefused?: 'wait' | 'stop';
}

/** Events to an output, or whole records to a sink. The caller closes either. */
export type ReaderOptions = CommonOptions &
  (
    | {
        readonly output: Output;
        readonly decode?: DecodeOptions;
        /** Where events go that the output will never accept (KINLOG_EVENTS_REFUSED), so that reading goes on; without it they stop the reader. The caller closes it. */
        readonly deadLetters?: DeadLetters | undefined;
        readonly records?: undefined;
      }
    | { readonly records: RecordSink; readonly output?: undefined }
  );

/** Reads one stream: every shard, parents before children, each position stored only after the output accepted what lies before it.
 *
 *     const { signal } = new AbortController();
 *     const store = await openLevelStore('/var/lib/kinlog', { signal });
 *     await new Reader({ stream: 'logs', store, output }).run(signal);
 */
export class Reader {
  readonly #options: ReaderOptions;
  #loop: ReadingLoop | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Settles once the signal has aborted and everything accepted is stored. Rejects with the KinlogError that made reading impossible: at the start also
   *  for what only a person can mend (credentials, permissions, an unknown stream), later for a lost output or store, or a stream that is another one. */
  async run(signal: AbortSignal): Promise<void> {
    const { stream, kinesis, fanOut, clock = systemClock } = this.#options;
    const api = new KinesisApi({ ...kinesis, stream }, clock);
    const pushing = fanOut === undefined ? undefined : await openPushing({ ...kinesis, stream }, clock);
    try {
      this.#loop = new ReadingLoop(readerParts(this.#options, { api, pushing }));
      await this.#loop.run(signal);
    } finally {
      api.close();
      pushing?.api.close();
    }
  }

  /** What the reader knows of itself at this moment; undefined before `run`. */
  status(): ReaderStatus | undefined {
    return this.#loop?.status();
  }
}

const DEFAULTS = {
  start: { kind: 'tip' },
  leasePeriodMs: 10_000,
  checkpointEveryMs: 1000,
  listEveryMs: 30_000,
  drainMs: 4000,
} as const;

/** Enhanced fan-out: its calls, and the source that stands on them. */
interface Pushing {
  readonly api: FanOutApi;
  readonly Source: typeof FanOutSource;
}

interface Calls {
  readonly api: KinesisApi;
  readonly pushing: Pushing | undefined;
}

/** Loaded only here: HTTP/2 and event streams cost memory that a reader that polls does not have to spend. */
async function openPushing(
  connection: KinesisConnection & { readonly stream: string },
  clock: Clock,
): Promise<Pushing> {
  const [{ FanOutApi }, { FanOutSource: Source }] = await Promise.all([
    import('./fetch/fan-out-api.ts'),
    import('./fetch/fan-out.ts'),
  ]);
  return { api: new FanOutApi(connection, clock), Source };
}

function readerParts(given: ReaderOptions, calls: Calls): ReaderParts {
  const options = { ...DEFAULTS, ...given };
  const { clock = systemClock, log = silentLog(), whenRefused = 'wait' } = options;
  return {
    streamId: streamId(options.stream),
    api: calls.api,
    source: sourceFor(options, calls),
    delivery: deliveryFor(options, log),
    store: options.store,
    start: options.start,
    onLostPosition: options.onLostPosition,
    name: options.name,
    leasePeriodMs: options.leasePeriodMs,
    alone: options.otherReaders === 'refuse',
    clock,
    log,
    checkpointEveryMs: options.checkpointEveryMs,
    listEveryMs: options.listEveryMs,
    drainMs: options.drainMs,
    startAttempts: whenRefused === 'stop' ? 3 : Infinity,
  };
}

function sourceFor(options: ReaderOptions, { api, pushing }: Calls): (createdMs: number) => RecordSource {
  const { clock = systemClock, log = silentLog(), whenRefused = 'wait', stream, fanOut, idleMs } = options;
  const budget = options.budget ?? new ByteBudget(options.maxBytesInFlight);
  const shared = { api, log, clock, budget, whenRefused };
  const streamArn = stream.startsWith('arn:') ? stream : undefined;
  if (fanOut !== undefined && pushing !== undefined)
    return (createdMs) => new pushing.Source({ ...shared, ...fanOut, streamArn, pushing: pushing.api, createdMs });
  return (createdMs) => new PollingSource({ ...shared, createdMs, ...(idleMs === undefined ? {} : { idleMs }) });
}

function deliveryFor(options: ReaderOptions, log: EventLog): (shard: Shard, progress: ShardProgress) => Delivery {
  if (options.records !== undefined) {
    const { records } = options;
    return (shard, progress) => new RecordDelivery(shard, records, { watermark: progress.watermark, lease: progress });
  }
  const { output, deadLetters: letters, stream, decode = {}, clock = systemClock } = options;
  const builders = new BuilderPool(output.window);
  return (shard, progress) => {
    const place = { stream, shard: shard.shardId };
    const about = { ...decode.about, ...place };
    const decoder = new RecordDecoder({ clock, ...decode, about }, log);
    return new EventDelivery({
      shard,
      decoder,
      builders,
      output: letters === undefined ? output : new DeadLetterOutput(output, { letters, ...place, clock, log }),
      watermark: progress.watermark,
      lease: progress,
      clock,
      log,
    });
  };
}
