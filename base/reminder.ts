/** When to say what lasts: at once, then every five minutes. A line for each try hides all others, and one in a week of logs is not seen. */
import type { Clock } from './clock.ts';

const AGAIN_MS = 300_000;

export class Reminder {
  readonly #clock: Clock;
  #saidAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when it is to be said now, and counts as said then. */
  due(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#saidAtMs < AGAIN_MS) return false;
    this.#saidAtMs = now;
    return true;
  }

  /** Whatever comes next is said at once. True when something had been said. */
  over(): boolean {
    const wasSaid = this.#saidAtMs !== -Infinity;
    this.#saidAtMs = -Infinity;
    return wasSaid;
  }
}
