/** Rows as readers that share a stream see them, for the tests of what is decided from them. */
import type { StoredRow } from '../../../reader/checkpoint/store.ts';

export const shard = (n: number): string => `shard-${n}`;

export function row(n: number, fields: Partial<StoredRow> = {}): StoredRow {
  return {
    ...{ shardId: shard(n), version: 1, position: { kind: 'horizon' }, parents: [], streamCreatedMs: 0, arrivalMs: 0 },
    ...fields,
  };
}
