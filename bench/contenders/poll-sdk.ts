/** What a GetRecords call without records costs the bare SDK: CPU microseconds of all threads, a call, warm. */
import type { Contender, Options } from '../contender.ts';
import { iterators, nextPage, sdkClient } from './sdk.ts';

export function open(options: Options): Contender {
  const { endpoint, stream, calls } = options as { endpoint: string; stream: string; calls: number };
  const client = sdkClient(endpoint);
  return {
    round: async () => {
      let [iterator] = await iterators(client, stream);
      const before = process.cpuUsage();
      for (let n = 0; n < calls; n++) iterator = (await nextPage(client, iterator!)).NextShardIterator;
      const { user, system } = process.cpuUsage(before);
      return (user + system) / calls;
    },
    close: async () => client.destroy(),
  };
}
