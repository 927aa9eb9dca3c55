/** How many bytes of pages a process holds at the same time, whatever the number of shards. */

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

export const DEFAULT_BUDGET = 64 * 1024 * 1024;

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
