/** Writes to a shared store for each shard and lease period, counted in virtual time: of an idle reader, or of one whose shards get a record every `putEveryMs`. */
import { MemoryStore, Reader } from '../../reader/index.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { FakeKinesis } from '../../test/fakes/kinesis/fake.ts';
import { simulatorHandler } from '../../test/fakes/kinesis/handler.ts';
import type { Contender, Options } from '../contender.ts';
import { IDENTITY } from './sdk.ts';

const STREAM = 'bench';
/** The reader's default. */
const PERIOD_MS = 10_000;
const PERIODS = 6;

/** Counts what another process would see written. */
class SharedStore extends MemoryStore {
  override readonly traits = { survivesRestart: false, shared: true };
  puts = 0;

  override put(...args: Parameters<MemoryStore['put']>): Promise<number> {
    this.puts++;
    return super.put(...args);
  }
}

export function open(options: Options): Contender {
  const { shards, putEveryMs } = options as { shards: number; putEveryMs?: number };
  return { round: () => writes(shards, putEveryMs) };
}

async function writes(shards: number, putEveryMs = Infinity): Promise<number> {
  const clock = new FakeClock();
  const fake = new FakeKinesis({ clock });
  fake.createStream(STREAM, shards);
  const store = new SharedStore();
  const stop = new AbortController();
  const reader = new Reader({
    ...{ stream: STREAM, store, clock, start: { kind: 'horizon' }, leasePeriodMs: PERIOD_MS },
    kinesis: { ...IDENTITY, requestHandler: simulatorHandler(fake) },
    records: { write: async () => undefined, close: async () => undefined },
  });
  const done = reader.run(stop.signal);
  const reading = () => reader.status()?.shards.filter(({ behindMs }) => behindMs === 0).length === shards;
  await clock.until(reading);
  await load({ fake, clock, shards, putEveryMs }, PERIOD_MS);
  const before = store.puts;
  await load({ fake, clock, shards, putEveryMs }, PERIODS * PERIOD_MS);
  const found = (store.puts - before) / shards / PERIODS;
  stop.abort();
  let stopped = false;
  void done.finally(() => (stopped = true));
  await clock.until(() => stopped);
  await done;
  return found;
}

interface Load {
  readonly fake: FakeKinesis;
  readonly clock: FakeClock;
  readonly shards: number;
  readonly putEveryMs: number;
}

async function load({ fake, clock, shards, putEveryMs }: Load, ms: number): Promise<void> {
  const until = clock.monotonic() + ms;
  while (clock.monotonic() < until) {
    if (putEveryMs !== Infinity)
      for (let shard = 0; shard < shards; shard++)
        fake.put(STREAM, { data: 'record', explicitHashKey: firstHash(shard, shards) });
    await clock.advance(Math.min(putEveryMs, until - clock.monotonic()));
  }
}

export const firstHash = (shard: number, shards: number): string =>
  String((2n ** 128n / BigInt(shards)) * BigInt(shard));
