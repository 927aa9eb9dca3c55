/** What the simulator promises about iterators and pages: limits, penalties, expiry, retention and both ends of a shard. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { KinesisFailure } from '../../fakes/kinesis/failure.ts';
import { parseRecord } from '../../fakes/kinesis/wire.ts';
import type { Input } from '../../fakes/kinesis/service.ts';

const SHARD = 'shardId-000000000000';
const MIB = 1024 * 1024;
const HOUR = 3_600_000;

let clock: FakeClock;
let fake: FakeKinesis;

beforeEach(() => {
  clock = new FakeClock();
  fake = new FakeKinesis({ clock });
  fake.createStream('logs', 1);
});

function iterator(more: Input = { ShardIteratorType: 'TRIM_HORIZON' }, shard = SHARD): string {
  return fake.call('GetShardIterator', { StreamName: 'logs', ShardId: shard, ...more }).fields[
    'ShardIterator'
  ] as string;
}

interface Answer {
  readonly data: readonly string[];
  readonly next: string | null;
  readonly behind: number;
  readonly children: unknown;
}

function read(token: string, Limit = 10_000): Answer {
  const { fields, records = [] } = fake.call('GetRecords', { ShardIterator: token, Limit });
  return {
    data: records.map((record) => Buffer.from(parseRecord(record).Data, 'base64').toString()),
    next: fields['NextShardIterator'] as string | null,
    behind: fields['MillisBehindLatest'] as number,
    children: fields['ChildShards'],
  };
}

function failure(work: () => unknown): KinesisFailure {
  try {
    work();
  } catch (error) {
    if (error instanceof KinesisFailure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const put = (...texts: string[]) => texts.map((data) => fake.put('logs', { data }).sequenceNumber);

describe('the five iterator types', () => {
  test('each starts where the API says', async () => {
    const [, second] = put('one', 'two');
    await clock.advance(5000);
    const at = clock.now() / 1000;
    put('three');
    expect(read(iterator()).data).toEqual(['one', 'two', 'three']);
    const from = (ShardIteratorType: string, more: Input = {}) => read(iterator({ ShardIteratorType, ...more })).data;
    expect(from('AT_TIMESTAMP', { Timestamp: at })).toEqual(['three']);
    expect(from('AT_SEQUENCE_NUMBER', { StartingSequenceNumber: second! })).toEqual(['two', 'three']);
    expect(from('AFTER_SEQUENCE_NUMBER', { StartingSequenceNumber: second! })).toEqual(['three']);
    await clock.advance(1000);
    const tip = iterator({ ShardIteratorType: 'LATEST' });
    put('four');
    expect(read(tip).data).toEqual(['four']);
  });

  test('a timestamp between two records starts at the later one, before the horizon at the oldest, after the last at the next', async () => {
    put('one');
    await clock.advance(2000);
    put('two');
    const at = (ms: number) => read(iterator({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: ms / 1000 })).data;
    expect(at(clock.now() - 1000)).toEqual(['two']);
    expect(at(0)).toEqual(['one', 'two']);
    await clock.advance(1000);
    expect(at(clock.now())).toEqual([]);
  });

  test("a timestamp in the server's future is refused", () => {
    const { type, message } = failure(() =>
      iterator({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: clock.now() / 1000 + 0.001 }),
    );
    expect(type).toBe('InvalidArgumentException');
    expect(message).toContain('cannot be greater than the currentTimestampInMillis');
  });

  test("the server's clock decides what is future, not the test's", () => {
    fake.settings.clockOffsetMs = -60_000;
    expect(failure(() => iterator({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: clock.now() / 1000 })).type).toBe(
      'InvalidArgumentException',
    );
  });

  test('sequence numbers that are garbage, of another shard, or of an earlier stream are told apart', () => {
    const [old] = put('one');
    fake.split('logs', SHARD);
    const sequence = (StartingSequenceNumber: string, shard = SHARD) =>
      failure(() => iterator({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber }, shard));
    expect(sequence('123').message).toMatch(/ is invalid\.$/);
    expect(sequence(old!, 'shardId-000000000001').message).toContain(`It encodes ${SHARD}`);
    fake.deleteStream('logs');
    fake.createStream('logs', 1);
    const recreated = sequence(old!);
    expect(recreated.type).toBe('InvalidArgumentException');
    expect(recreated.message).toContain('did not come from this stream');
  });

  test('children of a stream that was made again are told apart too', () => {
    fake.split('logs', SHARD);
    const child = 'shardId-000000000001';
    const { sequenceNumber } = fake.put('logs', { data: 'x', explicitHashKey: '0' });
    fake.deleteStream('logs');
    fake.createStream('logs', 1);
    fake.split('logs', SHARD);
    const start = { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequenceNumber };
    expect(failure(() => iterator(start, child)).message).toContain('did not come from this stream');
  });

  test('more than 5 in a second are refused', () => {
    for (let i = 0; i < 5; i++) iterator();
    expect(failure(iterator).type).toBe('ProvisionedThroughputExceededException');
  });
});

describe('read limits', () => {
  test('the sixth call within a second is refused, and the iterator stays good', async () => {
    put('one');
    const token = iterator();
    for (let i = 0; i < 5; i++) expect(read(token).data).toEqual(['one']);
    expect(failure(() => read(token)).type).toBe('ProvisionedThroughputExceededException');
    await clock.advance(999);
    expect(failure(() => read(token)).type).toBe('ProvisionedThroughputExceededException');
    await clock.advance(1);
    expect(read(token).data).toEqual(['one']);
  });

  test('a page ends before 10 MiB, and no call passes in the 5 s after it', async () => {
    for (let i = 0; i < 11; i++) fake.put('logs', { data: Buffer.alloc(MIB - 1), key: 'k' });
    const page = fake.call('GetRecords', { ShardIterator: iterator() });
    expect(page.records).toHaveLength(10);
    const next = page.fields['NextShardIterator'] as string;
    await clock.advance(4999);
    expect(failure(() => read(next)).type).toBe('ProvisionedThroughputExceededException');
    await clock.advance(1);
    expect(fake.call('GetRecords', { ShardIterator: next }).records).toHaveLength(1);
  });

  test('a record as large as a page comes alone', () => {
    fake.stream('logs').maxRecordKiB = 10_240;
    fake.put('logs', { data: Buffer.alloc(10 * MIB - 1), key: 'k' });
    fake.put('logs', { data: 'small' });
    expect(fake.call('GetRecords', { ShardIterator: iterator() }).records).toHaveLength(1);
  });

  test('more than 2 MiB a second costs at least a second, and the debt is paid in full', async () => {
    for (let i = 0; i < 9; i++) fake.put('logs', { data: Buffer.alloc(MIB - 1), key: 'k' });
    const { next } = read(iterator(), 3);
    await clock.advance(999);
    expect(failure(() => read(next!, 6)).type).toBe('ProvisionedThroughputExceededException');
    await clock.advance(1);
    const after = read(next!, 6);
    // 1 MiB of debt, 2 MiB/s back for 1 s, 6 MiB spent: 5 MiB of debt take 2.5 s.
    await clock.advance(2499);
    expect(failure(() => read(after.next!)).type).toBe('ProvisionedThroughputExceededException');
    await clock.advance(1);
    expect(read(after.next!).data).toEqual([]);
  });

  test('shards do not share their limits', () => {
    fake.createStream('two', 2);
    for (const ShardId of [SHARD, 'shardId-000000000001']) {
      const start = { StreamName: 'two', ShardId, ShardIteratorType: 'LATEST' };
      const token = fake.call('GetShardIterator', start).fields['ShardIterator'] as string;
      for (let i = 0; i < 5; i++) read(token);
    }
  });

  test('can be turned off', () => {
    fake.settings.readLimits = false;
    const token = iterator();
    for (let i = 0; i < 50; i++) read(token);
  });

  test('Limit is 1 to 10,000', () => {
    put('one', 'two');
    expect(read(iterator(), 1).data).toEqual(['one']);
    expect(failure(() => read(iterator(), 0)).type).toBe('ValidationException');
    expect(failure(() => read(iterator(), 10_001)).type).toBe('InvalidArgumentException');
  });
});

describe('iterators', () => {
  test('expire after their time and not before; using one again changes nothing', async () => {
    put('one');
    fake.settings.iteratorTtlMs = 1000;
    const token = iterator();
    await clock.advance(1000);
    expect(read(token)).toMatchObject({ data: ['one'] });
    expect(read(token)).toMatchObject({ data: ['one'] });
    await clock.advance(1);
    const { type, message } = failure(() => read(token));
    expect(type).toBe('ExpiredIteratorException');
    expect(message).toContain('created at time Thu Jan 01 00:00:00 UTC 2026');
  });

  test('that were never handed out, or whose stream is gone, are refused', () => {
    const token = iterator();
    for (const bogus of ['', 'x', `${token}A`.slice(1), Buffer.from('I|0|0|0|0|logs').toString('base64')])
      expect(failure(() => read(bogus)).type).toBe('InvalidArgumentException');
    fake.deleteStream('logs');
    expect(failure(() => read(token)).type).toBe('ResourceNotFoundException');
    fake.createStream('logs', 1);
    expect(failure(() => read(token)).type).toBe('ResourceNotFoundException');
  });

  test('stay within 512 characters for the longest stream name', () => {
    const StreamName = 'n'.repeat(128);
    fake.createStream(StreamName, 1);
    expect(iterator({ StreamName, ShardIteratorType: 'LATEST' }).length).toBeLessThanOrEqual(512);
  });
});

describe('how far behind', () => {
  test('MillisBehindLatest is the age of the next record, and 0 at the tip', async () => {
    put('one', 'two');
    await clock.advance(3000);
    put('three');
    await clock.advance(500);
    expect(read(iterator(), 1).behind).toBe(3500);
    expect(read(iterator(), 2).behind).toBe(500);
    expect(read(iterator(), 3).behind).toBe(0);
  });
});

describe('the end of a closed shard', () => {
  const children = (): unknown => [
    expect.objectContaining({ ShardId: 'shardId-000000000001', ParentShards: [SHARD] }),
    expect.objectContaining({ ShardId: 'shardId-000000000002', ParentShards: [SHARD] }),
  ];

  test('comes with the last records', () => {
    put('one', 'two');
    fake.split('logs', SHARD);
    const first = read(iterator(), 1);
    expect(first).toMatchObject({ data: ['one'], children: undefined });
    expect(read(first.next!)).toMatchObject({ data: ['two'], next: null, behind: 0, children: children() });
  });

  test('or with one more, empty answer', () => {
    fake.settings.endOfShard = 'empty-page';
    put('one');
    fake.split('logs', SHARD);
    const last = read(iterator());
    expect(last).toMatchObject({ data: ['one'], children: undefined });
    expect(read(last.next!)).toMatchObject({ data: [], next: null, children: children() });
  });

  test('a merge names the one child with both parents; a test can leave the children out', () => {
    fake.split('logs', SHARD);
    fake.merge('logs', 'shardId-000000000001', 'shardId-000000000002');
    const parents = ['shardId-000000000001', 'shardId-000000000002'];
    for (const parent of parents) {
      const end = read(iterator({ ShardIteratorType: 'LATEST' }, parent));
      expect(end.children).toEqual([
        expect.objectContaining({ ShardId: 'shardId-000000000003', ParentShards: parents }),
      ]);
    }
    fake.settings.childShards = false;
    expect(read(iterator({ ShardIteratorType: 'LATEST' }, SHARD))).toMatchObject({ next: null, children: undefined });
  });
});

describe('retention', () => {
  test('records age out, and an iterator into the gap goes on at the horizon', async () => {
    const [old] = put('old');
    await clock.advance(23 * HOUR);
    put('new');
    const token = iterator({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: old! });
    expect(read(token).data).toEqual(['old', 'new']);
    await clock.advance(HOUR + 1);
    const again = iterator({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: old! });
    expect(read(again).data).toEqual(['new']);
    expect(read(iterator()).data).toEqual(['new']);
    expect(fake.records('logs').map(({ data }) => data.toString())).toEqual(['new']);
  });

  test('a sequence number that aged out can be refused instead', async () => {
    const [old] = put('old');
    await clock.advance(24 * HOUR + 1);
    fake.settings.agedSequence = 'refuse';
    const { message } = failure(() =>
      iterator({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: old! }),
    );
    expect(message).toContain('StartingSequenceNumber');
  });

  test('a closed shard vanishes with its last data, and its child names a parent that is not listed', async () => {
    put('old');
    fake.split('logs', SHARD);
    const listed = () => fake.call('ListShards', { StreamName: 'logs' }).fields['Shards'] as { ShardId: string }[];
    expect(listed()).toHaveLength(3);
    await clock.advance(24 * HOUR + 1);
    expect(listed()).toEqual([
      expect.objectContaining({ ShardId: 'shardId-000000000001', ParentShardId: SHARD }),
      expect.objectContaining({ ShardId: 'shardId-000000000002', ParentShardId: SHARD }),
    ]);
    expect(failure(iterator).type).toBe('ResourceNotFoundException');
  });
});
