/** The calls to Kinesis that reading needs, as narrow ports: failures leave as KinlogError, an abort as the signal's reason. */
import type { Page } from '../../base/pages.ts';
import type { Position } from '../checkpoint/position.ts';
import type { KinesisRecord, Shard } from './source.ts';

/** Where an iterator begins; never at the tip, for what arrives between two such iterators is lost. */
export type IteratorStart =
  | { readonly kind: 'horizon' }
  /** Refused with KINLOG_POSITION_REFUSED when it lies in the future of the server's clock. Milliseconds since the epoch. */
  | { readonly kind: 'timestamp'; readonly ms: number }
  | { readonly kind: 'at' | 'after'; readonly sequenceNumber: string };

/** Where reading begins from a position that has not reached the end. */
export function startAt(from: Exclude<Position, { readonly kind: 'end' }>): IteratorStart {
  if (from.kind !== 'after') return from;
  return { kind: from.partial ? 'at' : 'after', sequenceNumber: from.sequenceNumber };
}

export interface RecordsAnswer {
  readonly records: readonly KinesisRecord[];
  /** Bytes of record data. */
  readonly bytes: number;
  /** Absent when the closed shard was read to its end. */
  readonly next: string | undefined;
  readonly millisBehindLatest: number;
  readonly children: readonly Shard[];
  /** Gives the memory of the records back, once nothing refers to them any more; further calls do nothing. */
  readonly recycle?: () => void;
}

/** One attempt each. The same iterator may be asked again until it expires (KINLOG_ITERATOR_EXPIRED, five minutes) or is refused (KINLOG_REQUEST_REFUSED). */
export interface ShardApi {
  iterator(shardId: string, start: IteratorStart, signal: AbortSignal): Promise<string>;
  records(iterator: string, limit: number, signal: AbortSignal): Promise<RecordsAnswer>;
}

export interface StreamDescription {
  readonly name: string;
  readonly arn: string;
  /** Milliseconds since the epoch; tells a stream from a later one of the same name. */
  readonly createdMs: number;
  readonly status: string;
  readonly retentionMs: number;
  /** As `serverTimeMs` of the port, when it was described. */
  readonly serverTimeMs: number;
}

/** One attempt each. KINLOG_STREAM_NOT_FOUND, KINLOG_LISTING_EXPIRED when a token is older than five minutes. */
export interface StreamApi {
  describe(signal: AbortSignal): Promise<StreamDescription>;
  shards(token: string | undefined, signal: AbortSignal): Promise<Page<Shard, string>>;
  /** The server's clock by its latest answer, a refusal too, to the second below; our wall clock as long as no answer carried a Date. */
  serverTimeMs(): number;
  /** Where the calls go; undefined when nothing says it. */
  region(): Promise<string | undefined>;
}
