/** Lease tables that real KCLs wrote (2.7.2, 3.4.2, 3.5.1), read and gone on with; and rows of KCL 1.x as Logstash writes them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BatchWriteItemCommand, ScanCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { positionText } from '../../reader/checkpoint/position.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import type { CheckpointStore, ShardRow, StoredRow } from '../../reader/checkpoint/store.ts';
import { freshTable } from '../contract/dynamodb-store.ts';
import { accessTo, dynamoClient, startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';

type Item = Record<string, AttributeValue>;

interface Recorded {
  readonly stages: Readonly<Record<string, readonly Item[]>>;
  readonly gracefulHandoff: { readonly steps: readonly { readonly items: readonly Item[] }[] };
  readonly compatibleWith2x: { readonly items: readonly Item[] };
  readonly v3_4_2: { readonly tables: Readonly<Record<string, { readonly items: readonly Item[] }>> };
}

const recorded = (name: string): Recorded =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'vectors', name), 'utf8')) as Recorded;
const kcl2 = recorded('kcl2-lease-rows.json');
const kcl3 = recorded('kcl3-lease-rows.json');

/** As the attribute table of KCL 1.15 has them, which is what Logstash's input ships: no hash range, no children while a shard is open. */
const LOGSTASH: readonly Item[] = [
  {
    leaseKey: { S: 'shardId-000000000000' },
    leaseOwner: { S: 'host:6a1b' },
    leaseCounter: { N: '812' },
    checkpoint: { S: '49680418282655701284749336035839762101216333250384887810' },
    checkpointSubSequenceNumber: { N: '0' },
    ownerSwitchesSinceCheckpoint: { N: '0' },
  },
  {
    leaseKey: { S: 'shardId-000000000001' },
    leaseCounter: { N: '0' },
    checkpoint: { S: 'TRIM_HORIZON' },
    checkpointSubSequenceNumber: { N: '0' },
    ownerSwitchesSinceCheckpoint: { N: '0' },
    parentShardId: { SS: ['shardId-000000000000'] },
  },
];

const TABLES: readonly (readonly [name: string, items: readonly Item[]])[] = [
  ...Object.entries(kcl2.stages).map(([stage, items]) => [`KCL 2.7.2, ${stage}`, items] as const),
  ...Object.entries(kcl3.stages).map(([stage, items]) => [`KCL 3.5.1, ${stage}`, items] as const),
  ...kcl3.gracefulHandoff.steps.map(({ items }, n) => [`KCL 3.5.1, hand-over, step ${n}`, items] as const),
  ['KCL 3.5.1 compatible with 2.x', kcl3.compatibleWith2x.items],
  ['KCL 3.4.2', kcl3.v3_4_2.tables['kcl34app']!.items],
  ['KCL 1.15 (Logstash)', LOGSTASH],
];

const STREAM = { id: 'logs', createdMs: 1_700_000_000_000 };
const live = () => new AbortController().signal;
const isLease = (item: Item) => 'leaseCounter' in item;
const keyOf = (item: Item) => item['leaseKey']!.S!;
const byKey = (items: readonly Item[]) => items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

let dynalite: Peer;
let client: DynamoDBClient;
const opened: CheckpointStore[] = [];

beforeAll(async () => {
  dynalite = await startDynalite();
  client = dynamoClient(dynalite.url);
});

afterAll(async () => {
  for (const store of opened) await store.close();
  client.destroy();
  await dynalite.close();
});

/** A table that holds exactly these items, and a store on it. */
async function holding(items: readonly Item[]) {
  const table = freshTable();
  const store = openDynamoStore({ table, client: accessTo(dynalite.url) });
  opened.push(store);
  const rows = async () => {
    const found: StoredRow[] = [];
    for await (const row of store.rows(STREAM, live())) found.push(row);
    return found.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
  };
  const stored = async () =>
    byKey((await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }))).Items!);
  await rows();
  const requests = items.map((Item) => ({ PutRequest: { Item } }));
  if (requests.length > 0) await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
  return { store, rows, stored };
}

describe.each(TABLES)('the table of %s', (_, items) => {
  const leases = byKey(items.filter(isLease));

  it('is read as a KCL would', async () => {
    const { rows } = await holding(items);
    expect(await rows()).toEqual(leases.map(asKclMeansIt));
  });

  it('keeps every attribute and every item that is not ours when kinlog goes on with it', async () => {
    const { store, rows, stored } = await holding(items);
    for (const { version, foreign: _foreign, ...row } of await rows())
      await store.put(STREAM, { ...row, owner: 'kinlog-1' }, version, live());
    for (const [n, after] of (await stored()).entries()) checkStep(byKey(items)[n]!, after);
    for (const { version, ...row } of await rows()) await store.put(STREAM, further(row), version, live());
    expect((await rows()).every((row) => row.owner === 'kinlog-1' && row.foreign === undefined)).toBe(true);
    for (const [n, after] of (await stored()).entries()) checkStep(byKey(items)[n]!, after);
  });

  it('looks the same when kinlog writes it, but for what counts writes', async () => {
    const { rows } = await holding(items);
    const { store, stored } = await holding([]);
    for (const { version: _version, foreign: _foreign, ...row } of await rows())
      await store.put(STREAM, row, 'absent', live());
    expect((await stored()).map(facts)).toEqual(leases.map(facts));
  });
});

it('the table of a KCL 2.7.2 that was stopped after a split and a merge says how far every shard was read', async () => {
  const { rows } = await holding(kcl2.stages['4 after graceful stop of both workers']!);
  const found = (await rows()).map((row) => [
    row.shardId.slice(-1),
    positionText(row.position),
    row.parents.map((id) => id.slice(-1)).join(''),
    row.children?.map((id) => id.slice(-1)).join(''),
  ]);
  expect(found).toEqual([
    ['0', 'end', '', '23'],
    ['1', 'after 49680418282678002029947866659618401726425908160671776786:0+', '', undefined],
    ['2', 'end', '0', '4'],
    ['3', 'end', '0', '4'],
    ['4', 'after 49680418327346394662604704811710664202789290112798687298:0+', '23', undefined],
  ]);
});

/** From the attributes alone, by what KCL does with them. */
function asKclMeansIt(item: Item): object {
  const checkpoint = item['checkpoint']!.S!;
  const digits = {
    kind: 'after',
    sequenceNumber: checkpoint,
    subSequence: Number(item['checkpointSubSequenceNumber']!.N),
    partial: true,
  };
  const named: Record<string, object> = { TRIM_HORIZON: { kind: 'horizon' }, SHARD_END: { kind: 'end' } };
  const { leaseOwner, childShardIds, startingHashKey, endingHashKey } = item;
  return {
    shardId: keyOf(item),
    version: Number(item['leaseCounter']!.N) + 1,
    foreign: true,
    position: named[checkpoint] ?? digits,
    ...(leaseOwner === undefined ? {} : { owner: leaseOwner.S }),
    parents: item['parentShardId']?.SS?.toSorted() ?? [],
    ...(childShardIds === undefined ? {} : { children: childShardIds.SS!.toSorted() }),
    ...(startingHashKey === undefined ? {} : { startingHashKey: startingHashKey.S, endingHashKey: endingHashKey!.S }),
    streamCreatedMs: 0,
    arrivalMs: 0,
  };
}

function further(row: ShardRow): ShardRow {
  if (row.position.kind === 'end') return row;
  const sequenceNumber = '49680418999999999999999999999999999999999999999999999999';
  return { ...row, position: { kind: 'after', sequenceNumber, subSequence: 3, partial: true } };
}

/** What a KCL relies on between two states of an item. */
function checkStep(before: Item, after: Item): void {
  if (!isLease(before)) {
    expect(after).toEqual(before);
    return;
  }
  const DECIDED = ['kinlog', 'leaseOwner', 'leaseCounter', 'checkpoint', 'checkpointOwner'];
  const number = (item: Item, name: string) => Number(item[name]!.N);
  expect(number(after, 'leaseCounter')).toBeGreaterThan(number(before, 'leaseCounter'));
  const moved =
    after['checkpoint']!.S !== before['checkpoint']!.S ||
    number(after, 'checkpointSubSequenceNumber') !== number(before, 'checkpointSubSequenceNumber');
  const taken = before['leaseOwner'] !== undefined && before['leaseOwner'].S !== after['leaseOwner']!.S;
  expect(number(after, 'ownerSwitchesSinceCheckpoint')).toBe(
    moved ? 0 : number(before, 'ownerSwitchesSinceCheckpoint') + Number(taken),
  );
  expect(after['checkpoint']!.S).toMatch(/^(?:\d+|TRIM_HORIZON|SHARD_END)$/);
  const COUNTED = [...DECIDED, 'ownerSwitchesSinceCheckpoint', 'checkpointSubSequenceNumber'];
  const rest = (item: Item) => Object.fromEntries(Object.entries(item).filter(([name]) => !COUNTED.includes(name)));
  expect(rest(after)).toEqual(rest(before));
  expect(after).not.toHaveProperty('checkpointOwner');
}

/** Without what counts writes, and what KCL 3 adds for itself. */
function facts(item: Item): Item {
  const COUNTS = ['kinlog', 'leaseCounter', 'ownerSwitchesSinceCheckpoint'];
  const KCL_3 = ['entityType', 'throughputKBps', 'checkpointOwner'];
  const kept = Object.entries(item).filter(([name]) => ![...COUNTS, ...KCL_3].includes(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, 'SS' in value ? { SS: value.SS.toSorted() } : value]));
}
