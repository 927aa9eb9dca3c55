/** What the log lines of a reader tell about each of its shards, added up between two lines of the metrics log. */
import type { Clock } from '../../base/clock.ts';
import type { Fields, LogLine } from '../../base/events.ts';

/** Since the last `take`. */
export interface ShardCounts {
  records_read: number;
  bytes_read: number;
  events_delivered: number;
  throttles: number;
  fetch_retries: number;
  data_losses: number;
}

interface Shard {
  readonly counts: ShardCounts;
  /** Monotonic milliseconds of the first acceptance whose position no finished write holds, and no write under way. */
  acceptedAt: number | undefined;
  /** The same for what the write under way holds. */
  storingFrom: number | undefined;
}

type Note = (shard: Shard, fields: Fields, now: number) => void;

const NOTES: Readonly<Partial<Record<LogLine['name'], Note>>> = {
  'page.fetched': ({ counts }, { records, bytes }) => {
    counts.records_read += Number(records);
    counts.bytes_read += Number(bytes);
  },
  'batch.written': (shard, { events }, now) => {
    shard.counts.events_delivered += Number(events);
    shard.acceptedAt ??= now;
  },
  'checkpoint.storing': (shard) => {
    shard.storingFrom ??= shard.acceptedAt;
    shard.acceptedAt = undefined;
  },
  'checkpoint.stored': (shard) => (shard.storingFrom = undefined),
  'fetch.throttled': ({ counts }) => counts.throttles++,
  'fetch.retried': ({ counts }) => counts.fetch_retries++,
  'stream.data-loss': ({ counts }) => counts.data_losses++,
};

/** As many entries as shards were heard of since they were last asked for, or wait to be stored. */
export class ShardCounting {
  readonly #clock: Clock;
  #shards = new Map<string, Shard>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told every line, those of level debug too: they come once a page, not once an event. */
  note({ name, fields }: LogLine): void {
    const note = NOTES[name];
    const shardId = fields['shard'];
    if (note === undefined || typeof shardId !== 'string') return;
    let shard = this.#shards.get(shardId);
    if (shard === undefined) this.#shards.set(shardId, (shard = { ...unheard(), counts: zero() }));
    note(shard, fields, this.#clock.monotonic());
  }

  /** Milliseconds since the oldest acceptance whose position is not stored; 0 when all are. */
  checkpointAgeMs(shardId: string): number {
    const shard = this.#shards.get(shardId);
    const since = shard?.storingFrom ?? shard?.acceptedAt;
    return since === undefined ? 0 : Math.round(this.#clock.monotonic() - since);
  }

  /** The counts since the last time by shard, which begin anew; `read` tells which shards are still read here, as nothing waits to be stored for the others. */
  take(read: ReadonlySet<string>): ReadonlyMap<string, ShardCounts> {
    const taken = new Map([...this.#shards].map(([shardId, { counts }]) => [shardId, counts]));
    const waiting = [...this.#shards].filter(
      ([shardId, { acceptedAt, storingFrom }]) => read.has(shardId) && (storingFrom ?? acceptedAt) !== undefined,
    );
    this.#shards = new Map(waiting.map(([shardId, shard]) => [shardId, { ...shard, counts: zero() }]));
    return taken;
  }
}

const unheard = () => ({ acceptedAt: undefined, storingFrom: undefined });

export function zero(): ShardCounts {
  return { records_read: 0, bytes_read: 0, events_delivered: 0, throttles: 0, fetch_retries: 0, data_losses: 0 };
}
