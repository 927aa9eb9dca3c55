/** Timestamps as users write their formats: Go layouts (the original tool), strftime, or by name. */

/** Formats local time; the argument is milliseconds since the epoch. */
export type TimeFormat = (ms: number) => string;

type Field = (at: Date) => string;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(' ');

const NAMED: Readonly<Record<string, string>> = {
  rfc3339: '2006-01-02T15:04:05Z07:00',
  rfc3339nano: '2006-01-02T15:04:05.999999999Z07:00',
  ansic: 'Mon Jan _2 15:04:05 2006',
  unixdate: 'Mon Jan _2 15:04:05 MST 2006',
  rfc822: '02 Jan 06 15:04 MST',
  rfc822z: '02 Jan 06 15:04 -0700',
  rfc850: 'Monday, 02-Jan-06 15:04:05 MST',
  rfc1123: 'Mon, 02 Jan 2006 15:04:05 MST',
  rfc1123z: 'Mon, 02 Jan 2006 15:04:05 -0700',
  kitchen: '3:04PM',
  stamp: 'Jan _2 15:04:05',
};

const pad = (value: number, width = 2, fill = '0'): string => String(value).padStart(width, fill);
const hour12 = (at: Date): number => at.getHours() % 12 || 12;
const half = (at: Date): string => (at.getHours() < 12 ? 'AM' : 'PM');
const dayOfYear = (at: Date): number =>
  Math.round(
    (Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) - Date.UTC(at.getFullYear(), 0, 1)) / 86_400_000,
  ) + 1;
const zoneName = (at: Date): string =>
  new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value ?? '';

function offset(at: Date, separator: string, utc?: string): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0 && utc !== undefined) return utc;
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(absolute / 60))}${separator}${pad(absolute % 60)}`;
}

/** Elements of Go's reference time, longest first (pkg.go.dev/time, "Constants"). */
const GO: Readonly<Record<string, Field>> = {
  January: (at) => MONTHS[at.getMonth()]!,
  Monday: (at) => DAYS[at.getDay()]!,
  'Z07:00': (at) => offset(at, ':', 'Z'),
  '-07:00': (at) => offset(at, ':'),
  Z0700: (at) => offset(at, '', 'Z'),
  '-0700': (at) => offset(at, ''),
  '2006': (at) => pad(at.getFullYear(), 4),
  '002': (at) => pad(dayOfYear(at), 3),
  Jan: (at) => MONTHS[at.getMonth()]!.slice(0, 3),
  Mon: (at) => DAYS[at.getDay()]!.slice(0, 3),
  MST: zoneName,
  '-07': (at) => offset(at, '').slice(0, 3),
  '01': (at) => pad(at.getMonth() + 1),
  '02': (at) => pad(at.getDate()),
  '03': (at) => pad(hour12(at)),
  '04': (at) => pad(at.getMinutes()),
  '05': (at) => pad(at.getSeconds()),
  '06': (at) => pad(at.getFullYear() % 100),
  '15': (at) => pad(at.getHours()),
  _2: (at) => pad(at.getDate(), 2, ' '),
  PM: half,
  pm: (at) => half(at).toLowerCase(),
  '1': (at) => String(at.getMonth() + 1),
  '2': (at) => String(at.getDate()),
  '3': (at) => String(hour12(at)),
  '4': (at) => String(at.getMinutes()),
  '5': (at) => String(at.getSeconds()),
};
const GO_ELEMENT = new RegExp(
  `[.,](?:0+|9+)(?!\\d)|${Object.keys(GO)
    .sort((a, b) => b.length - a.length)
    .join('|')}`,
  'g',
);

/** Conversions of strftime (POSIX), with %L and %f of the log shippers for milliseconds and microseconds. */
const STRFTIME: Readonly<Record<string, Field>> = {
  a: (at) => DAYS[at.getDay()]!.slice(0, 3),
  A: (at) => DAYS[at.getDay()]!,
  b: (at) => MONTHS[at.getMonth()]!.slice(0, 3),
  B: (at) => MONTHS[at.getMonth()]!,
  d: (at) => pad(at.getDate()),
  e: (at) => pad(at.getDate(), 2, ' '),
  f: (at) => `${pad(at.getMilliseconds(), 3)}000`,
  F: (at) => `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`,
  H: (at) => pad(at.getHours()),
  I: (at) => pad(hour12(at)),
  j: (at) => pad(dayOfYear(at), 3),
  L: (at) => pad(at.getMilliseconds(), 3),
  m: (at) => pad(at.getMonth() + 1),
  M: (at) => pad(at.getMinutes()),
  p: half,
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  S: (at) => pad(at.getSeconds()),
  T: (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`,
  y: (at) => pad(at.getFullYear() % 100),
  Y: (at) => pad(at.getFullYear(), 4),
  z: (at) => offset(at, ''),
  Z: zoneName,
  '%': () => '%',
};

/** Undefined for the empty layout: no timestamp at all. Text that is no element stands for itself, as in Go. */
export function timeFormat(layout: string): TimeFormat | undefined {
  if (layout === '') return undefined;
  const pieces = layout.includes('%') ? strftimePieces(layout) : goPieces(NAMED[layout.toLowerCase()] ?? layout);
  return (ms) => {
    const at = new Date(ms);
    return pieces.map((piece) => (typeof piece === 'string' ? piece : piece(at))).join('');
  };
}

function goPieces(layout: string): (string | Field)[] {
  return pieces(layout, GO_ELEMENT, (element) => GO[element] ?? ((at) => fraction(at, element)));
}

function strftimePieces(layout: string): (string | Field)[] {
  return pieces(layout, /%([a-zA-Z%])/g, (element) => STRFTIME[element.slice(1)] ?? (() => element));
}

function pieces(layout: string, elements: RegExp, field: (element: string) => Field): (string | Field)[] {
  const found: (string | Field)[] = [];
  let last = 0;
  for (const match of layout.matchAll(elements)) {
    found.push(layout.slice(last, match.index), field(match[0]));
    last = match.index + match[0].length;
  }
  return [...found, layout.slice(last)];
}

/** `.000` keeps the zeros at the end, `.999` drops them; the clock gives milliseconds. */
function fraction(at: Date, element: string): string {
  const digits = pad(at.getMilliseconds(), 3)
    .padEnd(9, '0')
    .slice(0, element.length - 1);
  if (element[1] === '0') return `${element[0]!}${digits}`;
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : `${element[0]!}${trimmed}`;
}
