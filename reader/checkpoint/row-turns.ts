/** Writes of one row, one after the other: each of them builds on what the one before it left. */

export class RowTurns {
  /** The last write of each row that is under way. */
  readonly #last = new Map<string, Promise<void>>();

  /** Begins once all earlier writes of the row have ended, well or not; ends as the work does. */
  async take<T>(row: string, work: () => Promise<T>): Promise<T> {
    const write = (this.#last.get(row) ?? Promise.resolve()).then(work);
    const settled = write.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(row, settled);
    try {
      return await write;
    } finally {
      if (this.#last.get(row) === settled) this.#last.delete(row);
    }
  }

  /** Settles when the writes that are under way have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
