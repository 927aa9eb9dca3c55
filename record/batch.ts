/** Events of a page as columns over one buffer, and the builder that fills them. */
import type { EventMeta, LogEvent, RecordPlace } from './event.ts';

/** Rows only ever grow and a row never changes; one table serves many batches of a reader. Row 0 is empty metadata. */
export interface MetaTable {
  readonly size: number;
  row(id: number): EventMeta;
}

/** Valid until the promise of `Output.write` settles. Every range is into `bytes`; an output that keeps data longer copies it. */
export interface EventBatch {
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Every page in `bytes` is valid UTF-8. */
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

/** Owns one slab. Offsets are stable, views are not: take `bytes` anew after `load` or `room`. */
export interface EventBatchBuilder {
  readonly bytes: Uint8Array;
  /** Take no further event: stop and say where. */
  readonly full: boolean;
  /** Following events belong to this place. */
  record(place: RecordPlace): void;
  /** Row of this metadata, deduplicated; keep it for the whole record. */
  meta(meta: EventMeta): number;
  /** The one copy: offset of the page's first byte. An LF and 64 spare bytes follow the page. */
  load(page: Uint8Array): number;
  /** Offset of `size` free bytes, to unescape or base64 into. */
  room(size: number): number;
  add(start: number, end: number, timeUs: number, metaRow: number, mark?: number): void;
  /** Indexed fields of the event added last. */
  addFields(start: number, end: number): void;
  save(): number;
  /** Back to a `save`: "not my format after all". */
  rewind(save: number): void;
}
