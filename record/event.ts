/** What one log event is, wherever it came from. */

/** Absent means "not said": the output's own default applies. */
export interface EventMeta {
  readonly host?: string;
  readonly source?: string;
  readonly sourcetype?: string;
  readonly index?: string;
}

/** Where in the stream an event lies. A plain record has `subSequence` 0; the n-th user record of a KPL aggregate has n, from 0. */
export interface RecordPlace {
  /** Decimal digits; compare by length, then as text, and only within one shard. */
  readonly sequenceNumber: string;
  readonly subSequence: number;
  /** Approximate arrival in Kinesis, milliseconds since the epoch; not monotonic. */
  readonly arrivalMs: number;
}

/** Bits of `EventBatch.marks`. */
export const MARK = {
  /** No format explains the bytes; they are delivered as they are. */
  undecoded: 1,
  /** A piece of an unbroken stream: the receiver must find the event borders. */
  unbroken: 2,
  /** Ends an unbroken stream's current event. */
  done: 4,
} as const;

/** A lazy view of one event of a batch; valid as long as the batch is. */
export interface LogEvent {
  readonly data: Uint8Array;
  /** `data` as UTF-8; what is not becomes U+FFFD. */
  readonly text: string;
  /** Milliseconds since the epoch with up to three decimals; undefined when the event carries no time. */
  readonly timeMs: number | undefined;
  readonly meta: EventMeta;
  /** JSON text of an object of indexed fields. */
  readonly fields: string | undefined;
  readonly mark: number;
}

/** A value of an indexed field; an array is a field with several values. */
export type IndexedValue = string | number | boolean;
export type IndexedFields = Readonly<Record<string, IndexedValue | readonly IndexedValue[]>>;

/** An event on its way into the stream. */
export interface OutgoingEvent {
  readonly data: Uint8Array | string;
  /** Milliseconds since the epoch with up to three decimals; absent: the receiver reads a time from the text or takes the arrival. */
  readonly timeMs?: number;
  readonly meta?: EventMeta;
  /** Only formats with a place for them (HEC) carry them. */
  readonly fields?: IndexedFields;
}
