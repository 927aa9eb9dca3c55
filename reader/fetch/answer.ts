/** Reads the body of a GetRecords answer, or of an event of SubscribeToShard, without parsing what it carries: one walk over the bytes, then each record's base64 is decoded in place. */
import type { RecordsAnswer } from './api.ts';
import { scan, type Scanned } from './scan.ts';
import type { KinesisRecord, Shard } from './source.ts';

/** Takes the body over: its bytes become the records' data. Throws SyntaxError when the body is no answer of GetRecords; an answer without `Records`
 *  is none, for its missing iterator would read as the end of the shard. `next` is the iterator, or the continuation of an event.
 *  Source of the shapes: GetRecords and SubscribeToShardEvent in the Kinesis API reference. */
export function readAnswer(body: Buffer): RecordsAnswer {
  const scanned = scan(body);
  return scanned === undefined ? parseAnswer(body) : decodeInPlace(body, scanned);
}

const EQUALS = 61;

function decodeInPlace(body: Buffer, scanned: Scanned): RecordsAnswer {
  const { records, ranges, next, millisBehindLatest } = scanned;
  let bytes = 0;
  for (let i = 0; i < records.length; i++) {
    const start = ranges[2 * i]!;
    const end = ranges[2 * i + 1]!;
    const size = decodedSize(body, start, end);
    if (writeDecoded(body, start, end) !== size) throw notBase64();
    records[i]!.data = new Uint8Array(body.buffer, body.byteOffset + start, size);
    bytes += size;
  }
  return { records, bytes, next, millisBehindLatest, children: [] };
}

/** Letters decoded at a time; a multiple of four. Longer strings leave the young generation and cost five times as much. */
const PIECE = 32 * 1024;

/** Each piece is copied out first, and bytes are fewer than letters, so writing over the text is safe. Bytes written from `start` on. */
function writeDecoded(body: Buffer, start: number, end: number): number {
  let at = start;
  for (let from = start; from < end; from += PIECE)
    at += body.write(body.toString('latin1', from, Math.min(end, from + PIECE)), at, 'base64');
  return at - start;
}

function decodedSize(text: Uint8Array, start: number, end: number): number {
  let letters = end - start;
  if (letters > 0 && text[end - 1] === EQUALS) letters--;
  if (letters > 0 && text[start + letters - 1] === EQUALS) letters--;
  return Math.floor((letters * 3) / 4);
}

const notBase64 = () => new SyntaxError('the Data of a record is not base64');

const RECORD_TIME = 'ApproximateArrivalTimestamp';

/** Any JSON whatsoever; slow, and rare: the last page of a shard, and servers that are not Kinesis. */
function parseAnswer(body: Buffer): RecordsAnswer {
  const answer = object(JSON.parse(body.toString('utf8')));
  const list = answer['Records'];
  if (!Array.isArray(list)) throw new SyntaxError('an answer without Records');
  const records = list.map(parseRecord);
  const children = answer['ChildShards'];
  return {
    records,
    bytes: records.reduce((sum, { data }) => sum + data.length, 0),
    next: text(answer['NextShardIterator'] ?? answer['ContinuationSequenceNumber']),
    millisBehindLatest: Number(answer['MillisBehindLatest'] ?? 0),
    children: Array.isArray(children) ? children.map(parseChild) : [],
  };
}

function parseRecord(value: unknown): KinesisRecord {
  const record = object(value);
  const sequenceNumber = text(record['SequenceNumber']);
  const data = text(record['Data']);
  if (sequenceNumber === undefined || data === undefined) throw new SyntaxError('a record without Data or sequence');
  const ascii = Buffer.from(data, 'latin1');
  const decoded = Buffer.from(data, 'base64');
  if (decoded.length !== decodedSize(ascii, 0, ascii.length)) throw notBase64();
  return { data: decoded, sequenceNumber, partitionKey: text(record['PartitionKey']), arrivalMs: millis(record) };
}

// Seconds with a fraction; some other servers write ISO text.
function millis(record: Record<string, unknown>): number {
  const value = record[RECORD_TIME];
  const ms = typeof value === 'number' ? Math.round(value * 1000) : Date.parse(text(value) ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}

function parseChild(value: unknown): Shard {
  const child = object(value);
  const range = object(child['HashKeyRange'] ?? {});
  const parents = child['ParentShards'];
  return {
    shardId: text(child['ShardId']) ?? '',
    parents: Array.isArray(parents) ? parents.map(String) : [],
    startingHashKey: text(range['StartingHashKey']) ?? '0',
    endingHashKey: text(range['EndingHashKey']) ?? '0',
    closed: false,
  };
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new SyntaxError('not the shape of a GetRecords answer');
  return value as Record<string, unknown>;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
