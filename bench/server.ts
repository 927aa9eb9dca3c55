/** A Kinesis endpoint full of data, as a process: the simulator of the tests without its read limits, and the server of a shared store beside it. Ends with its parent's channel. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { FakeKinesis } from '../test/fakes/kinesis/fake.ts';
import { startSimulator } from '../test/fakes/kinesis/server.ts';
import { startDynalite } from '../test/fakes/peers/dynalite.ts';
import { startDynamoLocal } from '../test/fakes/peers/dynamodb-local.ts';
import { FakeSplunkd } from '../test/fakes/splunkd/splunkd.ts';
import { builtDirectory } from '../test/interop/build.ts';
import { corpus, eventCount, totalBytes, type Form } from './data/corpus.ts';

export const STREAM = 'bench';

export interface ServerOrder {
  /** Nothing in the stream without it. */
  readonly form?: Form;
  /** Bytes of data that one shard holds at most. Below 9 MiB a shard is one page of one call, and the pace of the reader never holds it up. */
  readonly shardBytes?: number;
  /** Records that one shard holds at most. */
  readonly shardRecords?: number;
  /** Of a stream with nothing in it; 1 without it. */
  readonly emptyShards?: number;
  /** A server of positions beside it. */
  readonly store?: 'dynalite' | 'dynamodb-local' | 'splunkd';
  /** A HEC beside it that throws everything away. */
  readonly hec?: boolean;
}

export interface ServerReady {
  readonly endpoint: string;
  readonly stream: string;
  readonly shards: number;
  readonly records: number;
  readonly events: number;
  /** Of the events as HEC lines, whatever the records look like. */
  readonly payloadBytes: number;
  /** URL of the server of positions, when one was ordered. */
  readonly storeUrl?: string;
  readonly hecUrl?: string;
}

if (process.send !== undefined) {
  process.on('disconnect', () => process.exit(0));
  const ready = await serve(JSON.parse(process.argv[2]!) as ServerOrder);
  process.send(ready);
}

async function serve(order: ServerOrder): Promise<ServerReady> {
  const fake = new FakeKinesis({ readLimits: false });
  const records = order.form === undefined ? [] : corpus(order.form);
  const groups = grouped(records, order);
  const shards = Math.max(order.emptyShards ?? 1, groups.length);
  fake.createStream(STREAM, shards);
  groups.forEach((group, shard) => {
    const explicitHashKey = String((2n ** 128n / BigInt(shards)) * BigInt(shard));
    for (const data of group) fake.put(STREAM, { data, explicitHashKey });
  });
  const { url } = await startSimulator(fake);
  const storeUrl = order.store === undefined ? {} : { storeUrl: await startStore(order.store) };
  const hecUrl = order.hec === true ? { hecUrl: await startHec() } : {};
  const payloadBytes = order.form === undefined ? 0 : totalBytes(corpus('lines'));
  const held = { shards, records: records.length, events: eventCount(), payloadBytes };
  return { endpoint: url, stream: STREAM, ...held, ...storeUrl, ...hecUrl };
}

/** They end with this process. */
async function startStore(kind: NonNullable<ServerOrder['store']>): Promise<string> {
  switch (kind) {
    case 'dynalite':
      return (await startDynalite()).url;
    case 'dynamodb-local':
      return (await startDynamoLocal(path.join(builtDirectory(), 'dynamodb-local'))).url;
    case 'splunkd': {
      const splunkd = new FakeSplunkd();
      splunkd.kv.declare('kinloader', 'kinlog_rows');
      return (await splunkd.open()).url;
    }
  }
}

async function startHec(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"text":"Success","code":0}'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whole records in order, a group for each shard. */
function grouped(
  records: readonly Buffer[],
  { shardBytes = Infinity, shardRecords = Infinity }: ServerOrder,
): Buffer[][] {
  const groups: Buffer[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    const last = groups.at(-1);
    if (last === undefined || bytes + record.length > shardBytes || last.length >= shardRecords) {
      groups.push([record]);
      bytes = record.length;
    } else {
      last.push(record);
      bytes += record.length;
    }
  }
  return groups;
}
