/** CloudWatch Logs subscriptions: one JSON object of a log group's events (AWS, "Real-time processing of log data with subscriptions"). */
import { Buffer, isUtf8 } from 'node:buffer';
import type { EventBatchBuilder } from './batch.ts';
import { MARK } from './event.ts';
import type { DecodeResult, RecordFormat, Range } from './format.ts';

export interface CloudwatchOptions {
  /** Log groups hold all kinds of logs; name the kind where it is known, such as `aws:cloudwatchlogs:vpcflow`. */
  readonly sourcetype?: string;
}

/** Each log event is one event, less one LF at its end: its time, host from the log stream, source from the log group; owner, filters, id and extracted
 *  fields as indexed fields. A CONTROL_MESSAGE has no events. What is not exactly this shape is left to the JSON format, byte for byte.
 *  Resumes by the number of the log event. */
export function cloudwatchFormat({ sourcetype = 'aws:cloudwatchlogs' }: CloudwatchOptions = {}): RecordFormat {
  return {
    name: 'cloudwatch',
    recognise: (bytes) => mayBeSubscription(bytes),
    decode: (range, into, from = 0) => decodeSubscription(range, into, from, sourcetype),
  };
}

export const cloudwatch: RecordFormat = cloudwatchFormat();

const KEYS = ['messageType', 'owner', 'logGroup', 'logStream', 'subscriptionFilters', 'logEvents', 'policyLevel'];
const FIRST_LETTERS = new Set(KEYS.map((key) => key.charCodeAt(0)));
const OPEN = 0x7b;
const QUOTE = 0x22;
/** CloudWatch Logs takes 1 MiB and 10,000 events at a time. Each batch parses the message anew, so ten times as much is enough. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_EVENTS = 100_000;
/** Repeated with every event; more than this is no metadata that anybody wrote. */
const MAX_SHARED = 8 * 1024;

function mayBeSubscription(payload: Uint8Array): boolean {
  if (payload[0] === OPEN && payload[1] === QUOTE && !FIRST_LETTERS.has(payload[2]!)) return false;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const key = /^\s*\{\s*"(\w{5,19})"/.exec(bytes.toString('latin1', 0, 64))?.[1];
  return key !== undefined && KEYS.includes(key) && bytes.includes('"logEvents"') && bytes.includes('"messageType"');
}

interface Subscription {
  readonly messageType: 'DATA_MESSAGE' | 'CONTROL_MESSAGE';
  readonly owner: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly subscriptionFilters: readonly string[];
  readonly policyLevel?: unknown;
  readonly logEvents: readonly unknown[];
}

function decodeSubscription(range: Range, into: EventBatchBuilder, from: number, sourcetype: string): DecodeResult {
  const message = parse(into.bytes.subarray(range.start, range.end));
  if (message === undefined) return { kind: 'not-this', reason: 'no CloudWatch Logs subscription message' };
  if (message.messageType === 'CONTROL_MESSAGE') return { kind: 'done' };
  const { owner, subscriptionFilters, policyLevel, logEvents } = message;
  const shared = { owner, subscriptionFilters, ...(typeof policyLevel === 'string' ? { policyLevel } : {}) };
  if (JSON.stringify([shared, message.logGroup, message.logStream]).length > MAX_SHARED)
    return { kind: 'not-this', reason: 'no CloudWatch Logs subscription message of sane size' };
  const row = into.meta({ host: message.logStream, source: message.logGroup, sourcetype });
  for (let i = from; i < logEvents.length; i++) {
    if (into.full) return { kind: 'full', resumeAt: i };
    addEvent(into, row, logEvents[i], shared);
  }
  return { kind: 'done' };
}

/** Undefined unless every part is what AWS documents. Text that is not UTF-8 would not survive the parser. */
function parse(bytes: Buffer): Subscription | undefined {
  if (bytes.length > MAX_BYTES || !isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isSubscription(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSubscription(value: unknown): value is Subscription {
  if (!isObject(value)) return false;
  const { messageType, owner, logGroup, logStream, subscriptionFilters: filters, logEvents } = value;
  if (messageType !== 'DATA_MESSAGE' && messageType !== 'CONTROL_MESSAGE') return false;
  const named = [owner, logGroup, logStream].every((name) => typeof name === 'string');
  const filtered = Array.isArray(filters) && filters.every((name) => typeof name === 'string');
  return named && filtered && Array.isArray(logEvents) && logEvents.length <= MAX_EVENTS;
}

type Json = Readonly<Record<string, unknown>>;

function addEvent(into: EventBatchBuilder, row: number, event: unknown, shared: Json): void {
  if (!isObject(event) || typeof event['message'] !== 'string') {
    const [start, end] = write(into, JSON.stringify(event));
    into.add(start, end, NaN, row, MARK.undecoded);
    return;
  }
  const { message, timestamp, id, extractedFields } = event;
  const [start, end] = write(into, message.endsWith('\n') ? message.slice(0, -1) : message);
  into.add(start, end, timeUs(timestamp), row);
  const own = typeof id === 'string' && id !== '' ? { id } : {};
  const [fieldsStart, fieldsEnd] = write(into, JSON.stringify({ ...scalars(extractedFields), ...shared, ...own }));
  into.addFields(fieldsStart, fieldsEnd);
}

function write(into: EventBatchBuilder, text: string): readonly [start: number, end: number] {
  const start = into.room(Buffer.byteLength(text));
  return [start, start + into.bytes.write(text, start)];
}

function timeUs(timestamp: unknown): number {
  const us = typeof timestamp === 'number' ? Math.floor(timestamp * 1000) : NaN;
  return us >= 0 && us <= Number.MAX_SAFE_INTEGER ? us : NaN;
}

/** Indexed fields are flat. */
function scalars(value: unknown): Json {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== null && typeof member !== 'object'),
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
