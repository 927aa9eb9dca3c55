/** Whether the API server answers at all: what one request has shown, nobody else finds out by waiting. */
import { abortReason, type Clock } from '../../base/clock.ts';

export class Reach {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  /** Monotonic milliseconds; undefined while requests are answered. */
  #awaySinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told of each request. `status`: of HTTP; 0: no answer. */
  seen(status: number): void {
    if (status === 0 || status >= 500 || status === 429) this.#awaySinceMs ??= this.#clock.monotonic();
    else if (this.#awaySinceMs !== undefined) {
      this.#awaySinceMs = undefined;
      for (const wake of this.#waiting) wake();
    }
  }

  /** Since when no request was answered, milliseconds; 0 while they are. */
  get awayMs(): number {
    return this.#awaySinceMs === undefined ? 0 : this.#clock.monotonic() - this.#awaySinceMs;
  }

  /** Settles after `ms` with false, or with true as soon as the server answers again after it has not. Rejects when the signal aborts. */
  async back(ms: number, signal: AbortSignal): Promise<boolean> {
    const timer = new AbortController();
    const wake = () => timer.abort();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    try {
      await this.#clock.sleep(ms, timer.signal);
      return false;
    } catch {
      if (signal.aborted) throw abortReason(signal);
      return true;
    } finally {
      this.#waiting.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }
}
