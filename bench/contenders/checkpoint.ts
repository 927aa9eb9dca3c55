/** Milliseconds to store one position, the median of many, `by` one of the writers of checkpoint-writers.ts. */
import type { Contender, Options } from '../contender.ts';
import { median } from '../statistics.ts';
import { openWriter } from './checkpoint-writers.ts';

const PUTS = 200;

export async function open(options: Options): Promise<Contender> {
  const writer = await openWriter(options);
  return {
    round: async () => {
      const ms: number[] = [];
      for (let n = 0; n < PUTS; n++) {
        const begun = performance.now();
        await writer.write(n);
        ms.push(performance.now() - begun);
      }
      return median(ms);
    },
    close: () => writer.close(),
  };
}
