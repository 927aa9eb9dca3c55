/** What a process costs that reads shards without records, CPU milliseconds a second: `by` the reader on a DynamoDB table, or by the bare SDK that asks each shard once a second. */
import { setTimeout as pause } from 'node:timers/promises';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { Reader } from '../../reader/index.ts';
import { accessTo } from '../../test/fakes/peers/dynalite.ts';
import type { Contender, Options, Round } from '../contender.ts';
import { IDENTITY, iterators, nextPage, sdkClient } from './sdk.ts';

interface Stage {
  readonly endpoint: string;
  readonly storeUrl: string;
  readonly shards: number;
  readonly by: 'kinlog' | 'sdk';
}

/** The reader's default. */
const IDLE_MS = 1000;
/** Reads of each shard before it counts. */
const WARM_READS = 3;
const WINDOW_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** A thousand rows are given back, which dynalite needs seconds for. */
const DRAIN_MS = 30_000;
const START_LIMIT_MS = 60_000;

export async function open(options: Options): Promise<Contender> {
  const stage = options as unknown as Stage;
  const stream = `idle-${process.pid}`;
  const command = { do: 'create', stream, shards: stage.shards };
  await fetch(`${stage.endpoint}/_control`, { method: 'POST', body: JSON.stringify(command) });
  return { round: () => (stage.by === 'sdk' ? ofSdk(stage, stream) : ofReader(stage, stream)) };
}

async function ofReader({ endpoint, storeUrl, shards }: Stage, stream: string): Promise<Round> {
  const stop = new AbortController();
  const store = openDynamoStore({ table: stream, client: accessTo(storeUrl) });
  let reads = 0;
  const done = new Reader({
    ...{ stream, store, start: { kind: 'horizon' }, drainMs: DRAIN_MS, kinesis: { ...IDENTITY, endpoint } },
    records: {
      write: () => {
        reads++;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
  }).run(stop.signal);
  const found = await Promise.race([observed(shards, () => reads), done]);
  stop.abort();
  await done;
  await store.close();
  if (found === undefined) throw new Error('the reader ended by itself');
  return found;
}

async function ofSdk({ endpoint, shards }: Stage, stream: string): Promise<Round> {
  const client = sdkClient(endpoint);
  let reads = 0;
  let over = false;
  const read = async (first: string) => {
    await pause(Math.random() * IDLE_MS);
    for (let iterator: string | undefined = first; iterator !== undefined && !over; reads++) {
      const calledAt = performance.now();
      iterator = (await nextPage(client, iterator)).NextShardIterator;
      await pause(Math.max(0, calledAt + IDLE_MS - performance.now()));
    }
  };
  const readers = (await iterators(client, stream)).map(read);
  const found = await observed(shards, () => reads);
  over = true;
  await Promise.all(readers);
  client.destroy();
  return found;
}

async function observed(shards: number, reads: () => number): Promise<Round> {
  const limit = performance.now() + START_LIMIT_MS;
  while (reads() < WARM_READS * shards) {
    if (performance.now() > limit) throw new Error(`${reads()} reads of ${shards} shards in ${START_LIMIT_MS} ms`);
    await pause(LOOK_EVERY_MS);
  }
  const before = { at: performance.now(), cpu: process.cpuUsage(), reads: reads() };
  await pause(WINDOW_MS);
  const seconds = (performance.now() - before.at) / 1000;
  const { user, system } = process.cpuUsage(before.cpu);
  return {
    value: (user + system) / 1000 / seconds,
    also: { 'reads a second': (reads() - before.reads) / seconds, 'MiB resident': process.memoryUsage.rss() / 2 ** 20 },
  };
}
