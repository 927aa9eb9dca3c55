/** Tables of telegraf's kinesis_consumer and of harlow/kinesis-consumer: an item per application, stream and shard, without any lease. */
import { afterSequence, chosen, textOf, type FoundShard, type FoundTable, type Item, type Sought } from './layout.ts';

/**
 * Attributes (influxdata/telegraf, plugins/inputs/kinesis_consumer/store.go; harlow/kinesis-consumer, store/ddb/ddb.go): namespace (application, a dash, the
 * stream's name), shard_id, sequence_number of the last processed record. Neither the end of a shard nor a reader at work can be told from them, nor whether
 * the record was taken as a whole: harlow/kinesis-consumer has had releases that de-aggregate (options.go, WithAggregation).
 */
export function telegrafTable(items: readonly Item[], { stream, application }: Sought): FoundTable {
  const suffix = `-${stream}`;
  const applications = new Set(
    items
      .map((item) => textOf(item, 'namespace') ?? '')
      .filter((namespace) => namespace.endsWith(suffix))
      .map((namespace) => namespace.slice(0, -suffix.length)),
  );
  const choice = chosen([...applications], application, `application with positions of ${stream}`);
  if ('fault' in choice) return { shards: [], alive: [], faults: [choice.fault] };
  const shards: FoundShard[] = [];
  const faults: string[] = [];
  for (const item of items.filter((one) => textOf(one, 'namespace') === `${choice.name}${suffix}`)) {
    const shardId = textOf(item, 'shard_id');
    const sequence = textOf(item, 'sequence_number');
    const position = sequence === undefined ? undefined : afterSequence(sequence, false);
    if (shardId === undefined) faults.push('an item has no shard_id');
    else if (position === undefined) faults.push(`${shardId}: sequence_number is ${JSON.stringify(sequence ?? '')}`);
    else shards.push({ shardId, position });
  }
  return { shards, alive: [], faults };
}
