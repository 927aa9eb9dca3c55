/** GetShardIterator and GetRecords. */
import { invalidArgument, iteratorExpired, notFound, rateExceeded, validation } from './failure.ts';
import { makeIterator, readIterator } from './iterator.ts';
import { parseSequence, shardName } from './sequence.ts';
import type { Input, Output, Service } from './service.ts';
import type { FakeShard, Page } from './shard.ts';
import type { FakeStream } from './stream.ts';

const MAX_RECORDS = 10_000;

export function getShardIterator(service: Service, input: Input): Output {
  const stream = service.named(input);
  const shard = stream.find(input.ShardId ?? '', service.now());
  if (shard === undefined) throw noShard(input.ShardId ?? '', stream.shape.name, service.account);
  if (service.settings.readLimits && !shard.iterators.take(service.clock.monotonic()))
    throw rateExceeded(shard.shardId, stream.shape.name, service.account);
  const ordinal = startOf(service, stream, shard, input);
  return { fields: { ShardIterator: iteratorAt(service, stream, shard, ordinal) } };
}

export function startOf(service: Service, stream: FakeStream, shard: FakeShard, input: Input): number {
  const { ShardIteratorType: type = '', StartingSequenceNumber: sequence } = input;
  switch (type) {
    case 'TRIM_HORIZON':
    case 'LATEST':
      if (sequence !== undefined) throw mixedStart(type, 'also a StartingSequenceNumber');
      return type === 'LATEST' ? shard.tip : shard.horizon;
    case 'AT_SEQUENCE_NUMBER':
    case 'AFTER_SEQUENCE_NUMBER':
      if (sequence === undefined) throw mixedStart(type, 'no StartingSequenceNumber');
      checkSequence(service, stream, shard, sequence);
      return shard.ordinalOf(sequence, type === 'AFTER_SEQUENCE_NUMBER');
    case 'AT_TIMESTAMP':
      return startAtTime(service, shard, input.Timestamp);
    default:
      throw validation(
        type,
        'shardIteratorType',
        'satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]',
      );
  }
}

function startAtTime(service: Service, shard: FakeShard, timestamp: number | undefined): number {
  if (timestamp === undefined)
    throw invalidArgument(
      'Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.',
    );
  const ms = Math.round(timestamp * 1000);
  const now = service.now();
  if (ms > now)
    throw invalidArgument(
      `The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: ${ms}, currentTimestampInMillis: ${now}`,
    );
  return shard.ordinalAtTime(ms);
}

const mixedStart = (type: string, also: string) =>
  invalidArgument(
    'Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or ' +
      `(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ${type} and ${also}.`,
  );

function checkSequence(service: Service, stream: FakeStream, shard: FakeShard, sequence: string): void {
  const used =
    `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shard.shardId} ` +
    `in stream ${stream.shape.name} under account ${service.account} is invalid`;
  const parts = parseSequence(sequence);
  if (parts === undefined) throw invalidArgument(`${used}.`);
  if (parts.shard !== shard.shape.index)
    throw invalidArgument(
      `Invalid StartingSequenceNumber. It encodes ${shardName(parts.shard)}, while it was used in a call to a shard with ${shard.shardId}`,
    );
  if (parts.createdS !== shard.shape.createdS)
    throw invalidArgument(`${used} because it did not come from this stream.`);
  const aged = parts.index > 0n && parts.index <= BigInt(shard.horizon);
  if (aged && service.settings.agedSequence === 'refuse') throw invalidArgument(`${used} because it has been trimmed.`);
}

export function getRecords(service: Service, input: Input): Output {
  const limit = input.Limit ?? MAX_RECORDS;
  if (limit < 1) throw validation(limit, 'limit', 'have value greater than or equal to 1');
  if (limit > MAX_RECORDS) throw invalidArgument(`Limit ${limit} is more than ${MAX_RECORDS}.`);
  const { stream, shard, ordinal } = resolve(service, input.ShardIterator ?? '');
  const { readLimits, maxPageBytes } = service.settings;
  const at = service.clock.monotonic();
  if (readLimits && !shard.reads.admits(at)) throw rateExceeded(shard.shardId, stream.shape.name, service.account);
  const page = shard.page(ordinal, limit, maxPageBytes);
  if (readLimits) shard.reads.spend(page.bytes, page.full, at);
  return answer(service, stream, shard, page);
}

/** An answer without records, from which reading goes on at the same place. */
export function emptyPage(service: Service, input: Input): Output {
  const { stream, shard, ordinal } = resolve(service, input.ShardIterator ?? '');
  return answer(service, stream, shard, { records: [], bytes: 0, full: false, next: ordinal });
}

/** The shard that a request is about, for faults and the call log; undefined when it names none. */
export function shardOf(input: Input): string | undefined {
  if (input.ShardId !== undefined) return input.ShardId;
  const parts = input.ShardIterator === undefined ? undefined : readIterator(input.ShardIterator);
  return parts === undefined ? undefined : shardName(parts.shard);
}

function resolve(service: Service, token: string): { stream: FakeStream; shard: FakeShard; ordinal: number } {
  const parts = readIterator(token);
  if (parts === undefined) throw invalidArgument('Invalid ShardIterator.');
  const now = service.now();
  const { iteratorTtlMs } = service.settings;
  if (now - parts.issuedMs > iteratorTtlMs) throw iteratorExpired(parts.issuedMs, now, iteratorTtlMs);
  const stream = service.known(parts.stream);
  const shard = stream?.shards[parts.shard];
  if (stream === undefined || shard === undefined || stream.shape.createdMs !== parts.streamCreatedMs)
    throw noShard(shardName(parts.shard), parts.stream, service.account);
  return { stream, shard, ordinal: parts.ordinal };
}

function answer(service: Service, stream: FakeStream, shard: FakeShard, page: Page): Output {
  const { endOfShard, childShards } = service.settings;
  const exhausted = shard.closedMs !== undefined && shard.arrivalOf(page.next) === undefined;
  const ended = exhausted && (endOfShard === 'together' || page.records.length === 0);
  return {
    fields: {
      MillisBehindLatest: behindMs(service, shard, page, ended),
      NextShardIterator: ended ? null : iteratorAt(service, stream, shard, page.next),
      ...(ended && childShards ? { ChildShards: childrenOf(stream, shard) } : {}),
    },
    records: page.records,
    bytes: page.bytes,
  };
}

export function behindMs(service: Service, shard: FakeShard, page: Page, ended: boolean): number {
  // The servers whose shards end with an empty page say there how long ago the shard was closed.
  const closed = ended && service.settings.endOfShard === 'empty-page' ? shard.closedMs : undefined;
  const sinceMs = shard.arrivalOf(page.next) ?? closed;
  return sinceMs === undefined ? 0 : Math.max(1, service.now() - sinceMs);
}

export function childrenOf(stream: FakeStream, shard: FakeShard): unknown[] {
  return stream.shards
    .filter((child) => shard.children.includes(child.shardId))
    .map(({ shardId, shape }) => ({
      ShardId: shardId,
      ParentShards: [shape.parent, shape.adjacentParent].filter((parent) => parent !== undefined),
      HashKeyRange: { StartingHashKey: shape.firstHash.toString(), EndingHashKey: shape.lastHash.toString() },
    }));
}

const iteratorAt = (service: Service, stream: FakeStream, shard: FakeShard, ordinal: number): string =>
  makeIterator({
    issuedMs: service.now(),
    streamCreatedMs: stream.shape.createdMs,
    shard: shard.shape.index,
    ordinal,
    stream: stream.shape.name,
  });

const noShard = (shardId: string, stream: string, account: string) =>
  notFound(`Shard ${shardId} in stream ${stream} under account ${account} does not exist`);
