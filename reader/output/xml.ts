/** Event batches as Splunk's XML event stream, straight from bytes to bytes.
 *  Shape: docs.splunk.com, "Set up streaming" (developing modular inputs, XML streaming mode). */
import { Buffer } from 'node:buffer';
import type { EventBatch } from '../../record/batch.ts';
import { MARK, type EventMeta } from '../../record/event.ts';
import type { MetaTable } from '../../record/meta-table.ts';
import {
  characterBorder,
  ESCAPES,
  isPlain,
  LONGEST_CHARACTER,
  LONGEST_ESCAPE,
  REPLACEMENT,
  sequenceAt,
  SPECIAL,
  SPECIAL_IN_UTF8,
  xmlAttribute,
  xmlText,
} from './xml-text.ts';

const ascii = (text: string) => new Uint8Array(Buffer.from(text));
const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const TIME_END = ascii('</time>');
const TAIL = ascii('</data></event>\n');
const TAIL_DONE = ascii('</data><done/></event>\n');
/** `9007199254.740991`, with room for a few digits more. */
export const LONGEST_TIME = 24;
/** Bytes copied one by one before four at a time are tried again: text beyond ASCII and short lines fail that often. */
const BYTEWISE = 32;

/** A chunk holds at least this many bytes. */
export const SMALLEST_CHUNK = 256;

/** Writes `<event stanza="…">…</event>` elements, an LF after each, without the `<stream>` around them. `begin` a batch, then `fill` chunk after chunk
 *  until it answers 0. Nothing of a chunk is remembered, so its owner can wait for a pipe in between and use it again once it was taken.
 *  Data reads as `toString().toWellFormed()` of the event's bytes, with every character that XML 1.0 forbids replaced by U+FFFD.
 *  HEC fields have no place in this XML and are left out. */
export class XmlWriter {
  #batch: EventBatch | undefined;
  #heads = new Heads('');
  #table: MetaTable | undefined;
  #rows: Buffer[] = [];
  /** The event that is written next; when a chunk ended inside it, which part of it and how far in. */
  #event = 0;
  #part = 0;
  #at = 0;
  #head: Uint8Array = NOTHING;
  #out: Buffer = NOTHING;
  #o = 0;
  #special = SPECIAL;
  /** The batch's bytes and the chunk, to read and write four bytes at a time. */
  #from: DataView = NO_VIEW;
  #to: DataView = NO_VIEW;

  /** The batch must stay valid until `fill` answers 0. */
  begin(batch: EventBatch, stanza: string): void {
    this.#batch = batch;
    this.#from = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    this.#event = 0;
    this.#part = 0;
    this.#at = 0;
    this.#special = batch.validUtf8 ? SPECIAL_IN_UTF8 : SPECIAL;
    if (this.#heads.stanza !== stanza) this.#heads = new Heads(stanza);
    if (this.#table !== batch.meta) {
      this.#table = batch.meta;
      this.#rows = [];
    }
  }

  /** Bytes written to the chunk from its start; 0 when the whole batch has been written. */
  fill(chunk: Buffer): number {
    const batch = this.#batch;
    if (batch === undefined) return 0;
    this.#out = chunk;
    this.#to = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#o = 0;
    const { length, start, end } = batch;
    while (this.#event < length) {
      const i = this.#event;
      const row = this.#row(batch, i);
      const worst = this.#heads.longest + row.length + (end[i]! - start[i]!) * LONGEST_ESCAPE + TAIL_DONE.length;
      if (this.#part === 0 && this.#at === 0 && this.#o + worst <= chunk.length) this.#whole(batch, i, row);
      else if (!this.#piece(batch, i, row)) break;
    }
    if (this.#o === 0) this.#letGo();
    return this.#o;
  }

  /** A writer that waits for its next batch keeps no slab alive. */
  #letGo(): void {
    this.#batch = undefined;
    this.#from = NO_VIEW;
  }

  /** The usual event: it fits whatever it holds, so nothing has to be checked on the way. */
  #whole(batch: EventBatch, i: number, row: Buffer): void {
    this.#o = this.#heads.write(batch, i, this.#out, this.#o);
    this.#out.set(row, this.#o);
    this.#o += row.length;
    this.#escape(batch.bytes, batch.start[i]!, batch.end[i]!);
    this.#o = copyShort(tailOf(batch.marks[i]!), this.#out, this.#o);
    this.#event = i + 1;
  }

  /** One more part of an event that may not fit; false when the chunk is full. */
  #piece(batch: EventBatch, i: number, row: Buffer): boolean {
    switch (this.#part) {
      case 0:
        if (this.#at === 0) this.#head = this.#heads.render(batch, i);
        return this.#literal(this.#head);
      case 1:
        if (!this.#literal(row)) return false;
        this.#at = batch.start[i]!;
        return true;
      case 2:
        return this.#data(batch, batch.end[i]!);
      default:
        if (!this.#literal(tailOf(batch.marks[i]!))) return false;
        this.#part = 0;
        this.#event = i + 1;
        return true;
    }
  }

  #literal(bytes: Uint8Array): boolean {
    const piece = bytes.subarray(this.#at, this.#at + this.#out.length - this.#o);
    this.#out.set(piece, this.#o);
    this.#o += piece.length;
    this.#at += piece.length;
    if (this.#at < bytes.length) return false;
    this.#part++;
    this.#at = 0;
    return true;
  }

  #data(batch: EventBatch, end: number): boolean {
    const { bytes } = batch;
    while (this.#at < end) {
      const fits = Math.floor((this.#out.length - this.#o) / LONGEST_ESCAPE);
      if (fits < LONGEST_CHARACTER * 2) return false;
      const to = fits >= end - this.#at ? end : characterBorder(bytes, this.#at + fits);
      this.#escape(bytes, this.#at, to);
      this.#at = to;
    }
    this.#part++;
    this.#at = 0;
    return true;
  }

  #row(batch: EventBatch, i: number): Buffer {
    const id = batch.metaRow[i]!;
    return (this.#rows[id] ??= Buffer.from(`${rowXml(batch.meta.row(id))}<data>`));
  }

  /** The data of an event, into room that is known to suffice. */
  #escape(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    const from = this.#from;
    const to = this.#to;
    const special = this.#special;
    let o = this.#o;
    let p = start;
    while (p < end) {
      while (p + 4 <= end) {
        const four = from.getInt32(p, true);
        to.setInt32(o, four, true);
        if (!isPlain(four)) break;
        p += 4;
        o += 4;
      }
      const stop = Math.min(end, p + BYTEWISE);
      while (p < stop && special[bytes[p]!] === 0) out[o++] = bytes[p++]!;
      if (p === stop) continue;
      const escaped = ESCAPES[bytes[p]!];
      if (escaped !== undefined) {
        o = copyShort(escaped, out, o);
        p++;
        continue;
      }
      const size = sequenceAt(bytes, p, end);
      if (size > 0) {
        for (let k = 0; k < size; k++) out[o++] = bytes[p++]!;
      } else {
        o = copyShort(REPLACEMENT, out, o);
        p -= size;
      }
    }
    this.#o = o;
  }
}

/** What stands before the metadata of an event of one stanza. */
class Heads {
  readonly stanza: string;
  readonly longest: number;
  readonly #timed: Uint8Array;
  readonly #untimed: Uint8Array;
  readonly #unbrokenTimed: Uint8Array;
  readonly #unbrokenUntimed: Uint8Array;

  constructor(stanza: string) {
    const open = `<event stanza="${xmlAttribute(stanza)}"`;
    this.stanza = stanza;
    this.#timed = ascii(`${open}><time>`);
    this.#untimed = ascii(`${open}>`);
    this.#unbrokenTimed = ascii(`${open} unbroken="1"><time>`);
    this.#unbrokenUntimed = ascii(`${open} unbroken="1">`);
    this.longest = this.#unbrokenTimed.length + LONGEST_TIME + TIME_END.length;
  }

  /** Writes the head of event `i` at `o`, where `longest` bytes must be free; answers where it ends. */
  write(batch: EventBatch, i: number, out: Uint8Array, o: number): number {
    const us = batch.timeUs[i]!;
    const unbroken = (batch.marks[i]! & MARK.unbroken) !== 0;
    // Also false for NaN, and for what would not be digits.
    if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER))
      return copyShort(unbroken ? this.#unbrokenUntimed : this.#untimed, out, o);
    const opened = copyShort(unbroken ? this.#unbrokenTimed : this.#timed, out, o);
    return copyShort(TIME_END, out, writeSeconds(us, out, opened));
  }

  render(batch: EventBatch, i: number): Uint8Array {
    const head = new Uint8Array(this.longest);
    return head.subarray(0, this.write(batch, i, head, 0));
  }
}

function tailOf(mark: number): Uint8Array {
  return (mark & MARK.done) === 0 ? TAIL : TAIL_DONE;
}

function copyShort(bytes: Uint8Array, out: Uint8Array, at: number): number {
  let o = at;
  for (let k = 0; k < bytes.length; k++) out[o++] = bytes[k]!;
  return o;
}

/** Whole microseconds as seconds, without rounding and without trailing zeros; answers where the digits end. */
export function writeSeconds(us: number, out: Uint8Array, at: number): number {
  const seconds = Math.floor(us / 1e6);
  const fraction = us - seconds * 1e6;
  // Two halves, because division is fast only below 2^31.
  const high = Math.floor(seconds / 1e5);
  const size = digitsOf(seconds);
  writeDigits(seconds - high * 1e5, out, at + size, Math.min(size, 5));
  if (size > 5) writeDigits(high, out, at + size - 5, size - 5);
  let o = at + size;
  if (fraction === 0) return o;
  out[o] = 0x2e;
  o += 7;
  writeDigits(fraction, out, o, 6);
  while (out[o - 1] === 0x30) o--;
  return o;
}

function digitsOf(value: number): number {
  if (value >= 1e9 && value < 1e10) return 10;
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

/** The last `count` decimal digits of `value` (below 2^31), ending before `end`. */
function writeDigits(value: number, out: Uint8Array, end: number, count: number): void {
  let rest = value;
  for (let k = 1; k <= count; k++) {
    const tenth = (rest / 10) | 0;
    out[end - k] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
}

function rowXml(meta: EventMeta): string {
  const element = (name: string, value = '') => (value === '' ? '' : `<${name}>${xmlText(value)}</${name}>`);
  return (
    element('host', meta.host) +
    element('source', meta.source) +
    element('sourcetype', meta.sourcetype) +
    element('index', meta.index)
  );
}
