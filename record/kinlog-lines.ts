/** Lines of kinlog records as Go's decoder takes them: any order and case of keys, unknown keys ignored, null as absent. */
import { Buffer } from 'node:buffer';
import { goTimeToUs } from './kinlog-time.ts';

/** The first line of a kinlog record. */
export interface KinlogHeader {
  /** The events are chunks of a stream whose borders the receiver must find. */
  readonly unbroken: boolean;
  /** The process that wrote the record: decimal digits, often beyond 2^53. */
  readonly encId: string;
  /** 0 for broken streams, otherwise 1, 2, 3… of each unbroken stream. */
  readonly blockId: number;
  /** Empty = not said. */
  readonly source: string;
  readonly sourcetype: string;
  readonly host: string;
  readonly index: string;
  /** JSON text of an object of indexed fields. */
  readonly fields?: string;
}

export interface KinlogEventLine {
  readonly done: boolean;
  /** Whole microseconds since the epoch, NaN = none. */
  readonly timeUs: number;
  /** Standard base64. */
  readonly data: string;
}

const KEYS = ['unbroken', 'source', 'sourcetype', 'host', 'index', 'enc_id', 'block_id', 'fields'];

/** As far as `enc_id` is looked for; more metadata than this no table takes. */
const FAR = 64 * 1024;
const QUOTE = 0x22;
const OPEN = 0x7b;
const LF = 0x0a;
const UNDERSCORE = 0x5f;
const LONGEST_KEY = Math.max(...KEYS.map((key) => key.length));
const LOWER_CASE = 0x20;

/** The first key is one of a header's, and `enc_id` stands on the first line. Cheap for everything else: nothing is copied. */
export function beginsWithHeader(payload: Uint8Array): boolean {
  const open = blank(payload, 0);
  if (payload[open] !== OPEN) return false;
  const quote = blank(payload, open + 1);
  return payload[quote] === QUOTE && isKey(payload, quote + 1) && hasEncId(payload, quote);
}

function blank(payload: Uint8Array, start: number): number {
  let p = start;
  while (payload[p] === 0x20 || payload[p] === 0x09 || payload[p] === 0x0d || payload[p] === LF) p++;
  return p;
}

function isKey(payload: Uint8Array, start: number): boolean {
  let end = start;
  while (end <= start + LONGEST_KEY && payload[end] !== QUOTE) end++;
  return NAMES[end - start]?.some((name) => stands(name, payload, start)) ?? false;
}

/** In any case, as Go's decoder takes keys. The bytes in question are letters and underscores, which differ from others in more than that bit. */
function stands(name: Uint8Array, payload: Uint8Array, start: number): boolean {
  for (let k = 0; k < name.length; k++) {
    const byte = payload[start + k]!;
    if (byte !== name[k] && (byte | LOWER_CASE) !== name[k]) return false;
  }
  return true;
}

/** Keys by their length. */
const NAMES: readonly (readonly Uint8Array[])[] = Array.from({ length: LONGEST_KEY + 1 }, (_, size) =>
  KEYS.filter((key) => key.length === size).map((key) => new Uint8Array(Buffer.from(key))),
);
const ENC_ID = new Uint8Array(Buffer.from('"enc_id"'));
const BEFORE_UNDERSCORE = 4;

function hasEncId(payload: Uint8Array, start: number): boolean {
  const line = payload.subarray(start, start + FAR);
  const lf = line.indexOf(LF);
  for (let p = line.indexOf(UNDERSCORE); p >= 0 && (lf < 0 || p < lf); p = line.indexOf(UNDERSCORE, p + 1))
    if (p >= BEFORE_UNDERSCORE && stands(ENC_ID, line, p - BEFORE_UNDERSCORE)) return true;
  return false;
}

/** Undefined when the line is no header. */
export function parseHeader(bytes: Buffer, start: number, end: number): KinlogHeader | undefined {
  const members = membersOf(bytes.toString('utf8', start, end));
  const header = {
    unbroken: members.get('unbroken'),
    encId: members.get('enc_id'),
    blockId: blockIdOf(members),
    source: members.get('source') ?? '',
    sourcetype: members.get('sourcetype') ?? '',
    host: members.get('host') ?? '',
    index: members.get('index') ?? '',
  };
  if (!isHeader(header)) return undefined;
  const fields = members.get('fields');
  return typeof fields === 'object' && !Array.isArray(fields) ? { ...header, fields: JSON.stringify(fields) } : header;
}

type Unchecked<T> = { readonly [K in keyof T]: unknown };

function isHeader(header: Unchecked<KinlogHeader>): header is KinlogHeader {
  const { unbroken, encId, source, sourcetype, host, index } = header;
  return typeof unbroken === 'boolean' && [source, sourcetype, host, index].every(isText) && isDigits(encId);
}

/** Also as text, which keeps the digits in programs that read numbers as doubles. */
const isDigits = (value: unknown): boolean => typeof value === 'string' && /^-?\d{1,20}$/.test(value);

function blockIdOf(members: Members): number {
  const id = Number(members.get('block_id') ?? 0);
  return Number.isSafeInteger(id) ? id : 0;
}

/** Undefined when the line is no event. A time that is none is left out: the event is worth more than its time. */
export function parseEvent(bytes: Buffer, start: number, end: number): KinlogEventLine | undefined {
  const members = membersOf(bytes.toString('utf8', start, end));
  if (!members.has('is_done') && !members.has('data')) return undefined;
  const { done, time, data } = {
    done: members.get('is_done') ?? false,
    time: members.get('ts') ?? '',
    data: members.get('data') ?? '',
  };
  if (typeof done !== 'boolean' || !isText(time) || !isText(data)) return undefined;
  const base64 = data.replaceAll(/[\r\n]+/g, '');
  const digits = Buffer.from(time, 'latin1');
  return isBase64(base64) ? { done, timeUs: goTimeToUs(digits, 0, digits.length), data: base64 } : undefined;
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

const isText = (value: unknown): value is string => typeof value === 'string';

type Members = ReadonlyMap<string, unknown>;

/** Members by lower-case key, the last of each; nulls left out, ids as the digits they were written with. None when it is no object. */
function membersOf(line: string): Members {
  try {
    const value: unknown = JSON.parse(line, keepDigits);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
    const present = Object.entries(value).filter(([, member]) => member !== null);
    return new Map(present.map(([key, member]) => [key.toLowerCase(), member]));
  } catch {
    return new Map();
  }
}

/** `context` is what JSON.parse hands to revivers (ECMAScript "JSON.parse source text access"). */
function keepDigits(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const digits = context?.source ?? '';
  return typeof value === 'number' && /^(enc|block)_id$/i.test(key) && /^-?\d+$/.test(digits) ? digits : value;
}
