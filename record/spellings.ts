/** Finds a metadata row by the bytes a payload wrote it with, so that known metadata is never parsed again. */
import { Buffer } from 'node:buffer';

/** Far more than a table of rows takes before it asks to be replaced; beyond them nothing is learned, and rows are found by value. */
const LIMIT = 8192;
/** Twice the limit, so that a search ends soon, and always. */
const SLOTS = 2 * LIMIT;
/** Slots that a search looks at. Only metadata that somebody chose for their hashes needs more; they are not learned. */
const MAX_STEPS = 64;
/** Numbers kept per spelling: row, start of its bytes in `#raw`, lengths of the four values. */
const WIDTH = 6;
export const VALUES = 4;
/** What a spelling costs beside its bytes. */
const OVERHEAD = 64;

export const UNKNOWN = -1;
const NONE = -1;

/** An open-addressed table of rows as payloads spell them: the bytes of four values. `ranges` are four pairs of start and end in `bytes`. */
export class Spellings {
  /** 0 = free, otherwise the number of a spelling, from 1. */
  readonly #slots = new Int32Array(SLOTS);
  #entries = new Int32Array(32 * WIDTH);
  #count = 0;
  #raw = Buffer.alloc(2048);
  #used = 0;
  /** The free slot that the last search ended at, or NONE. */
  #slot = NONE;

  /** The row, or UNKNOWN. */
  find(bytes: Uint8Array, ranges: Int32Array): number {
    let slot = hashOf(bytes, ranges) % SLOTS;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const spelling = this.#slots[slot]!;
      if (spelling === 0) {
        this.#slot = slot;
        return UNKNOWN;
      }
      if (this.#matches(spelling * WIDTH, bytes, ranges)) return this.#entries[spelling * WIDTH]!;
      slot = (slot + 1) % SLOTS;
    }
    this.#slot = NONE;
    return UNKNOWN;
  }

  /** Remembers what the last `find` did not know; answers the bytes of memory it takes. */
  learn(row: number, bytes: Uint8Array, ranges: Int32Array): number {
    if (this.#count === LIMIT || this.#slot === NONE) return 0;
    const at = ++this.#count * WIDTH;
    if (at + WIDTH > this.#entries.length)
      this.#entries = doubled(this.#entries, new Int32Array(2 * this.#entries.length));
    const from = this.#used;
    this.#entries[at] = row;
    this.#entries[at + 1] = from;
    for (let k = 0; k < VALUES; k++) {
      const value = bytes.subarray(ranges[2 * k], ranges[2 * k + 1]);
      while (this.#used + value.length > this.#raw.length)
        this.#raw = doubled(this.#raw, Buffer.alloc(2 * this.#raw.length));
      this.#raw.set(value, this.#used);
      this.#used += value.length;
      this.#entries[at + 2 + k] = value.length;
    }
    this.#slots[this.#slot] = this.#count;
    return this.#used - from + OVERHEAD;
  }

  #matches(at: number, bytes: Uint8Array, ranges: Int32Array): boolean {
    const entries = this.#entries;
    for (let k = 0; k < VALUES; k++) if (entries[at + 2 + k] !== ranges[2 * k + 1]! - ranges[2 * k]!) return false;
    const raw = this.#raw;
    let q = entries[at + 1]!;
    for (let k = 0; k < VALUES; k++) {
      const end = ranges[2 * k + 1]!;
      for (let p = ranges[2 * k]!; p < end;) if (bytes[p++] !== raw[q++]) return false;
    }
    return true;
  }
}

function doubled<T extends Int32Array | Buffer>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Of all bytes: hosts and paths differ anywhere. Not negative. */
function hashOf(bytes: Uint8Array, ranges: Int32Array): number {
  let hash = 0;
  for (let k = 0; k < 2 * VALUES; k += 2) {
    const end = ranges[k + 1]!;
    let p = ranges[k]!;
    hash = Math.imul(hash ^ (end - p), 0x85ebca6b);
    for (; p + 4 <= end; p += 4) {
      const four = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
      hash = Math.imul(hash ^ four, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; p < end; p++) hash = Math.imul(hash ^ bytes[p]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return (hash ^ (hash >>> 13)) & 0x7fffffff;
}
