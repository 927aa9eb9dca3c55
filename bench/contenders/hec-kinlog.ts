/** HEC lines out of records, gzipped, to a HEC: the decoder and the HEC output of the reader, as shards that write side by side. */
import { silentLog } from '../../base/events.ts';
import { openHec } from '../../reader/output/hec.ts';
import { BatchBuilder } from '../../record/batch.ts';
import { hec } from '../../record/hec.ts';
import type { Contender, Options } from '../contender.ts';
import { corpus, totalBytes } from '../data/corpus.ts';

/** As EventDelivery hands batches on. */
const BATCH_BYTES = 1024 * 1024;
const SHARDS = 8;
const never = new AbortController().signal;

export function open(options: Options): Contender {
  const { hecUrl } = options as { hecUrl: string };
  const records = corpus('lines');
  const bytes = totalBytes(records);
  const builders = Array.from({ length: SHARDS }, () => new BatchBuilder());
  const output = openHec({ endpoints: [hecUrl], token: () => Promise.resolve('bench'), log: silentLog() });
  return {
    round: async () => {
      const begun = performance.now();
      let next = 0;
      const shard = async (builder: BatchBuilder) => {
        while (next < records.length) {
          while (next < records.length && builder.used < BATCH_BYTES) decode(records[next++]!, builder);
          await output.write(builder.seal(), never);
          builder.reset();
        }
      };
      await Promise.all(builders.map(shard));
      return bytes / 1e3 / (performance.now() - begun);
    },
    close: () => output.close(),
  };
}

function decode(record: Buffer, builder: BatchBuilder): void {
  const start = builder.load(record);
  const { kind } = hec.decode({ start, end: start + record.length }, builder);
  if (kind !== 'done') throw new Error(`a record of the corpus was not decoded in one go: ${kind}`);
}
