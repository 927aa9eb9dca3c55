/** The times of kinlog records: RFC 3339 with up to nanoseconds, as Go writes them, and whole microseconds since the epoch. */

const ZERO = 0x30;
const POINT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Microseconds of the time in `[start, end)`, NaN when it is not one. Also before 1970. Digits beyond the sixth are cut, never rounded up. */
export function goTimeToUs(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 20 || bytes[start + 10] !== LETTER_T) return NaN;
  if (bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return NaN;
  if (bytes[start + 13] !== COLON || bytes[start + 16] !== COLON) return NaN;
  const year = two(bytes, start) * 100 + two(bytes, start + 2);
  const day = daysSinceEpoch(year, two(bytes, start + 5), two(bytes, start + 8));
  const seconds = secondsOfDay(two(bytes, start + 11), two(bytes, start + 14), two(bytes, start + 17));
  return withFraction(bytes, start + 19, end, (day * 86_400 + seconds) * 1e6);
}

function withFraction(bytes: Uint8Array, point: number, end: number, us: number): number {
  if (bytes[point] !== POINT) return us - zoneUs(bytes, point, end);
  let zone = point + 1;
  let fraction = 0;
  for (; zone < end && isDigit(bytes[zone]!); zone++)
    if (zone <= point + 6) fraction = fraction * 10 + bytes[zone]! - ZERO;
  if (zone === point + 1) return NaN;
  return us + fraction * (SCALE[zone - point - 1] ?? 1) - zoneUs(bytes, zone, end);
}

/** Microseconds that the last of so many digits counts. */
const SCALE = [0, 100_000, 10_000, 1000, 100, 10, 1] as const;

/** `Z` or `+hh:mm`. */
function zoneUs(bytes: Uint8Array, start: number, end: number): number {
  const sign = bytes[start];
  if (sign === LETTER_Z) return end === start + 1 ? 0 : NaN;
  if ((sign !== PLUS && sign !== MINUS) || end !== start + 6 || bytes[start + 3] !== COLON) return NaN;
  const us = secondsOfDay(two(bytes, start + 1), two(bytes, start + 4), 0) * 1e6;
  return sign === MINUS ? -us : us;
}

function secondsOfDay(hours: number, minutes: number, seconds: number): number {
  return hours < 24 && minutes < 60 && seconds < 60 ? hours * 3600 + minutes * 60 + seconds : NaN;
}

/** Of the proleptic Gregorian calendar, by counting years from March so that the leap day is the last one. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (!(day >= 1 && day <= (MONTH_DAYS[month - 1] ?? 0) + leap)) return NaN;
  const y = month > 2 ? year : year - 1;
  const century = Math.floor(y / 100);
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - century + Math.floor(century / 4) + dayOfYear - 719_468;
}

function two(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]!;
  const ones = bytes[at + 1]!;
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + ones - ZERO : NaN;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/** As Go writes a UTC time: no zeros at the end of the fraction. Undefined outside the years 0 to 9999, which RFC 3339 can not write. */
export function goTime(timeMs: number): string | undefined {
  const us = Math.round(timeMs * 1000);
  const ms = Math.floor(us / 1000);
  if (!(ms >= MIN_MS && ms <= MAX_MS)) return undefined;
  const text = new Date(ms).toISOString();
  const digits = `${text.slice(20, 23)}${String(us - ms * 1000).padStart(3, '0')}`.replace(/0+$/, '');
  return `${text.slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
}

const MIN_MS = Date.parse('0000-01-01T00:00:00Z');
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');
