/** What the DynamoDB store promises beyond every store: whose rows a table holds, what a write costs, and how KCL's counters are kept. */
import {
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDynamoStore, type DynamoStoreOptions } from '../../../reader/checkpoint/dynamodb.ts';
import type { CheckpointStore, RowRemover, StreamKey } from '../../../reader/checkpoint/store.ts';
import { freshTable } from '../../contract/dynamodb-store.ts';
import { all, live, row, SEQUENCE } from '../../contract/store-rows.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { accessTo, dynamoClient, startDynalite } from '../../fakes/peers/dynalite.ts';
import { FaultyNetwork } from '../../fakes/peers/dynamodb-network.ts';
import type { Peer } from '../../fakes/peers/process.ts';

const STREAM: StreamKey = {
  id: 'logs',
  createdMs: 1_700_000_000_999,
  arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs',
};
const { arn: _arn, ...UNKNOWN_ACCOUNT } = STREAM;
const FOREIGN = { code: 'KINLOG_CHECKPOINT_FOREIGN', retry: 'never' };

let dynalite: Peer;
let client: DynamoDBClient;
let table: string;
const opened: CheckpointStore[] = [];

beforeAll(async () => {
  dynalite = await startDynalite();
  client = dynamoClient(dynalite.url);
});

beforeEach(() => {
  table = freshTable();
});

afterAll(async () => {
  for (const store of opened) await store.close();
  client.destroy();
  await dynalite.close();
});

function open(over: Partial<DynamoStoreOptions> = {}, network?: FaultyNetwork): CheckpointStore & RowRemover {
  const handler = network === undefined ? {} : { requestHandler: network };
  const store = openDynamoStore({ table, client: { ...accessTo(dynalite.url), ...handler }, ...over });
  opened.push(store);
  return store;
}

const lease = (leaseKey: string, over: Record<string, AttributeValue> = {}) => ({
  leaseKey: { S: leaseKey },
  leaseCounter: { N: '7' },
  checkpoint: { S: 'TRIM_HORIZON' },
  checkpointSubSequenceNumber: { N: '0' },
  ...over,
});
const plant = (Item: Record<string, AttributeValue>) => client.send(new PutItemCommand({ TableName: table, Item }));
const stored = async (leaseKey: string) =>
  (await client.send(new GetItemCommand({ TableName: table, Key: { leaseKey: { S: leaseKey } } }))).Item!;
const keysIn = async () =>
  (await client.send(new ScanCommand({ TableName: table }))).Items!.map((item) => item['leaseKey']!.S!).sort();

describe('a table for one stream', () => {
  it('is refused to another stream, before a listing and before a put', async () => {
    const store = open();
    await store.put(STREAM, row('s'), 'absent', live());
    const other = { ...STREAM, id: 'other' };
    await expect(all(store, other)).rejects.toMatchObject(FOREIGN);
    await expect(open().put(other, row('s'), 'absent', live())).rejects.toMatchObject(FOREIGN);
    await expect(open().put(other, row('s'), 1, live())).rejects.toMatchObject(FOREIGN);
    expect(await all(store, STREAM)).toHaveLength(1);
  });

  it.each([
    ['the lease of a table for several streams', lease('123456789012:logs:1700000000:shardId-1'), 'keys: stream'],
    ['an item that is no lease', { leaseKey: { S: 'settings' }, value: { S: 'x' } }, 'another table'],
    ['a lease without a checkpoint', { leaseKey: { S: 's' }, leaseCounter: { N: '1' } }, 'another table'],
  ])('is refused when it holds %s, which is named, with a remedy', async (_, item, remedy) => {
    const store = open();
    await all(store, STREAM);
    await plant(item);
    await expect(all(store, STREAM)).rejects.toMatchObject({
      ...FOREIGN,
      message: expect.stringContaining(item.leaseKey.S) as string,
      remedy: expect.stringContaining(remedy) as string,
    });
  });
});

describe('a table for several streams', () => {
  it("has KCL's keys and attributes for each", async () => {
    const store = open({ keys: 'stream' });
    await store.put(STREAM, row('shardId-1'), 'absent', live());
    await store.put({ ...STREAM, id: 'other' }, row('shardId-1'), 'absent', live());
    expect(await keysIn()).toEqual([
      '123456789012:logs:1700000000:shardId-1',
      '123456789012:other:1700000000:shardId-1',
    ]);
    expect(await stored('123456789012:logs:1700000000:shardId-1')).toMatchObject({
      streamName: { S: '123456789012:logs:1700000000' },
      shardId: { S: 'shardId-1' },
    });
  });

  it.each([
    ['the lease of a table for one stream', lease('shardId-1')],
    ['an item that is no lease', { leaseKey: { S: 'a:b' }, value: { S: 'x' } }],
  ])('is refused when it holds %s', async (_, item) => {
    const store = open({ keys: 'stream' });
    await all(store, STREAM);
    await plant(item);
    await expect(all(store, STREAM)).rejects.toMatchObject(FOREIGN);
  });

  it('keeps its rows under their keys when the account can be asked for one time and not the next', async () => {
    await open({ keys: 'stream' }).put(STREAM, row('a'), 'absent', live());
    const store = open({ keys: 'stream' });
    const [found] = await all(store, UNKNOWN_ACCOUNT);
    await store.put(UNKNOWN_ACCOUNT, row('a', { arrivalMs: 9 }), found!.version, live());
    await store.put(UNKNOWN_ACCOUNT, row('b'), 'absent', live());
    expect(await keysIn()).toEqual(['a', 'b'].map((shard) => `123456789012:logs:1700000000:${shard}`));
  });

  it('lets two readers that begin at once agree on one row for each shard, although only one may ask for the account', async () => {
    const [one, two] = [open({ keys: 'stream' }), open({ keys: 'stream' })];
    const nameOnly = { id: STREAM.id, createdMs: 0 };
    for (const [store, stream] of [[one, STREAM] as const, [two, nameOnly] as const])
      expect(await all(store, stream)).toEqual([]);
    await one.put(STREAM, row('s', { owner: 'one' }), 'absent', live());
    const version = await two.put(nameOnly, row('s', { owner: 'two' }), 'absent', live());
    expect(await all(one, STREAM)).toMatchObject([{ owner: 'one' }]);
    expect(await all(two, nameOnly)).toMatchObject([{ owner: 'one' }]);
    const renewal = two.put(nameOnly, row('s', { owner: 'two' }), version, live());
    await expect(renewal).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
  });

  it('gives the rows of an earlier stream of the name until the present one has its own', async () => {
    const earlier = { ...STREAM, createdMs: 1_600_000_000_000 };
    await open({ keys: 'stream' }).put(earlier, row('a', { streamCreatedMs: earlier.createdMs }), 'absent', live());
    expect(await all(open({ keys: 'stream' }), STREAM)).toMatchObject([{ streamCreatedMs: earlier.createdMs }]);
    await open({ keys: 'stream' }).put(STREAM, row('b'), 'absent', live());
    expect((await all(open({ keys: 'stream' }), STREAM)).map((one) => one.shardId)).toEqual(['b']);
  });

  it('tells when the stream of a lease of KCL was made, as far as its key says it', async () => {
    const store = open({ keys: 'stream' });
    await all(store, STREAM);
    await plant(lease('123456789012:logs:1700000000:a'));
    expect(await all(store, STREAM)).toMatchObject([{ foreign: true, streamCreatedMs: STREAM.createdMs }]);
    const later = { ...STREAM, createdMs: 1_800_000_000_000 };
    expect(await all(open({ keys: 'stream' }), later)).toMatchObject([{ streamCreatedMs: 1_700_000_000_000 }]);
  });
});

describe("KCL's counters", () => {
  const switches = async () => (await stored('s'))['ownerSwitchesSinceCheckpoint']?.N;

  it('ownerSwitchesSinceCheckpoint grows when an owner replaces another, and is zero again when the position moves', async () => {
    const store = open();
    let version = await store.put(STREAM, row('s', { owner: 'a' }), 'absent', live());
    expect(await switches()).toBe('0');
    version = await store.put(STREAM, row('s', { owner: 'b' }), version, live());
    version = await store.put(STREAM, row('s', { owner: 'b', arrivalMs: 9 }), version, live());
    expect(await switches()).toBe('1');
    // A store that has not seen the row looks first.
    version = await open().put(STREAM, row('s', { owner: 'c' }), version, live());
    expect(await switches()).toBe('2');
    version = await store.put(STREAM, row('s'), version, live());
    version = await store.put(STREAM, row('s', { owner: 'd' }), version, live());
    expect(await switches()).toBe('2');
    const further = { kind: 'after', sequenceNumber: SEQUENCE, subSequence: 1, partial: true } as const;
    await store.put(STREAM, row('s', { owner: 'd', position: further }), version, live());
    expect(await switches()).toBe('0');
  });

  it('a checkpoint that a KCL had prepared is gone with our own, and stays when only the owner changes', async () => {
    const store = open();
    await all(store, STREAM);
    const pending = { pendingCheckpoint: { S: '5' }, pendingCheckpointSubSequenceNumber: { N: '0' } };
    await plant(lease('s', { ...pending, pendingCheckpointState: { B: Buffer.from('x') }, more: { S: 'stays' } }));
    const [found] = await all(store, STREAM);
    const horizon = { position: { kind: 'horizon' } as const, owner: 'me' };
    const version = await store.put(STREAM, row('s', horizon), found!.version, live());
    expect(await stored('s')).toMatchObject(pending);
    await store.put(STREAM, row('s', { owner: 'me' }), version, live());
    const item = await stored('s');
    expect(Object.keys(item).filter((name) => name.startsWith('pending'))).toEqual([]);
    expect(item['more']).toEqual({ S: 'stays' });
  });

  it('leaseCounter begins with the time, so that it comes again for no later row, and grows by one with every write', async () => {
    await all(open(), STREAM);
    const clock = new FakeClock();
    const store = open({ clock });
    const version = await store.put(STREAM, row('s'), 'absent', live());
    const first = Number((await stored('s'))['leaseCounter']!.N);
    expect(first).toBe(clock.now() - 1);
    await store.put(STREAM, row('s'), version, live());
    expect((await stored('s'))['leaseCounter']).toEqual({ N: String(first + 1) });
  });

  it('a lease of a KCL keeps counting from where the KCL left it', async () => {
    const store = open();
    await all(store, STREAM);
    await plant(lease('s'));
    const [found] = await all(store, STREAM);
    await store.put(STREAM, row('s'), found!.version, live());
    expect((await stored('s'))['leaseCounter']).toEqual({ N: '8' });
  });

  it('a renewal by a KCL in between is a conflict for a put and for a removal', async () => {
    const store = open();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    const renewal = { UpdateExpression: 'ADD leaseCounter :one', ExpressionAttributeValues: { ':one': { N: '1' } } };
    await client.send(new UpdateItemCommand({ TableName: table, Key: { leaseKey: { S: 's' } }, ...renewal }));
    const conflict = { code: 'KINLOG_CHECKPOINT_CONFLICT' };
    await expect(store.put(STREAM, row('s'), version, live())).rejects.toMatchObject(conflict);
    await expect(store.remove(STREAM, 's', version, live())).rejects.toMatchObject(conflict);
    expect(await all(store, STREAM)).toMatchObject([{ foreign: true, version: version + 1 }]);
  });
});

it('storing a position is one call, and so is a removal', async () => {
  const network = new FaultyNetwork();
  const store = open({}, network);
  let version = await store.put(STREAM, row('s'), 'absent', live());
  network.arrived.splice(0);
  for (let n = 0; n < 3; n++) version = await store.put(STREAM, row('s', { arrivalMs: n }), version, live());
  await store.remove(STREAM, 's', version, live());
  const operations = network.arrived.map((call) => call.operation);
  expect(operations).toEqual(['UpdateItem', 'UpdateItem', 'UpdateItem', 'DeleteItem']);
});

it('a put whose answer was lost excuses no other version than the one it expected', async () => {
  const network = new FaultyNetwork();
  const store = open({}, network);
  const first = await store.put(STREAM, row('s'), 'absent', live());
  const second = await store.put(STREAM, row('s'), first, live());
  network.loseAnswers(1);
  const unavailable = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE' };
  await expect(store.put(STREAM, row('s'), second, live())).rejects.toMatchObject(unavailable);
  const conflict = { code: 'KINLOG_CHECKPOINT_CONFLICT' };
  await expect(store.put(STREAM, row('s'), first, live())).rejects.toMatchObject(conflict);
});

it('a removal whose answer was lost lets no put bring the row back', async () => {
  const network = new FaultyNetwork();
  const store = open({}, network);
  const version = await store.put(STREAM, row('s'), 'absent', live());
  network.loseAnswers(1);
  const unavailable = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE' };
  await expect(store.remove(STREAM, 's', version, live())).rejects.toMatchObject(unavailable);
  const conflict = { code: 'KINLOG_CHECKPOINT_CONFLICT' };
  await expect(store.put(STREAM, row('s'), version, live())).rejects.toMatchObject(conflict);
  expect(await all(store, STREAM)).toEqual([]);
});

it('closing waits for the writes under way', async () => {
  const clock = new FakeClock();
  const network = new FaultyNetwork(clock);
  const store = open({ clock }, network);
  const version = await open().put(STREAM, row('s'), 'absent', live());
  await all(store, STREAM);
  network.delay(30_000);
  const settled: string[] = [];
  const put = store.put(STREAM, row('s'), version, live()).then(() => settled.push('put'));
  const close = store.close().then(() => settled.push('close'));
  await clock.until(() => settled.length === 2);
  await Promise.all([put, close]);
  expect(settled).toEqual(['put', 'close']);
});

it('a row that could not be read back is not written', async () => {
  const store = open();
  const put = store.put(STREAM, row('s', { arrivalMs: -1 }), 'absent', live());
  await expect(put).rejects.toMatchObject({ code: 'KINLOG_UNEXPECTED' });
});
