/** HEC lines out of records, gzipped, to a HEC, as one would write it first: JSON.parse and JSON.stringify for each event, gzip in another thread, a post. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { HttpClient } from '../../base/http.ts';
import type { Contender, Options } from '../contender.ts';
import { corpus, totalBytes } from '../data/corpus.ts';

const BODY_CHARACTERS = 1_000_000;
const POSTS = 6;
const HEADERS = { authorization: 'Splunk bench', 'content-encoding': 'gzip' };
const compress = promisify<string, { level: number; chunkSize: number }, Buffer>(gzip);

export function open(options: Options): Contender {
  const { hecUrl } = options as { hecUrl: string };
  const records = corpus('lines');
  const bytes = totalBytes(records);
  const http = new HttpClient({ url: new URL(hecUrl) });
  return {
    round: async () => {
      const begun = performance.now();
      let next = 0;
      const post = async () => {
        while (next < records.length) {
          let text = '';
          while (next < records.length && text.length < BODY_CHARACTERS) text += rewritten(records[next++]!);
          const body = await compress(text, { level: 1, chunkSize: 256 * 1024 });
          const { status } = await http.call({ method: 'POST', path: '/services/collector', headers: HEADERS, body });
          if (status !== 200) throw new Error(`HTTP ${status}`);
        }
      };
      await Promise.all(Array.from({ length: POSTS }, post));
      return bytes / 1e3 / (performance.now() - begun);
    },
    close: () => http.close(),
  };
}

function rewritten(record: Buffer): string {
  let text = '';
  for (const line of record.toString().split('\n')) if (line !== '') text += `${JSON.stringify(JSON.parse(line))}\n`;
  return text;
}
