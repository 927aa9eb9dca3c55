/** HEC lines to Splunk's XML in memory, by strings. */
import type { Contender } from '../contender.ts';
import { corpus, totalBytes } from '../data/corpus.ts';
import { Sha } from './sha.ts';
import { STANZA } from './stanza.ts';
import { StringXml } from './strings.ts';

export function open(): Contender {
  const records = corpus('lines');
  const bytes = totalBytes(records);
  const render = (sink: (chunk: Buffer) => void) => {
    const xml = new StringXml(STANZA, sink);
    for (const record of records) xml.add(record);
    xml.flush();
  };
  return {
    round: async () => {
      const begun = performance.now();
      let written = 0;
      render((chunk) => (written += chunk.length));
      return written > 0 ? bytes / 1e3 / (performance.now() - begun) : 0;
    },
    digest: () => {
      const sha = new Sha();
      render((chunk) => sha.add(chunk));
      return sha.end();
    },
  };
}
