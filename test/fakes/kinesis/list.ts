/** ListShards: filters, pages and tokens that expire. */
import { KinesisFailure, invalidArgument } from './failure.ts';
import { makeListToken, readListToken } from './iterator.ts';
import type { Input, Output, Service } from './service.ts';
import type { FakeShard } from './shard.ts';
import type { FakeStream } from './stream.ts';

const MAX_RESULTS = 1000;

type Filter = NonNullable<Input['ShardFilter']>;

export function describeShard(shard: FakeShard): Record<string, unknown> {
  const { parent, adjacentParent, firstHash, lastHash } = shard.shape;
  const ending = shard.endingSequenceNumber;
  return {
    ShardId: shard.shardId,
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacentParent === undefined ? {} : { AdjacentParentShardId: adjacentParent }),
    HashKeyRange: { StartingHashKey: firstHash.toString(), EndingHashKey: lastHash.toString() },
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequenceNumber,
      ...(ending === undefined ? {} : { EndingSequenceNumber: ending }),
    },
  };
}

export function listShards(service: Service, input: Input): Output {
  const { stream, from, filter } = input.NextToken === undefined ? first(service, input) : further(service, input);
  if (service.settings.readLimits && !stream.listings.take(service.clock.monotonic()))
    throw new KinesisFailure('LimitExceededException', `Rate exceeded for stream ${stream.shape.name}.`);
  if (stream.status === 'CREATING' || stream.status === 'DELETING')
    throw new KinesisFailure(
      'ResourceInUseException',
      `Stream ${stream.shape.name} under account ${service.account} not ACTIVE, instead in state ${stream.status}`,
    );
  const matching = stream
    .listed(service.now())
    .filter((shard) => shard.shape.index >= from)
    .filter(filterOf(service, stream, filter));
  const shards = matching.slice(0, Math.min(input.MaxResults ?? MAX_RESULTS, MAX_RESULTS));
  const next = matching[shards.length];
  const issuedMs = service.now();
  const token =
    next === undefined
      ? {}
      : {
          NextToken: makeListToken({
            issuedMs,
            from: next.shape.index,
            stream: stream.shape.name,
            filter: JSON.stringify(filter),
          }),
        };
  return { fields: { Shards: shards.map(describeShard), ...token } };
}

interface Listing {
  readonly stream: FakeStream;
  readonly from: number;
  readonly filter: Filter;
}

function first(service: Service, input: Input): Listing {
  if (input.StreamName === undefined && input.StreamARN === undefined)
    throw invalidArgument('Either NextToken or StreamName should be provided.');
  const stream = service.named(input);
  const after = stream.shards.findIndex((shard) => shard.shardId === input.ExclusiveStartShardId);
  return { stream, from: after + 1, filter: input.ShardFilter ?? { Type: 'FROM_TRIM_HORIZON' } };
}

function further(service: Service, input: Input): Listing {
  if (input.StreamName !== undefined || input.ExclusiveStartShardId !== undefined)
    throw invalidArgument('NextToken and StreamName cannot be provided together.');
  const token = readListToken(input.NextToken ?? '');
  if (token === undefined) throw invalidArgument('Invalid NextToken.');
  if (service.now() - token.issuedMs > service.settings.listTokenTtlMs)
    throw new KinesisFailure('ExpiredNextTokenException', 'The NextToken has expired.');
  const stream = service.named({ StreamName: token.stream });
  return { stream, from: token.from, filter: JSON.parse(token.filter) as Filter };
}

function filterOf(service: Service, stream: FakeStream, filter: Filter): (shard: FakeShard) => boolean {
  const horizonMs = Math.max(stream.shape.createdMs, service.now() - stream.retentionMs);
  const timeMs = Math.max((filter.Timestamp ?? 0) * 1000, horizonMs);
  const openAt = (ms: number) => (shard: FakeShard) =>
    shard.shape.openedMs <= ms && (shard.closedMs === undefined || shard.closedMs > ms);
  switch (filter.Type) {
    case 'FROM_TRIM_HORIZON':
      return () => true;
    case 'AT_TRIM_HORIZON':
      return openAt(horizonMs);
    case 'AT_LATEST':
      return (shard) => shard.closedMs === undefined;
    case 'AT_TIMESTAMP':
      return openAt(timeMs);
    case 'FROM_TIMESTAMP':
      return (shard) => shard.closedMs === undefined || shard.closedMs >= timeMs;
    case 'AFTER_SHARD_ID':
      if (filter.ShardId === undefined) throw invalidArgument('ShardId must be provided for AFTER_SHARD_ID.');
      return (shard) => shard.shardId > filter.ShardId!;
    default:
      throw invalidArgument(`Unknown ShardFilter type ${filter.Type}.`);
  }
}
