/** Tables of vmware-go-kcl: an item per shard, and one stream per table. */
import {
  afterSequence,
  leaseSign,
  textOf,
  type FoundShard,
  type FoundTable,
  type Item,
  type Sought,
} from './layout.ts';

/**
 * Attributes (vmware/vmware-go-kcl-v2, clientlibrary/checkpoint/checkpointer.go): ShardID, AssignedTo, LeaseTimeout, Checkpoint, ParentShardId, ClaimRequest.
 * Checkpoint is the sequence number of the last processed user record, or SHARD_END; the number of the user record inside its aggregate is not kept.
 */
export function vmwareTable(items: readonly Item[], sought: Sought): FoundTable {
  const shards: FoundShard[] = [];
  const faults: string[] = [];
  for (const item of items) {
    const shardId = textOf(item, 'ShardID');
    if (shardId === undefined) {
      faults.push('an item has no ShardID, so this is no table of vmware-go-kcl');
      continue;
    }
    const checkpoint = textOf(item, 'Checkpoint');
    const position = checkpoint === undefined ? undefined : positionOf(checkpoint);
    if (checkpoint !== undefined && position === undefined)
      faults.push(`${shardId}: Checkpoint is ${JSON.stringify(checkpoint)}`);
    shards.push({ shardId, ...(position === undefined ? {} : { position }) });
  }
  const alive = items.map((item) => leaseSign(item, 'AssignedTo', sought)).filter((sign) => sign !== undefined);
  return { shards, alive, faults };
}

function positionOf(checkpoint: string): FoundShard['position'] {
  return checkpoint === 'SHARD_END' ? { kind: 'end' } : afterSequence(checkpoint, false);
}
