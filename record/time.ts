/** Times as formats write them, from bytes to whole microseconds since the epoch; NaN for what is no time. Digits beyond the sixth are cut, never rounded. */
import type { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const ZERO = 0x30;
const POINT = 0x2e;
const COMMA = 0x2c;
const COLON = 0x3a;
const LETTER_Z = 0x7a;
const LOWER_CASE = 0x20;

const isDigit = (c: number) => c >= ZERO && c <= 0x39;

/** A JSON number of seconds, or a string that holds one, as HEC takes it. */
export function secondsToUs(bytes: Buffer, start: number, end: number): number {
  const quoted = bytes[start] === QUOTE ? 1 : 0;
  const from = start + quoted;
  const to = end - quoted;
  const whole = digitsEnd(bytes, from, to);
  if (whole > from && whole - from <= 10 && (whole === to || isFraction(bytes, whole, to)))
    return atMost53(digits(bytes, from, whole) * 1e6 + fraction(bytes, whole + 1, to));
  return unusualSeconds(bytes.toString('latin1', from, to));
}

/** Exponents, blanks around it, many digits: rare, so the engine's own conversion does. */
function unusualSeconds(text: string): number {
  if (!/^\s*\d+(\.\d*)?([eE][+-]?\d+)?\s*$/.test(text)) return NaN;
  return atMost53(Math.floor(Number(text) * 1e6));
}

/** A JSON number in seconds, milliseconds, microseconds or nanoseconds by its magnitude, or a string that holds one or an RFC 3339 time.
 *  Below 100,000,000 (1973) a number is rather a duration, and no time. */
export function anyTimeToUs(bytes: Buffer, start: number, end: number): number {
  const quoted = bytes[start] === QUOTE ? 1 : 0;
  const from = start + quoted;
  const to = end - quoted;
  const whole = digitsEnd(bytes, from, to);
  if (whole === to || isFraction(bytes, whole, to)) return byMagnitude(bytes, from, whole, to);
  return quoted === 1 ? rfc3339ToUs(bytes, from, to) : NaN;
}

function byMagnitude(bytes: Buffer, start: number, whole: number, end: number): number {
  const size = whole - start;
  if (size < 9 || size > 20 || bytes[start] === ZERO) return NaN;
  const seconds = size <= 11;
  if (seconds) return atMost53(digits(bytes, start, whole) * 1e6 + fraction(bytes, whole + 1, end));
  if (size <= 14) return digits(bytes, start, whole) * 1e3 + Math.floor(fraction(bytes, whole + 1, end) / 1e3);
  return atMost53(digits(bytes, start, size <= 17 ? whole : whole - 3));
}

/** `2026-11-21T05:41:47.123456789+01:00`; also with a blank for the T, a zone without colon, and any number of digits. A time without zone is none. */
export function rfc3339ToUs(bytes: Buffer, start: number, end: number): number {
  const clock = start + 11;
  if (end < clock + 9 || !SEPARATORS.every(([at, allowed]) => allowed.includes(bytes[start + at]!))) return NaN;
  const day = dayUs(field(bytes, start, 4), field(bytes, start + 5, 2), field(bytes, start + 8, 2));
  const hours = field(bytes, clock, 2);
  const minutes = field(bytes, clock + 3, 2);
  const seconds = field(bytes, clock + 6, 2);
  if (!(hours < 24 && minutes < 60 && seconds < 61)) return NaN;
  let zone = clock + 8;
  if (bytes[zone] === POINT || bytes[zone] === COMMA) zone = digitsEnd(bytes, zone + 1, end);
  const us = day + (hours * 3600 + minutes * 60 + seconds) * 1e6 + fraction(bytes, clock + 9, zone);
  const result = us - zoneUs(bytes, zone, end);
  return result >= 0 ? result : NaN;
}

/** Place in the text, and the bytes that may stand there. */
const SEPARATORS: readonly (readonly [number, readonly number[]])[] = [
  [4, [0x2d]],
  [7, [0x2d]],
  [10, [0x54, 0x74, 0x20]],
  [13, [COLON]],
  [16, [COLON]],
];

function dayUs(year: number, month: number, day: number): number {
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1)) return NaN;
  const ms = Date.UTC(year, month - 1, day);
  return new Date(ms).getUTCDate() === day ? ms * 1e3 : NaN;
}

/** `Z`, `+hh:mm`, `+hhmm` or `+hh`. */
function zoneUs(bytes: Buffer, start: number, end: number): number {
  if (end === start + 1 && (bytes[start]! | LOWER_CASE) === LETTER_Z) return 0;
  const zone = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/.exec(bytes.toString('latin1', start, end));
  if (zone === null) return NaN;
  const minutes = Number(zone[2]) * 60 + Number(zone[3] ?? 0);
  return (zone[1] === '-' ? -1 : 1) * minutes * 60e6;
}

function field(bytes: Uint8Array, start: number, size: number): number {
  return digitsEnd(bytes, start, start + size) === start + size ? digits(bytes, start, start + size) : NaN;
}

function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && isDigit(bytes[p]!)) p++;
  return p;
}

function digits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let p = start; p < end; p++) value = value * 10 + bytes[p]! - ZERO;
  return value;
}

/** A point and digits, perhaps none, up to `end`. */
function isFraction(bytes: Uint8Array, point: number, end: number): boolean {
  return bytes[point] === POINT && digitsEnd(bytes, point + 1, end) === end;
}

/** The first six of the digits, as millionths. */
function fraction(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let k = 0; k < 6; k++) value = value * 10 + (start + k < end ? bytes[start + k]! - ZERO : 0);
  return value;
}

function atMost53(us: number): number {
  return us <= Number.MAX_SAFE_INTEGER ? us : NaN;
}
