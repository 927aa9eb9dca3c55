/** The table of the DynamoDB store: how it is made, waited for and refused; and the names of what goes wrong with it. */
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../../base/events.ts';
import { openDynamoStore, type DynamoStoreOptions } from '../../../reader/checkpoint/dynamodb.ts';
import type { CheckpointStore, RowRemover } from '../../../reader/checkpoint/store.ts';
import { freshTable } from '../../contract/dynamodb-store.ts';
import { all, live, row, STREAM } from '../../contract/store-rows.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { accessTo, dynamoClient, startDynalite } from '../../fakes/peers/dynalite.ts';
import { answer, FaultyNetwork, refusal } from '../../fakes/peers/dynamodb-network.ts';
import type { Peer } from '../../fakes/peers/process.ts';

/** Long enough that whoever does not wait fails. */
const CHANGE_MS = 200;

let dynalite: Peer;
let client: DynamoDBClient;
let table: string;
const opened: CheckpointStore[] = [];

beforeAll(async () => {
  dynalite = await startDynalite({ changeMs: CHANGE_MS });
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

const describeTable = async () => (await client.send(new DescribeTableCommand({ TableName: table }))).Table!;

async function makeTable(key: string, type: 'S' | 'N' = 'S'): Promise<void> {
  const command = new CreateTableCommand({
    TableName: table,
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: key, AttributeType: type }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  await client.send(command);
}

describe('a table that is missing', () => {
  it('is not looked for before the store is used', async () => {
    const network = new FaultyNetwork();
    await open({}, network).close();
    expect(network.arrived).toEqual([]);
  });

  it('is made with on-demand billing and the key of a lease table, and that is said once', async () => {
    const said: string[] = [];
    const log = new EventLog((line) => said.push(`${line.name} ${String(line.fields['table'])}`));
    const store = open({ log });
    await store.put(STREAM, row('s'), 'absent', live());
    expect(await all(store)).toHaveLength(1);
    const { KeySchema, AttributeDefinitions, BillingModeSummary } = await describeTable();
    expect(KeySchema).toEqual([{ AttributeName: 'leaseKey', KeyType: 'HASH' }]);
    expect(AttributeDefinitions).toEqual([{ AttributeName: 'leaseKey', AttributeType: 'S' }]);
    expect(BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    expect(said).toEqual([`checkpoint.table-made ${table}`]);
  });

  it('is made with the capacity and the tags that are asked for', async () => {
    const network = new FaultyNetwork();
    await all(open({ create: { readCapacity: 10, writeCapacity: 12, tags: { team: 'logs' } } }, network));
    expect((await describeTable()).ProvisionedThroughput).toMatchObject({
      ReadCapacityUnits: 10,
      WriteCapacityUnits: 12,
    });
    expect(network.arrived.find(({ operation }) => operation === 'CreateTable')?.body).toMatchObject({
      BillingMode: 'PROVISIONED',
      Tags: [{ Key: 'team', Value: 'logs' }],
    });
  });

  it('is made once by many first calls of two readers, and all of them succeed', async () => {
    const stores = [open(), open()];
    await Promise.all(Array.from({ length: 20 }, (_, n) => stores[n % 2]!.put(STREAM, row(`s${n}`), 'absent', live())));
    expect(await all(stores[0]!)).toHaveLength(20);
  });

  it('is an error when it may not be made', async () => {
    await expect(all(open({ create: false }))).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_MISSING',
      message: expect.stringContaining(table) as string,
    });
    await expect(describeTable()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('is not made anew when it goes away while in use', async () => {
    const store = open();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    await client.send(new DeleteTableCommand({ TableName: table }));
    await expect.poll(() => describeTable().catch((error: unknown) => error)).toBeInstanceOf(Error);
    const missing = { code: 'KINLOG_CHECKPOINT_MISSING' };
    await expect(store.put(STREAM, row('s'), version, live())).rejects.toMatchObject(missing);
    await expect(all(store)).rejects.toMatchObject(missing);
    await expect(describeTable()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('a table that is there', () => {
  it('is waited for while somebody else makes it', async () => {
    await makeTable('leaseKey');
    expect((await describeTable()).TableStatus).toBe('CREATING');
    expect(await all(open({ create: false }))).toEqual([]);
  });

  it.each([
    ['stays in CREATING', () => answer({ Table: { TableStatus: 'CREATING' } })],
    ['is never found although it was made', () => refusal(400, 'ResourceNotFoundException')],
  ])('is not waited for in silence when it %s', async (_, describes) => {
    const clock = new FakeClock();
    const network = new FaultyNetwork();
    network.instead = (operation) => (operation === 'DescribeTable' ? describes() : undefined);
    let error: unknown;
    void all(open({ clock }, network)).catch((caught: unknown) => (error = caught));
    await clock.until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' });
    expect(network.arrived.filter(({ operation }) => operation === 'CreateTable').length).toBeLessThan(2);
  });

  it('is waited for no longer than the caller wants, and another caller goes on waiting', async () => {
    const clock = new FakeClock();
    const network = new FaultyNetwork();
    network.instead = (operation) =>
      operation === 'DescribeTable' ? answer({ Table: { TableStatus: 'CREATING' } }) : undefined;
    const store = open({ clock }, network);
    const stop = new AbortController();
    const first = store.put(STREAM, row('s'), 'absent', stop.signal);
    const second = store.put(STREAM, row('t'), 'absent', live());
    const reason = new Error('the first reader stops');
    const failed = expect(first).rejects.toBe(reason);
    await clock.until(() => clock.monotonic() > 60_000);
    stop.abort(reason);
    await failed;
    network.instead = undefined;
    await makeTable('leaseKey');
    let settled = false;
    void second.finally(() => {
      settled = true;
    });
    await clock.until(() => settled);
    expect(await second).toBeGreaterThan(0);
  });

  it('is used while it is UPDATING, which can last an hour', async () => {
    const network = new FaultyNetwork();
    await all(open());
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
    const { KeySchema, AttributeDefinitions } = Table!;
    network.instead = (operation) =>
      operation === 'DescribeTable'
        ? answer({ Table: { KeySchema, AttributeDefinitions, TableStatus: 'UPDATING' } })
        : undefined;
    expect(await all(open({}, network))).toEqual([]);
  });

  it.each([
    ['DELETING', 'KINLOG_CHECKPOINT_MISSING', 'never'],
    ['INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'KINLOG_CHECKPOINT_UNAVAILABLE', 'slow'],
    ['ARCHIVED', 'KINLOG_CHECKPOINT_UNAVAILABLE', 'slow'],
  ])('is refused while it is %s', async (TableStatus, code, retry) => {
    const network = new FaultyNetwork();
    network.instead = () => answer({ Table: { TableStatus } });
    await expect(all(open({}, network))).rejects.toMatchObject({ code, retry });
    expect(network.arrived).toMatchObject([{ operation: 'DescribeTable' }]);
  });

  it.each([
    ['id', 'S'],
    ['leaseKey', 'N'],
  ] as const)('is refused when its key is %s of type %s', async (key, type) => {
    await makeTable(key, type);
    await expect(all(open())).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_FOREIGN',
      message: expect.stringContaining(`${table} has the key ${key} (HASH, ${type}), not leaseKey (HASH, S)`) as string,
    });
  });
});

describe('a failure of a call', () => {
  it.each([
    ['AccessDeniedException', 400, 'KINLOG_PERMISSION_REFUSED', 'slow'],
    ['UnrecognizedClientException', 400, 'KINLOG_CREDENTIALS_REFUSED', 'slow'],
    ['ProvisionedThroughputExceededException', 400, 'KINLOG_CHECKPOINT_UNAVAILABLE', 'soon'],
    ['RequestLimitExceeded', 400, 'KINLOG_CHECKPOINT_UNAVAILABLE', 'soon'],
    ['TransactionConflictException', 400, 'KINLOG_CHECKPOINT_UNAVAILABLE', 'soon'],
    ['InternalServerError', 500, 'KINLOG_CHECKPOINT_UNAVAILABLE', 'soon'],
    ['ValidationException', 400, 'KINLOG_REQUEST_REFUSED', 'never'],
    ['SomethingNew', 400, 'KINLOG_UNEXPECTED', 'never'],
  ])('%s (HTTP %i) is %s, tried again: %s', async (name, status, code, retry) => {
    const network = new FaultyNetwork();
    const store = open({}, network);
    const version = await store.put(STREAM, row('s'), 'absent', live());
    network.instead = () => refusal(status, name);
    await expect(store.put(STREAM, row('s'), version, live())).rejects.toMatchObject({ code, retry });
    await expect(all(store)).rejects.toMatchObject({ code, retry });
  });

  it('to answer at all does not send anybody to look for free disk space', async () => {
    const store = open({ client: accessTo('http://127.0.0.1:4') });
    await expect(all(store)).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_UNAVAILABLE',
      remedy: expect.stringContaining('endpoint') as string,
    });
  });

  it('of permission names the action and the table', async () => {
    const network = new FaultyNetwork();
    network.instead = () => refusal(400, 'AccessDeniedException', '');
    await expect(all(open({}, network))).rejects.toMatchObject({
      message: expect.stringContaining(table) as string,
      remedy: expect.stringContaining('dynamodb:DescribeTable') as string,
    });
  });
});

it('every fault of the options is named at once', () => {
  const faulty = () => openDynamoStore({ table: 'a b', create: { readCapacity: 0 } });
  expect(faulty).toThrow(
    expect.objectContaining({
      code: 'KINLOG_CONFIG_INVALID',
      message: expect.stringMatching(/table: .*; readCapacity: .*; readCapacity, writeCapacity: /) as string,
    }),
  );
});
