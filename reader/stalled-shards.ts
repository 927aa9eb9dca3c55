/** Shards that can not be read for now: the reader goes on asking and says it once in its log, but whoever looks at the status later must see it too. */
import type { Clock } from '../base/clock.ts';
import type { LogLine } from '../base/events.ts';
import type { ReaderStatus, ShardStatus } from './status.ts';

interface Stall {
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly error: string;
}

export class StalledShards {
  readonly #clock: Clock;
  readonly #stalls = new Map<string, Stall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ name, fields }: LogLine): void {
    const shard = String(fields['shard']);
    if (name === 'shard.stalled')
      this.#stalls.set(shard, {
        since: this.#clock.monotonic(),
        error: `${String(fields['error'])} (${String(fields['code'])}). ${String(fields['remedy'])}`,
      });
    // A shard that is begun anew has a stall of its own to tell.
    else if (name === 'shard.recovered' || name === 'shard.started') this.#stalls.delete(shard);
  }

  /** What the last page said of the lag is as old as the stall: the shard falls behind by every second of it. */
  in(status: ReaderStatus): ReaderStatus {
    if (this.#stalls.size === 0) return status;
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
    return state === 'reading' || state === 'handing-over' ? this.#stalls.get(shardId) : undefined;
  }
}
