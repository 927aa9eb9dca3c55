/** Until when this reader may believe that its shards are its own, by nothing but its own monotonic clock. */
import type { Clock } from '../../base/clock.ts';

/** Every write to a row of ours that succeeded shows that this reader lives, and others wait for `lastsMs` after they have seen it: counted from the
 *  moment the write began, our time ends before theirs. */
export class Tenure {
  /** Before this moment nothing is due: the last confirmation, monotonic milliseconds. */
  #confirmedAt = -Infinity;
  #since = -Infinity;
  readonly #clock: Clock;
  readonly #lastsMs: number;

  /** `lastsMs` is Infinity for a store that no other process shares. */
  constructor(clock: Clock, lastsMs: number) {
    this.#clock = clock;
    this.#lastsMs = lastsMs;
  }

  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** A shard whose own row was last confirmed before this moment may have been taken while the tenure had lapsed. */
  get since(): number {
    return this.#since;
  }

  holds(): boolean {
    return this.#lastsMs === Infinity || this.#clock.monotonic() - this.#confirmedAt < this.#lastsMs;
  }

  /** A conditional write that began at `startedAt` has succeeded. It may have reached the store as late as now, and until then the others have seen nothing. */
  confirm(startedAt: number): void {
    if (this.#lastsMs === Infinity) return;
    this.#noticeLapse(startedAt);
    this.#confirmedAt = Math.max(this.#confirmedAt, startedAt);
  }

  #noticeLapse(startedAt: number): void {
    if (this.#confirmedAt === -Infinity) return;
    // What was confirmed during the lapse, and is answered only later, may have lapsed again before this.
    if (!this.holds()) this.#since = Math.max(this.#confirmedAt + this.#lastsMs, startedAt);
    // Or has lasted until then: answers come in any order.
    else if (startedAt < this.#since && startedAt + this.#lastsMs > this.#since) this.#since = startedAt;
  }
}
