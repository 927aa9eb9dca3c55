/** The seam of record formats: how the bytes of one payload become events of a batch. */
import type { EventBatchBuilder } from './batch.ts';

/** Half-open, into `builder.bytes`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** `full`: the batch takes no more; the same payload goes on at `resumeAt`, counted from the start of the payload, in the next batch.
 *  `not-this`: nothing was added and the payload belongs to another format. */
export type DecodeResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'full'; readonly resumeAt: number }
  | { readonly kind: 'not-this'; readonly reason: string };

/** A format of payloads (a record's data after decompression and KPL de-aggregation). `decode` never throws for bytes, whatever they are, never loops, and drops nothing:
 *  what it can't explain it adds raw with MARK.undecoded, or it says `not-this` before it added anything. */
export interface RecordFormat {
  readonly name: string;
  /** Cheap and sure enough to try; `decode` may still say `not-this`. */
  recognise(bytes: Uint8Array): boolean;
  /** `range` lies in a page that `into.load` copied in; `from` is an earlier `resumeAt`. */
  decode(range: Range, into: EventBatchBuilder, from?: number): DecodeResult;
}
