/** Tables of Redpanda Connect (Benthos): an item per stream and shard. */
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
 * Attributes (redpanda-data/connect, internal/impl/aws/kinesis/input_checkpointer.go): StreamID (a name or an ARN, as its configuration says), ShardID,
 * SequenceNumber, ClientID, LeaseTimeout. SequenceNumber is the last acknowledged record. A shard that was read to its end loses its item.
 */
export function redpandaTable(items: readonly Item[], sought: Sought): FoundTable {
  const shards: FoundShard[] = [];
  const faults: string[] = [];
  const streams = new Set(items.map((item) => textOf(item, 'StreamID')));
  const ours = items.filter((item) => nameOf(textOf(item, 'StreamID')) === sought.stream);
  if (streams.has(undefined)) faults.push('an item has no StreamID, so this is no table of Redpanda Connect');
  else if (ours.length === 0)
    faults.push(`there is no item of the stream ${sought.stream}, but of ${[...streams].join(', ') || 'none'}`);
  for (const item of ours) {
    const shardId = textOf(item, 'ShardID');
    const sequence = textOf(item, 'SequenceNumber');
    const position = sequence === undefined ? undefined : afterSequence(sequence, true);
    if (shardId === undefined) faults.push('an item has no ShardID');
    else if (sequence !== undefined && position === undefined)
      faults.push(`${shardId}: SequenceNumber is ${JSON.stringify(sequence)}`);
    else shards.push({ shardId, ...(position === undefined ? {} : { position }) });
  }
  const alive = ours.map((item) => leaseSign(item, 'ClientID', sought)).filter((sign) => sign !== undefined);
  return { shards, alive, faults };
}

function nameOf(stream: string | undefined): string | undefined {
  return stream?.split(':stream/').at(-1);
}
