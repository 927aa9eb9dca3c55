/** Virtual time: nothing moves until a test says so, and then in the order of the deadlines. */
import { abortReason, type Clock } from '../../base/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #monotonic = 0;
  /** Difference of the wall clock; tests move it to show that nothing depends on it. */
  wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.wallOffsetMs = startMs;
  }

  now(): number {
    return this.wallOffsetMs + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(abortReason(signal));
        return;
      }
      const sleeper: Sleeper = {
        at: this.#monotonic + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = () => {
        this.#sleepers.delete(sleeper);
        reject(abortReason(signal));
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Lets `ms` pass; everybody whose deadline lies in it wakes at that deadline, and what they do then runs before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonic + ms;
    await settle();
    for (;;) {
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.#sleepers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.wake();
      await settle();
    }
    this.#monotonic = until;
  }

  /** Lets time pass, deadline by deadline, until the fact holds; fails after `limitMs` of virtual time or when nobody waits any more. */
  async until(fact: () => boolean, limitMs = 3_600_000): Promise<void> {
    const limit = this.#monotonic + limitMs;
    for (let idle = 0; !fact();) {
      await settle();
      if (fact()) return;
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > limit) {
        if (++idle > 2000)
          throw new Error(
            `the fact did not come true (virtual time ${this.#monotonic} ms, ${this.#sleepers.size} sleeping)`,
          );
        // Real work, such as the SDK reading its files, may still be under way.
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      idle = 0;
      this.#sleepers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.wake();
    }
  }
}

/** Lets promises and immediates that are ready run, including in-process request handlers. */
export async function settle(rounds = 5): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve));
}
