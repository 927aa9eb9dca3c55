/** Objects as Splunk's HTTP Event Collector takes them: {"time":…,"host":…,"source":…,"sourcetype":…,"index":…,"event":…,"fields":{…}}.
 *  docs.splunk.com, "Format events for HTTP Event Collector". */
import { Buffer, isUtf8 } from 'node:buffer';
import type { EventBatchBuilder } from './batch.ts';
import type { EventMeta, IndexedFields, OutgoingEvent } from './event.ts';
import type { RecordFormat } from './format.ts';
import { MemberScanner } from './json-members.ts';
import { BYTE } from './json-scan.ts';
import { decodeValues, type ValueReader } from './json-values.ts';
import { NO_ROW } from './meta-table.ts';
import { secondsToUs } from './time.ts';

/** The first four in the order that rows are looked up in. */
const NAMES = ['host', 'source', 'sourcetype', 'index', 'time', 'event', 'fields'] as const;
const TIME = 8;
const EVENT = 10;
const FIELDS = 12;

/** One object per line, as the sender writes them; also joined without a break, or over many lines.
 *  `event` as a string is the text it stands for, any other value its JSON text byte for byte. `time` is in seconds, a number or a string with one.
 *  An object without `event`, or with null, is delivered raw; so is one deeper than 200 levels (64 when it spreads over lines), and one with more than
 *  64 KiB of metadata. Unknown members are ignored, the last of duplicates counts. */
export const hec: RecordFormat = hecFormat({ anyMember: true });

/** The same where nobody said that it is HEC: the first object has no member that HEC does not know. A log line of somebody's own may well have an
 *  `event` among its members. */
export const detectedHec: RecordFormat = hecFormat({ anyMember: false });

function hecFormat({ anyMember }: { readonly anyMember: boolean }): RecordFormat {
  return {
    name: 'hec',
    // What decides is one look at the first object, and `decode` has to look at it anyway.
    recognise: beginsWithObject,
    decode: (range, into, from = 0) => {
      reader.scanner.only = !anyMember && from === 0;
      return decodeValues(reader, range, into, from);
    },
  };
}

/** Perhaps behind blanks. */
function beginsWithObject(bytes: Uint8Array): boolean {
  let p = 0;
  while (isBlank(bytes[p])) p++;
  return bytes[p] === BYTE.open;
}

const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

class HecReader implements ValueReader {
  readonly scanner = new MemberScanner(NAMES, 'event');
  readonly spare = 0;

  opens(byte: number): boolean {
    return byte === BYTE.open;
  }

  begin(_bytes: Buffer, arena: number): void {
    this.scanner.arena = arena;
  }

  scan(bytes: Buffer, start: number): number {
    const { scanner } = this;
    const { arena } = scanner;
    const end = scanner.find(bytes, start);
    if (end < 0) scanner.arena = arena;
    return end;
  }

  accept(into: EventBatchBuilder, bytes: Buffer): boolean {
    const { found } = this.scanner;
    this.scanner.only = false;
    if (found[EVENT] === 0) return false;
    for (let k = 0; k < TIME; k += 2) if (isNested(bytes[found[k]!]!)) found[k] = found[k + 1] = 0;
    const row = into.rows.fromJson(bytes, found);
    if (row === NO_ROW) return false;
    into.add(found[EVENT]!, found[EVENT + 1]!, timeOf(bytes, found), row);
    if (bytes[found[FIELDS]!] === BYTE.open && found[FIELDS] !== 0) into.addFields(found[FIELDS]!, found[FIELDS + 1]!);
    return true;
  }

  end(): number {
    return this.scanner.arena;
  }
}

function isNested(byte: number): boolean {
  return byte === BYTE.open || byte === BYTE.openList;
}

const reader = new HecReader();

function timeOf(bytes: Buffer, found: Int32Array): number {
  const first = bytes[found[TIME]!]!;
  const numeric = first === BYTE.quote || first === BYTE.minus || (first >= 0x30 && first <= 0x39);
  return numeric ? secondsToUs(bytes, found[TIME]!, found[TIME + 1]!) : NaN;
}

/** What `fields` of an encoded event holds besides its own, when its data is not UTF-8: the bytes in base64, because JSON has no place for them. */
export const BYTES_FIELD = 'kinlog_b64';

/** One object per line, an LF after each. Data that is not UTF-8 arrives readable, with U+FFFD, and as it was in the field BYTES_FIELD. */
export function encodeHec(events: Iterable<OutgoingEvent>): Buffer {
  let lines = '';
  for (const event of events) lines += hecLine(event);
  return Buffer.from(lines);
}

function hecLine({ data, timeMs, meta, fields }: OutgoingEvent): string {
  const time = secondsText(timeMs);
  const members = JSON.stringify({ ...named(meta), event: textOf(data), fields: withBytes(fields, data) });
  return `{${time === '' ? '' : `"time":${time},`}${members.slice(1)}\n`;
}

/** Seconds with up to six decimals, from whole microseconds, so that no digit is an artefact. */
function secondsText(timeMs = NaN): string {
  const us = Math.round(timeMs * 1000);
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) return '';
  const fraction = String(us % 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${Math.floor(us / 1e6)}${fraction === '' ? '' : `.${fraction}`}`;
}

function named({ host, source, sourcetype, index }: EventMeta = {}): Record<string, string | undefined> {
  const said = (value = '') => (value === '' ? undefined : value);
  return { host: said(host), source: said(source), sourcetype: said(sourcetype), index: said(index) };
}

function textOf(data: Uint8Array | string): string {
  return typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.length).toString();
}

function withBytes(fields: IndexedFields | undefined, data: Uint8Array | string): IndexedFields | undefined {
  if (typeof data === 'string' || isUtf8(data)) return fields;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return { ...fields, [BYTES_FIELD]: bytes.toString('base64') };
}
