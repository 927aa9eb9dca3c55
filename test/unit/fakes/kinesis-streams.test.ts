/** What the simulator promises about streams, shards, listings and puts. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { KinesisFailure } from '../../fakes/kinesis/failure.ts';
import type { Operation } from '../../fakes/kinesis/operations.ts';
import type { Input } from '../../fakes/kinesis/service.ts';

const MIB = 1024 * 1024;
const shard = (index: number) => `shardId-${String(index).padStart(12, '0')}`;

let clock: FakeClock;
let fake: FakeKinesis;

beforeEach(() => {
  clock = new FakeClock();
  fake = new FakeKinesis({ clock });
  fake.createStream('logs', 2);
});

const call = (operation: Operation, input: Input = {}) => fake.call(operation, { StreamName: 'logs', ...input }).fields;

function refused(operation: Operation, input: Input = {}): string {
  try {
    call(operation, input);
  } catch (error) {
    if (error instanceof KinesisFailure) return error.type;
    throw error;
  }
  return 'nothing was refused';
}

interface Listed {
  readonly ShardId: string;
  readonly ParentShardId?: string;
  readonly AdjacentParentShardId?: string;
  readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string };
}

const listed = (input: Input = {}) => call('ListShards', input)['Shards'] as Listed[];
const names = (input: Input = {}) => listed(input).map(({ ShardId }) => Number(ShardId.slice(8)));

describe('streams', () => {
  test('are made, described and deleted at once, unless changes take time', async () => {
    fake.settings.changeMs = 500;
    call('CreateStream', { StreamName: 'slow', ShardCount: 3 });
    const summary = () =>
      call('DescribeStreamSummary', { StreamName: 'slow' })['StreamDescriptionSummary'] as Record<string, unknown>;
    expect(summary()).toMatchObject({ StreamStatus: 'CREATING', StreamName: 'slow' });
    expect(refused('ListShards', { StreamName: 'slow' })).toBe('ResourceInUseException');
    await clock.advance(500);
    expect(summary()).toMatchObject({ StreamStatus: 'ACTIVE', OpenShardCount: 3, RetentionPeriodHours: 24 });
    call('DeleteStream', { StreamName: 'slow' });
    expect(summary()).toMatchObject({ StreamStatus: 'DELETING' });
    await clock.advance(500);
    expect(refused('DescribeStreamSummary', { StreamName: 'slow' })).toBe('ResourceNotFoundException');
  });

  test('can be named by ARN', () => {
    const { StreamARN } = call('DescribeStream')['StreamDescription'] as { StreamARN: string };
    expect(fake.call('ListShards', { StreamARN }).fields['Shards']).toHaveLength(2);
  });

  test('are described 20 times a second', () => {
    for (let i = 0; i < 20; i++) call('DescribeStreamSummary');
    expect(refused('DescribeStreamSummary')).toBe('LimitExceededException');
  });

  test('can not be made twice; one that was made again is younger', () => {
    expect(refused('CreateStream', { ShardCount: 1 })).toBe('ResourceInUseException');
    const created = () =>
      (call('DescribeStream')['StreamDescription'] as { StreamCreationTimestamp: number }).StreamCreationTimestamp;
    const first = created();
    call('DeleteStream');
    call('CreateStream', { ShardCount: 1 });
    expect(created()).toBeGreaterThan(first);
  });
});

describe('resharding', () => {
  test('a split closes the parent and opens two children of its range', async () => {
    await clock.advance(60_000);
    fake.split('logs', shard(0));
    const [parent, , left, right] = listed();
    expect(parent!.SequenceNumberRange.EndingSequenceNumber).toMatch(/^\d{56}$/);
    expect([left!.ParentShardId, right!.ParentShardId]).toEqual([shard(0), shard(0)]);
    expect(names({ ShardFilter: { Type: 'AT_LATEST' } })).toEqual([1, 2, 3]);
  });

  test('a merge names both parents', () => {
    call('MergeShards', { ShardToMerge: shard(0), AdjacentShardToMerge: shard(1) });
    expect(listed()[2]).toMatchObject({ ParentShardId: shard(0), AdjacentParentShardId: shard(1) });
  });

  test('takes its time when told so: the stream is updating, puts go on, a second change is refused', async () => {
    fake.settings.changeMs = 100;
    const split = { ShardToSplit: shard(0), NewStartingHashKey: '12345' };
    call('SplitShard', split);
    expect(refused('SplitShard', split)).toBe('ResourceInUseException');
    expect(call('PutRecord', { Data: '', PartitionKey: 'k', ExplicitHashKey: '1' })['ShardId']).toBe(shard(0));
    await clock.advance(100);
    expect(call('PutRecord', { Data: '', PartitionKey: 'k', ExplicitHashKey: '1' })['ShardId']).toBe(shard(2));
  });

  test('UpdateShardCount leaves an even stream and short-lived shards in between', () => {
    call('UpdateShardCount', { TargetShardCount: 3 });
    const open = fake.stream('logs').open.map(({ shape }) => shape.lastHash - shape.firstHash);
    expect(open).toHaveLength(3);
    expect(Math.max(...open.map(Number)) / Math.min(...open.map(Number))).toBeCloseTo(1);
    expect(listed().length).toBeGreaterThan(5);
  });

  test.each([
    ['a closed shard', () => fake.split('logs', shard(0)), { ShardToSplit: shard(0), NewStartingHashKey: '99' }],
    ['at its own start', () => undefined, { ShardToSplit: shard(0), NewStartingHashKey: '1' }],
    ['outside its range', () => undefined, { ShardToSplit: shard(0), NewStartingHashKey: String((1n << 128n) - 1n) }],
  ])('a split of %s is refused', (_, before, input) => {
    before();
    expect(refused('SplitShard', input)).toBe('InvalidArgumentException');
  });

  test('shards that are not neighbours, or unknown, are not merged', () => {
    expect(refused('MergeShards', { ShardToMerge: shard(1), AdjacentShardToMerge: shard(0) })).toBe(
      'InvalidArgumentException',
    );
    expect(refused('MergeShards', { ShardToMerge: shard(1), AdjacentShardToMerge: shard(7) })).toBe(
      'ResourceNotFoundException',
    );
  });
});

describe('ListShards', () => {
  test('tells the hash range of each shard', () => {
    expect(call('ListShards')['Shards']).toMatchObject([
      { HashKeyRange: { StartingHashKey: '0', EndingHashKey: String((1n << 127n) - 1n) } },
      { HashKeyRange: { StartingHashKey: String(1n << 127n), EndingHashKey: String((1n << 128n) - 1n) } },
    ]);
  });

  test('every filter means what the API says', async () => {
    const at = (ms: number) => ms / 1000;
    const created = clock.now();
    await clock.advance(10_000);
    fake.split('logs', shard(0));
    await clock.advance(10_000);
    fake.merge('logs', shard(3), shard(1));
    const filtered = (Type: string, more: object = {}) => names({ ShardFilter: { Type, ...more } });
    expect(filtered('FROM_TRIM_HORIZON')).toEqual([0, 1, 2, 3, 4]);
    expect(filtered('AT_TRIM_HORIZON')).toEqual([0, 1]);
    expect(filtered('AT_LATEST')).toEqual([2, 4]);
    expect(filtered('AT_TIMESTAMP', { Timestamp: at(created + 15_000) })).toEqual([1, 2, 3]);
    expect(filtered('AT_TIMESTAMP', { Timestamp: 0 })).toEqual([0, 1]);
    expect(filtered('FROM_TIMESTAMP', { Timestamp: at(created + 15_000) })).toEqual([1, 2, 3, 4]);
    expect(filtered('AFTER_SHARD_ID', { ShardId: shard(2) })).toEqual([3, 4]);
    expect(refused('ListShards', { ShardFilter: { Type: 'AFTER_SHARD_ID' } })).toBe('InvalidArgumentException');
    expect(names({ ExclusiveStartShardId: shard(1) })).toEqual([2, 3, 4]);
  });

  test('pages with a token that keeps the filter, refuses a stream name beside it, and expires after 300 s', async () => {
    fake.createStream('wide', 5);
    const first = call('ListShards', { StreamName: 'wide', MaxResults: 2, ShardFilter: { Type: 'AT_LATEST' } });
    expect(first['Shards']).toHaveLength(2);
    const NextToken = first['NextToken'] as string;
    expect(refused('ListShards', { NextToken })).toBe('InvalidArgumentException');
    fake.stream('wide').split(fake.stream('wide').shards[3]!, fake.stream('wide').shards[3]!.shape.lastHash - 9n, 0);
    const rest = fake.call('ListShards', { NextToken }).fields['Shards'] as Listed[];
    expect(rest.map(({ ShardId }) => ShardId)).toEqual([2, 4, 5, 6].map(shard));
    await clock.advance(300_001);
    const type = (() => {
      try {
        return fake.call('ListShards', { NextToken });
      } catch (error) {
        return (error as KinesisFailure).type;
      }
    })();
    expect(type).toBe('ExpiredNextTokenException');
  });
});

describe('puts', () => {
  const entry = (size: number, PartitionKey = 'k', more: object = {}) => ({
    Data: Buffer.alloc(size).toString('base64'),
    PartitionKey,
    ...more,
  });

  test('500 records, 10 MiB a request, 1 MiB a record with its key', () => {
    const many = (count: number, size: number) => ({ Records: Array.from({ length: count }, () => entry(size)) });
    expect(call('PutRecords', many(500, 1))).toMatchObject({ FailedRecordCount: 0 });
    expect(refused('PutRecords', many(501, 1))).toBe('ValidationException');
    expect(refused('PutRecords', many(0, 1))).toBe('ValidationException');
    expect(call('PutRecords', many(10, MIB - 1))).toMatchObject({ FailedRecordCount: 0 });
    expect(refused('PutRecords', many(11, MIB - 1))).toBe('InvalidArgumentException');
    expect(refused('PutRecord', entry(MIB))).toBe('ValidationException');
    fake.settings.maxRequestBytes = 5 * MIB;
    expect(refused('PutRecords', many(6, MIB - 1))).toBe('InvalidArgumentException');
  });

  test('records of up to 10 MiB once the stream allows them', () => {
    call('UpdateMaxRecordSize', { MaxRecordSizeInKiB: 10_240 });
    expect(call('PutRecord', entry(10 * MIB - 1))).toMatchObject({ ShardId: expect.any(String) });
    expect(refused('PutRecord', entry(10 * MIB))).toBe('ValidationException');
  });

  test('a shard takes 1,000 records a second when limits are on, and the others of the request are stored', async () => {
    fake.settings.writeLimits = true;
    const to = (ExplicitHashKey: string, count: number) =>
      Array.from({ length: count }, () => entry(1, 'k', { ExplicitHashKey }));
    const first = to('0', 500);
    call('PutRecords', { Records: first });
    call('PutRecords', { Records: first });
    const high = String((1n << 128n) - 1n);
    const mixed = call('PutRecords', { Records: [...to('0', 1), ...to(high, 1)] });
    expect(mixed).toMatchObject({
      FailedRecordCount: 1,
      Records: [{ ErrorCode: 'ProvisionedThroughputExceededException' }, { ShardId: shard(1) }],
    });
    expect(refused('PutRecord', entry(1, 'k', { ExplicitHashKey: '0' }))).toBe(
      'ProvisionedThroughputExceededException',
    );
    await clock.advance(1);
    expect(call('PutRecords', { Records: to('0', 2) })).toMatchObject({ FailedRecordCount: 1 });
  });

  test('a shard takes 1 MiB a second when limits are on', async () => {
    fake.settings.writeLimits = true;
    const half = entry(MIB / 2 - 1);
    expect(call('PutRecords', { Records: [half, half, half] })).toMatchObject({ FailedRecordCount: 1 });
    await clock.advance(500);
    expect(call('PutRecords', { Records: [half, half] })).toMatchObject({ FailedRecordCount: 1 });
  });

  test('bad keys and hashes are refused', () => {
    expect(refused('PutRecord', entry(1, ''))).toBe('ValidationException');
    expect(refused('PutRecord', entry(1, 'é'.repeat(257)))).toBe('ValidationException');
    expect(refused('PutRecord', entry(1, 'k', { ExplicitHashKey: String(1n << 128n) }))).toBe(
      'InvalidArgumentException',
    );
    expect(refused('PutRecord', { StreamName: 'other', ...entry(1) })).toBe('ResourceNotFoundException');
  });

  test('records keep their bytes and keys, whatever they are', () => {
    const data = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const key = '"\\\u0001é漢\u{1f600}';
    fake.put('logs', { data, key });
    expect(fake.records('logs')).toEqual([expect.objectContaining({ data, partitionKey: key })]);
    fake.stream('logs').keyless = true;
    fake.put('logs', { data, key });
    expect(fake.records('logs')[1]!.partitionKey).toBeUndefined();
  });
});
