/** Positions that live as long as the process: for tests, and for readers that always start anew. */
import { KinlogError } from '../../base/errors.ts';
import {
  versionConflict,
  type CheckpointStore,
  type RowRemover,
  type ShardRow,
  type StoredRow,
  type StreamKey,
} from './store.ts';

export class MemoryStore implements CheckpointStore, RowRemover {
  readonly traits = { survivesRestart: false, shared: false };
  /** By stream id, then by shard id. */
  readonly #streams = new Map<string, Map<string, StoredRow>>();
  #closed = false;

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    await this.#ready(signal);
    for (const row of [...(this.#streams.get(stream.id)?.values() ?? [])]) {
      signal.throwIfAborted();
      yield structuredClone(row);
    }
  }

  async put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal): Promise<number> {
    await this.#ready(signal);
    const rows = this.#streams.get(stream.id) ?? new Map<string, StoredRow>();
    const found = rows.get(row.shardId)?.version ?? 'absent';
    if (found !== expected) throw versionConflict(row.shardId, expected, found);
    const version = found === 'absent' ? 1 : found + 1;
    rows.set(row.shardId, { ...structuredClone(row), version });
    this.#streams.set(stream.id, rows);
    return version;
  }

  async remove(stream: StreamKey, shardId: string, expected: number, signal: AbortSignal): Promise<void> {
    await this.#ready(signal);
    const rows = this.#streams.get(stream.id);
    const found = rows?.get(shardId)?.version ?? 'absent';
    if (found !== expected) throw versionConflict(shardId, expected, found);
    rows?.delete(shardId);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** A turn of the event loop in front of every call, so that callers meet the races that other stores have. */
  async #ready(signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    signal.throwIfAborted();
    if (this.#closed) throw new KinlogError('KINLOG_CLOSED', 'the position store was used after it was closed');
  }
}
