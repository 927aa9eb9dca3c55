/** Who writes next: one at a time, first come first served. */
import { abortReason } from './clock.ts';

export class Turns {
  readonly #queue: (() => void)[] = [];
  #taken = false;

  /** Settles when it is the caller's turn, which lasts until `leave`; rejects when the signal aborts first. */
  take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(abortReason(signal));
    if (!this.#taken) {
      this.#taken = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const mine = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        this.#queue.splice(this.#queue.indexOf(mine), 1);
        reject(abortReason(signal));
      };
      this.#queue.push(mine);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}
