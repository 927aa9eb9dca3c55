/** The latest listing of the shards: when it is due again, and what it says of a shard that it leaves out. */
import type { Clock } from '../base/clock.ts';
import { asKinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { backoffMs } from '../base/retry.ts';
import type { StreamApi } from './fetch/api.ts';
import type { Shard } from './fetch/source.ts';
import type { Patience } from './patience.ts';
import { uncovered } from './shards/coverage.ts';
import { listShards } from './shards/list.ts';

export interface ListingParts {
  readonly streamId: string;
  readonly api: StreamApi;
  readonly patience: Patience;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly listEveryMs: number;
}

/** A listing with a hole is asked for again this often before reading goes on with it; KCL does the same (awslabs/amazon-kinesis-client, HierarchicalShardSyncer). */
const LISTINGS_FOR_A_HOLE = 3;
const DOING = 'listing shards';

export class Listing {
  readonly #parts: ListingParts;
  #shards: readonly Shard[] | undefined;
  #dueAt = -Infinity;
  /** Rows that were there when the listing began. */
  #known: ReadonlySet<string> = new Set();
  #whole = false;
  /** In a row. */
  #failures = 0;

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  get shards(): readonly Shard[] {
    return this.#shards ?? [];
  }

  /** Until it is due, milliseconds. */
  get dueInMs(): number {
    return Math.max(0, this.#dueAt - this.#parts.clock.monotonic());
  }

  /** The shards may have changed, or will soon. */
  dueWithin(ms: number): void {
    this.#dueAt = Math.min(this.#dueAt, this.#parts.clock.monotonic() + ms);
  }

  /** That the listing leaves the shard out says that it is gone: the row was there before the listing, which accounts for the whole hash range. */
  tellsOf(shardId: string): boolean {
    return this.#whole && this.#known.has(shardId);
  }

  /** Lists anew when it is due. One that misses a part of the hash range is asked for again, because a shard that is not known is not read. Once there
   *  was a listing, reading goes on with it while there is no other: shards still change hands. */
  async refresh(known: () => Iterable<string>, signal: AbortSignal): Promise<void> {
    const { clock, log, listEveryMs, streamId } = this.#parts;
    if (this.dueInMs > 0) return;
    this.#dueAt = Infinity;
    for (let attempt = 1; ; attempt++) {
      const before = new Set(known());
      const listed = await this.#list(signal);
      if (listed === undefined) return;
      this.#shards = listed;
      this.#known = before;
      const hole = uncovered(listed);
      this.#whole = hole === undefined;
      if (hole === undefined) break;
      log.emit('stream.uncovered', { stream: streamId, from: hole.from.toString(), to: hole.to.toString() });
      if (attempt >= LISTINGS_FOR_A_HOLE) break;
      await clock.sleep(1000, signal);
    }
    this.dueWithin(listEveryMs);
  }

  /** Undefined when it failed; the next attempt has its time then. */
  async #list(signal: AbortSignal): Promise<Shard[] | undefined> {
    const { api, clock, patience } = this.#parts;
    const once = () => listShards(api, { signal, clock, attempts: 1 });
    if (this.#shards === undefined) return patience.wait(DOING, once, signal);
    try {
      const listed = await once();
      this.#failures = 0;
      patience.sayAnswered(DOING);
      return listed;
    } catch (error) {
      signal.throwIfAborted();
      const known = asKinlogError(error, DOING);
      if (known.retry === 'never') throw known;
      const waitMs = backoffMs(known, ++this.#failures, Math.random);
      patience.sayRetry(DOING)(known, waitMs, this.#failures);
      this.dueWithin(waitMs);
      return undefined;
    }
  }
}
