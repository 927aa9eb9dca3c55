/** The rates that a shard allows, as the service enforces them; time is monotonic milliseconds. */

/** At most `calls` accepted within any `windowMs`; refused calls cost nothing. */
export class CallLimit {
  readonly #accepted: number[] = [];
  readonly #calls: number;
  readonly #windowMs: number;

  constructor(calls: number, windowMs = 1000) {
    this.#calls = calls;
    this.#windowMs = windowMs;
  }

  take(at: number): boolean {
    while (this.#accepted.length > 0 && this.#accepted[0]! <= at - this.#windowMs) this.#accepted.shift();
    if (this.#accepted.length >= this.#calls) return false;
    this.#accepted.push(at);
    return true;
  }
}

/** A bucket that holds one second's worth and refills evenly. */
class Bucket {
  readonly #perSecond: number;
  #level: number;
  #at = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#level = perSecond;
  }

  /** What is left at this time; negative is debt. */
  level(at: number): number {
    if (at > this.#at) {
      const refill = this.#at === -Infinity ? 0 : ((at - this.#at) * this.#perSecond) / 1000;
      this.#level = Math.min(this.#perSecond, this.#level + refill);
      this.#at = at;
    }
    return this.#level;
  }

  spend(amount: number, at: number): void {
    this.#level = this.level(at) - amount;
  }
}

const MIB = 1024 * 1024;
const READ_BYTES_PER_SECOND = 2 * MIB;
const FULL_PAGE_PENALTY_MS = 5000;
const BREACH_PENALTY_MS = 1000;

/** GetRecords of one shard: 5 calls/s; 2 MiB/s, paid after the fact. A page that the size limit cut closes the shard for 5 s, any other page beyond the rate
 *  for as long as the debt takes and at least 1 s (API reference of GetRecords). */
export class ReadLimit {
  readonly #calls = new CallLimit(5);
  readonly #bytes = new Bucket(READ_BYTES_PER_SECOND);
  #closedUntil = -Infinity;

  admits(at: number): boolean {
    return at >= this.#closedUntil && this.#calls.take(at);
  }

  spend(bytes: number, fullPage: boolean, at: number): void {
    this.#bytes.spend(bytes, at);
    const debtMs = (-this.#bytes.level(at) * 1000) / READ_BYTES_PER_SECOND;
    if (fullPage) this.#closedUntil = at + FULL_PAGE_PENALTY_MS;
    else if (debtMs > 0) this.#closedUntil = at + Math.max(BREACH_PENALTY_MS, debtMs);
  }
}

/** What is pushed over one subscription: 2 MiB/s, the first second's worth at once. */
export class PushLimit {
  readonly #bytes = new Bucket(READ_BYTES_PER_SECOND);

  /** Milliseconds until the next event may go out. */
  waitMs(at: number): number {
    return Math.max(0, Math.ceil((-this.#bytes.level(at) * 1000) / READ_BYTES_PER_SECOND));
  }

  spend(bytes: number, at: number): void {
    this.#bytes.spend(bytes, at);
  }
}

/** Puts into one shard: 1 MiB/s and 1,000 records/s. */
export class WriteLimit {
  readonly #bytes = new Bucket(MIB);
  readonly #records = new Bucket(1000);

  take(bytes: number, at: number): boolean {
    // A record larger than a second's worth passes when the bucket is full, as records of up to 10 MiB do.
    if (this.#bytes.level(at) < Math.min(bytes, MIB) || this.#records.level(at) < 1) return false;
    this.#bytes.spend(bytes, at);
    this.#records.spend(1, at);
    return true;
  }
}
