/** From a stream of bytes to events, the way the original tool cuts them: by line, by a pattern that starts an event, or not at all. */

export interface SplitOptions {
  readonly mode: 'newline' | 'none' | 'regex';
  /** A line that it matches starts an event; only for `regex`. */
  readonly starts: RegExp;
  /** An event of several lines ends after so many; not for `newline`. */
  readonly maxLines: number;
  /** A longer line is cut into events of this size, and an event of several lines ends before it would grow beyond it. */
  readonly maxBytes: number;
}

/** Events in order, each ending in LF. Their bytes are views of the chunks where possible: a chunk must not change after it was pushed. */
export interface Splitter {
  push(chunk: Buffer): Buffer[];
  /** What is left when the input has ended. */
  end(): Buffer[];
}

const LF = 10;
const CR = 13;
const NEWLINE = Buffer.from('\n');

export function splitter(options: SplitOptions): Splitter {
  const lines = new LineCutter(options.maxBytes);
  const collect = options.mode === 'newline' ? singleLines : new EventCollector(options);
  return {
    push(chunk) {
      const events: Buffer[] = [];
      lines.push(chunk, (line) => collect.line(line, events));
      return events;
    },
    end() {
      const events: Buffer[] = [];
      lines.end((line) => collect.line(line, events));
      collect.end(events);
      return events;
    },
  };
}

/** Gives whole lines with their LF; a line over the limit comes in pieces, each ending in an LF of its own. */
class LineCutter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer, line: (bytes: Buffer) => void): void {
    let from = 0;
    for (let lf = chunk.indexOf(LF); lf >= 0; lf = chunk.indexOf(LF, from)) {
      this.#add(chunk.subarray(from, lf + 1), line);
      from = lf + 1;
      if (this.#length > 0) line(this.#take());
    }
    if (from < chunk.length) this.#add(chunk.subarray(from), line);
  }

  end(line: (bytes: Buffer) => void): void {
    if (this.#length > 0) line(Buffer.concat([this.#take(), NEWLINE]));
  }

  #add(bytes: Buffer, line: (bytes: Buffer) => void): void {
    let rest = bytes;
    // The LF itself does not count: a line of exactly the limit is whole.
    const content = () => rest.length - (rest.at(-1) === LF ? 1 : 0);
    while (this.#length + content() > this.#maxBytes) {
      const taken = this.#maxBytes - this.#length;
      this.#pieces.push(rest.subarray(0, taken), NEWLINE);
      rest = rest.subarray(taken);
      line(this.#take());
    }
    this.#pieces.push(rest);
    this.#length += rest.length;
  }

  #take(): Buffer {
    const [only] = this.#pieces;
    const line = this.#pieces.length === 1 ? only! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}

interface Collector {
  line(line: Buffer, events: Buffer[]): void;
  end(events: Buffer[]): void;
}

/** Every line is an event, without CR; empty lines are none. */
const singleLines: Collector = {
  line(line, events) {
    if (line.length === 1) return;
    if (line.at(-2) !== CR) events.push(line);
    else if (line.length > 2) events.push(Buffer.concat([line.subarray(0, -2), NEWLINE]));
  },
  end: () => undefined,
};

/** Lines are collected until one starts the next event, or a limit ends this one. */
class EventCollector implements Collector {
  readonly #options: SplitOptions;
  #lines: Buffer[] = [];
  #bytes = 0;

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  line(line: Buffer, events: Buffer[]): void {
    const { mode, starts, maxLines, maxBytes } = this.#options;
    const begins = mode === 'regex' && starts.test(line.toString('utf8').replace(/\r?\n$/, ''));
    if (begins || this.#bytes + line.length > maxBytes) this.end(events);
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#lines.length >= maxLines) this.end(events);
  }

  end(events: Buffer[]): void {
    if (this.#lines.length === 0) return;
    events.push(this.#lines.length === 1 ? this.#lines[0]! : Buffer.concat(this.#lines));
    this.#lines = [];
    this.#bytes = 0;
  }
}
