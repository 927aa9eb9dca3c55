/** From a Kinesis record to events of a batch: de-aggregate, decompress, find the format, decode; nothing is dropped on the way. */
import { systemClock, type Clock } from '../base/clock.ts';
import type { EventLog, EventName, Fields } from '../base/events.ts';
import type { EventBatchBuilder } from './batch.ts';
import { cloudwatch } from './cloudwatch.ts';
import { isText, unwrap, type Unwrapped } from './detect.ts';
import { MARK } from './event.ts';
import type { DecodeResult, RecordFormat } from './format.ts';
import { detectedHec, hec } from './hec.ts';
import { DEFAULT_CEILING } from './inflate.ts';
import { json } from './json.ts';
import { kinlog, peekKinlog } from './kinlog.ts';
import type { KinlogHeader } from './kinlog-lines.ts';
import { deaggregate, type HashRange, type KplAggregate } from './kpl.ts';
import { textFormat } from './text.ts';

export interface DecodeOptions {
  /** Bytes that one payload may decompress to; a larger one is delivered compressed, and marked. Default 64 MiB. */
  readonly ceiling?: number;
  /** What to do with user records of a KPL aggregate that hash outside the shard: keep and count them (default), or drop and count them. Decided only
   *  when `begin` is told the shard's range. KCL drops the whole aggregate. */
  readonly kplOutOfRange?: 'keep' | 'drop';
  /** Every line of text is an event of its own. Default: one record, one event, because events may have several lines. */
  readonly lines?: boolean;
  /** One format for every payload; what is not of it is delivered raw and marked. Default: found out for each payload. */
  readonly format?: FormatName | 'auto';
  /** Said with every log line, such as stream and shard. */
  readonly about?: Fields;
  readonly clock?: Clock;
}

export type FormatName = 'kinlog' | 'cloudwatch' | 'hec' | 'json' | 'text';

/** As a RecordSource gives it. */
export interface EncodedRecord {
  readonly data: Uint8Array;
  readonly sequenceNumber: string;
  readonly partitionKey?: string | undefined;
  readonly arrivalMs: number;
}

/** A builder that tells how far it has got. */
export interface DecodeTarget extends EventBatchBuilder {
  readonly length: number;
  readonly used: number;
}

/** Sourcetype of bytes that are neither a known format nor text. */
export const UNDECODED_SOURCETYPE = 'kinlog:undecoded';

/** In the order in which they are tried; text comes last. */
const AUTO: readonly RecordFormat[] = [kinlog, cloudwatch, detectedHec, json];

/** A batch that holds this many bytes takes no further user record of the same aggregate: each may decompress to as much as the ceiling. */
const BATCH_BYTES = 16 * 1024 * 1024;

/** Places that a step adds: user records may be empty, millions in one aggregate. */
const STEP_USERS = 65_536;

/** Batches in a row that take nothing, after which what is left goes into the next one whether that is full or not. More than one, because builders
 *  share a table of metadata that another shard may have filled. */
const MAX_STALLS = 8;

/** A user record, unwrapped, and where decoding it has got to. */
interface Payload {
  readonly bytes: Uint8Array;
  readonly undecoded: string | undefined;
  /** Known once it has decoded something. */
  format: RecordFormat | undefined;
  from: number;
}

/** One for each shard, record by record: `begin`, then `step` until it is done. Holds one record, and one user record of it unwrapped. */
export class RecordDecoder {
  readonly #ceiling: number;
  readonly #kplOutOfRange: 'keep' | 'drop';
  readonly #formats: readonly RecordFormat[];
  readonly #reports: Reports;
  readonly #log: EventLog;
  #record: EncodedRecord | undefined;
  #range: HashRange | undefined;
  #aggregate: KplAggregate | undefined;
  #plain: Unwrapped | undefined;
  #users = 0;
  #next = 0;
  #placed = false;
  #payload: Payload | undefined;
  #stalls = 0;
  #lastComplete: number | undefined;

  constructor(options: DecodeOptions, log: EventLog) {
    this.#ceiling = options.ceiling ?? DEFAULT_CEILING;
    this.#kplOutOfRange = options.kplOutOfRange ?? 'keep';
    this.#formats = formatsFor(options);
    this.#reports = new Reports(log, options.clock ?? systemClock, options.about ?? {});
    this.#log = log;
  }

  /** Sub-sequence of the last user record whose events are all in batches; undefined before the first. */
  get lastComplete(): number | undefined {
    return this.#lastComplete;
  }

  /** Forgets the record before, whatever was left of it. `after`: user records up to this one were accepted earlier and are left out. `range`: hash keys of
   *  the shard, given only to have user records outside it counted or dropped, which costs an MD5 for each. Answers the header of a block of an
   *  unbroken kinlog stream: a caller who holds it back begins it again later. */
  begin(record: EncodedRecord, after?: number, range?: HashRange): KinlogHeader | undefined {
    this.#record = record;
    this.#range = range;
    this.#payload = undefined;
    this.#placed = false;
    this.#stalls = 0;
    this.#open(record.data);
    this.#next = after === undefined ? 0 : after + 1;
    this.#lastComplete = after === undefined ? undefined : Math.min(after, Math.max(0, this.#users - 1));
    return this.#peek();
  }

  /** Adds events to `into` until the record is done or the batch takes no more; then go on in another one. Every user record gets a place, also without
   *  events. */
  step(into: DecodeTarget): 'done' | 'full' {
    for (let users = 1; this.#next < this.#users; users++) {
      if (!this.#stepUser(into)) return 'full';
      this.#stalls = 0;
      this.#payload = undefined;
      this.#lastComplete = this.#next++;
      if (this.#next < this.#users && (into.used > BATCH_BYTES || users === STEP_USERS)) return 'full';
    }
    if (this.#users === 0 && !this.#placed) this.#log.count('records_empty');
    if (!this.#placed) this.#place(Math.max(0, this.#users - 1), into);
    return 'done';
  }

  #open(data: Uint8Array): void {
    this.#aggregate = deaggregate(data);
    this.#plain = this.#aggregate === undefined ? unwrap(data, this.#ceiling) : undefined;
    if (this.#plain !== undefined && this.#plain.layers > 0) {
      this.#aggregate = deaggregate(this.#plain.bytes);
      if (this.#aggregate !== undefined) {
        this.#reportDamage(this.#plain);
        this.#plain = undefined;
      }
    }
    this.#users = this.#aggregate?.length ?? 1;
  }

  #peek(): KinlogHeader | undefined {
    const plain = this.#plain;
    if (plain === undefined || plain.undecoded !== undefined || this.#formats[0] !== kinlog) return undefined;
    const header = peekKinlog(plain.bytes);
    return header?.unbroken === true ? header : undefined;
  }

  /** False when the batch takes no more and something of the user record is left. */
  #stepUser(into: DecodeTarget): boolean {
    if (into.full && this.#stalls < MAX_STALLS) return this.#stall();
    if (this.#isLeftOut(this.#next)) {
      this.#place(this.#next, into);
      return true;
    }
    const payload = (this.#payload ??= this.#payloadOf(this.#next));
    this.#place(this.#next, into);
    const events = into.length;
    const result = this.#decode(payload, into);
    if (result.kind === 'full') {
      if (result.resumeAt <= payload.from) return this.#stall();
      payload.from = result.resumeAt;
      this.#stalls = 0;
      return false;
    }
    if (into.length === events && payload.from === 0) this.#log.count('records_empty');
    return true;
  }

  #stall(): false {
    this.#stalls++;
    return false;
  }

  #decode(payload: Payload, into: DecodeTarget): DecodeResult {
    const { bytes, format, from, undecoded } = payload;
    if (bytes.length === 0) return DONE;
    const start = into.load(bytes);
    const range = { start, end: start + bytes.length };
    if (this.#stalls >= MAX_STALLS) return this.#addRaw(into, start, bytes, 'no batch takes it');
    if (format !== undefined) return format.decode(range, into, from);
    if (undecoded !== undefined) return this.#addRaw(into, start, bytes, undecoded);
    for (const candidate of this.#formats) {
      if (!candidate.recognise(bytes)) continue;
      const result = candidate.decode(range, into);
      if (result.kind === 'not-this') continue;
      payload.format = candidate;
      return result;
    }
    return this.#addRaw(
      into,
      start,
      bytes,
      this.#formats.length > 1 ? 'no known format' : `not ${this.#formats[0]!.name}`,
    );
  }

  #addRaw(into: DecodeTarget, start: number, bytes: Uint8Array, reason: string): DecodeResult {
    const row = isText(bytes) ? 0 : into.meta({ sourcetype: UNDECODED_SOURCETYPE });
    into.add(start, start + bytes.length, NaN, row, MARK.undecoded);
    this.#reports.emit('record.undecoded', reason, this.#record!.sequenceNumber);
    return DONE;
  }

  #payloadOf(user: number): Payload {
    const unwrapped = this.#plain ?? unwrap(this.#aggregate!.data(user), this.#ceiling);
    this.#reportDamage(unwrapped);
    return { bytes: unwrapped.bytes, undecoded: unwrapped.undecoded, format: undefined, from: 0 };
  }

  #reportDamage({ warnings }: Unwrapped): void {
    for (const warning of warnings) this.#reports.emit('record.damaged', warning, this.#record!.sequenceNumber);
  }

  /** A user record outside the shard is counted, and left out when the options say so. */
  #isLeftOut(user: number): boolean {
    const range = this.#range;
    if (range === undefined || this.#aggregate === undefined || this.#payload !== undefined) return false;
    const hash = this.#aggregate.hash(user, this.#record!.partitionKey ?? '');
    if (hash >= range.start && hash <= range.end) return false;
    const dropped = this.#kplOutOfRange === 'drop';
    this.#log.emit('record.out-of-range', { sequence: this.#record!.sequenceNumber, user, dropped });
    if (dropped) this.#log.count('records_dropped');
    return dropped;
  }

  #place(subSequence: number, into: DecodeTarget): void {
    const { sequenceNumber, arrivalMs } = this.#record!;
    into.record({ sequenceNumber, subSequence, arrivalMs });
    this.#placed = true;
  }
}

const DONE: DecodeResult = { kind: 'done' };

const ONLY = { cloudwatch, hec, json } as const;

/** Tried in this order. With `auto` only text can be refused by all of them, and then the bytes are binary. */
function formatsFor({ format = 'auto', lines = false }: DecodeOptions): readonly RecordFormat[] {
  const text = textFormat({ lines });
  if (format === 'text') return [text];
  if (format === 'auto') return [...AUTO, { ...text, recognise: isText }];
  return format === 'kinlog' ? [kinlog] : [{ ...ONLY[format], recognise: () => true }];
}

/** The same trouble comes with every record of a stream: each reason is said at once, and then once a minute with how often it came. */
const REPEAT_MS = 60_000;

class Reports {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #about: Fields;
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  constructor(log: EventLog, clock: Clock, about: Fields) {
    this.#log = log;
    this.#clock = clock;
    this.#about = about;
  }

  emit(name: EventName, reason: string, sequence: string): void {
    const key = `${name} ${reason}`;
    const said = this.#said.get(key);
    const now = this.#clock.monotonic();
    if (said !== undefined && now - said.at < REPEAT_MS) {
      said.unsaid++;
      this.#log.repeat(name);
      return;
    }
    this.#said.set(key, { at: now, unsaid: 0 });
    const more = said === undefined || said.unsaid === 0 ? {} : { more: said.unsaid };
    this.#log.emit(name, { ...this.#about, reason, sequence, ...more });
  }
}
