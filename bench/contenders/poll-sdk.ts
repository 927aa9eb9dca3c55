/** What a GetRecords call without records costs the bare SDK: CPU microseconds of all threads, a call, warm. `pauseMs` between two calls; 0 = none. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Contender, Options } from '../contender.ts';
import { iterators, nextPage, sdkClient } from './sdk.ts';

export function open(options: Options): Contender {
  const { endpoint, stream } = options as { endpoint: string; stream: string };
  const { calls, pauseMs } = options as { calls: number; pauseMs: number };
  const client = sdkClient(endpoint);
  return {
    round: async () => {
      let [iterator] = await iterators(client, stream);
      const before = process.cpuUsage();
      for (let n = 0; n < calls; n++) {
        iterator = (await nextPage(client, iterator!)).NextShardIterator;
        if (pauseMs > 0) await pause(pauseMs);
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / calls;
    },
    close: async () => client.destroy(),
  };
}
