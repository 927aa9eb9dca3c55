/** The seam of checkpoint stores: one row per shard, and no write that is not conditional. */
import { KinlogError } from '../../base/errors.ts';
import type { Position } from './position.ts';

/** Which stream the rows belong to. `createdMs` tells a stream from a later one of the same name; 0 when it may not be asked for. */
export interface StreamKey {
  /** The stream's name. */
  readonly id: string;
  readonly createdMs: number;
  /** As the service told it; absent when it may not be asked. Says the account where a store needs it. */
  readonly arn?: string;
  /** Where it is; absent when nothing says it. */
  readonly region?: string;
}

/** Grows with every write of a row; nothing else may be read from it. */
export type Version = number;

/** One shard's line in a store: position, lease and lineage. */
export interface ShardRow {
  readonly shardId: string;
  readonly position: Position;
  /** Who reads the shard; absent = nobody. */
  readonly owner?: string;
  /** The reader that has asked the owner for the shard; the owner drains, stores, and makes it the owner. */
  readonly successor?: string;
  readonly parents: readonly string[];
  /** Known once the shard has ended. */
  readonly children?: readonly string[];
  /** The shard's range, inclusive, decimal, 0 to 2^128 - 1; absent = not known. Both or neither. */
  readonly startingHashKey?: string;
  readonly endingHashKey?: string;
  /** Creation of the stream the position belongs to; 0 = unknown. */
  readonly streamCreatedMs: number;
  /** Arrival of the last accepted record, milliseconds since the epoch; 0 = none yet. Finds positions that aged out. */
  readonly arrivalMs: number;
  /** Everything that arrived before this time was read and accepted, milliseconds since the epoch; absent = not known. Tells a shard without records from a position that aged out. */
  readonly readToMs?: number;
  /** Where the stream is whose shard was read; absent = not known. Tells streams of one name apart when their creation may not be asked. */
  readonly region?: string;
}

export interface StoredRow extends ShardRow {
  readonly version: Version;
  /** The row was last written by a program that is not kinlog: its owner neither hands over nor follows our rules. */
  readonly foreign?: boolean;
}

/** Rows of one stream never mix with another's, and a put replaces its row as a whole. A put that settled is as durable as `traits.survivesRestart` says and visible to every later `rows`.
 *  A signal that aborts before a write began prevents it; a write that began settles by its own result. Used after `close`: KINLOG_CLOSED.
 *  A put that failed with _UNAVAILABLE may have happened nevertheless; tried again with the same expected version by the same store it settles as if it had not.
 *  Fails with KINLOG_CHECKPOINT_CONFLICT (somebody else wrote the row), _UNAVAILABLE (may be tried again), _UNREADABLE, _NEWER or _LOCKED. */
export interface CheckpointStore {
  readonly traits: { readonly survivesRestart: boolean; readonly shared: boolean };
  /** Every row of the stream, strongly consistent, in any order. */
  rows(stream: StreamKey, signal: AbortSignal): AsyncIterable<StoredRow>;
  put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version>;
  close(): Promise<void>;
}

/** Stores whose rows can be removed: finished shards that aged out, and positions that a person gives up. */
export interface RowRemover {
  /** Conditional like every write; a row that is gone already is a conflict. Failures as of `put`. */
  remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void>;
}

/** What a put whose condition does not hold ends in. */
export function versionConflict(shardId: string, expected: Version | 'absent', found: Version | 'absent'): KinlogError {
  return new KinlogError(
    'KINLOG_CHECKPOINT_CONFLICT',
    `the row of ${shardId} was expected ${versionText(expected)} but is ${versionText(found)}`,
  );
}

function versionText(version: Version | 'absent'): string {
  return version === 'absent' ? 'absent' : `at version ${version}`;
}
