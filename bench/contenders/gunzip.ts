/** Records of gzip to their content: `by` kinlog's own stage, or `zlib` as it comes. */
import { gunzipSync } from 'node:zlib';
import { gunzip } from '../../record/gzip.ts';
import type { Contender, Options } from '../contender.ts';
import { corpus, totalBytes } from '../data/corpus.ts';

export function open({ by }: Options): Contender {
  const records = corpus('gzip');
  const expected = totalBytes(corpus('lines'));
  const unzip = by === 'zlib' ? (record: Buffer) => gunzipSync(record).length : ownLength;
  return {
    round: async () => {
      const begun = performance.now();
      let bytes = 0;
      for (const record of records) bytes += unzip(record);
      const ms = performance.now() - begun;
      if (bytes !== expected) throw new Error(`${bytes} bytes came out of gzip instead of ${expected}`);
      return bytes / 1e3 / ms;
    },
  };
}

function ownLength(record: Buffer): number {
  const inflated = gunzip(record);
  return inflated.kind === 'ok' ? inflated.bytes.length : 0;
}
