/** Finds the records in what dumpstream and other programs write: JSON lines, `aws kinesis get-records`, base64 lines, raw gzip. */
import type { Readable } from 'node:stream';
import { gunzip } from '../record/gzip.ts';
import { splitter } from './split.ts';

export interface DumpedRecord {
  readonly data: Uint8Array;
  /** Empty where the input does not say it. */
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** NaN where the input does not say it. */
  readonly arrivalMs: number;
}

/** A piece of input that holds no record, and why. */
export interface NoRecord {
  readonly problem: string;
}

/** Records in the order of the input; a piece that holds none does not end the reading. */
export async function* recordsIn(input: Readable): AsyncGenerator<DumpedRecord | NoRecord> {
  let first = Buffer.alloc(0);
  const chunks = input[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    first = Buffer.concat([first, next.value]);
    if (first.length >= MAGIC.length) break;
  }
  const compressed = first.subarray(0, MAGIC.length).equals(MAGIC);
  for await (const found of compressed ? members(first, chunks) : textRecords(first, chunks)) yield found;
}

const MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/** The largest record of Kinesis, and as much again, so that its end is in sight. */
const MEMBER_WINDOW = 20 * 1024 * 1024;
/** Magic bytes also occur inside compressed data, if only once in 16 MB. */
const CANDIDATES = 8;

/** `dumpstream --data-format raw`: gzip members with nothing between them, a record each. */
async function* members(first: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<DumpedRecord> {
  let parts = [first];
  let length = first.length;
  const cut = function* (final: boolean): Generator<DumpedRecord> {
    const bytes = Buffer.concat(parts);
    let at = 0;
    while (at < bytes.length && (final || bytes.length - at >= MEMBER_WINDOW)) {
      const end = memberEnd(bytes, at);
      yield { data: bytes.subarray(at, end), sequenceNumber: '', partitionKey: '', arrivalMs: NaN };
      at = end;
    }
    parts = [bytes.subarray(at)];
    length = bytes.length - at;
  };
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= 2 * MEMBER_WINDOW) yield* cut(false);
  }
  yield* cut(true);
}

function memberEnd(bytes: Buffer, at: number): number {
  let first: number | undefined;
  let end = at;
  for (let tried = 0; tried < CANDIDATES; tried++) {
    end = bytes.indexOf(MAGIC, end + MAGIC.length);
    if (end < 0) return first ?? bytes.length;
    first ??= end;
    const content = gunzip(bytes.subarray(at, end));
    if (content.kind === 'ok' && content.warnings.length === 0) return end;
  }
  return first ?? bytes.length;
}

/** A JSON object or base64 on each line; an object over several lines ends with a brace at the beginning of a line, as the aws command writes it. */
async function* textRecords(first: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<DumpedRecord | NoRecord> {
  const cut = splitter({ mode: 'newline', starts: /^/, maxLines: 1, maxBytes: Infinity });
  const reader = new LineReader();
  for (const line of cut.push(first)) yield* reader.read(line);
  for await (const chunk of chunks) for (const line of cut.push(chunk)) yield* reader.read(line);
  for (const line of cut.end()) yield* reader.read(line);
  yield* reader.end();
}

class LineReader {
  #line = 0;
  #began = 0;
  /** Lines of an object that goes on. */
  #open: string[] | undefined;

  *read(bytes: Buffer): Generator<DumpedRecord | NoRecord> {
    this.#line++;
    const line = bytes.toString('utf8', 0, bytes.length - 1);
    if (this.#open !== undefined) {
      this.#open.push(line);
      if (/^[}\]]/.test(line)) yield* this.end();
    } else if (/^\s*[{[]\s*$/.test(line)) {
      this.#open = [line];
      this.#began = this.#line;
    } else yield* this.#single(line);
  }

  *end(): Generator<DumpedRecord | NoRecord> {
    if (this.#open === undefined) return;
    const text = this.#open.join('\n');
    this.#open = undefined;
    yield* this.#json(text, `the JSON that begins at line ${this.#began}`);
  }

  *#single(line: string): Generator<DumpedRecord | NoRecord> {
    const text = line.trim();
    if (text === '') return;
    if (text.startsWith('{') || text.startsWith('[')) yield* this.#json(text, `line ${this.#line}`);
    else if (isBase64(text))
      yield { data: Buffer.from(text, 'base64'), sequenceNumber: '', partitionKey: '', arrivalMs: NaN };
    else yield { problem: `line ${this.#line} is neither JSON nor base64` };
  }

  *#json(text: string, place: string): Generator<DumpedRecord | NoRecord> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      yield { problem: `${place} is broken JSON` };
      return;
    }
    const records = listOf(value);
    if (records === undefined) yield { problem: `${place} holds no record: neither "data" nor "Records"` };
    else
      for (const record of records) {
        const dumped = recordOf(record);
        yield dumped ?? { problem: `${place} holds a record without data in base64` };
      }
  }
}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null;

/** Undefined when there is none. An empty list is what get-records answers most of the time. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (!isMembers(value)) return undefined;
  const { Records: records } = value;
  if (Array.isArray(records)) return records as readonly unknown[];
  return 'data' in value || 'Data' in value ? [value] : undefined;
}

/** The keys of dumpstream, of the Kinesis API, and of Lambda's `kinesis`. */
function recordOf(value: unknown): DumpedRecord | undefined {
  if (!isMembers(value)) return undefined;
  const members = isMembers(value['kinesis']) ? value['kinesis'] : value;
  const pick = (...names: string[]): unknown => names.map((name) => members[name]).find((found) => found !== undefined);
  const data = pick('data', 'Data');
  if (typeof data !== 'string' || !isBase64(data)) return undefined;
  const text = (found: unknown): string => (typeof found === 'string' ? found : '');
  return {
    data: Buffer.from(data, 'base64'),
    sequenceNumber: text(pick('seq', 'SequenceNumber', 'sequenceNumber')),
    partitionKey: text(pick('partition_key', 'PartitionKey', 'partitionKey')),
    arrivalMs: timeOf(pick('arrival_time', 'ApproximateArrivalTimestamp', 'approximateArrivalTimestamp')),
  };
}

/** Seconds since the epoch or RFC 3339. */
function timeOf(value: unknown): number {
  if (typeof value === 'number') return Math.round(value * 1000);
  return typeof value === 'string' ? Date.parse(value) : NaN;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
