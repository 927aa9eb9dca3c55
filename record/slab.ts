/** Memory that grows without moving its offsets, so that plain code and a WebAssembly kernel can work on the same bytes. */
import { Buffer } from 'node:buffer';

// Node's types leave this global out; only what the slab uses is declared here.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  };
};

const WASM_PAGE = 65_536;
const INITIAL_PAGES = 4;
/** Just below 2 GiB, so that offsets are small integers; pages that are never touched cost no memory. */
const MAX_PAGES = 32_767;

/** Growing detaches every earlier view: hold `bytes` only until the next `reserve`. */
export class Slab {
  bytes: Buffer;
  readonly #memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES });

  constructor() {
    this.bytes = Buffer.from(this.#memory.buffer);
  }

  /** Makes room for `size` bytes in all; at least doubles, because every growth detaches views. Throws RangeError beyond 2 GiB. */
  reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const have = this.bytes.length / WASM_PAGE;
    const want = Math.ceil(size / WASM_PAGE);
    this.#memory.grow(Math.max(want, Math.min(2 * have, MAX_PAGES)) - have);
    this.bytes = Buffer.from(this.#memory.buffer);
  }
}
