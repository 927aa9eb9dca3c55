/** What HEC payloads mean, defined without any of the code under test: JSON.parse on every candidate, strings all the way. Slow. */
import { MARK } from '../../record/event.ts';
import type { PlainEvent } from '../unit/record/payload.ts';

/** Undefined when the payload does not begin with an event. */
export function slowHec(payload: Uint8Array): PlainEvent[] | undefined {
  const text = Buffer.from(payload).toString();
  const events: PlainEvent[] = [];
  for (let p = 0; p < text.length;) {
    const lineEnd = text.indexOf('\n', p) < 0 ? text.length : text.indexOf('\n', p);
    const begin = skip(text, p, ' \t\r');
    if (begin >= lineEnd) {
      p = lineEnd + 1;
      continue;
    }
    const end = objectEnd(text, begin);
    const event = end === undefined ? undefined : eventOf(text.slice(begin, end));
    if (event === undefined && events.length === 0) return undefined;
    const to = end === undefined ? lineEnd : skip(text, end, ' \t\r');
    events.push(event ?? { text: text.slice(p, to), meta: {}, mark: MARK.undecoded });
    p = to;
  }
  return events;
}

/** Where the object ends that begins here and is followed by another, by LF, or by nothing. */
function objectEnd(text: string, begin: number): number | undefined {
  if (text[begin] !== '{') return undefined;
  // JSON objects are prefix-free, so the first brace that closes something valid is the one.
  for (let brace = text.indexOf('}', begin); brace >= 0; brace = text.indexOf('}', brace + 1)) {
    if (!isJson(text.slice(begin, brace + 1))) continue;
    const next = text[skip(text, brace + 1, ' \t\r')] ?? '\n';
    return '\n{'.includes(next) ? brace + 1 : undefined;
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function eventOf(object: string): PlainEvent | undefined {
  const members = membersOf(object);
  const event = members.get('event');
  if (event === undefined || event === 'null') return undefined;
  const value = (name: string) => {
    const raw = members.get(name) ?? 'null';
    if (raw === 'null' || /^[{[]/.test(raw)) return undefined;
    return stringOr(raw);
  };
  const names = ['host', 'source', 'sourcetype', 'index'];
  const timeUs = timeOf(members.get('time'));
  const fields = members.get('fields');
  return {
    text: stringOr(event),
    ...(Number.isNaN(timeUs) ? {} : { timeUs }),
    meta: Object.fromEntries(names.map((name) => [name, value(name)]).filter(([, v]) => (v ?? '') !== '')),
    ...(fields?.startsWith('{') === true ? { fields } : {}),
    mark: 0,
  };
}

const stringOr = (raw: string) => (raw.startsWith('"') ? (JSON.parse(raw) as string).toWellFormed() : raw);

function timeOf(raw = ''): number {
  const digits = /^(["]?)([^"]*)\1$/.exec(raw)?.[2] ?? '';
  const plain = /^(\d{1,10})(?:\.(\d*))?$/.exec(digits);
  const odd = /^\s*\d+(\.\d*)?([eE][+-]?\d+)?\s*$/.test(digits) ? Math.floor(Number(digits) * 1e6) : NaN;
  const us = plain === null ? odd : Number(plain[1]) * 1e6 + Number(`${plain[2] ?? ''}000000`.slice(0, 6));
  return us <= Number.MAX_SAFE_INTEGER ? us : NaN;
}

/** Raw text of the members of a valid object, the last of duplicates. */
function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>();
  let p = skip(object, 1);
  while (object[p] !== '}') {
    const keyEnd = stringEnd(object, p);
    const key = JSON.parse(object.slice(p, keyEnd)) as string;
    const value = skip(object, skip(object, keyEnd) + 1);
    const end = valueEnd(object, value);
    members.set(key, object.slice(value, end));
    p = skip(object, end);
    if (object[p] === ',') p = skip(object, p + 1);
  }
  return members;
}

function valueEnd(text: string, begin: number): number {
  let depth = 0;
  for (let p = begin; ;) {
    const c = text[p]!;
    if (c === '"') {
      p = stringEnd(text, p);
      if (depth === 0) return p;
    } else if (depth === 0 && ', \t\r\n}'.includes(c)) {
      return p;
    } else {
      depth += Number('{['.includes(c)) - Number('}]'.includes(c));
      p++;
      if (depth === 0 && '}]'.includes(c)) return p;
    }
  }
}

function stringEnd(text: string, quote: number): number {
  let p = quote + 1;
  while (text[p] !== '"') p += text[p] === '\\' ? 2 : 1;
  return p + 1;
}

function skip(text: string, from: number, blanks = ' \t\r\n'): number {
  let p = from;
  while (p < text.length && blanks.includes(text[p]!)) p++;
  return p;
}
