/** PutRecord and PutRecords. */
import { KinesisFailure, invalidArgument, rateExceeded, streamNotFound, validation } from './failure.ts';
import { HASH_LIMIT, hashOfKey } from './sequence.ts';
import type { Input, Output, PutEntry, Service } from './service.ts';
import type { FakeShard, StoredRecord } from './shard.ts';
import type { FakeStream } from './stream.ts';

const MAX_ENTRIES = 500;
const MIB = 1024 * 1024;

export interface Refusal {
  readonly type: string;
  readonly message: string;
}

export function putRecord(service: Service, input: Input): Output {
  const stream = writable(service, input);
  const entry = { ...input, Data: input.Data ?? '', PartitionKey: input.PartitionKey ?? '' };
  check(stream, entry);
  const shard = shardFor(stream, entry);
  if (!admitted(service, shard, entry)) throw rateExceeded(shard.shardId, stream.shape.name, service.account);
  const { sequenceNumber } = store(service, stream, shard, entry);
  return { fields: { ShardId: shard.shardId, SequenceNumber: sequenceNumber, EncryptionType: stream.encryption } };
}

/** `refuse`: entries that a test wants refused, by their place in the request. */
export function putRecords(service: Service, input: Input, refuse?: (index: number) => Refusal | undefined): Output {
  const stream = writable(service, input);
  const entries = input.Records ?? [];
  checkRequest(service, stream, entries);
  let failed = 0;
  const results = entries.map((entry, index) => {
    const shard = shardFor(stream, entry);
    const refusal = refuse?.(index) ?? (admitted(service, shard, entry) ? undefined : throttle(service, stream, shard));
    if (refusal === undefined)
      return { SequenceNumber: store(service, stream, shard, entry).sequenceNumber, ShardId: shard.shardId };
    failed++;
    return { ErrorCode: refusal.type, ErrorMessage: refusal.message };
  });
  return { fields: { EncryptionType: stream.encryption, FailedRecordCount: failed, Records: results } };
}

/** Stores without limits and checks, for tests that fill a stream. */
export function store(service: Service, stream: FakeStream, shard: FakeShard, entry: PutEntry): StoredRecord {
  return shard.append({
    partitionKey: stream.keyless ? undefined : entry.PartitionKey,
    base64: entry.Data,
    bytes: sizeOf(entry),
    arrivalMs: Math.max(service.now(), shard.shape.openedMs),
  });
}

export function shardFor(stream: FakeStream, entry: Pick<PutEntry, 'PartitionKey' | 'ExplicitHashKey'>): FakeShard {
  const { ExplicitHashKey: explicit, PartitionKey: key } = entry;
  if (explicit === undefined) return stream.route(hashOfKey(key));
  const hash = /^(0|[1-9]\d{0,38})$/.test(explicit) ? BigInt(explicit) : HASH_LIMIT;
  if (hash >= HASH_LIMIT)
    throw invalidArgument(
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${explicit}`,
    );
  return stream.route(hash);
}

function writable(service: Service, input: Input): FakeStream {
  const stream = service.named(input);
  if (stream.status !== 'ACTIVE' && stream.status !== 'UPDATING')
    throw streamNotFound(stream.shape.name, service.account);
  return stream;
}

function checkRequest(service: Service, stream: FakeStream, entries: readonly PutEntry[]): void {
  if (entries.length === 0) throw validation('[]', 'records', 'have length greater than or equal to 1');
  if (entries.length > MAX_ENTRIES)
    throw validation('[…]', 'records', `have length less than or equal to ${MAX_ENTRIES}`);
  for (const entry of entries) check(stream, entry);
  const { maxRequestBytes } = service.settings;
  if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > maxRequestBytes)
    throw invalidArgument(`Records size exceeds ${maxRequestBytes / MIB} MB limit`);
}

function check(stream: FakeStream, entry: PutEntry): void {
  const keyLength = Array.from(entry.PartitionKey).length;
  if (keyLength < 1) throw validation('', 'partitionKey', 'have length greater than or equal to 1');
  if (keyLength > 256) throw validation('…', 'partitionKey', 'have length less than or equal to 256');
  const most = stream.maxRecordKiB * 1024;
  if (sizeOf(entry) > most) throw validation('…', 'data', `have length less than or equal to ${most}`);
}

const admitted = (service: Service, shard: FakeShard, entry: PutEntry): boolean =>
  !service.settings.writeLimits || shard.writes.take(sizeOf(entry), service.clock.monotonic());

function throttle(service: Service, stream: FakeStream, shard: FakeShard): Refusal {
  const { type, message }: KinesisFailure = rateExceeded(shard.shardId, stream.shape.name, service.account);
  return { type, message };
}

const sizeOf = (entry: PutEntry): number =>
  Buffer.byteLength(entry.Data, 'base64') + Buffer.byteLength(entry.PartitionKey);
