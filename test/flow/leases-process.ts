/** A reader as a process of its own, on a stream and a store that others use too. Events go to stdout a line each, what the reader says goes to stderr as JSON.
 *  KINLOG_LEASES: LeaseProcessOptions. */
import { EventLog, type EventName } from '../../base/events.ts';
import type { EventBatch } from '../../record/batch.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { Reader } from '../../reader/index.ts';
import { accessTo } from '../fakes/peers/dynalite.ts';

export interface LeaseProcessOptions {
  readonly kinesisUrl: string;
  readonly storeUrl: string;
  readonly stream: string;
  readonly table: string;
  readonly name: string;
  readonly leasePeriodMs: number;
  readonly checkpointEveryMs: number;
  /** It stops itself (SIGSTOP) at this step; `with`: only lines with this text in their fields. */
  readonly stopAt?: { readonly event: EventName; readonly with: string; readonly nth: number };
}

const options = JSON.parse(process.env['KINLOG_LEASES']!) as LeaseProcessOptions;
const { kinesisUrl, storeUrl, stream, table: tableName, name, leasePeriodMs, checkpointEveryMs, stopAt } = options;
let seen = 0;
/** Readings of all rows that have begun. */
let looks = 0;
const say = (what: object): void => void process.stderr.write(`${JSON.stringify({ ...what, looks })}\n`);
const log = new EventLog((line) => {
  if (line.level !== 'debug') say({ name: line.name, fields: line.fields });
  if (line.name !== stopAt?.event || !JSON.stringify(line.fields).includes(stopAt.with)) return;
  // The signal is delivered before kill returns, so nothing of the reader runs after the step it names.
  if (++seen === stopAt.nth) process.kill(process.pid, 'SIGSTOP');
}, 'debug');

/** Accepted is what the pipe has taken. */
const output = {
  write: (batch: EventBatch) =>
    new Promise<void>((resolve, reject) => {
      const lines = Array.from({ length: batch.length }, (_, i) => `${batch.at(i).text}\n`).join('');
      process.stdout.write(lines, (error) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    }),
  close: () => Promise.resolve(),
};

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const table = openDynamoStore({ table: tableName, client: accessTo(storeUrl) });
const store: typeof table = {
  traits: table.traits,
  rows: (key, signal) => {
    looks++;
    say({ name: 'look' });
    return table.rows(key, signal);
  },
  put: (key, row, expected, signal) => table.put(key, row, expected, signal),
  remove: (key, shardId, expected, signal) => table.remove(key, shardId, expected, signal),
  close: () => table.close(),
};
await new Reader({
  stream,
  kinesis: { endpoint: kinesisUrl, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
  store,
  output,
  start: { kind: 'horizon' },
  log,
  name,
  leasePeriodMs,
  checkpointEveryMs,
  idleMs: 100,
  // On a busy machine leaving takes its time, and what is shown of it does not depend on how long.
  drainMs: 60_000,
}).run(stop.signal);
await store.close();
say({ late: log.total('events_delivered_late') });
