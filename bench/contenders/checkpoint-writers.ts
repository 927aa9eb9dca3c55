/** Who stores a position: our stores, and beside each the bare write of the system that it stands on. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import path from 'node:path';
import { CreateTableCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { Agent, request } from 'undici';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { openKvStore } from '../../reader/checkpoint/kv-store.ts';
import { MemoryStore, openLevelStore, type CheckpointStore } from '../../reader/index.ts';
import { accessTo, dynamoClient } from '../../test/fakes/peers/dynalite.ts';
import { SESSION } from '../../test/fakes/splunkd/kv-stores.ts';
import { CA } from '../../test/fakes/splunkd/splunkd.ts';
import type { Options } from '../contender.ts';
import { CACHE } from '../data/corpus.ts';

export interface Writer {
  write(n: number): Promise<unknown>;
  close(): Promise<void>;
}

type By = 'memory' | 'leveldb' | 'append' | 'dynamodb' | 'update-item' | 'kv-store' | 'post';

export function openWriter(options: Options): Promise<Writer> {
  const { by, storeUrl: url } = options as { by: By; storeUrl: string };
  return WRITERS[by](url);
}

const WRITERS: Readonly<Record<By, (url: string) => Promise<Writer>>> = {
  memory: async () => storeWriter(new MemoryStore()),
  leveldb: () => levelWriter(),
  append: () => fileWriter(),
  dynamodb: async (url) => storeWriter(openDynamoStore({ table: 'ours', client: accessTo(url) })),
  'update-item': (url) => itemWriter(url),
  'kv-store': async (url) => storeWriter(openKvStore({ url, app: 'kinloader', auth: SESSION, ca: CA })),
  post: async (url) => documentWriter(url),
};

const SHARD = 'shardId-000000000001';
const OWNER = 'host-1/4711/0a1b2c3d';
const sequence = (n: number) => `4967${String(n).padStart(52, '0')}`;

function rowAt(n: number) {
  return {
    shardId: SHARD,
    position: { kind: 'after', sequenceNumber: sequence(n), subSequence: 0, partial: false } as const,
    owner: OWNER,
    parents: [],
    streamCreatedMs: Date.UTC(2026, 0, 1),
    arrivalMs: Date.UTC(2026, 10, 21) + n,
  };
}

function storeWriter(store: CheckpointStore): Writer {
  const { signal } = new AbortController();
  const stream = { id: 'bench', createdMs: Date.UTC(2026, 0, 1) };
  let version: number | 'absent' = 'absent';
  return {
    write: async (n) => (version = await store.put(stream, rowAt(n), version, signal)),
    close: () => store.close(),
  };
}

async function levelWriter(): Promise<Writer> {
  const folder = freshFolder();
  const writer = storeWriter(await openLevelStore(folder, new AbortController()));
  return { ...writer, close: () => writer.close().then(() => rmSync(folder, { recursive: true })) };
}

async function fileWriter(): Promise<Writer> {
  const folder = freshFolder();
  const file = await openFile(path.join(folder, 'positions.log'), 'a');
  return {
    write: async (n) => {
      await file.appendFile(`${JSON.stringify(rowAt(n))}\n`);
      await file.datasync();
    },
    close: () => file.close().then(() => rmSync(folder, { recursive: true })),
  };
}

function freshFolder(): string {
  mkdirSync(CACHE, { recursive: true });
  return mkdtempSync(path.join(CACHE, 'checkpoints-'));
}

/** What a lease needs at least: position, owner and a counter that the condition stands on. */
async function itemWriter(url: string): Promise<Writer> {
  const client = dynamoClient(url);
  const TableName = 'bare';
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'leaseKey', AttributeType: 'S' }],
    }),
  );
  let counter = 0;
  return {
    write: (n) =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: { leaseKey: { S: SHARD } },
          UpdateExpression: 'SET checkpoint = :checkpoint, leaseOwner = :owner, leaseCounter = :next',
          ConditionExpression: 'attribute_not_exists(leaseKey) OR leaseCounter = :before',
          ExpressionAttributeValues: {
            ':checkpoint': { S: sequence(n) },
            ':owner': { S: OWNER },
            ':before': { N: String(counter) },
            ':next': { N: String(++counter) },
          },
        }),
      ),
    close: async () => client.destroy(),
  };
}

/** Inserts a document under a new key, which is how the KV store lets one writer win. */
function documentWriter(url: string): Writer {
  // As Splunk's own certificate, the fake's names no host.
  const dispatcher = new Agent({ connect: { ca: CA, checkServerIdentity: () => undefined } });
  const address = `${url}/servicesNS/nobody/kinloader/storage/collections/data/kinlog_rows`;
  const headers = { authorization: `Splunk ${SESSION.value}`, 'content-type': 'application/json' };
  let inserted = 0;
  return {
    write: async (n) => {
      const body = JSON.stringify({ _key: `bare-${++inserted}`, row: JSON.stringify(rowAt(n)) });
      const answer = await request(address, { dispatcher, method: 'POST', headers, body });
      if (answer.statusCode !== 201) throw new Error(`an insert was answered with ${answer.statusCode}`);
      await answer.body.dump();
    },
    close: () => dispatcher.close(),
  };
}
