/** `kinlog checkpoints` as a process on DynamoDB: stores that others write at the same time, and tables of other programs. */
import { CreateTableCommand, PutItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import type { StoredRow } from '../../reader/checkpoint/store.ts';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { accessTo, dynamoClient, startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { run, ToolProcess, until, type Finished } from './cli-process.ts';

const FIRST = 'shardId-000000000000';
const SECOND = 'shardId-000000000001';

let simulator: SimulatorProcess;
let dynalite: Peer;
let client: DynamoDBClient;
let folder: string;
let scenes = 0;

beforeAll(async () => {
  [simulator, dynalite] = await Promise.all([startSimulatorProcess(), startDynalite()]);
  client = dynamoClient(dynalite.url);
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-checkpoints-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  client.destroy();
  await Promise.all([simulator.close(), dynalite.close()]);
});

interface Scene {
  readonly stream: string;
  readonly table: string;
  readonly to: readonly string[];
  readonly store: readonly string[];
  readonly sequences: readonly string[];
  readonly checkpoints: (command: string, ...args: string[]) => Promise<Finished>;
}

/** A stream of two shards with a record on each, and the name of a table that does not exist yet. */
async function scene(): Promise<Scene> {
  const stream = `logs-${++scenes}`;
  const table = `kinlog-${scenes}`;
  await simulator.control({ do: 'create', stream, shards: 2 });
  for (const key of ['a', 'b', 'c', 'd', 'e']) await simulator.control({ do: 'put', stream, key, data: 'eA==' });
  const to = [`--stream-name=${stream}`, '--endpoint-url', simulator.url];
  const store = [`--store=dynamodb:${table}`, '--store-endpoint-url', dynalite.url];
  return {
    ...{ stream, table, to, store, sequences: await lastSequences(to) },
    checkpoints: (command, ...args) => run('main', ['checkpoints', command, ...to, ...args]),
  };
}

/** Sequence numbers of the last records of both shards. */
async function lastSequences(to: readonly string[]): Promise<string[]> {
  const directory = path.join(folder, `read-${scenes}`);
  await run('dumpstream', [...to, '--default-to-horizon', '--exit-at-tip', '--checkpoint-file', directory]);
  const listed = await run('main', ['checkpoints', 'list', ...to, `--store=leveldb:${directory}`, '--json']);
  return rowsIn(listed).map(({ position }) => (position.kind === 'after' ? position.sequenceNumber : ''));
}

const rowsIn = (finished: Finished): StoredRow[] => (JSON.parse(finished.stdout) as { shards: StoredRow[] }).shards;
const after = (sequenceNumber: string | undefined, partial: boolean) => ({
  ...{ kind: 'after', sequenceNumber, subSequence: 0, partial },
});

it('positions move from LevelDB into a table that is made for them, and back', async () => {
  const { stream, table, to, store, sequences, checkpoints } = await scene();
  const directory = path.join(folder, `read-${scenes}`);
  const missing = await checkpoints('list', ...store);
  expect(missing.stderr).toMatch(/KINLOG_CHECKPOINT_MISSING/);
  const there = [`--from=leveldb:${directory}`, `--to=dynamodb:${table}`, '--to-endpoint-url', dynalite.url];
  const dry = await checkpoints('convert', ...there, '--dry-run');
  expect(dry.stderr).toMatch(/SHARD +STATE.*2 positions would be stored in dynamodb:kinlog-\d+, 0 of them replaced/s);
  expect((await checkpoints('list', ...store)).stderr).toMatch(/KINLOG_CHECKPOINT_MISSING/);
  expect(await checkpoints('convert', ...there)).toMatchObject({ status: 0 });
  const [first, second] = rowsIn(await checkpoints('list', ...store, '--json'));
  expect([first?.position, second?.position]).toEqual(sequences.map((sequence) => after(sequence, false)));
  const drawn = await run('main', ['shards', ...to, ...store]);
  expect(drawn.stdout).toMatch(/shardId-000000000001 +open +50\.0 % +free/);
  const back = [`--from=dynamodb:${table}`, '--from-endpoint-url', dynalite.url, `--to=leveldb:${directory}-2`];
  expect(await checkpoints('convert', ...back)).toMatchObject({ status: 0 });
  const again = await run('main', [
    'checkpoints',
    'list',
    '--stream-name',
    stream,
    `--store=leveldb:${directory}-2`,
    '--json',
  ]);
  expect(rowsIn(again)[0]?.position).toEqual(first?.position);
});

it('a row that a reader keeps writing is not touched, and one that stands still is', { timeout: 60_000 }, async () => {
  const { stream, table, store, checkpoints } = await scene();
  const live = openDynamoStore({ table, create: {}, client: accessTo(dynalite.url) });
  const signal = new AbortController().signal;
  const key = { id: stream, createdMs: 0 };
  const row = { shardId: FIRST, owner: 'reader-1', parents: [], streamCreatedMs: 0, arrivalMs: 0 };
  const position = { kind: 'horizon' } as const;
  let version = await live.put(key, { ...row, position }, 'absent', signal);
  const set = ['set', ...store, '--shard', FIRST, '--position', '2026-01-31T10:00:00Z', '--yes'] as const;
  const refused = new ToolProcess('main', [
    'checkpoints',
    ...set,
    '--stream-name',
    stream,
    '--endpoint-url',
    simulator.url,
    '--wait=2m',
  ]);
  await until(() => refused.stderr.includes('for 120 s, to see'), 'the row is watched');
  version = await live.put(key, { ...row, position }, version, signal);
  const { status, stderr } = await refused.finished();
  expect(status).toBe(100);
  expect(stderr).toMatch(/in use: reader-1 has just written shardId-000000000000 \(KINLOG_CHECKPOINT_IN_USE\)/);
  expect(await checkpoints(...set, '--wait=1s')).toMatchObject({ status: 0 });
  const [stored] = rowsIn(await checkpoints('list', ...store, '--json'));
  expect(stored).toMatchObject({ position: { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 10) }, state: 'free' });
  expect(stored).not.toHaveProperty('owner');
  // The reader that comes back to life finds that the row is not its own any more.
  await expect(live.put(key, { ...row, position }, version, signal)).rejects.toMatchObject({
    code: 'KINLOG_CHECKPOINT_CONFLICT',
  });
  await live.close();
});

it(
  'a running reader is noticed by its renewals, and goes on from what was set after it stopped',
  { timeout: 90_000 },
  async () => {
    const { stream, table } = await scene();
    const config = path.join(folder, `${stream}.yaml`);
    writeFileSync(
      config,
      `store: { kind: dynamodb, table: ${table}, region: us-east-1, endpoint: "${dynalite.url}" }
output: { kind: ndjson }
streams:
  - { stream: ${stream}, region: us-east-1, endpoint: "${simulator.url}", start: horizon, leasePeriodMs: 1000 }
`,
    );
    const command = (name: string, ...args: string[]) =>
      run('main', ['checkpoints', name, '--config', config, ...args]);
    const set = ['--shard', FIRST, '--position', 'horizon', '--yes', '--wait=4s'];
    const reader = new ToolProcess('main', ['run', '--config', config]);
    const lines = () => reader.bytes.toString().split('\n').length - 1;
    await until(() => lines() === 5, 'all five events are read');
    await until(
      async () => /shardId-000000000001 +owned/.test((await command('list')).stdout),
      'both shards are owned',
    );
    expect((await command('set', ...set)).stderr).toMatch(/has just written shardId-.*KINLOG_CHECKPOINT_IN_USE/);
    reader.child.kill('SIGTERM');
    expect((await reader.finished()).status).toBe(0);
    expect((await command('list')).stdout).toMatch(/shardId-000000000001 +free/);
    expect(await command('set', ...set)).toMatchObject({ status: 0 });
    const again = new ToolProcess('main', ['run', '--config', config]);
    await until(() => again.bytes.length > 0, 'the first shard is read again');
    again.child.kill('SIGTERM');
    const { stdout } = await again.finished();
    expect(stdout.split('\n').length - 1).toBeLessThan(5);
  },
);

type Texts = Readonly<Record<string, string>>;

async function makeTable(table: string, hash: string, range?: string): Promise<void> {
  const names = range === undefined ? [hash] : [hash, range];
  await client.send(
    new CreateTableCommand({
      TableName: table,
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: names.map((AttributeName, at) => ({ AttributeName, KeyType: at === 0 ? 'HASH' : 'RANGE' })),
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
}

async function putItem(
  table: string,
  texts: Texts,
  more: Readonly<Record<string, AttributeValue>> = {},
): Promise<void> {
  const item = Object.fromEntries(Object.entries(texts).map(([name, S]) => [name, { S }]));
  await client.send(new PutItemCommand({ TableName: table, Item: { ...item, ...more } }));
}

it('a table of vmware-go-kcl is imported once its workers have stopped', async () => {
  const { store, sequences, checkpoints } = await scene();
  const old = `vmware-${scenes}`;
  await makeTable(old, 'ShardID');
  const [sequence = ''] = sequences;
  const worker = { AssignedTo: 'worker-1', LeaseTimeout: new Date(Date.now() + 600_000).toISOString() };
  await putItem(old, { ShardID: FIRST, Checkpoint: sequence, ...worker });
  await putItem(old, { ShardID: 'shardId-999999999999', Checkpoint: 'SHARD_END' });
  const from = ['import', ...store, '--from-table', old, '--from-endpoint-url', dynalite.url, '--wait=1s'] as const;
  expect((await checkpoints(...from)).stderr).toMatch(/--layout is missing/);
  const absent = from.map((argument) => (argument === old ? 'absent' : argument));
  expect((await checkpoints('import', ...absent.slice(1), '--layout=vmware')).stderr).toMatch(
    /there is no DynamoDB table absent/,
  );
  expect((await checkpoints(...from, '--layout=vmware')).stderr).toMatch(
    /in use: shardId-000000000000 is leased by worker-1 until .*KINLOG_CHECKPOINT_IN_USE/,
  );
  await putItem(old, { ShardID: FIRST, Checkpoint: sequence, LeaseTimeout: worker.LeaseTimeout });
  const imported = await checkpoints(...from, '--layout=vmware');
  expect(imported).toMatchObject({ status: 0, stdout: '' });
  expect(imported.stderr).toMatch(/left out, because the stream has them no more: shardId-999999999999/);
  const [row, ...none] = rowsIn(await checkpoints('list', ...store, '--json'));
  expect(none).toEqual([]);
  expect(row).toMatchObject({ shardId: FIRST, position: after(sequence, true), state: 'free' });
});

it("positions of another stream's shards are not imported, nor ones that change while they are watched", async () => {
  const { stream, store, sequences, checkpoints } = await scene();
  const old = `telegraf-${scenes}`;
  await makeTable(old, 'namespace', 'shard_id');
  const put = (shard: string, sequence: string) =>
    putItem(old, { namespace: `app-${stream}`, shard_id: shard, sequence_number: sequence });
  const [first = '', second = ''] = sequences;
  await put(FIRST, second);
  const from = [
    'import',
    ...store,
    '--from-table',
    old,
    '--from-endpoint-url',
    dynalite.url,
    '--layout=telegraf',
  ] as const;
  expect((await checkpoints(...from, '--wait=1s')).stderr).toMatch(
    /Kinesis refuses after \d+:0\+ for shardId-000000000000/,
  );
  await put(FIRST, first);
  const watching = new ToolProcess('main', [
    'checkpoints',
    ...from,
    `--stream-name=${stream}`,
    '--endpoint-url',
    simulator.url,
    '--wait=3s',
  ]);
  await until(() => watching.stderr.includes(`watching ${old}`), 'the table is watched');
  await put(SECOND, second);
  expect((await watching.finished()).stderr).toMatch(
    /its positions changed while it was watched.*KINLOG_CHECKPOINT_IN_USE/,
  );
  expect(await checkpoints(...from, '--wait=1s')).toMatchObject({ status: 0 });
  expect(rowsIn(await checkpoints('list', ...store, '--json')).map(({ position }) => position)).toEqual([
    after(first, true),
    after(second, true),
  ]);
});
