/** The batch builders that all shards of a process share; whoever finds none waits in line. */
import { BatchPool, type BatchBuilder } from '../record/batch.ts';

/** In use at the same time for each batch of a shard that may wait for the output; bounds the memory that a stalled output can hold. */
const BUILDERS = 8;
const MOST_BUILDERS = 48;

export class BuilderPool {
  readonly #builders: number;
  readonly #pool: BatchPool;
  #inUse = 0;
  readonly #waiting: (() => void)[] = [];

  /** `window`: of the output. */
  constructor(window = 1) {
    // A batch has about a megabyte.
    this.#builders = Math.min(BUILDERS * window, MOST_BUILDERS);
    this.#pool = new BatchPool(this.#builders);
  }

  async take(): Promise<BatchBuilder> {
    if (this.#inUse >= this.#builders) await new Promise<void>((resolve) => this.#waiting.push(resolve));
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
