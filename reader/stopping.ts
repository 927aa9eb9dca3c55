/** How a reader ends: no further page at once, then time for what is under way, and then in any case. */
import type { Clock } from '../base/clock.ts';

/** What outputs and stores have left, once they are told to give up, to do so. */
const GRACE_MS = 500;

export class Stopping {
  readonly #stop = new AbortController();
  readonly #drain = new AbortController();
  readonly #ended = new AbortController();
  readonly #overdue = Promise.withResolvers<boolean>();
  readonly #clock: Clock;
  readonly #drainMs: number;

  constructor(clock: Clock, drainMs: number) {
    this.#clock = clock;
    this.#drainMs = drainMs;
  }

  /** Aborts when no further page is fetched. Its reason is always an AbortError. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when what is under way is given up too. */
  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get limitMs(): number {
    return this.#drainMs + GRACE_MS;
  }

  /** A second time changes nothing. */
  begin(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#givingUp().catch(() => undefined);
  }

  /** Settles with the work, which ends by its signals: true. Or with false when it does not, because somebody it waits for takes no notice of them. */
  async within(work: Promise<void>): Promise<boolean> {
    const inTime = await Promise.race([work.then(() => true), this.#overdue.promise]);
    this.#ended.abort();
    return inTime;
  }

  async #givingUp(): Promise<void> {
    await this.#clock.sleep(this.#drainMs, this.#ended.signal);
    this.#drain.abort();
    await this.#clock.sleep(GRACE_MS, this.#ended.signal);
    this.#overdue.resolve(false);
  }
}
