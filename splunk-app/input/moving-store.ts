/** A store that takes over the positions of the store that an input used before, when it is first read. */
import type { Clock } from '../../base/clock.ts';
import { isKinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import { withoutLease } from '../../reader/checkpoint/export.ts';
import type {
  CheckpointStore,
  RowRemover,
  ShardRow,
  StoredRow,
  StreamKey,
  Version,
} from '../../reader/checkpoint/store.ts';
import { parentsFirst } from '../../reader/shards/lineage.ts';
import { releasedRows, type ReleasedRows, type Store } from './released-rows.ts';

export interface Move {
  /** Where the positions come from; closed once they are over. Its rows stay as they are, and are overtaken when positions move back. */
  readonly from: Store;
  readonly to: Store;
  /** What is to be said when `from` can not be read: nobody else would know that it still matters. */
  readonly kept: (error: unknown) => unknown;
  /** Called once every position is durable in `to`; `living` are readers that go on using `from`. */
  readonly done: (moved: number, living: ReadonlySet<string>) => Promise<void>;
  readonly clock: Clock;
  readonly log: EventLog;
  /** Of both stores, milliseconds. */
  readonly leasePeriodMs: number;
}

/** The process before this one stores what it still delivers, and other hosts change their stanzas at about the same time. */
const PERIODS_TO_LEAVE = 3;

/** Nothing is read before everything has moved. Only forward: a row that lies further already stays, and so does one that a living reader has, which moves it itself. An interruption is made up for by the next start. */
export class MovingStore implements CheckpointStore, RowRemover {
  readonly traits: CheckpointStore['traits'];
  readonly #move: Move;
  readonly #to: Store;
  #moved: Promise<void> | undefined;

  constructor(move: Move) {
    this.#move = move;
    this.#to = move.to;
    this.traits = move.to.traits;
  }

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    this.#moved ??= this.#moveRows(stream, signal).catch((error: unknown) => {
      this.#moved = undefined;
      throw error;
    });
    await this.#moved;
    yield* this.#to.rows(stream, signal);
  }

  put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version> {
    return this.#to.put(stream, row, expected, signal);
  }

  remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    return this.#to.remove(stream, shardId, expected, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#move.from.close(), this.#to.close()]);
  }

  async #moveRows(stream: StreamKey, signal: AbortSignal): Promise<void> {
    const { from, kept, done } = this.#move;
    const before = await this.#released(from, stream, signal, {
      matters: () => true,
      periods: PERIODS_TO_LEAVE,
    }).catch((error: unknown) => {
      throw kept(error);
    });
    const matters = (row: StoredRow) => {
      const moving = before.rows.get(row.shardId);
      return moving !== undefined && isFurther(moving, row, stream);
    };
    // Whoever takes the rows anew from a dead reader would begin where that one ended.
    const present = await this.#released(this.#to, stream, signal, { matters, periods: 0 });
    let moved = 0;
    // A child with a row below a parent without one means that the parent was passed over, so parents go first.
    for (const row of parentsFirst(before.rows)) if (await this.#moveRow(stream, row, present, signal)) moved++;
    await done(moved, before.living);
    await from.close();
  }

  #released(
    store: Store,
    stream: StreamKey,
    signal: AbortSignal,
    wanted: Parameters<typeof releasedRows>[3],
  ): Promise<ReleasedRows> {
    const { clock, log, leasePeriodMs } = this.#move;
    return releasedRows(store, stream, { clock, log, leasePeriodMs, signal }, wanted);
  }

  async #moveRow(
    stream: StreamKey,
    row: StoredRow,
    { rows, living }: ReleasedRows,
    signal: AbortSignal,
  ): Promise<boolean> {
    const present = rows.get(row.shardId);
    if (present !== undefined && (living.has(present.owner ?? '') || !isFurther(row, present, stream))) return false;
    try {
      await this.#to.put(stream, withoutLease(row), present?.version ?? 'absent', signal);
      return true;
    } catch (error) {
      // A reader that shares the store was quicker, and goes on from there.
      if (isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) return false;
      throw error;
    }
  }
}

/** Positions of different streams of one name can not be compared: the one of the stream that is read now counts. 0: whoever wrote the row was not allowed to know. */
function isFurther(row: ShardRow, present: ShardRow, { createdMs }: StreamKey): boolean {
  const [its, theirs] = [row.streamCreatedMs, present.streamCreatedMs];
  if (its !== theirs && its !== 0 && theirs !== 0) return its === createdMs;
  return comparePositions(row.position, present.position) > 0;
}
