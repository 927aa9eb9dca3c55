/** Event batches as NDJSON: a line for each event, in the shape of the objects that Splunk's HTTP Event Collector takes.
 *  Shape: docs.splunk.com, "Format events for HTTP Event Collector". */
import { Buffer, isUtf8 } from 'node:buffer';
import type { EventBatch } from '../../record/batch.ts';
import { MARK, type EventMeta } from '../../record/event.ts';
import { BYTES_FIELD } from '../../record/hec.ts';
import { BYTE, isPlain, JsonScanner } from '../../record/json-scan.ts';
import type { MetaTable } from '../../record/meta-table.ts';
import { characterBorder } from './xml-text.ts';
import { LONGEST_TIME, writeSeconds } from './xml.ts';

/** Holds the names of an event's marks: what no format explains, or is only a piece of an event, must not look like any other event. */
export const MARK_FIELD = 'kinlog_mark';

const ascii = (text: string) => new Uint8Array(Buffer.from(text));
const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const BRACE = ascii('{');
const TIME = ascii('{"time":');
const COMMA = ascii(',');
const QUOTE = ascii('"');
const FIELDS = ascii(',"fields":');
const END = ascii('}\n');
/** Everything of a line but metadata, data and fields. */
const FRAME = TIME.length + LONGEST_TIME + COMMA.length + 2 * QUOTE.length + FIELDS.length + END.length + 4;
const ESCAPES = Array.from({ length: 128 }, (_, byte) => ascii(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)));
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) => Number((ESCAPES[byte]?.length ?? 1) > 1));
/** Bytes that one byte of text becomes at most: \u001f. */
const LONGEST_ESCAPE = 6;
/** Bytes copied one by one before four at a time are tried again. */
const BYTEWISE = 16;
/** Data of a long line is rendered in pieces of so many bytes; a multiple of three, for base64. */
const PIECE = 24_576;
const CR = 0x0d;

/** `begin` a batch, then `fill` chunk after chunk until it answers 0, or take whole lines with `lines`; nothing of a chunk is remembered.
 *  An event whose text is a JSON object or list on one line is that JSON, byte for byte; every other event is a string. Data that is not UTF-8 reads with
 *  U+FFFD and lies as it was, in base64, in the field `kinlog_b64`. */
export class NdjsonWriter {
  #batch: EventBatch | undefined;
  #from: DataView = NO_VIEW;
  #to: DataView = NO_VIEW;
  /** Rendered rows of the batch's table. Writers that streams share meet many tables. */
  #rows: Uint8Array[] = [];
  readonly #tables = new WeakMap<MetaTable, Uint8Array[]>();
  /** The event that is written next. */
  #event = 0;
  #end = 0;
  /** What is left of a long line: the piece that the last chunk had no room for, and the pieces behind it. */
  #rest: Uint8Array = NOTHING;
  #pieces: Iterator<Uint8Array, undefined> | undefined;
  readonly #scanner = new JsonScanner();
  readonly #defaults: EventMeta;

  /** `defaults`: metadata of events that say none. */
  constructor(defaults: EventMeta = {}) {
    this.#defaults = defaults;
  }

  /** The batch must stay valid until it is written. */
  begin(batch: EventBatch): void {
    this.beginPart(batch, 0, batch.length);
  }

  /** The events `from` up to `to`. */
  beginPart(batch: EventBatch, from: number, to: number): void {
    this.#batch = batch;
    this.#from = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    this.#event = from;
    this.#end = to;
    this.#rest = NOTHING;
    this.#pieces = undefined;
    this.#rows = this.#tables.get(batch.meta) ?? [];
    this.#tables.set(batch.meta, this.#rows);
  }

  /** Bytes written to the chunk from its start; 0 when the whole batch has been written. */
  fill(chunk: Buffer): number {
    const batch = this.#batch;
    if (batch === undefined) return 0;
    this.#to = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let o = 0; ;) {
      o = this.#long(chunk, o);
      if (o === chunk.length) return o;
      const i = this.#event;
      if (i === this.#end) {
        if (o === 0) this.#letGo();
        return o;
      }
      const most = this.#isSimple(batch, i) ? this.#most(batch, i) : Infinity;
      if (most <= chunk.length - o) o = this.#line(batch, i, chunk, o);
      else if (most <= chunk.length) return o;
      else this.#pieces = this.#piecesOf(batch, i);
      this.#event = i + 1;
    }
  }

  /** The event that is written next. */
  get next(): number {
    return this.#event;
  }

  /** Writes whole lines to the chunk from `at` on, as many as it has room for; answers where they end. */
  lines(chunk: Buffer, at: number): number {
    const batch = this.#batch;
    if (batch === undefined) return at;
    this.#to = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    let o = at;
    for (; this.#event < this.#end; this.#event++) {
      const end = this.#wholeLine(batch, this.#event, chunk, o);
      if (end < 0) return o;
      o = end;
    }
    this.#letGo();
    return o;
  }

  /** Where the line ends; -1 when there is no room for it. */
  #wholeLine(batch: EventBatch, i: number, chunk: Buffer, at: number): number {
    if (this.#isSimple(batch, i) && this.#most(batch, i) <= chunk.length - at) return this.#line(batch, i, chunk, at);
    let o = at;
    for (const piece of this.#piecesOf(batch, i)) {
      if (piece.length > chunk.length - o) return -1;
      chunk.set(piece, o);
      o += piece.length;
    }
    return o;
  }

  /** A writer that waits for its next batch keeps no slab alive. */
  #letGo(): void {
    this.#batch = undefined;
    this.#from = NO_VIEW;
  }

  /** The rest of a long line, or as much of it as the chunk takes. */
  #long(chunk: Buffer, at: number): number {
    let o = at;
    while (o < chunk.length) {
      if (this.#rest.length === 0) {
        const next = this.#pieces?.next();
        if (next === undefined || next.done === true) {
          this.#pieces = undefined;
          return o;
        }
        this.#rest = next.value;
      }
      const piece = this.#rest.subarray(0, chunk.length - o);
      chunk.set(piece, o);
      o += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return o;
  }

  #isSimple(batch: EventBatch, i: number): boolean {
    return batch.marks[i] === 0 && (batch.validUtf8 || (isText(batch, i) && fieldsAreText(batch, i)));
  }

  #most(batch: EventBatch, i: number): number {
    const data = batch.end[i]! - batch.start[i]!;
    return FRAME + this.#row(batch, i).length + data * LONGEST_ESCAPE + batch.fieldsEnd[i]! - batch.fieldsStart[i]!;
  }

  /** The usual line: it fits whatever it holds, so nothing has to be checked on the way. */
  #line(batch: EventBatch, i: number, out: Buffer, at: number): number {
    const { bytes } = batch;
    const start = batch.start[i]!;
    const end = batch.end[i]!;
    let o = head(batch, i, out, at);
    const row = this.#row(batch, i);
    out.set(row, o);
    o += row.length;
    if (this.#isJson(bytes, start, end)) {
      out.set(bytes.subarray(start, end), o);
      o += end - start;
    } else {
      out[o++] = BYTE.quote;
      o = this.#escape(bytes, start, end, out, o);
      out[o++] = BYTE.quote;
    }
    if (batch.fieldsEnd[i] !== 0) {
      o = copy(FIELDS, out, o);
      o = copyBlanked(bytes, batch.fieldsStart[i]!, batch.fieldsEnd[i]!, out, o);
    }
    return copy(END, out, o);
  }

  // eslint-disable-next-line max-params -- an object for each event would cost more than the event
  #escape(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    const from = this.#from;
    const to = this.#to;
    let o = at;
    for (let p = start; p < end;) {
      while (p + 4 <= end) {
        const four = from.getInt32(p, true);
        to.setInt32(o, four, true);
        if (!isPlain(four)) break;
        p += 4;
        o += 4;
      }
      const stop = Math.min(end, p + BYTEWISE);
      while (p < stop && SPECIAL[bytes[p]!] === 0) out[o++] = bytes[p++]!;
      if (p < stop) o = copy(ESCAPES[bytes[p++]!]!, out, o);
    }
    return o;
  }

  /** Grammar is checked, so that a line is always JSON, whatever a log holds. */
  #isJson(bytes: Uint8Array, start: number, end: number): boolean {
    const first = bytes[start];
    if (end - start < 2 || (first !== BYTE.open && first !== BYTE.openList)) return false;
    // Ends every scan; the byte may belong to another event, so it comes back.
    const after = bytes[end]!;
    bytes[end] = 0;
    const found = this.#scanner.value(bytes, start, 0);
    bytes[end] = after;
    // Programs that read lines may take a CR between two members for the end of one.
    return found === end && !bytes.subarray(start, end).includes(CR);
  }

  #row(batch: EventBatch, i: number): Uint8Array {
    const id = batch.metaRow[i]!;
    return (this.#rows[id] ??= ascii(`${members({ ...this.#defaults, ...batch.meta.row(id) })}"event":`));
  }

  /** Any line: one that is too long for a chunk, one with marks, one that is not UTF-8. */
  *#piecesOf(batch: EventBatch, i: number): Generator<Uint8Array, undefined> {
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    const start = batch.start[i]!;
    const end = batch.end[i]!;
    const valid = isText(batch, i);
    const opening = new Uint8Array(FRAME);
    yield opening.subarray(0, head(batch, i, opening, 0));
    yield this.#row(batch, i);
    if (valid && this.#isJson(bytes, start, end)) yield bytes.subarray(start, end);
    else yield* quoted(bytes, start, end);
    const own = ownFields(batch, i, bytes);
    if (own === '' && valid) {
      yield END;
      return undefined;
    }
    yield ascii(`,"fields":{${own}`);
    if (!valid) {
      yield ascii(`${own === '' ? '' : ','}"${BYTES_FIELD}":"`);
      for (let p = start; p < end; p += PIECE) yield ascii(bytes.toString('base64', p, Math.min(end, p + PIECE)));
      yield QUOTE;
    }
    yield ascii('}}\n');
    return undefined;
  }
}

/** The brace, and the time if there is one. */
function head(batch: EventBatch, i: number, out: Uint8Array, at: number): number {
  const us = batch.timeUs[i]!;
  // Also false for NaN, and for what would not be digits.
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) return copy(BRACE, out, at);
  return copy(COMMA, out, writeSeconds(us, out, copy(TIME, out, at)));
}

function* quoted(bytes: Buffer, start: number, end: number): Generator<Uint8Array> {
  yield QUOTE;
  for (let p = start; p < end;) {
    const to = end - p <= PIECE ? end : characterBorder(bytes, p + PIECE);
    yield ascii(JSON.stringify(bytes.toString('utf8', p, to)).slice(1, -1));
    p = to;
  }
  yield QUOTE;
}

/** What stands inside the braces of `fields`, without the bytes of data that is not UTF-8. */
function ownFields({ marks, fieldsStart, fieldsEnd }: EventBatch, i: number, bytes: Buffer): string {
  const given = bytes
    .toString('utf8', fieldsStart[i], fieldsEnd[i])
    .replaceAll(/[\t\r\n]/g, ' ')
    .slice(1, -1)
    .trim();
  const names = Object.entries(MARK).filter(([, bit]) => (marks[i]! & bit) !== 0);
  const mark = names.length === 0 ? '' : `"${MARK_FIELD}":${JSON.stringify(names.map(([name]) => name))}`;
  return [given, mark].filter((text) => text !== '').join(',');
}

function isText({ validUtf8, bytes, start, end }: EventBatch, i: number): boolean {
  return validUtf8 || isUtf8(bytes.subarray(start[i], end[i]));
}

function fieldsAreText({ bytes, fieldsStart, fieldsEnd }: EventBatch, i: number): boolean {
  return isUtf8(bytes.subarray(fieldsStart[i], fieldsEnd[i]));
}

function members(meta: EventMeta): string {
  const member = (name: string, value = '') =>
    value === '' ? '' : `"${name}":${JSON.stringify(value.toWellFormed())},`;
  return (
    member('host', meta.host) +
    member('source', meta.source) +
    member('sourcetype', meta.sourcetype) +
    member('index', meta.index)
  );
}

function copy(bytes: Uint8Array, out: Uint8Array, at: number): number {
  let o = at;
  for (let k = 0; k < bytes.length; k++) out[o++] = bytes[k]!;
  return o;
}

/** JSON that may spread over lines: what is below a blank there is white space. */
// eslint-disable-next-line max-params -- as above
function copyBlanked(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  let o = at;
  for (let p = start; p < end; p++) out[o++] = Math.max(0x20, bytes[p]!);
  return o;
}
