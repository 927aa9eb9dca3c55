/** Ranges of event batches as bodies of HEC requests, and back from the number of an event in a body to its place in a batch. */
import { Buffer } from 'node:buffer';
import { constants, gzip } from 'node:zlib';
import type { EventBatch } from '../../record/batch.ts';
import type { EventMeta } from '../../record/event.ts';
import { NdjsonWriter } from './ndjson.ts';

/** Events `from` up to `to` of a batch. */
export interface Range {
  readonly batch: EventBatch;
  readonly from: number;
  readonly to: number;
}

/** An event that can not be sent at all. */
export interface Unsendable {
  readonly index: number;
  readonly reason: string;
}

/** Lines in the memory of the process; `bytes` is written again once it was given back. */
export class OpenBody<Of extends Range> {
  bytes: Buffer;
  size = 0;
  /** In the order of their lines. */
  readonly ranges: Of[] = [];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get events(): number {
    return this.ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** The range and the event of it that has this number among the lines; undefined when there is no such line. */
  locate(number: number): { readonly range: Of; readonly index: number } | undefined {
    let before = 0;
    for (const range of this.ranges) {
      const index = range.from + number - before;
      if (index < range.to) return { range, index };
      before += range.to - range.from;
    }
    return undefined;
  }
}

export interface BodyLimits {
  /** Of a whole body, uncompressed; one event alone may have more. */
  readonly maxBodyBytes: number;
  /** Of the line of one event. */
  readonly maxEventBytes: number;
}

/** Renders ranges into bodies. Buffers come back with `give`, so that memory stays warm. */
export class BodyWriter {
  readonly #lines: NdjsonWriter;
  readonly #limits: BodyLimits;
  readonly #idle: Buffer[] = [];

  constructor(limits: BodyLimits, defaults: EventMeta) {
    this.#limits = limits;
    this.#lines = new NdjsonWriter(defaults);
  }

  open<Of extends Range>(): OpenBody<Of> {
    return new OpenBody<Of>(this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.#limits.maxBodyBytes));
  }

  /** Once nobody reads the bytes any more. */
  give(body: OpenBody<Range>): void {
    if (body.bytes.length === this.#limits.maxBodyBytes) this.#idle.push(body.bytes);
    body.bytes = NOTHING;
  }

  /** As many events of the range as the body has room for, up to `maxBytes`; answers the first event that is not in it, and why it never will be when that is so. */
  fill(body: OpenBody<Range>, range: Range, maxBytes: number): { next: number; unsendable?: Unsendable } {
    const { batch, from } = range;
    const blank = blankIn(range);
    this.#lines.beginPart(batch, from, blank);
    body.size = this.#lines.lines(body.bytes.subarray(0, Math.min(maxBytes, body.bytes.length)), body.size);
    let { next } = this.#lines;
    if (next === from && body.size === 0 && next < blank) next = this.#alone(body, range);
    if (next < blank) return next === from && body.size === 0 ? { next, unsendable: this.#tooLarge(next) } : { next };
    return next < range.to ? { next, unsendable: { index: next, reason: 'the event is blank' } } : { next };
  }

  /** An event that is larger than a body may be goes by itself. */
  #alone(body: OpenBody<Range>, { batch, from }: Range): number {
    const { maxEventBytes } = this.#limits;
    const dataBytes = batch.end[from]! - batch.start[from]!;
    if (dataBytes > maxEventBytes) return from;
    // Most events grow little; only what does not fit gets all the room that there may be.
    for (const size of [Math.min(2 * dataBytes + 65_536, maxEventBytes), maxEventBytes]) {
      const room = Buffer.allocUnsafeSlow(size);
      this.#lines.beginPart(batch, from, from + 1);
      const end = this.#lines.lines(room, 0);
      if (this.#lines.next === from) continue;
      body.bytes = room;
      body.size = end;
      return from + 1;
    }
    return from;
  }

  #tooLarge(index: number): Unsendable {
    return { index, reason: `the event is larger than ${this.#limits.maxEventBytes} bytes` };
  }
}

/** The first event without data, which HEC refuses (code 13); the end of the range without one. */
function blankIn({ batch, from, to }: Range): number {
  const { start, end } = batch;
  for (let i = from; i < to; i++) if (start[i] === end[i]) return i;
  return to;
}

const NOTHING = Buffer.alloc(0);

/** In another thread. Level 1: a third of the time of the default for a few per cent more bytes. */
export function compressed(body: OpenBody<Range>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(body.bytes.subarray(0, body.size), GZIP, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

/** One chunk for the usual body: each further one is another trip to the thread. */
const GZIP = { level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 };
