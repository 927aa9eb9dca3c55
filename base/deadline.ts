/** A bound in time for work that a signal can end too. */
import { abortReason, type Clock } from './clock.ts';

/** A reason that is there already: without one a DOMException is made, with its stack, for every call that ends well. */
const ENDED = new Error('the work ended in time');

/** Its signal aborts when time is up or the outer one does. Not AbortSignal.any: Node 22 keeps every such signal for as long as the outer one lives. */
export class Deadline {
  readonly limitMs: number;
  /** Time was up before `end`. */
  passed = false;
  readonly #clock: Clock;
  readonly #outer: AbortSignal | undefined;
  readonly #stop = new AbortController();
  readonly #timer = new AbortController();
  readonly #follow = (): void => this.#stop.abort(abortReason(this.#outer));
  #fromMs: number;

  constructor(clock: Clock, limitMs: number, outer?: AbortSignal) {
    this.limitMs = limitMs;
    this.#clock = clock;
    this.#outer = outer;
    this.#fromMs = clock.monotonic();
    if (outer?.aborted === true) this.#follow();
    outer?.addEventListener('abort', this.#follow, { once: true });
    this.#wait().catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Time begins anew. */
  again(): void {
    this.#fromMs = this.#clock.monotonic();
  }

  /** Owed by whoever made it. */
  end(): void {
    this.#timer.abort(ENDED);
    this.#outer?.removeEventListener('abort', this.#follow);
  }

  /** Looks again when time began anew meanwhile, so that `again` costs nothing. */
  async #wait(): Promise<void> {
    for (let leftMs = this.limitMs; leftMs > 0; leftMs = this.#fromMs + this.limitMs - this.#clock.monotonic())
      await this.#clock.sleep(leftMs, this.#timer.signal);
    this.passed = true;
    this.#stop.abort();
  }
}
