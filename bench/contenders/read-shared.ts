/** A whole stream by kinlog's reader as one of several, its leases in DynamoDB (dynalite), XML on stdout: thousands of records a second from the first to the last. */
import { systemClock, type Clock } from '../../base/clock.ts';
import { EventLog } from '../../base/events.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { EventPipe, ModularInputOutput, Reader } from '../../reader/index.ts';
import { accessTo } from '../../test/fakes/peers/dynalite.ts';
import type { Contender, Options, Round } from '../contender.ts';
import { fromFirstToLast, type Moment } from './reading.ts';
import { IDENTITY } from './sdk.ts';
import { STANZA } from './stanza.ts';

interface Stage {
  readonly endpoint: string;
  readonly storeUrl: string;
  readonly stream: string;
  readonly events: number;
}

/** The reader has no switch against its pace of 2 MB a second for each shard. On this clock the pace is as many times that, and everything else is told to take its time. */
const FASTER = 200;
const fast: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * FASTER,
  sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
};
const SLOWED = {
  clock: fast,
  leasePeriodMs: 10_000 * FASTER,
  checkpointEveryMs: 1000 * FASTER,
  listEveryMs: 30_000 * FASTER,
  drainMs: 4000 * FASTER,
};

export function open(options: Options): Contender {
  return { round: () => readAll(options as unknown as Stage) };
}

async function readAll({ endpoint, storeUrl, stream, events }: Stage): Promise<Round> {
  const stop = new AbortController();
  let first: Moment | undefined;
  let last: Moment | undefined;
  const log: EventLog = new EventLog(({ name }) => {
    if (name !== 'batch.written') return;
    first ??= moment();
    if (log.total('events_delivered') < events) return;
    last = moment();
    stop.abort();
  }, 'debug');
  const store = openDynamoStore({ table: `kinlog-${process.pid}`, client: accessTo(storeUrl) });
  const pipe = new EventPipe(process.stdout, { log });
  await new Reader({
    ...{ stream, store, log, start: { kind: 'horizon' }, kinesis: { ...IDENTITY, endpoint } },
    ...SLOWED,
    output: new ModularInputOutput(pipe, STANZA),
  }).run(stop.signal);
  await pipe.close();
  await store.close();
  const delivered = log.total('events_delivered');
  if (delivered !== events) throw new Error(`kinlog gave ${delivered} events instead of ${events}`);
  return fromFirstToLast(first!, last!, events);
}

function moment(): Moment {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), cpuMs: (user + system) / 1000 };
}
