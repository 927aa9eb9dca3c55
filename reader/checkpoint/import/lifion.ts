/** Tables of lifion-kinesis: one item per consumer group and stream, which holds every shard. */
import {
  afterSequence,
  chosen,
  mapOf,
  textOf,
  type FoundShard,
  type FoundTable,
  type Item,
  type Sought,
} from './layout.ts';

/** A consumer is taken for gone after that time without a heartbeat (lifion/lifion-kinesis, lib/heartbeat-manager.js). */
const HEARTBEAT_MS = 60_000;

/**
 * Attributes (lifion/lifion-kinesis, lib/state-store.js): consumerGroup, streamName, streamCreatedOn, consumers, enhancedConsumers, and shards by their ids
 * with checkpoint (last sequence number), depleted, leaseOwner, leaseExpiration. Consumers that share no shards keep a map of their own inside `consumers` or
 * `enhancedConsumers`. Records are de-aggregated, and the number of the user record inside its aggregate is not kept.
 */
export function lifionTable(items: readonly Item[], sought: Sought): FoundTable {
  const ours = items.filter((item) => textOf(item, 'streamName') === sought.stream);
  const groups = ours.map((item) => textOf(item, 'consumerGroup') ?? '');
  const choice = chosen(groups, sought.application, `consumer group of the stream ${sought.stream}`);
  if ('fault' in choice) return { shards: [], alive: [], faults: [choice.fault] };
  const item = ours[groups.indexOf(choice.name)];
  const maps = shardMaps(item);
  const [map, second] = maps;
  if (map !== undefined && second !== undefined)
    return {
      ...{ shards: [], alive: aliveIn(item, map.shards, sought) },
      faults: [`${maps.map(({ place }) => place).join(' and ')} hold positions that contradict each other`],
    };
  const shards = map?.shards ?? {};
  const found = Object.keys(shards).map((shardId) => shardOf(shardId, mapOf(shards, shardId)));
  const created = Date.parse(textOf(item, 'streamCreatedOn') ?? '');
  return {
    shards: found.filter((shard) => typeof shard !== 'string'),
    alive: aliveIn(item, shards, sought),
    faults: found.filter((shard) => typeof shard === 'string'),
    ...(Number.isNaN(created) ? {} : { createdMs: created }),
  };
}

/** Every place that holds shards; more than one means several readers with positions of their own. */
function shardMaps(item: Item | undefined): { readonly place: string; readonly shards: Item }[] {
  const own = ['consumers', 'enhancedConsumers'].flatMap((kind) =>
    Object.keys(mapOf(item, kind)).map((name) => ({
      place: `${kind}.${name}.shards`,
      shards: mapOf(mapOf(mapOf(item, kind), name), 'shards'),
    })),
  );
  return [{ place: 'shards', shards: mapOf(item, 'shards') }, ...own].filter(
    ({ shards }) => Object.keys(shards).length > 0,
  );
}

/** A sentence when the shard makes no sense. */
function shardOf(shardId: string, shard: Item): FoundShard | string {
  if (shard['depleted']?.BOOL === true) return { shardId, position: { kind: 'end' } };
  const checkpoint = textOf(shard, 'checkpoint');
  if (checkpoint === undefined) return { shardId };
  const position = afterSequence(checkpoint, false);
  return position === undefined ? `${shardId}: checkpoint is ${JSON.stringify(checkpoint)}` : { shardId, position };
}

function aliveIn(item: Item | undefined, shards: Item, { nowMs }: Sought): string[] {
  const leases = Object.keys(shards).flatMap((shardId) => {
    const shard = mapOf(shards, shardId);
    const until = Date.parse(textOf(shard, 'leaseExpiration') ?? '');
    const owner = textOf(shard, 'leaseOwner');
    return owner !== undefined && until > nowMs
      ? [`${shardId} is leased by ${owner} until ${new Date(until).toISOString()}`]
      : [];
  });
  const consumers = mapOf(item, 'consumers');
  const beats = Object.keys(consumers).flatMap((id) => {
    const heartbeat = Date.parse(textOf(mapOf(consumers, id), 'heartbeat') ?? '');
    return nowMs - heartbeat <= HEARTBEAT_MS
      ? [`consumer ${id} was alive at ${new Date(heartbeat).toISOString()}`]
      : [];
  });
  return [...leases, ...beats];
}
