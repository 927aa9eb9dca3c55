/** Events of a page as columns over one buffer, and the builder that fills them. */
import { isAscii, isUtf8, type Buffer } from 'node:buffer';
import { MARK, type EventMeta, type LogEvent, type RecordPlace } from './event.ts';
import { MetaRows, NO_ROW, type MetaTable } from './meta-table.ts';
import { Slab } from './slab.ts';

/** Valid until the promise of `Output.write` settles. Every range is into `bytes`; an output that keeps data longer copies it. */
export interface EventBatch {
  readonly length: number;
  readonly bytes: Uint8Array;
  /** The data and fields of every event are valid UTF-8. False proves nothing. */
  readonly validUtf8: boolean;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** Whole microseconds since the epoch, NaN = none. */
  readonly timeUs: Float64Array;
  readonly metaRow: Uint32Array;
  readonly meta: MetaTable;
  /** JSON text of HEC `fields`; 0,0 = none. */
  readonly fieldsStart: Uint32Array;
  readonly fieldsEnd: Uint32Array;
  /** Bits of MARK. */
  readonly marks: Uint8Array;
  /** Record k holds the events firstEvent[k] to firstEvent[k + 1]; firstEvent has one entry more than records. */
  readonly records: readonly RecordPlace[];
  readonly firstEvent: Uint32Array;
  at(index: number): LogEvent;
  [Symbol.iterator](): Iterator<LogEvent>;
}

/** Owns one slab. Offsets are stable, views are not: take `bytes` anew after `load` or `room`. Offset 0 is never handed out. */
export interface EventBatchBuilder {
  readonly bytes: Buffer;
  /** Take no further event: stop and say where. */
  readonly full: boolean;
  /** The table behind `meta`, for decoders that find rows by raw bytes. */
  readonly rows: MetaRows;
  /** Following events belong to this place. */
  record(place: RecordPlace): void;
  /** Row of this metadata, deduplicated; keep it for the whole record. NO_ROW when it is larger than any table takes. */
  meta(meta: EventMeta): number;
  /** The one copy: offset of the page's first byte. An LF and 63 NUL bytes follow the page. */
  load(page: Uint8Array): number;
  /** Offset of `size` free bytes, to unescape or base64 into. */
  room(size: number): number;
  /** Gives back what the `room` taken last did not need: everything from `end` on is free again. */
  trim(end: number): void;
  /** `metaRow` NO_ROW: without metadata, and marked undecoded. */
  add(start: number, end: number, timeUs: number, metaRow: number, mark?: number): void;
  /** Indexed fields of the event added last. */
  addFields(start: number, end: number): void;
  save(): number;
  /** Back to a `save`: "not my format after all". */
  rewind(save: number): void;
}

/** Events of one batch at most; with it a batch's columns stay below 2.2 MB. */
export const BATCH_EVENTS = 65_536;
const FIRST_COLUMNS = 256;
/** Scans of a kernel may run this far beyond a page. */
const SPARE = 64;
/** So that offset 0 can mean "none". */
const FIRST_OFFSET = 64;
const PAGE_END = new Uint8Array(SPARE);
PAGE_END[0] = 10;

/** What a builder fills and a sealed batch shows. */
class Columns {
  start: Uint32Array;
  end: Uint32Array;
  timeUs: Float64Array;
  metaRow: Uint32Array;
  fieldsStart: Uint32Array;
  fieldsEnd: Uint32Array;
  marks: Uint8Array;

  constructor(capacity: number, old?: Columns) {
    const grown = <T extends Uint32Array | Float64Array | Uint8Array>(column: T, from: T | undefined): T => {
      if (from !== undefined) column.set(from);
      return column;
    };
    this.start = grown(new Uint32Array(capacity), old?.start);
    this.end = grown(new Uint32Array(capacity), old?.end);
    this.timeUs = grown(new Float64Array(capacity), old?.timeUs);
    this.metaRow = grown(new Uint32Array(capacity), old?.metaRow);
    this.fieldsStart = grown(new Uint32Array(capacity), old?.fieldsStart);
    this.fieldsEnd = grown(new Uint32Array(capacity), old?.fieldsEnd);
    this.marks = grown(new Uint8Array(capacity), old?.marks);
  }
}

export class BatchBuilder implements EventBatchBuilder {
  bytes: Buffer;
  rows: MetaRows;
  /** Bytes of the slab in use; what a driver looks at between records to keep batches small. */
  used = FIRST_OFFSET;
  /** Events so far. */
  length = 0;
  readonly #slab = new Slab();
  readonly #capacity: number;
  #allocated: number;
  #columns: Columns;
  #records: RecordPlace[] = [];
  #firstEvent: number[] = [];
  /** Four numbers for each `save`. */
  #saves: number[] = [];

  constructor(rows = new MetaRows(), capacity = BATCH_EVENTS) {
    this.rows = rows;
    this.bytes = this.#slab.bytes;
    this.#capacity = capacity;
    this.#allocated = Math.min(FIRST_COLUMNS, capacity);
    this.#columns = new Columns(this.#allocated);
  }

  get full(): boolean {
    return this.length >= this.#capacity || this.rows.full;
  }

  /** Bytes of memory that the slab holds; it never shrinks. */
  get capacityBytes(): number {
    return this.bytes.length;
  }

  record(place: RecordPlace): void {
    this.#records.push(place);
    this.#firstEvent.push(this.length);
  }

  meta(meta: EventMeta): number {
    return this.rows.add(meta);
  }

  load(page: Uint8Array): number {
    const at = this.room(page.length + SPARE);
    this.bytes.set(page, at);
    this.bytes.set(PAGE_END, at + page.length);
    return at;
  }

  room(size: number): number {
    const at = this.used;
    this.#slab.reserve(at + size + SPARE);
    this.bytes = this.#slab.bytes;
    this.used = at + size;
    return at;
  }

  trim(end: number): void {
    this.used = end;
  }

  // eslint-disable-next-line max-params -- one column each; an object per event would cost more than the event
  add(start: number, end: number, timeUs: number, metaRow: number, mark = 0): void {
    const i = this.length;
    if (i === this.#allocated) this.#grow();
    const columns = this.#columns;
    columns.start[i] = start;
    columns.end[i] = end;
    columns.timeUs[i] = timeUs;
    columns.metaRow[i] = metaRow === NO_ROW ? 0 : metaRow;
    columns.fieldsStart[i] = 0;
    columns.fieldsEnd[i] = 0;
    columns.marks[i] = metaRow === NO_ROW ? mark | MARK.undecoded : mark;
    this.length = i + 1;
  }

  addFields(start: number, end: number): void {
    this.#columns.fieldsStart[this.length - 1] = start;
    this.#columns.fieldsEnd[this.length - 1] = end;
  }

  save(): number {
    return this.#saves.push(this.used, this.length, this.#records.length) - 3;
  }

  rewind(save: number): void {
    this.used = this.#saves[save]!;
    this.length = this.#saves[save + 1]!;
    this.#records.length = this.#firstEvent.length = this.#saves[save + 2]!;
    this.#saves.length = save + 3;
  }

  /** The batch of everything added. It shares the builder's memory: do nothing with the builder until the batch is done with, then `reset`. */
  seal(): EventBatch {
    this.bytes[this.used] = 0;
    return new SealedBatch(this, this.#columns, this.#records, [...this.#firstEvent, this.length]);
  }

  /** Empty again, with this table; a batch that was sealed before loses its bytes. */
  reset(rows: MetaRows = this.rows.full ? new MetaRows() : this.rows): void {
    this.rows = rows;
    this.used = FIRST_OFFSET;
    this.length = 0;
    this.#records = [];
    this.#firstEvent = [];
    this.#saves = [];
  }

  /** Decoders stop at `full`; the column for one more event than that is never needed, but a caller that ignores it must not lose the event. */
  #grow(): void {
    this.#allocated *= 2;
    this.#columns = new Columns(this.#allocated, this.#columns);
  }
}

class SealedBatch implements EventBatch {
  readonly length: number;
  readonly bytes: Buffer;
  readonly validUtf8: boolean;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  readonly timeUs: Float64Array;
  readonly metaRow: Uint32Array;
  readonly meta: MetaTable;
  readonly fieldsStart: Uint32Array;
  readonly fieldsEnd: Uint32Array;
  readonly marks: Uint8Array;
  readonly records: readonly RecordPlace[];
  readonly firstEvent: Uint32Array;

  constructor(builder: BatchBuilder, columns: Columns, records: readonly RecordPlace[], firstEvent: readonly number[]) {
    const length = builder.length;
    this.length = length;
    this.bytes = builder.bytes;
    this.meta = builder.rows;
    this.start = columns.start.subarray(0, length);
    this.end = columns.end.subarray(0, length);
    this.timeUs = columns.timeUs.subarray(0, length);
    this.metaRow = columns.metaRow.subarray(0, length);
    this.fieldsStart = columns.fieldsStart.subarray(0, length);
    this.fieldsEnd = columns.fieldsEnd.subarray(0, length);
    this.marks = columns.marks.subarray(0, length);
    this.records = records;
    this.firstEvent = Uint32Array.from(firstEvent);
    this.validUtf8 = rangesAreUtf8(this, builder.used);
  }

  at(index: number): LogEvent {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`event ${index} of ${this.length}`);
    return new EventView(this, index);
  }

  *[Symbol.iterator](): Generator<LogEvent> {
    for (let i = 0; i < this.length; i++) yield new EventView(this, i);
  }
}

/** Checked once over the whole slab (8 GB/s), whoever wrote there. Then a range is valid exactly when it does not cut a character in two. */
function rangesAreUtf8(batch: SealedBatch, used: number): boolean {
  const { bytes, start, end, fieldsStart, fieldsEnd, length } = batch;
  const written = bytes.subarray(0, used);
  if (isAscii(written)) return true;
  if (!isUtf8(written)) return false;
  for (let i = 0; i < length; i++) {
    if (isContinuation(bytes[start[i]!]!) || isContinuation(bytes[end[i]!]!)) return false;
    if (isContinuation(bytes[fieldsStart[i]!]!) || isContinuation(bytes[fieldsEnd[i]!]!)) return false;
  }
  return true;
}

const isContinuation = (byte: number) => (byte & 0xc0) === 0x80;

/** Nothing is decoded until asked for. */
class EventView implements LogEvent {
  readonly #batch: SealedBatch;
  readonly #index: number;

  constructor(batch: SealedBatch, index: number) {
    this.#batch = batch;
    this.#index = index;
  }

  get data(): Uint8Array {
    return this.#batch.bytes.subarray(this.#batch.start[this.#index], this.#batch.end[this.#index]);
  }

  get text(): string {
    return this.#batch.bytes.toString('utf8', this.#batch.start[this.#index], this.#batch.end[this.#index]);
  }

  get timeMs(): number | undefined {
    const us = this.#batch.timeUs[this.#index]!;
    return Number.isNaN(us) ? undefined : us / 1000;
  }

  get meta(): EventMeta {
    return this.#batch.meta.row(this.#batch.metaRow[this.#index]!);
  }

  get fields(): string | undefined {
    const end = this.#batch.fieldsEnd[this.#index]!;
    return end === 0 ? undefined : this.#batch.bytes.toString('utf8', this.#batch.fieldsStart[this.#index], end);
  }

  get mark(): number {
    return this.#batch.marks[this.#index]!;
  }
}

/** Builders between batches: fresh memory costs a page fault per 4 KiB, warm memory none. All share one table of rows. */
export class BatchPool {
  readonly #idle: BatchBuilder[] = [];
  readonly #keep: number;
  readonly #capacity: number;
  #rows = new MetaRows();

  /** `keep`: idle builders held at most. */
  constructor(keep = 4, capacity = BATCH_EVENTS) {
    this.#keep = keep;
    this.#capacity = capacity;
  }

  take(): BatchBuilder {
    if (this.#rows.full) this.#rows = new MetaRows();
    const builder = this.#idle.pop();
    if (builder === undefined) return new BatchBuilder(this.#rows, this.#capacity);
    builder.reset(this.#rows);
    return builder;
  }

  /** When nobody reads the builder's batch any more. A slab that a huge page blew up is dropped: it would never shrink. */
  give(builder: BatchBuilder): void {
    if (this.#idle.length < this.#keep && builder.capacityBytes <= KEEP_BYTES) this.#idle.push(builder);
  }
}

const KEEP_BYTES = 24 * 1024 * 1024;
