/** A whole stream by the real KCL 2 in Java, its leases in DynamoDB (dynalite): thousands of records a second from the first to the last, which it throws away. And how often it then writes its leases. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { dynamoClient } from '../../test/fakes/peers/dynalite.ts';
import type { Contender, Options, Round } from '../contender.ts';
import { kclArguments } from '../java.ts';
import { memoryMiB, thenKill } from './app-process.ts';
import { fromFirstToLast, type Moment } from './reading.ts';

interface Stage {
  readonly endpoint: string;
  readonly storeUrl: string;
  readonly stream: string;
  readonly records: number;
}

/** What KclReader.java says. */
interface Said extends Moment {
  readonly event: 'first' | 'last' | 'twice';
  readonly records: number;
}

export function open(options: Options): Contender {
  return { round: () => readAll(options as unknown as Stage) };
}

async function readAll({ endpoint, storeUrl, stream, records }: Stage): Promise<Round> {
  const table = `kcl-${process.pid}`;
  const child = spawn('java', kclArguments(), {
    cwd: tmpdir(),
    // It ends with its stdin.
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      KINESIS_URL: endpoint,
      DYNAMODB_URL: storeUrl,
      STREAM: stream,
      TABLE: table,
      RECORDS: String(records),
    },
  });
  return thenKill(child, async () => {
    const read = await observed(child, records);
    return { ...read, also: { ...read.also, [WRITES]: await leaseWrites(storeUrl, table) } };
  });
}

const WRITES = 'writes of a lease in 10 s, then idle';
const SETTLE_MS = 2000;
const WINDOW_MS = 20_000;

async function leaseWrites(storeUrl: string, table: string): Promise<number> {
  const client = dynamoClient(storeUrl);
  const counted = async () => {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const counters = Items.map((item) => Number(item['leaseCounter']?.N));
    return counters.reduce((sum, counter) => sum + counter, 0) / counters.length;
  };
  await pause(SETTLE_MS);
  const before = await counted();
  await pause(WINDOW_MS);
  const after = await counted();
  client.destroy();
  return ((after - before) * 10_000) / WINDOW_MS;
}

async function observed(child: ChildProcessByStdio<Writable, Readable, null>, records: number): Promise<Round> {
  let first: Moment | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Said;
    if (said.event === 'first') first = said;
    else if (said.records === records && first !== undefined)
      return { ...fromFirstToLast(first, said, records), peakMiB: memoryMiB(child.pid!, 'VmHWM') };
    else throw new Error(`the KCL gave ${said.records} records instead of ${records}`);
  }
  throw new Error('the KCL ended before it had read everything');
}
