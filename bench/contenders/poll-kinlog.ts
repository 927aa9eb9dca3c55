/** What a poll without records costs the whole idle reader, its listings and timers included: CPU microseconds of all threads, a call. */
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { MemoryStore, Reader } from '../../reader/index.ts';
import type { Contender, Options } from '../contender.ts';
import { IDENTITY } from './sdk.ts';

/** A poll a second would take minutes; on this clock it is one in five milliseconds, and everything else keeps its proportion. */
const FASTER = 200;

export function open(options: Options): Contender {
  const { endpoint, stream, calls } = options as { endpoint: string; stream: string; calls: number };
  return {
    round: async () => {
      const stop = new AbortController();
      let polls = 0;
      let before = process.cpuUsage();
      let cost = 0;
      const records = {
        write: async () => {
          // The first of them belong to the start.
          if (polls === WARM) before = process.cpuUsage();
          if (++polls !== WARM + calls) return;
          const { user, system } = process.cpuUsage(before);
          cost = (user + system) / calls;
          stop.abort();
        },
        close: async () => undefined,
      };
      const kinesis = { ...IDENTITY, endpoint };
      const start = { kind: 'horizon' } as const;
      await new Reader({ stream, kinesis, store: new MemoryStore(), records, start, clock: fast }).run(stop.signal);
      return cost;
    },
  };
}

const WARM = 20;

const fast: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * FASTER,
  sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
};
