/** Rows of one stream, and what a store holds of it. */
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';
import type { Store } from '../../../splunk-app/input/released-rows.ts';

const { signal } = new AbortController();

export const STREAM = { id: 'logs', createdMs: 7 };

export const after = (n: number): Position => ({
  kind: 'after',
  sequenceNumber: String(n),
  subSequence: 0,
  partial: false,
});

export const row = (shardId: string, position: Position, more: Partial<ShardRow> = {}): ShardRow => ({
  ...{ shardId, position, parents: [], streamCreatedMs: 7, arrivalMs: 0 },
  ...more,
});

/** Sorted, without their versions. */
export async function rowsOf(store: Store): Promise<ShardRow[]> {
  const rows: ShardRow[] = [];
  for await (const { version: _version, ...rest } of store.rows(STREAM, signal)) rows.push(rest);
  return rows.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
}
