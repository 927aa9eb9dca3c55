/** Puts the blocks of unbroken streams back into the order in which they were written. Pure: the caller owns time and the blocks. */
import type { KinlogHeader } from './kinlog-lines.ts';

/** The reader keeps its watermark below blocks that are held, so these bound both memory and what is delivered again after a crash. */
export interface UnbrokenLimits {
  /** Of all held blocks of the shard. */
  readonly maxBytes: number;
  readonly maxBlocks: number;
  /** How long a block waits for the ones before it, in the caller's milliseconds. */
  readonly maxAgeMs: number;
}

export const UNBROKEN_LIMITS: UnbrokenLimits = { maxBytes: 16 * 1024 * 1024, maxBlocks: 1000, maxAgeMs: 60_000 };

/** Streams that are remembered; the next block of a forgotten one counts as its first. */
const MAX_STREAMS = 10_000;

/** A block that may be delivered now, in this place. */
export interface Released<Block> {
  readonly block: Block;
  readonly header: KinlogHeader;
  /** Blocks before it that never came. */
  readonly missing: number;
  /** Its place was given up before, or it was delivered already. */
  readonly late: boolean;
}

interface Held<Block> {
  readonly header: KinlogHeader;
  readonly block: Block;
  readonly bytes: number;
  readonly since: number;
}

interface Stream<Block> {
  /** Id of the block that comes next. */
  next: number;
  /** In the order of their ids. */
  readonly held: Held<Block>[];
}

/** One for each shard: all blocks of an unbroken stream have one partition key. The first block seen of a stream is taken as its beginning. */
export class UnbrokenOrder<Block> {
  readonly #limits: UnbrokenLimits;
  /** Least recently used first. */
  readonly #streams = new Map<string, Stream<Block>>();
  #held = 0;
  #heldBytes = 0;

  constructor(limits: UnbrokenLimits = UNBROKEN_LIMITS) {
    this.#limits = limits;
  }

  /** Blocks that wait. */
  get held(): number {
    return this.#held;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** When `expire` has something to do; Infinity while nothing waits. */
  get deadline(): number {
    let oldest = Infinity;
    for (const stream of this.#waiting()) oldest = Math.min(oldest, sinceOf(stream));
    return oldest + this.#limits.maxAgeMs;
  }

  /** What may be delivered now that this block is here, in order; nothing when it must wait. `bytes` is what holding it costs. */
  accept(header: KinlogHeader, block: Block, bytes: number, now: number): Released<Block>[] {
    const stream = this.#stream(header);
    const id = header.blockId;
    if (id < stream.next) return [{ block, header, missing: 0, late: true }];
    if (id > stream.next) {
      this.#hold(stream, { header, block, bytes, since: now });
      return this.#release(() => this.#held > this.#limits.maxBlocks || this.#heldBytes > this.#limits.maxBytes);
    }
    stream.next = id + 1;
    return [{ block, header, missing: 0, late: false }, ...this.#following(stream)];
  }

  /** What has waited long enough, and what follows it. */
  expire(now: number): Released<Block>[] {
    return this.#release(() => now >= this.deadline);
  }

  /** Everything that waits: the shard ends and nothing can come any more. */
  drain(): Released<Block>[] {
    return this.#release(() => this.#held > 0);
  }

  #stream(header: KinlogHeader): Stream<Block> {
    const key = JSON.stringify([header.encId, header.index, header.source, header.sourcetype, header.host]);
    const stream = this.#streams.get(key) ?? { next: header.blockId, held: [] };
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    if (this.#streams.size > MAX_STREAMS) this.#forgetOne();
    return stream;
  }

  #forgetOne(): void {
    for (const [key, stream] of this.#streams) {
      if (stream.held.length > 0) continue;
      this.#streams.delete(key);
      return;
    }
  }

  #hold(stream: Stream<Block>, held: Held<Block>): void {
    const after = stream.held.findLastIndex((other) => other.header.blockId <= held.header.blockId);
    stream.held.splice(after + 1, 0, held);
    this.#held++;
    this.#heldBytes += held.bytes;
  }

  *#waiting(): Generator<Stream<Block>> {
    if (this.#held > 0) for (const stream of this.#streams.values()) if (stream.held.length > 0) yield stream;
  }

  /** Gives up the gap of the stream that has waited longest, again and again. */
  #release(must: () => boolean): Released<Block>[] {
    const released: Released<Block>[] = [];
    while (this.#held > 0 && must()) {
      const [oldest] = [...this.#waiting()].sort((a, b) => sinceOf(a) - sinceOf(b));
      const stream = oldest!;
      const missing = stream.held[0]!.header.blockId - stream.next;
      stream.next += missing;
      const [first, ...rest] = this.#following(stream);
      released.push({ ...first!, missing }, ...rest);
    }
    return released;
  }

  /** Held blocks that no gap separates from the last one delivered. */
  #following(stream: Stream<Block>): Released<Block>[] {
    const released: Released<Block>[] = [];
    for (
      let first = stream.held[0];
      first !== undefined && first.header.blockId <= stream.next;
      first = stream.held[0]
    ) {
      stream.held.shift();
      this.#held--;
      this.#heldBytes -= first.bytes;
      const late = first.header.blockId < stream.next;
      if (!late) stream.next++;
      released.push({ block: first.block, header: first.header, missing: 0, late });
    }
    return released;
  }
}

/** When the block that has waited longest came. */
function sinceOf(stream: Stream<unknown>): number {
  return Math.min(...stream.held.map(({ since }) => since));
}
