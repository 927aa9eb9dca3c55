/** Whether a listing accounts for every record: the hash ranges of the shards that lead on must leave no part out. Pure. */
import type { Shard } from '../fetch/source.ts';

const LAST_HASH = 2n ** 128n - 1n;

export interface Hole {
  /** Inclusive. */
  readonly from: bigint;
  readonly to: bigint;
}

/** The first part of the hash range that neither an open shard nor a closed one without listed children covers; undefined when there is none. Overlaps are
 *  normal while a stream is resharded. */
export function uncovered(listed: readonly Shard[]): Hole | undefined {
  const parents = new Set(listed.flatMap((shard) => shard.parents));
  const ranges = listed
    .filter((shard) => !shard.closed || !parents.has(shard.shardId))
    .map((shard) => ({ from: BigInt(shard.startingHashKey), to: BigInt(shard.endingHashKey) }))
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  let next = 0n;
  for (const { from, to } of ranges) {
    if (from > next) return { from: next, to: from - 1n };
    if (to >= next) next = to + 1n;
  }
  return next > LAST_HASH ? undefined : { from: next, to: LAST_HASH };
}
