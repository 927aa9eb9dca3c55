/** kinlog records, version 1: a line of metadata, then a line for each event with its bytes in base64. */
import { Buffer } from 'node:buffer';
import type { EventBatchBuilder } from './batch.ts';
import { MARK, type EventMeta, type IndexedFields, type OutgoingEvent } from './event.ts';
import type { DecodeResult, Range, RecordFormat } from './format.ts';
import { BYTE, JsonScanner } from './json-scan.ts';
import { goTime, goTimeToUs } from './kinlog-time.ts';
import { beginsWithHeader, parseEvent, parseHeader, type KinlogHeader } from './kinlog-lines.ts';

const LF = 0x0a;
const QUOTE = 0x22;
const BRACE = 0x7d;
const PAD = 0x3d;
const NO_FIELDS = 0;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const DONE_TRUE = ascii('{"is_done":true,"');
const DONE_FALSE = ascii('{"is_done":false,"');
const TIME = ascii('ts":"');
const DATA = ascii('data":"');
const TIME_TO_DATA = ascii('","data":"');
const HEADER = '{"unbroken":';

/** The layout that the Go program writes is read without parsing; any other order and case of keys, and escapes, by JSON.parse of the line alone.
 *
 *  One complete event is one event here, so of a broken stream's event one LF at its end is taken away; the chunks of an unbroken stream keep every
 *  byte and are marked MARK.unbroken, and MARK.done with `is_done`. An event without `ts` has no time, an empty string is no metadata. A record of
 *  nothing but metadata (the null record of a start-up check) has no events. `fields` of the metadata, an addition to version 1, are those of each
 *  event. A line that is neither is added raw and marked. */
export const kinlog: RecordFormat = {
  name: 'kinlog',
  recognise: beginsWithHeader,
  decode: (range, into, from = 0) => decodeKinlog(range, into, from),
};

/** The metadata of a kinlog record; undefined for every other payload. Reads the first line only. */
export function peekKinlog(payload: Uint8Array): KinlogHeader | undefined {
  if (!beginsWithHeader(payload)) return undefined;
  const bytes = bytesOf(payload);
  return parseHeader(bytes, 0, lineEnd(bytes, 0, bytes.length));
}

function decodeKinlog(range: Range, into: EventBatchBuilder, from: number): DecodeResult {
  const firstEnd = lineEnd(into.bytes, range.start, range.end);
  const first = parseHeader(into.bytes, range.start, firstEnd);
  if (first === undefined) return { kind: 'not-this', reason: 'no kinlog metadata in the first line' };
  const header = headerBefore(into.bytes, range, from) ?? first;
  const walk = new Walk(range, into);
  const next = Math.max(firstEnd, range.start + from);
  walk.begin(header, next);
  const stopped = walk.run(next);
  walk.end();
  return stopped < range.end ? { kind: 'full', resumeAt: stopped - range.start } : { kind: 'done' };
}

/** Records that were joined before they were compressed have several lines of metadata; the one in force lies next before. */
function headerBefore(bytes: Buffer, { start }: Range, from: number): KinlogHeader | undefined {
  const found = bytes.subarray(start, start + from).lastIndexOf(`\n${HEADER}`);
  const line = start + found + 1;
  return found < 0 ? undefined : parseHeader(bytes, line, lineEnd(bytes, line, start + from));
}

/** Offset of the LF, or of the end of the payload. */
function lineEnd(bytes: Buffer, start: number, end: number): number {
  const found = bytes.indexOf(LF, start);
  return found < 0 || found > end ? end : found;
}

/** One pass over the lines. Room is taken where metadata begins, for all events that may follow, so that `bytes` does not move under an event. */
class Walk {
  readonly #into: EventBatchBuilder;
  #bytes: Buffer;
  readonly #end: number;
  /** Where free bytes begin. */
  #arena: number;
  #row = 0;
  #unbroken = false;
  #fieldsStart = NO_FIELDS;
  #fieldsEnd = NO_FIELDS;
  /** Of what was decoded last. */
  #length = 0;

  constructor({ end }: Range, into: EventBatchBuilder) {
    this.#into = into;
    this.#end = end;
    this.#arena = into.room(0);
    this.#bytes = into.bytes;
  }

  /** Metadata of the lines from `next` on. */
  begin(header: KinlogHeader, next: number): void {
    const into = this.#into;
    const { fields } = header;
    this.#row = into.meta(header);
    this.#unbroken = header.unbroken;
    this.#fieldsStart = this.#fieldsEnd = NO_FIELDS;
    // Base64 shrinks; but fields may be longer than they were in their line.
    const size = fields === undefined ? 0 : Buffer.byteLength(fields);
    into.trim(this.#arena);
    this.#arena = into.room(size + this.#end - next);
    this.#bytes = into.bytes;
    if (fields === undefined) return;
    this.#fieldsStart = this.#arena;
    this.#fieldsEnd = this.#arena += this.#bytes.write(fields, this.#arena);
  }

  /** Adds events up to the end of the payload or until the batch is full; answers where it stopped. */
  run(from: number): number {
    let p = from;
    while (p < this.#end) {
      if (this.#bytes[p] === LF) {
        p++;
        continue;
      }
      if (this.#into.full) return p;
      const next = this.#fast(p);
      p = next > 0 ? next : this.#slow(p);
    }
    return this.#end;
  }

  end(): void {
    this.#into.trim(this.#arena);
  }

  /** Behind the event's line, when it is laid out as Go writes it; otherwise 0, and nothing was added. */
  // eslint-disable-next-line complexity -- once per event and 2.5 times as fast as JSON.parse; in functions of their own the steps would need an object between them
  #fast(line: number): number {
    const bytes = this.#bytes;
    const done = behind(bytes, line, DONE_TRUE);
    let p = done || behind(bytes, line, DONE_FALSE);
    if (p === 0) return 0;
    let timeUs = NaN;
    const time = behind(bytes, p, TIME);
    if (time > 0) {
      const timeEnd = quoteAfter(bytes, time);
      timeUs = goTimeToUs(bytes, time, timeEnd);
      if (Number.isNaN(timeUs)) return 0;
      p = behind(bytes, timeEnd, TIME_TO_DATA);
    } else p = behind(bytes, p, DATA);
    if (p === 0) return 0;
    const data = bytes.indexOf(QUOTE, p);
    if (data < 0 || data + 2 > this.#end || bytes[data + 1] !== BRACE) return 0;
    if (data + 2 < this.#end && bytes[data + 2] !== LF) return 0;
    return this.#decode(p, data) ? this.#add(done > 0, timeUs, data + 2) : 0;
  }

  /** Decodes base64 to where free bytes begin. The engine skips what is no base64, so the length tells whether all of it was. */
  #decode(start: number, end: number): boolean {
    const size = end - start;
    if (size % 4 !== 0) return false;
    const bytes = this.#bytes;
    const padding = size === 0 || bytes[end - 1] !== PAD ? 0 : bytes[end - 2] !== PAD ? 1 : 2;
    this.#length = (size / 4) * 3 - padding;
    return (
      size === 0 ||
      bytes.write(bytes.toString('latin1', start, end), this.#arena, this.#length, 'base64') === this.#length
    );
  }

  /** Adds what was decoded last; answers `next`. */
  #add(done: boolean, timeUs: number, next: number): number {
    const start = this.#arena;
    const end = start + this.#length;
    this.#arena = end;
    if (this.#unbroken) this.#into.add(start, end, timeUs, this.#row, MARK.unbroken | (done ? MARK.done : 0));
    else this.#into.add(start, end > start && this.#bytes[end - 1] === LF ? end - 1 : end, timeUs, this.#row);
    if (this.#fieldsEnd !== NO_FIELDS) this.#into.addFields(this.#fieldsStart, this.#fieldsEnd);
    return next;
  }

  #slow(line: number): number {
    const end = lineEnd(this.#bytes, line, this.#end);
    // JSON.parse throws for what is no JSON: 6 µs a line, and a small record can decompress to millions of them.
    if (!isObject(this.#bytes, line)) {
      this.#into.add(line, end, NaN, this.#row, MARK.undecoded);
      return end;
    }
    const event = parseEvent(this.#bytes, line, end);
    if (event !== undefined) {
      this.#length = this.#bytes.write(event.data, this.#arena, 'base64');
      return this.#add(event.done, event.timeUs, end);
    }
    const header = beginsWithHeader(this.#bytes.subarray(line, end)) ? parseHeader(this.#bytes, line, end) : undefined;
    if (header === undefined) this.#into.add(line, end, NaN, this.#row, MARK.undecoded);
    else this.begin(header, end);
    return end;
  }
}

const scanner = new JsonScanner();

/** Of JSON; it ends on its line, because a control character ends every scan. */
function isObject(bytes: Buffer, line: number): boolean {
  const open = scanner.blank(bytes, line);
  return bytes[open] === BYTE.open && scanner.object(bytes, open + 1, 1) > 0;
}

/** Offset behind the literal, 0 when it does not stand there. */
function behind(bytes: Uint8Array, at: number, literal: Uint8Array): number {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return 0;
  return at + literal.length;
}

/** A time is short: a loop is faster than a call into the engine. */
function quoteAfter(bytes: Uint8Array, start: number): number {
  let p = start;
  while (p < start + 64 && bytes[p] !== QUOTE) p++;
  return p;
}

/** Metadata that all events of a record share. */
export interface OutgoingHeader extends EventMeta {
  readonly unbroken: boolean;
  /** Below 2^53, so that peers which read numbers as doubles keep it. */
  readonly encId: number;
  readonly blockId: number;
  /** An addition to version 1 that older readers ignore. */
  readonly fields?: IndexedFields;
}

/** The content of a record, before compression: byte for byte what Go's encoding/json writes. Chunks of an unbroken stream are not `done`. */
export function encodeKinlog(header: OutgoingHeader, events: Iterable<OutgoingEvent>): Buffer {
  const { unbroken, encId, blockId, source = '', sourcetype = '', host = '', index = '', fields } = header;
  let lines = goJson({ unbroken, source, sourcetype, host, index, enc_id: encId, block_id: blockId, fields });
  for (const { data, timeMs = NaN } of events) {
    const ts = goTime(timeMs);
    const base64 = bytesOf(data).toString('base64');
    lines += `{"is_done":${!unbroken}${ts === undefined ? '' : `,"ts":"${ts}"`},"data":"${base64}"}\n`;
  }
  return Buffer.from(lines);
}

function bytesOf(data: Uint8Array | string): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** JSON as Go writes it: safe inside HTML and JavaScript, without lone surrogates, and with an LF. */
function goJson(value: object): string {
  const text = JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'string' ? member.toWellFormed() : member,
  );
  return `${text.replaceAll(/[<>&\u2028\u2029]/g, (letter) => ESCAPES[letter]!)}\n`;
}
