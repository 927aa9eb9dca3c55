/** Lets whoever pushes wait for the next change, or for a while. */

export class Changes {
  #next = Promise.withResolvers<undefined>();

  announce(): void {
    this.#next.resolve(undefined);
    this.#next = Promise.withResolvers();
  }

  /** Settles with the next change and after `ms` at the latest; rejects when the signal aborts. */
  async within(
    sleep: (ms: number, signal: AbortSignal) => Promise<void>,
    ms: number,
    signal: AbortSignal,
  ): Promise<void> {
    const changed = new AbortController();
    const sleeping = sleep(ms, AbortSignal.any([signal, changed.signal]));
    sleeping.catch(() => undefined);
    try {
      await Promise.race([this.#next.promise, sleeping]);
    } finally {
      changed.abort();
    }
  }
}
