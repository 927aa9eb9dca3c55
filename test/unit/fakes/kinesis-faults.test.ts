/** Every fault of the simulator as the real SDK client meets it: in process on a virtual clock, and over HTTP. */
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  type GetRecordsOutput,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { httpClient, simulatorClient } from '../../fakes/kinesis/client.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import {
  accessDenied,
  expiredIterator,
  expiredToken,
  internalFailure,
  kms,
  throttled,
  unavailable,
  type Fault,
} from '../../fakes/kinesis/faults.ts';
import { startSimulator, type RunningSimulator } from '../../fakes/kinesis/server.ts';

const SHARD = 'shardId-000000000000';

interface Setting {
  readonly fake: FakeKinesis;
  readonly client: KinesisClient;
}

const running: { simulator: RunningSimulator; client: KinesisClient }[] = [];
afterAll(async () => {
  for (const { simulator, client } of running) {
    client.destroy();
    await simulator.close();
  }
});

const WAYS: [string, () => Promise<Setting>][] = [
  [
    'in process',
    async () => {
      const fake = new FakeKinesis({ readLimits: false });
      return { fake, client: simulatorClient(fake) };
    },
  ],
  [
    'over HTTP',
    async () => {
      const fake = new FakeKinesis({ readLimits: false });
      const simulator = await startSimulator(fake);
      const client = httpClient(simulator.url);
      running.push({ simulator, client });
      return { fake, client };
    },
  ],
];

async function iterator(client: KinesisClient): Promise<string> {
  const start = { StreamName: 'logs', ShardId: SHARD, ShardIteratorType: 'TRIM_HORIZON' as const };
  return (await client.send(new GetShardIteratorCommand(start))).ShardIterator!;
}

const read = async (client: KinesisClient, token: string): Promise<GetRecordsOutput> =>
  client.send(new GetRecordsCommand({ ShardIterator: token }));

const texts = (page: GetRecordsOutput) => page.Records?.map(({ Data }) => Buffer.from(Data!).toString());

async function nameOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'nothing failed';
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    return code ?? name;
  }
}

describe.each(WAYS)('%s', (_, make) => {
  let fake: FakeKinesis;
  let client: KinesisClient;
  let token: string;

  beforeEach(async () => {
    ({ fake, client } = await make());
    fake.createStream('logs', 2);
    for (const data of ['one', 'two']) fake.put('logs', { data, explicitHashKey: '0' });
    token = await iterator(client);
  });

  test('the SDK reads what the SDK wrote', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_value, i) => i);
    const put = await client.send(
      new PutRecordsCommand({
        StreamName: 'logs',
        Records: [{ Data: bytes, PartitionKey: '"é\\', ExplicitHashKey: '1' }],
      }),
    );
    const page = await read(client, token);
    expect(page.Records).toHaveLength(3);
    expect(page.Records![2]).toMatchObject({
      PartitionKey: '"é\\',
      SequenceNumber: put.Records![0]!.SequenceNumber,
      ApproximateArrivalTimestamp: expect.any(Date),
    });
    expect(Buffer.from(page.Records![2]!.Data!)).toEqual(Buffer.from(bytes));
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: 'logs' }),
    );
    expect(summary).toMatchObject({ OpenShardCount: 2, StreamCreationTimestamp: expect.any(Date) });
    await client.send(new CreateStreamCommand({ StreamName: 'more', ShardCount: 1 }));
    expect((await client.send(new ListShardsCommand({ StreamName: 'more' }))).Shards).toHaveLength(1);
  });

  test('a page of many megabytes arrives whole and in order', async () => {
    const put = Array.from({ length: 400 }, (_value, i) => Buffer.alloc(1 + ((i * 7919) % 20_000), String(i)));
    for (const data of put) fake.put('logs', { data, explicitHashKey: '0' });
    const { Records = [] } = await read(client, token);
    const arrived = Records.slice(2).map(({ Data }) => Buffer.from(Data!));
    expect(arrived.map(({ length }) => length)).toEqual(put.map(({ length }) => length));
    // Not by toEqual, which compares megabytes byte by byte.
    expect(Buffer.concat(arrived).equals(Buffer.concat(put))).toBe(true);
  });

  test.each<Fault & { name: string }>([
    { ...throttled(), name: 'ProvisionedThroughputExceededException' },
    { ...internalFailure(), name: 'InternalFailure' },
    { ...unavailable(), name: 'ServiceUnavailable' },
    { ...expiredIterator(), name: 'ExpiredIteratorException' },
    { ...expiredToken(), name: 'ExpiredTokenException' },
    { ...accessDenied('GetRecords'), name: 'AccessDeniedException' },
    { ...kms('KMSAccessDeniedException'), name: 'KMSAccessDeniedException' },
    { ...kms('KMSDisabledException'), name: 'KMSDisabledException' },
    { ...kms('KMSInvalidStateException'), name: 'KMSInvalidStateException' },
    { ...kms('KMSNotFoundException'), name: 'KMSNotFoundException' },
    { ...kms('KMSOptInRequired'), name: 'KMSOptInRequired' },
    { ...kms('KMSThrottlingException'), name: 'KMSThrottlingException' },
    { kind: 'reset', name: 'ECONNRESET' },
    { kind: 'lost-answer', name: 'ECONNRESET' },
    { kind: 'half-body', name: 'ECONNRESET' },
    { kind: 'hang', ms: 1, name: 'ECONNRESET' },
  ])('the fault $kind $type meets as many calls as told, then the same iterator reads', async ({ name, ...fault }) => {
    fake.next('GetRecords', fault, { times: 2 });
    expect(await nameOf(read(client, token))).toBe(name);
    expect(await nameOf(read(client, token))).toBe(name);
    expect(texts(await read(client, token))).toEqual(['one', 'two']);
    expect(fake.faults.left).toBe(0);
  });

  test('a delayed, reordered or emptied answer is still an answer', async () => {
    fake.next('GetRecords', { kind: 'delay', ms: 1 });
    expect(texts(await read(client, token))).toEqual(['one', 'two']);
    fake.next('GetRecords', { kind: 'reordered' });
    expect(await read(client, token)).toMatchObject({
      Records: [{ PartitionKey: 'key' }, { PartitionKey: 'key' }],
      MillisBehindLatest: 0,
      NextShardIterator: expect.any(String),
    });
    fake.next('GetRecords', { kind: 'empty-page' }, { times: 2 });
    const empty = await read(client, token);
    expect(empty).toMatchObject({ Records: [], NextShardIterator: expect.any(String) });
    expect(empty.MillisBehindLatest).toBeGreaterThan(0);
    const second = await read(client, empty.NextShardIterator!);
    expect(texts(await read(client, second.NextShardIterator!))).toEqual(['one', 'two']);
  });

  test('a null iterator without children, and an edited answer', async () => {
    fake.next('GetRecords', { kind: 'null-iterator' });
    const page = await read(client, token);
    expect(texts(page)).toEqual(['one', 'two']);
    expect([page.NextShardIterator ?? null, page.ChildShards]).toEqual([null, undefined]);
    fake.next('ListShards', {
      kind: 'edit',
      edit: (fields) => ({ ...fields, Shards: (fields['Shards'] as unknown[]).slice(1) }),
    });
    expect((await client.send(new ListShardsCommand({ StreamName: 'logs' }))).Shards).toHaveLength(1);
  });

  test('refused entries of PutRecords are not stored, the others are', async () => {
    fake.next('PutRecords', { kind: 'reject-entries', entries: [1] });
    const Records = ['three', 'four', 'five'].map((text) => ({
      Data: Buffer.from(text),
      PartitionKey: 'k',
      ExplicitHashKey: '0',
    }));
    const answer = await client.send(new PutRecordsCommand({ StreamName: 'logs', Records }));
    expect(answer).toMatchObject({
      FailedRecordCount: 1,
      Records: [{ ShardId: SHARD }, { ErrorCode: 'InternalFailure' }, { ShardId: SHARD }],
    });
    expect(fake.records('logs').map(({ data }) => data.toString())).toEqual(['one', 'two', 'three', 'five']);
  });

  test('a lost answer of PutRecords has stored the records, a reset has not', async () => {
    const put = (text: string) =>
      client.send(
        new PutRecordsCommand({ StreamName: 'logs', Records: [{ Data: Buffer.from(text), PartitionKey: 'k' }] }),
      );
    fake.next('PutRecords', { kind: 'lost-answer' });
    expect(await nameOf(put('stored'))).toBe('ECONNRESET');
    fake.next('PutRecords', { kind: 'reset' });
    expect(await nameOf(put('not stored'))).toBe('ECONNRESET');
    expect(fake.records('logs').map(({ data }) => data.toString())).toEqual(['one', 'two', 'stored']);
  });

  test('a fault for one shard or another operation waits for its call', async () => {
    fake.next('GetRecords', throttled(), { shardId: 'shardId-000000000001' });
    fake.next('ListShards', throttled());
    await read(client, token);
    expect(fake.faults.left).toBe(2);
    expect(await nameOf(client.send(new ListShardsCommand({ StreamName: 'logs' })))).toBe(
      'ProvisionedThroughputExceededException',
    );
  });

  test('a hook runs at its exact call, before the call is carried out', async () => {
    const off = fake.on(
      'GetRecords',
      (call, nth) => {
        expect(call.shardId).toBe(SHARD);
        if (nth === 2) fake.split('logs', SHARD);
      },
      SHARD,
    );
    expect((await read(client, token)).ChildShards).toBeUndefined();
    expect((await read(client, token)).ChildShards).toHaveLength(2);
    off();
  });

  test('the call log tells what was asked and answered', async () => {
    fake.next('GetRecords', throttled());
    await nameOf(read(client, token));
    await read(client, token);
    expect(fake.calls).toMatchObject([
      { operation: 'GetShardIterator', shardId: SHARD, start: 'TRIM_HORIZON', answer: 'ok' },
      { operation: 'GetRecords', answer: 'ProvisionedThroughputExceededException', records: 0 },
      { operation: 'GetRecords', shardId: SHARD, answer: 'ok', records: 2, bytes: 12 },
    ]);
    expect(fake.callsOf('GetRecords', SHARD)).toHaveLength(2);
  });

  test('an abort ends a call that hangs', async () => {
    fake.next('GetRecords', { kind: 'hang' });
    const stop = new AbortController();
    fake.on('GetRecords', () => stop.abort());
    const hanging = client.send(new GetRecordsCommand({ ShardIterator: token }), { abortSignal: stop.signal });
    expect(await nameOf(hanging)).toBe('AbortError');
  });

  test('identity, permission and region are checked when asked for', async () => {
    fake.settings.allow = new Set(['GetRecords']);
    await read(client, token);
    await expect(iterator(client)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('is not authorized to perform: kinesis:GetShardIterator on resource: arn:aws:'),
    });
    fake.settings.allow = undefined;
    fake.settings.accessKeys = new Set(['somebody else']);
    expect(await nameOf(read(client, token))).toBe('UnrecognizedClientException');
    fake.settings.accessKeys = new Set(['x']);
    await read(client, token);
    fake.settings.checkRegion = true;
    await read(client, token);
    fake.settings.accessKeys = undefined;
    const elsewhere = simulatorClient(fake, { region: 'eu-west-1' });
    expect(await nameOf(read(elsewhere, token))).toBe('ResourceNotFoundException');
  });

  test('the Date header is the time of the service', async () => {
    fake.settings.clockOffsetMs = -3_600_000;
    let date = '';
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        date = (result.response as { headers: Record<string, string> }).headers['date']!;
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    await read(client, token);
    expect(Date.now() - Date.parse(date)).toBeGreaterThan(3_500_000);
  });
});
