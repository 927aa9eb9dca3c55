/** Encodes several batches at a time, those of one partition key one after the other. */

/** Compressions at the same time: as many as Node's thread pool has threads by default. */
const LANES = 4;

export class EncodeLine {
  readonly #waiting: (() => void)[] = [];
  readonly #before = new Map<string, Promise<void>>();
  #running = 0;

  /** `work` must not reject. With a key it starts when the work before it with this key has ended. */
  async run(key: string | undefined, work: () => Promise<void>): Promise<void> {
    if (key === undefined) {
      await this.#slot(work);
      return;
    }
    const mine = (this.#before.get(key) ?? Promise.resolve()).then(() => this.#slot(work));
    this.#before.set(key, mine);
    await mine;
    if (this.#before.get(key) === mine) this.#before.delete(key);
  }

  async #slot(work: () => Promise<void>): Promise<void> {
    if (this.#running >= LANES) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    await work();
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
