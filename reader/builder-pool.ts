/** The batch builders that all shards of a process share; whoever finds none waits in line. */
import { BatchPool, type BatchBuilder } from '../record/batch.ts';

/** In use at the same time; bounds the memory that a stalled output can hold. */
const BUILDERS = 8;

export class BuilderPool {
  readonly #pool = new BatchPool(BUILDERS);
  #inUse = 0;
  readonly #waiting: (() => void)[] = [];

  async take(): Promise<BatchBuilder> {
    if (this.#inUse >= BUILDERS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inUse++;
    return this.#pool.take();
  }

  /** Once nobody reads the builder's batch any more. */
  give(builder: BatchBuilder): void {
    this.#pool.give(builder);
    const next = this.#waiting.shift();
    if (next === undefined) this.#inUse--;
    else next();
  }
}
