/** A part of a batch, in the columns of the whole: no byte and no column is copied. */
import type { EventBatch } from './batch.ts';
import type { LogEvent, RecordPlace } from './event.ts';
import type { MetaTable } from './meta-table.ts';

/** Events `from` up to `to`; as long valid as the batch is. A record that the border cuts is in both parts; one without events at a border is in none. */
export function sliceBatch(batch: EventBatch, from: number, to: number): EventBatch {
  if (!(from >= 0 && from <= to && to <= batch.length))
    throw new RangeError(`events ${from} to ${to} of ${batch.length}`);
  return new BatchSlice(batch, from, to);
}

/** The record that holds this event. */
export function recordOf({ firstEvent }: EventBatch, index: number): number {
  let low = 0;
  let high = firstEvent.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (firstEvent[middle]! <= index) low = middle;
    else high = middle;
  }
  return low;
}

class BatchSlice implements EventBatch {
  readonly length: number;
  readonly bytes: Uint8Array;
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
  readonly #whole: EventBatch;
  readonly #from: number;

  constructor(whole: EventBatch, from: number, to: number) {
    this.#whole = whole;
    this.#from = from;
    this.length = to - from;
    this.bytes = whole.bytes;
    this.validUtf8 = whole.validUtf8;
    this.meta = whole.meta;
    this.start = whole.start.subarray(from, to);
    this.end = whole.end.subarray(from, to);
    this.timeUs = whole.timeUs.subarray(from, to);
    this.metaRow = whole.metaRow.subarray(from, to);
    this.fieldsStart = whole.fieldsStart.subarray(from, to);
    this.fieldsEnd = whole.fieldsEnd.subarray(from, to);
    this.marks = whole.marks.subarray(from, to);
    const first = from === to ? 0 : recordOf(whole, from);
    const last = from === to ? 0 : recordOf(whole, to - 1) + 1;
    this.records = whole.records.slice(first, last);
    this.firstEvent = whole.firstEvent
      .slice(first, last + 1)
      .map((event) => Math.min(Math.max(event, from), to) - from);
  }

  at(index: number): LogEvent {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`event ${index} of ${this.length}`);
    return this.#whole.at(this.#from + index);
  }

  *[Symbol.iterator](): Generator<LogEvent> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
