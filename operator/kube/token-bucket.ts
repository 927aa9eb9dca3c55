/** So many at once, then so many a second. */
import type { Clock } from '../../base/clock.ts';

export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: { readonly perSecond: number; readonly burst: number };
  #tokens: number;
  #atMs: number;

  constructor(clock: Clock, rate: { readonly perSecond: number; readonly burst: number }) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = clock.monotonic();
  }

  /** Takes one, and says in how many milliseconds it may be used. */
  takeMs(): number {
    const now = this.#clock.monotonic();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#atMs) / 1000) * perSecond) - 1;
    this.#atMs = now;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / perSecond) * 1000);
  }
}
