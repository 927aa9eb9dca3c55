/** Bytes of a watch into lines: decoded only when a line is whole, so that no character is split. */

const NEWLINE = 0x0a;

export class Lines {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a line has begun and not ended. */
  get open(): boolean {
    return this.#bytes > 0;
  }

  /** Lines that end in this piece, without the empty ones. Throws RangeError when one is longer than allowed. */
  *split(piece: Buffer): Generator<string> {
    for (let from = 0; from < piece.length;) {
      const end = piece.indexOf(NEWLINE, from);
      const part = piece.subarray(from, end < 0 ? piece.length : end);
      this.#bytes += part.length;
      if (this.#bytes > this.#maxBytes) throw new RangeError(`a line of more than ${this.#maxBytes} bytes`);
      this.#parts.push(part);
      if (end < 0) return;
      const line = this.#take();
      if (line !== '') yield line;
      from = end + 1;
    }
  }

  #take(): string {
    const line = Buffer.concat(this.#parts, this.#bytes).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return line.trim();
  }
}
