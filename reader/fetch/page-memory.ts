/** Memory of answers that are done with, for the next ones. Fresh memory costs a page fault for every 4 KiB, and answers of megabytes that are left to
 *  the garbage collector make it run after every few of them, and the process grow. */
import { Buffer } from 'node:buffer';

/** What is smaller the allocator has at hand. */
const SMALLEST = 256 * 1024;
const KEEP = 32 * 1024 * 1024;

export class PageMemory {
  readonly #keep: number;
  readonly #idle: Buffer[] = [];
  #idleBytes = 0;

  /** `keep`: bytes that may lie idle. */
  constructor(keep = KEEP) {
    this.#keep = keep;
  }

  /** Bytes that lie idle. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** At least `length` bytes and at most twice as many, whatever they hold. A small answer means that nobody catches up any more: an idle piece is let go. */
  take(length: number): Buffer {
    if (length < SMALLEST) {
      this.#remove(0);
      return Buffer.allocUnsafeSlow(length);
    }
    const fits = this.#idle.findIndex((piece) => piece.length >= length && piece.length <= 2 * length);
    if (fits >= 0) return this.#remove(fits)!;
    this.#remove(0);
    // A little more than asked, so that it serves the next page too.
    return Buffer.allocUnsafeSlow(length + (length >> 3));
  }

  /** A piece that was taken, once nothing refers to it any more; it will be written over. */
  give(piece: Buffer): void {
    if (piece.length < SMALLEST || this.#idleBytes + piece.length > this.#keep) return;
    this.#idle.push(piece);
    this.#idleBytes += piece.length;
  }

  #remove(index: number): Buffer | undefined {
    const [piece] = this.#idle.splice(index, 1);
    this.#idleBytes -= piece?.length ?? 0;
    return piece;
  }
}
