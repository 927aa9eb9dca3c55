/** A whole stream by the real KCL 2 in Java, its leases in DynamoDB (dynalite): thousands of records a second from the first to the last, which it throws away. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
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
  const child = spawn('java', kclArguments(), {
    cwd: tmpdir(),
    // It ends with its stdin.
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      KINESIS_URL: endpoint,
      DYNAMODB_URL: storeUrl,
      STREAM: stream,
      TABLE: `kcl-${process.pid}`,
      RECORDS: String(records),
    },
  });
  return thenKill(child, () => observed(child, records));
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
