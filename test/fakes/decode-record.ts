/** Drives a RecordDecoder through one record, over as many batches as it takes. */
import { silentLog, type EventLog } from '../../base/events.ts';
import { BatchBuilder } from '../../record/batch.ts';
import { RecordDecoder, type DecodeOptions } from '../../record/decode.ts';
import type { RecordPlace } from '../../record/event.ts';
import type { KinlogHeader } from '../../record/kinlog-lines.ts';
import type { HashRange } from '../../record/kpl.ts';
import { MetaRows } from '../../record/meta-table.ts';

export interface Run extends DecodeOptions {
  readonly after?: number;
  readonly range?: HashRange;
  /** Events that a batch takes. */
  readonly capacity?: number;
}
export interface Decoded {
  readonly text: string;
  readonly mark: number;
  readonly sourcetype: string | undefined;
  readonly host: string | undefined;
  readonly sub: number;
}

export interface Outcome {
  readonly events: readonly Decoded[];
  readonly places: readonly RecordPlace[];
  readonly peek: KinlogHeader | undefined;
  readonly log: EventLog;
  readonly lastComplete: number | undefined;
}

export const recordOf = (data: Uint8Array | string) => ({
  data: Buffer.from(data as Uint8Array),
  sequenceNumber: '4959',
  partitionKey: 'outer',
  arrivalMs: 1_700_000_000_000,
});

export function decode(
  data: Uint8Array | string,
  { after, range, capacity, ...options }: Run = {},
  log = silentLog(),
): Outcome {
  const decoder = new RecordDecoder(options, log);
  const peek = decoder.begin(recordOf(data), after, range);
  const rows = new MetaRows();
  const events: Decoded[] = [];
  const places: RecordPlace[] = [];
  let answer: string;
  do {
    const builder = new BatchBuilder(rows, capacity);
    answer = decoder.step(builder);
    const batch = builder.seal();
    places.push(...batch.records);
    batch.records.forEach((place, k) => {
      for (let i = batch.firstEvent[k]!; i < batch.firstEvent[k + 1]!; i++) {
        const { text, mark, meta } = batch.at(i);
        events.push({ text, mark, sourcetype: meta.sourcetype, host: meta.host, sub: place.subSequence });
      }
    });
  } while (answer === 'full');
  return { events, places, peek, log, lastComplete: decoder.lastComplete };
}
