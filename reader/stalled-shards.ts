/** Shards that can not be read for now, or whose positions can not be stored, which they wait for: the reader goes on asking and says it once in its log, but whoever looks at the status later must see it too. */
import type { Clock } from '../base/clock.ts';
import type { LogLine } from '../base/events.ts';
import type { ReaderStatus, ShardStatus } from './status.ts';

/** A position store that is throttled or fails over takes a position within seconds: readiness does not go to and fro with it. */
const DELAY_COUNTS_MS = 10_000;

interface Stall {
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly error: string;
}

export class StalledShards {
  readonly #clock: Clock;
  readonly #stalls = new Map<string, Stall>();
  /** Since the first of the tries that a position has waited for. */
  readonly #delays = new Map<string, Stall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ name, fields }: LogLine): void {
    const shard = String(fields['shard']);
    const since = this.#clock.monotonic();
    const error = String(fields['error']);
    if (name === 'shard.stalled')
      this.#stalls.set(shard, { since, error: `${error} (${String(fields['code'])}). ${String(fields['remedy'])}` });
    else if (name === 'checkpoint.delayed')
      this.#delays.set(shard, { since: this.#delays.get(shard)?.since ?? since, error });
    // A shard that is begun anew has a stall of its own to tell.
    if (name === 'shard.recovered' || name === 'shard.started') this.#stalls.delete(shard);
    if (name === 'checkpoint.stored' || name === 'shard.started') this.#delays.delete(shard);
  }

  /** What the last page said of the lag is as old as the stall: the shard falls behind by every second of it. */
  in(status: ReaderStatus): ReaderStatus {
    if (this.#stalls.size + this.#delays.size === 0) return status;
    return { ...status, shards: status.shards.map((shard) => this.#told(shard)) };
  }

  /** Undefined when every shard of the reader is read. */
  reason(status: ReaderStatus): string | undefined {
    const stalled = status.shards.filter((shard) => this.#of(shard) !== undefined);
    if (stalled.length === 0) return undefined;
    const first = stalled[0]!;
    const more = stalled.length === 1 ? '' : ` and ${stalled.length - 1} more`;
    return `${first.shardId}${more} can not be read for now: ${this.#of(first)!.error}`;
  }

  #told(shard: ShardStatus): ShardStatus {
    const stall = this.#of(shard);
    if (stall === undefined) return shard;
    const behindMs = (shard.behindMs ?? 0) + Math.round(this.#clock.monotonic() - stall.since);
    return { ...shard, behindMs, lastError: stall.error };
  }

  /** A shard that was given away while it stood still is somebody else's. */
  #of({ shardId, state }: ShardStatus): Stall | undefined {
    return state === 'reading' || state === 'handing-over'
      ? (this.#stalls.get(shardId) ?? this.#delay(shardId))
      : undefined;
  }

  #delay(shardId: string): Stall | undefined {
    const delay = this.#delays.get(shardId);
    return delay !== undefined && this.#clock.monotonic() - delay.since >= DELAY_COUNTS_MS ? delay : undefined;
  }
}
