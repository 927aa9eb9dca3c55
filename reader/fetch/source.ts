/** The seam through which records of a shard arrive. */
import type { Position } from '../checkpoint/position.ts';

/** A shard as ListShards tells it. */
export interface Shard {
  readonly shardId: string;
  /** None, one (split) or two (merge); a parent that is not listed any more has aged out. */
  readonly parents: readonly string[];
  /** Inclusive, decimal, 0 to 2^128 - 1. */
  readonly startingHashKey: string;
  readonly endingHashKey: string;
  /** Takes no more records. A shard named as a child by a page is taken for open until it is listed. */
  readonly closed: boolean;
}

export interface KinesisRecord {
  readonly data: Uint8Array;
  readonly sequenceNumber: string;
  /** May be absent on streams whose service ignores keys. */
  readonly partitionKey: string | undefined;
  readonly arrivalMs: number;
}

export interface RecordPage {
  readonly records: readonly KinesisRecord[];
  /** How far the page lies behind the tip; 0 = caught up. */
  readonly millisBehindLatest: number;
  /** Bytes of record data. */
  readonly bytes: number;
  /** With the last page of a closed shard, as far as Kinesis names them; empty before. */
  readonly children: readonly Shard[];
  /** Gives the page's bytes back to the process; to be called once nothing refers to the records any more, for their data will be written over. Further calls do nothing. */
  release(): void;
}

/** Pages of one shard from a position on, in order, empty ones too; the iterable ends when the closed shard was read to its end, after its last records.
 *  Aborting ends every wait at once with the signal's reason. Otherwise it throws KinlogError: what heals by itself is retried inside and reported as an event, so what comes out needs a decision. */
export interface RecordSource {
  open(shard: Shard, from: Position, signal: AbortSignal): AsyncIterable<RecordPage>;
}
