/** What the simulator promises about enhanced fan-out, seen through the SDK's own client and decoder. */
import {
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  ListStreamConsumersCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  KinesisClient,
  type StartingPosition,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler } from '@smithy/node-http-handler';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../fakes/clock.ts';
import { httpClient, simulatorClient } from '../../fakes/kinesis/client.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { startSimulator } from '../../fakes/kinesis/server.ts';

const SHARD = 'shardId-000000000000';
const HORIZON: StartingPosition = { Type: 'TRIM_HORIZON' };
const MIB = 1024 * 1024;

let clock: FakeClock;
let fake: FakeKinesis;
let client: KinesisClient;
let arn: string;

beforeEach(async () => {
  clock = new FakeClock();
  fake = new FakeKinesis({ clock });
  fake.createStream('logs', 1);
  client = simulatorClient(fake);
  arn = await register(client, 'reader');
});

async function register(from: KinesisClient, name: string): Promise<string> {
  const command = new RegisterStreamConsumerCommand({ StreamARN: fake.stream('logs').arn, ConsumerName: name });
  return (await from.send(command)).Consumer!.ConsumerARN!;
}

interface Subscribed {
  readonly events: SubscribeToShardEvent[];
  readonly data: string[];
  error: unknown;
  over: boolean;
  leave(): void;
}

async function subscribe(from = HORIZON, by: KinesisClient = client, consumer = arn): Promise<Subscribed> {
  const stop = new AbortController();
  const command = new SubscribeToShardCommand({ ConsumerARN: consumer, ShardId: SHARD, StartingPosition: from });
  const { EventStream } = await by.send(command, { abortSignal: stop.signal });
  const subscribed: Subscribed = {
    events: [],
    data: [],
    error: undefined,
    over: false,
    leave: () => {
      stop.abort();
    },
  };
  const run = async () => {
    for await (const { SubscribeToShardEvent: event } of EventStream!) {
      subscribed.events.push(event!);
      subscribed.data.push(...(event!.Records ?? []).map(({ Data }) => Buffer.from(Data!).toString()));
    }
    subscribed.over = true;
  };
  run().catch((error: unknown) => {
    subscribed.error = error;
  });
  return subscribed;
}

const nameOf = (error: unknown) => (error as Error | undefined)?.name;
const refusalOf = (work: Promise<unknown>) => work.then(() => undefined, nameOf);

describe('consumers', () => {
  test('are found by name and by ARN, listed, and gone after deregistering', async () => {
    const StreamARN = fake.stream('logs').arn;
    const byName = await client.send(new DescribeStreamConsumerCommand({ StreamARN, ConsumerName: 'reader' }));
    const byArn = await client.send(new DescribeStreamConsumerCommand({ ConsumerARN: arn }));
    expect(byName.ConsumerDescription).toEqual(byArn.ConsumerDescription);
    expect(byArn.ConsumerDescription).toMatchObject({ ConsumerStatus: 'ACTIVE', StreamARN });
    const listed = await client.send(new ListStreamConsumersCommand({ StreamARN }));
    expect(listed.Consumers!.map(({ ConsumerARN }) => ConsumerARN)).toEqual([arn]);
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: arn }));
    expect(await refusalOf(client.send(new DescribeStreamConsumerCommand({ ConsumerARN: arn })))).toBe(
      'ResourceNotFoundException',
    );
  });

  test('have another ARN when they are registered again', async () => {
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: arn }));
    await clock.advance(1000);
    expect(await register(client, 'reader')).not.toBe(arn);
  });

  test('take a while to become active and can not subscribe before', async () => {
    fake.settings.changeMs = 5000;
    const slow = await register(client, 'slow');
    expect(await refusalOf(subscribe(HORIZON, client, slow))).toBe('ResourceInUseException');
    await clock.advance(5000);
    expect(await refusalOf(subscribe(HORIZON, client, slow))).toBe(undefined);
  });

  test('are 20 at most, and one of each name', async () => {
    expect(await refusalOf(register(client, 'reader'))).toBe('ResourceInUseException');
    for (let i = 1; i < 20; i++) await register(client, `reader-${i}`);
    expect(await refusalOf(register(client, 'one-too-many'))).toBe('LimitExceededException');
  });
});

describe('a subscription', () => {
  test('pushes what is there and then what comes, with progress every few seconds', async () => {
    fake.put('logs', { data: 'one' });
    const subscribed = await subscribe();
    await clock.until(() => subscribed.data.length === 1);
    fake.put('logs', { data: 'two' });
    await clock.until(() => subscribed.data.length === 2);
    await clock.advance(10_000);
    expect(subscribed.data).toEqual(['one', 'two']);
    expect(subscribed.events.map(({ Records }) => Records!.length)).toEqual([1, 1, 0, 0]);
    const continuations = subscribed.events.map((event) => BigInt(event.ContinuationSequenceNumber!));
    expect([...continuations].sort((a, b) => (a < b ? -1 : 1))).toEqual(continuations);
    subscribed.leave();
  });

  test('goes on after a continuation, also one without records', async () => {
    const first = await subscribe();
    await clock.until(() => first.events.length === 1);
    fake.put('logs', { data: 'one' });
    await clock.until(() => first.events.length === 2);
    first.leave();
    await clock.advance(5000);
    const after = (i: number): StartingPosition => ({
      Type: 'AFTER_SEQUENCE_NUMBER',
      SequenceNumber: first.events[i]!.ContinuationSequenceNumber,
    });
    const again = await subscribe(after(0));
    await clock.until(() => again.data.length === 1);
    await clock.advance(5000);
    const later = await subscribe(after(1));
    fake.put('logs', { data: 'two' });
    await clock.until(() => later.data.length === 1);
    expect(later.data).toEqual(['two']);
    later.leave();
  });

  test('ends after five minutes', async () => {
    const subscribed = await subscribe();
    const begun = clock.monotonic();
    await clock.until(() => subscribed.over);
    expect(clock.monotonic() - begun).toBe(300_000);
  });

  test('can not be taken over within five seconds; later the older one ends with ResourceInUse', async () => {
    const first = await subscribe();
    await clock.advance(4_000);
    expect(await refusalOf(subscribe())).toBe('ResourceInUseException');
    await clock.advance(1_000);
    const second = await subscribe();
    await clock.until(() => first.error !== undefined);
    expect(nameOf(first.error)).toBe('ResourceInUseException');
    expect(second.error).toBe(undefined);
    second.leave();
  });

  test('may be asked for once a second', async () => {
    await refusalOf(subscribe({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '1' }));
    expect(await refusalOf(subscribe())).toBe('LimitExceededException');
  });

  test.each(['together', 'empty-page'] as const)('ends a closed shard with its children (%s)', async (endOfShard) => {
    fake.settings.endOfShard = endOfShard;
    fake.put('logs', { data: 'one' });
    const children = fake.split('logs', SHARD);
    const subscribed = await subscribe();
    await clock.until(() => subscribed.over);
    const last = subscribed.events.at(-1)!;
    expect(subscribed.data).toEqual(['one']);
    expect(last.ContinuationSequenceNumber ?? undefined).toBe(undefined);
    expect(last.ChildShards!.map(({ ShardId }) => ShardId)).toEqual(children);
    expect(subscribed.events).toHaveLength(endOfShard === 'together' ? 1 : 2);
  });

  test('pushes two MiB a second, an event a MiB', async () => {
    for (let i = 0; i < 10; i++) fake.put('logs', { data: 'x'.repeat(MIB - 3), key: 'key' });
    const begun = clock.monotonic();
    const subscribed = await subscribe();
    await clock.until(() => subscribed.data.length === 10);
    expect(subscribed.events).toHaveLength(10);
    expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(3_500);
    subscribed.leave();
  });

  test('of a stream or consumer that is deleted ends with ResourceNotFound', async () => {
    const first = await subscribe();
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: arn }));
    await clock.until(() => first.error !== undefined);
    expect(nameOf(first.error)).toBe('ResourceNotFoundException');
    const second = await subscribe(HORIZON, client, await register(client, 'other'));
    fake.deleteStream('logs');
    await clock.until(() => second.error !== undefined);
    expect(nameOf(second.error)).toBe('ResourceNotFoundException');
  });
});

describe('what a test can make of the next event', () => {
  test.each([
    ['an exception', { kind: 'error', type: 'KMSDisabledException' }, 'KMSDisabledException'],
    ['an exception nobody knows', { kind: 'error', type: 'BrandNewException' }, 'BrandNewException'],
    ['a broken connection', { kind: 'reset' }, 'Error'],
    ['half of it', { kind: 'half-body' }, 'Error'],
  ] as const)('%s', async (_, fault, name) => {
    fake.put('logs', { data: 'one' });
    fake.next('SubscribeToShardEvent', fault);
    const subscribed = await subscribe();
    await clock.until(() => subscribed.error !== undefined);
    expect(nameOf(subscribed.error)).toBe(name);
    expect(subscribed.data).toEqual([]);
  });

  test('silence, also for a subscription that was taken over', async () => {
    fake.next('SubscribeToShardEvent', { kind: 'hang' });
    const subscribed = await subscribe();
    await clock.advance(400_000);
    const second = await subscribe();
    await clock.advance(10_000);
    expect(subscribed).toMatchObject({ error: undefined, over: false, events: [] });
    second.leave();
  });

  test('a continuation that is missing though the shard is open', async () => {
    fake.next('SubscribeToShardEvent', { kind: 'null-iterator' });
    const subscribed = await subscribe();
    await clock.until(() => subscribed.over);
    expect(subscribed.events[0]).toMatchObject({ Records: [] });
    expect(subscribed.events[0]!.ChildShards).toBe(undefined);
  });
});

describe('over a socket', () => {
  const http2Client = (endpoint: string): KinesisClient =>
    new KinesisClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
      endpoint,
      requestHandler: new NodeHttp2Handler(),
      maxAttempts: 1,
    });

  test('the same is pushed over HTTP/1.1 and over HTTP/2, on one port', async () => {
    const live = new FakeKinesis({ readLimits: false });
    live.createStream('logs', 1);
    for (let i = 0; i < 3; i++) live.put('logs', { data: String(i).padEnd(MIB - 3, 'x'), key: 'key' });
    live.split('logs', SHARD);
    live.call('RegisterStreamConsumer', { StreamARN: live.stream('logs').arn, ConsumerName: 'reader' });
    const simulator = await startSimulator(live);
    try {
      for (const connect of [httpClient, http2Client]) {
        const consumer = live.stream('logs').consumers[0]!;
        consumer.subscriptions.clear();
        const connected = connect(simulator.url);
        const subscribed = await subscribe(HORIZON, connected, consumer.arn);
        await expect.poll(() => subscribed.over, { timeout: 10_000 }).toBe(true);
        expect(subscribed.data.map((text) => [text.slice(0, 2), text.length])).toEqual(
          ['0x', '1x', '2x'].map((start) => [start, MIB - 3]),
        );
        connected.destroy();
      }
    } finally {
      await simulator.close();
    }
  });
});
