/** When a shard may be read again: below what Kinesis allows, slower while others read too, and seldom when there is nothing to read. */
import type { Clock } from '../../base/clock.ts';

export interface PaceOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  /** Longest wait between two calls on a shard without new records, milliseconds. */
  readonly idleMs?: number;
}

/** What the pace needs to know of an answer. */
export interface PaceAnswer {
  readonly records: number;
  /** Of data and keys, as Kinesis counts. */
  readonly bytes: number;
  readonly millisBehindLatest: number;
}

const DEFAULT_IDLE_MS = 1_000;

// Per shard and for all readers of it together ("Quotas and limits" of the Kinesis developer guide, GetRecords in the API reference):
// five calls a second, 2 MiB a second, and nothing for five seconds after a page of 10 MiB.
const FASTEST_MS = 200;
const BYTES_PER_MS = (2 * 1024 * 1024) / 1000;
/** A page is cut before the record that no longer fits, so a full one may be a record of 1 MiB and its key short of 10 MiB. */
const FULL_PAGE = 8.9 * 1024 * 1024;
const FULL_PAGE_MS = 5_000;
/** A breach of the throughput makes the calls of the next second fail. */
const PENALTY_MS = 1_000;
/** Leaves room for a second reader when nothing is to be made up for. */
const TIP_MS = 500;
const FIRST_IDLE_MS = 250;
const SLOWEST_MS = 5_000;
/** Calls a second won back by each call that was not throttled. */
const RECOVERY = 0.02;

/** The pace of one shard. Judged by the monotonic clock and pure but for it: ask `waitMs`, wait, say `called`, then `answered` or `throttled`. */
export class ShardPace {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #idleMs: number;
  /** Least distance of two calls; grows with throttles and shrinks again. */
  #gapMs = FASTEST_MS;
  #calledMs = -Infinity;
  #notBeforeMs = -Infinity;
  #emptyPages = 0;

  constructor({ clock, random = Math.random, idleMs = DEFAULT_IDLE_MS }: PaceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#idleMs = idleMs;
  }

  /** Milliseconds until the next call may go out; 0 = now. */
  waitMs(): number {
    return Math.max(0, Math.ceil(Math.max(this.#calledMs + this.#gapMs, this.#notBeforeMs) - this.#clock.monotonic()));
  }

  called(): void {
    this.#calledMs = this.#clock.monotonic();
  }

  answered({ records, bytes, millisBehindLatest }: PaceAnswer): void {
    this.#gapMs = Math.max(FASTEST_MS, 1000 / (1000 / this.#gapMs + RECOVERY));
    const nothing = records === 0 && millisBehindLatest === 0;
    this.#emptyPages = nothing ? this.#emptyPages + 1 : 0;
    this.#holdOff(
      Math.max(this.#tipWaitMs(millisBehindLatest), bytes >= FULL_PAGE ? FULL_PAGE_MS : bytes / BYTES_PER_MS),
    );
  }

  throttled(): void {
    this.#gapMs = Math.min(SLOWEST_MS, this.#gapMs * 1.5);
    this.#holdOff(PENALTY_MS * (1 + this.#random()));
  }

  #tipWaitMs(millisBehindLatest: number): number {
    if (millisBehindLatest > 0) return 0;
    if (this.#emptyPages === 0) return Math.min(TIP_MS, this.#idleMs);
    return Math.min(this.#idleMs, FIRST_IDLE_MS * 2 ** Math.min(this.#emptyPages - 1, 20));
  }

  #holdOff(ms: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#clock.monotonic() + ms);
  }
}
