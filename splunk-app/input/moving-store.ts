/** A store that takes over the positions of the store that an input used before, when it is first read. */
import { isKinlogError } from '../../base/errors.ts';
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

export type Store = CheckpointStore & RowRemover;

export interface Move {
  /** Where the positions come from; closed once they are over. Its rows stay as they are, and are overtaken when positions move back. */
  readonly from: Store;
  readonly to: Store;
  /** Called once every position is durable in `to`. */
  readonly done: (moved: number) => Promise<void>;
}

/** Nothing is read before everything has moved. Only forward: a row that lies further already stays, and so does one that a reader has, which moves it itself. An interruption is made up for by the next start. */
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
    const { from, done } = this.#move;
    const present = await rowsById(this.#to, stream, signal);
    let moved = 0;
    // A child with a row below a parent without one means that the parent was passed over, so parents go first.
    for (const row of parentsFirst(await rowsById(from, stream, signal)))
      if (await this.#moveRow(stream, row, present.get(row.shardId), signal)) moved++;
    await done(moved);
    await from.close();
  }

  async #moveRow(
    stream: StreamKey,
    row: StoredRow,
    present: StoredRow | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (present !== undefined && (present.owner !== undefined || !isFurther(row, present, stream))) return false;
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

async function rowsById(store: Store, stream: StreamKey, signal: AbortSignal): Promise<Map<string, StoredRow>> {
  const rows = new Map<string, StoredRow>();
  for await (const row of store.rows(stream, signal)) rows.set(row.shardId, row);
  return rows;
}

/** Positions of different streams of one name can not be compared: the one of the stream that is read now counts. */
function isFurther(row: ShardRow, present: ShardRow, { createdMs }: StreamKey): boolean {
  if (row.streamCreatedMs !== present.streamCreatedMs) return row.streamCreatedMs === createdMs;
  return comparePositions(row.position, present.position) > 0;
}
