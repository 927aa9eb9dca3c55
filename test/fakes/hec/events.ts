/** The body of a request as Splunk reads it: JSON objects one after the other, up to the first one that is wrong.
 *  help.splunk.com, "Format events for HTTP Event Collector"; Suhaibinator/open-splunk, internal/hec/testdata/compatibility/json-event.json. */
import type { Code } from './answers.ts';

/** An event as it was sent; what it did not say is absent. */
export interface SentEvent {
  readonly event: unknown;
  readonly time?: number | string;
  readonly host?: string;
  readonly source?: string;
  readonly sourcetype?: string;
  readonly index?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** All of it, byte for byte. */
  readonly raw: string;
}

interface EventRules {
  /** Indexes that the token may write to; undefined = any. */
  readonly indexes?: readonly string[] | undefined;
  /** inputs.conf, [http] maxEventSize. */
  readonly maxEventBytes: number;
}

interface Parsed {
  /** Those ahead of the fault. */
  readonly events: readonly SentEvent[];
  /** Of the event behind them. */
  readonly fault?: Code;
}

export function parseEvents(body: Uint8Array, rules: EventRules): Parsed {
  const events: SentEvent[] = [];
  for (let o = behindBlanks(body, 0); o < body.length; o = behindBlanks(body, o)) {
    const end = endOfObject(body, o);
    const bytes = body.subarray(o, end);
    const text = end === undefined || bytes.length > rules.maxEventBytes ? undefined : decoded(bytes);
    const event = text === undefined ? undefined : objectOf(text);
    const fault = event === undefined ? 6 : faultOf(event, rules);
    if (fault !== undefined) return { events, fault };
    events.push({ ...event, raw: text! } as SentEvent);
    o = end!;
  }
  return { events };
}

function faultOf(event: Readonly<Record<string, unknown>>, { indexes }: EventRules): Code | undefined {
  if (!Object.hasOwn(event, 'event')) return 12;
  if (event['event'] === null || event['event'] === '') return 13;
  if (!isTime(event['time'])) return 6;
  if (!isFlat(event['fields'] ?? {})) return 15;
  const { index } = event;
  return index === undefined || indexes?.includes(index as string) !== false ? undefined : 7;
}

/** Seconds since 1970, as a number or as text. */
function isTime(time: unknown): boolean {
  return time === undefined || typeof time === 'number' || (typeof time === 'string' && /^\d+(\.\d+)?$/.test(time));
}

function isFlat(fields: unknown): boolean {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return false;
  return Object.values(fields).every((value: unknown) =>
    Array.isArray(value) ? value.every((item) => typeof item !== 'object' || item === null) : isScalar(value),
  );
}

const isScalar = (value: unknown) => typeof value !== 'object';

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const BLANKS = [...Buffer.from(' \t\r\n')];
const [OPEN, CLOSE, QUOTE, BACKSLASH] = [...Buffer.from('{}"\\')];

function behindBlanks(body: Uint8Array, from: number): number {
  let o = from;
  while (BLANKS.includes(body[o]!)) o++;
  return o;
}

/** Behind the brace that closes the one at `from`; undefined when there is none. */
function endOfObject(body: Uint8Array, from: number): number | undefined {
  if (body[from] !== OPEN) return undefined;
  let depth = 0;
  for (let o = from; o < body.length; o++) {
    const byte = body[o];
    if (byte === QUOTE) o = endOfString(body, o);
    else if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return o + 1;
  }
  return undefined;
}

/** Of its closing quote. */
function endOfString(body: Uint8Array, from: number): number {
  let o = from + 1;
  while (o < body.length && body[o] !== QUOTE) o += body[o] === BACKSLASH ? 2 : 1;
  return o;
}
