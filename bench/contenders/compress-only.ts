/** Nothing but the compression of the records that the sender puts, one after the other. MB of event text a second. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { OutgoingEvent } from '../../record/event.ts';
import { encodeHec } from '../../record/hec.ts';
import type { Contender, Options } from '../contender.ts';
import { outgoing, textBytes } from './outgoing.ts';

/** Text at which the sender closes a record. */
const RECORD_BYTES = 256 * 1024;

export function open({ compression }: Options): Contender {
  const events = outgoing();
  const bytes = textBytes(events);
  const records = encoded(events);
  const compress = compression === 'zstd' ? zstd : gzip;
  return {
    round: async () => {
      const begun = performance.now();
      for (const record of records) compress(record);
      return bytes / 1e3 / (performance.now() - begun);
    },
  };
}

const gzip = (record: Buffer) => gzipSync(record, { level: 1 });
const zstd = (record: Buffer) => zstdCompressSync(record, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });

function encoded(events: readonly OutgoingEvent[]): Buffer[] {
  const records: Buffer[] = [];
  let from = 0;
  let bytes = 0;
  events.forEach((event, n) => {
    bytes += event.data.length;
    if (bytes < RECORD_BYTES && n < events.length - 1) return;
    records.push(encodeHec(events.slice(from, n + 1)));
    from = n + 1;
    bytes = 0;
  });
  return records;
}
