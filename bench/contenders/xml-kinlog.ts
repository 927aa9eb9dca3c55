/** HEC lines to Splunk's XML in memory: the decoder and the XML writer of the reader. */
import { Buffer } from 'node:buffer';
import { XmlWriter } from '../../reader/output/xml.ts';
import { BatchBuilder } from '../../record/batch.ts';
import { hec } from '../../record/hec.ts';
import type { Contender } from '../contender.ts';
import { corpus, totalBytes } from '../data/corpus.ts';
import { Sha } from './sha.ts';
import { STANZA } from './stanza.ts';

/** As EventDelivery hands batches on and EventPipe cuts its chunks. */
const BATCH_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

export function open(): Contender {
  const records = corpus('lines');
  const bytes = totalBytes(records);
  const builder = new BatchBuilder();
  const xml = new XmlWriter();
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const write = (sink: (chunk: Uint8Array) => void) => {
    xml.begin(builder.seal(), STANZA);
    for (let size = xml.fill(chunk); size > 0; size = xml.fill(chunk)) sink(chunk.subarray(0, size));
    builder.reset();
  };
  const render = (sink: (chunk: Uint8Array) => void) => {
    for (const record of records) {
      const start = builder.load(record);
      const { kind } = hec.decode({ start, end: start + record.length }, builder);
      if (kind !== 'done') throw new Error(`a record of the corpus was not decoded in one go: ${kind}`);
      if (builder.used >= BATCH_BYTES) write(sink);
    }
    write(sink);
  };
  return {
    round: async () => {
      const begun = performance.now();
      let written = 0;
      render((piece) => (written += piece.length));
      return written > 0 ? bytes / 1e3 / (performance.now() - begun) : 0;
    },
    digest: () => {
      const sha = new Sha();
      render((piece) => sha.add(piece));
      return sha.end();
    },
  };
}
