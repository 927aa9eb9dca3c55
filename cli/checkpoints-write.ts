/** Several rows written or removed in the order in which an interruption makes a reader read too much rather than too little. */
import type { ShardRow, StoredRow } from '../reader/checkpoint/store.ts';
import { promptly, type Place } from './checkpoints-scene.ts';

/** Parents first: a child without a row is read from its beginning, but a closed parent without one above a child with one is passed over. */
export async function putAll(
  rows: readonly ShardRow[],
  before: ReadonlyMap<string, StoredRow>,
  { store, stream, signal }: Place,
): Promise<void> {
  for (const row of parentsFirst(rows)) {
    const expected = before.get(row.shardId)?.version ?? 'absent';
    await promptly(() => store.put(stream, row, expected, signal), signal);
  }
}

/** Children first, for the same reason. */
export async function removeAll(rows: readonly StoredRow[], { store, stream, signal }: Place): Promise<void> {
  for (const { shardId, version } of parentsFirst(rows).reverse())
    await promptly(() => store.remove(stream, shardId, version, signal), signal);
}

/** Kinesis numbers shards as they appear. */
function parentsFirst<Row extends ShardRow>(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
}
