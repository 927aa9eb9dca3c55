/** The public names of the reader, and how its parts are put together. */
import type { KinesisConnection } from '../base/aws.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { silentLog, type EventLog } from '../base/events.ts';
import { RecordDecoder, type DecodeOptions } from '../record/decode.ts';
import type { CheckpointStore } from './checkpoint/store.ts';
import { BuilderPool } from './builder-pool.ts';
import { EventDelivery, type Delivery } from './deliver.ts';
import { RecordDelivery, type RecordSink } from './deliver-records.ts';
import { ByteBudget } from './fetch/budget.ts';
import { KinesisApi } from './fetch/kinesis.ts';
import { PollingSource } from './fetch/polling.ts';
import type { Shard } from './fetch/source.ts';
import type { Output } from './output/output.ts';
import { ReadingLoop, type ReaderParts } from './reader.ts';
import type { ShardProgress } from './shards/progress.ts';

export { MemoryStore } from './checkpoint/memory.ts';
export { openLevelStore } from './checkpoint/leveldb.ts';
export type { Position } from './checkpoint/position.ts';
export type { CheckpointStore, RowRemover, ShardRow, StoredRow, StreamKey, Version } from './checkpoint/store.ts';
export type { RecordSink } from './deliver-records.ts';
export type { KinesisRecord, RecordPage, Shard } from './fetch/source.ts';
export { EventPipe, ModularInputOutput } from './output/modular-input.ts';
export type { Output } from './output/output.ts';
export type { ReaderState, ReaderStatus, ShardState, ShardStatus } from './status.ts';

/** Where a stream is read from that was never read before; later starts go on where reading stopped. */
export type Start =
  /** What arrives from now on. */
  | { readonly kind: 'tip' }
  /** The oldest record still stored. */
  | { readonly kind: 'horizon' }
  /** Records that arrived at or after this time, milliseconds since the epoch. */
  | { readonly kind: 'timestamp'; readonly ms: number };

interface CommonOptions {
  /** Name or ARN. */
  readonly stream: string;
  /** How to reach Kinesis; the SDK's default region and credentials otherwise. */
  readonly kinesis?: Omit<KinesisConnection, 'stream' | 'protocol'>;
  /** Where positions are kept. The caller closes it. */
  readonly store: CheckpointStore;
  /** Default: the tip. */
  readonly start?: Start;
  /** Default: silent. */
  readonly log?: EventLog;
  readonly clock?: Clock;
  /** Longest time between an acceptance and its storing, milliseconds; what a crash may deliver twice. Default 1,000. */
  readonly checkpointEveryMs?: number;
  /** Longest wait between two reads of a shard that has nothing new, milliseconds. Default 1,000. */
  readonly idleMs?: number;
  /** Bytes of pages that are fetched and not accepted yet, over all shards. Default 64 MiB. */
  readonly maxBytesInFlight?: number;
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
    | { readonly output: Output; readonly decode?: DecodeOptions; readonly records?: undefined }
    | { readonly records: RecordSink; readonly output?: undefined }
  );

/** Reads one stream: every shard, parents before children, each position stored only after the output accepted what lies before it.
 *
 *     const store = await openLevelStore('/var/lib/kinlog', {});
 *     await new Reader({ stream: 'logs', store, output }).run(AbortSignal.timeout(60_000));
 */
export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Settles once the signal has aborted and everything accepted is stored. Rejects with the KinlogError that made reading impossible: at the start also
   *  for what only a person can mend (credentials, permissions, an unknown stream), later for a lost output or store, or a stream that is another one. */
  async run(signal: AbortSignal): Promise<void> {
    const { stream, kinesis, clock = systemClock } = this.#options;
    const api = new KinesisApi({ ...kinesis, stream }, clock);
    try {
      await new ReadingLoop(readerParts(this.#options, api)).run(signal);
    } finally {
      api.close();
    }
  }
}

function readerParts(options: ReaderOptions, api: KinesisApi): ReaderParts {
  const { clock = systemClock, log = silentLog(), idleMs, whenRefused = 'wait' } = options;
  const budget = new ByteBudget(options.maxBytesInFlight);
  return {
    streamId: streamId(options.stream),
    api,
    source: (createdMs) =>
      new PollingSource({
        api,
        log,
        clock,
        budget,
        createdMs,
        whenRefused,
        ...(idleMs === undefined ? {} : { idleMs }),
      }),
    delivery: deliveryFor(options, log),
    store: options.store,
    start: options.start ?? { kind: 'tip' },
    clock,
    log,
    checkpointEveryMs: options.checkpointEveryMs ?? 1000,
    listEveryMs: options.listEveryMs ?? 30_000,
    drainMs: options.drainMs ?? 4000,
    startAttempts: whenRefused === 'stop' ? 3 : Infinity,
  };
}

function deliveryFor(options: ReaderOptions, log: EventLog): (shard: Shard, progress: ShardProgress) => Delivery {
  if (options.records !== undefined) {
    const { records } = options;
    return (shard, { watermark }) => new RecordDelivery(shard, records, watermark);
  }
  const { output, decode = {}, clock = systemClock } = options;
  const builders = new BuilderPool();
  return (shard, { watermark }) => {
    const about = { ...decode.about, stream: options.stream, shard: shard.shardId };
    const decoder = new RecordDecoder({ clock, ...decode, about }, log);
    return new EventDelivery({ shard, decoder, builders, output, watermark, clock, log });
  };
}

/** Name and ARN are the same stream, so that positions survive a change from one to the other. */
function streamId(stream: string): string {
  return stream.split(':stream/').at(-1) ?? stream;
}
