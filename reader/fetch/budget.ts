/** How many bytes of pages a process holds at the same time, whatever the number of shards. */
import type { Clock } from '../../base/clock.ts';
import type { RecordsAnswer } from './api.ts';

export interface Grant {
  /** Corrects the reservation to what it turned out to be; never waits, so a page larger than expected makes the next ones wait instead. */
  resize(bytes: number): void;
  /** Gives it back; further calls do nothing. */
  release(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly grant: () => void;
}

const DEFAULT_BUDGET = 64 * 1024 * 1024;

/** First come, first served, so that a large page is not overtaken for ever. One that is larger than all of it goes alone. */
export class ByteBudget {
  readonly #limit: number;
  #held = 0;
  readonly #waiting: Waiting[] = [];

  constructor(limit = DEFAULT_BUDGET) {
    this.#limit = limit;
  }

  /** Bytes granted and not given back. */
  get held(): number {
    return this.#held;
  }

  /** Rejects with the signal's reason when it aborts first. */
  async acquire(bytes: number, signal: AbortSignal): Promise<Grant> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#turn(bytes, signal);
    else this.#held += bytes;
    return this.#grant(bytes);
  }

  #fits(bytes: number): boolean {
    return this.#held === 0 || this.#held + bytes <= this.#limit;
  }

  #turn(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        grant: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
        // The one that gave up may have been all that the next one waited for.
        this.#serve();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#held += first.bytes;
      first.grant();
    }
  }

  #grant(bytes: number): Grant {
    let held = bytes;
    let open = true;
    return {
      resize: (size) => {
        if (!open) return;
        this.#held += size - held;
        held = size;
        this.#serve();
      },
      release: () => {
        if (!open) return;
        open = false;
        this.#held -= held;
        this.#serve();
      },
    };
  }
}

const MIB = 1024 * 1024;
const FULL_PAGE = 10 * MIB;
/** What a shard takes in at most ("Quotas and limits" of the Kinesis developer guide). */
const ARRIVING_PER_MS = MIB / 1000;
/** Memory of a page for each byte of data: the base64 it was decoded from stays under it. */
const TEXT_RATIO = 1.4;
const RECORD_COST = 400;

/** How large the next page of a shard may become in memory, from the last one and from what can have arrived since. */
export class PageEstimate {
  readonly #clock: Clock;
  #lastCost = Infinity;
  #behindMs = Infinity;
  #answeredMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes to reserve. */
  bytes(): number {
    const sinceMs = this.#clock.monotonic() - this.#answeredMs + 1000;
    const there = Math.min(FULL_PAGE, (this.#behindMs + sinceMs) * ARRIVING_PER_MS) * TEXT_RATIO;
    return Math.ceil(Math.min(there, Math.max(MIB, 2 * this.#lastCost)));
  }

  /** Notes an answer; the bytes it holds. */
  learn({
    records,
    bytes,
    millisBehindLatest,
  }: Pick<RecordsAnswer, 'records' | 'bytes' | 'millisBehindLatest'>): number {
    this.#answeredMs = this.#clock.monotonic();
    this.#behindMs = millisBehindLatest;
    this.#lastCost = Math.ceil(bytes * TEXT_RATIO) + records.length * RECORD_COST;
    return this.#lastCost;
  }
}
