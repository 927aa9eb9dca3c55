/** A batch of events becomes records that fit: encoded, compressed, measured, and halved where they are too large. */
import { randomBytes } from 'node:crypto';
import { KinlogError } from '../base/errors.ts';
import type { EventMeta, OutgoingEvent } from '../record/event.ts';
import { encodeHec } from '../record/hec.ts';
import { encodeKinlog } from '../record/kinlog.ts';
import { randomKey, type Batch, type EventSettle } from './batch.ts';
import { compress, type Compression } from './compress.ts';
import { encodeJson, encodeRaw } from './lines.ts';
import type { PutEntry } from './put.ts';

export type SendFormat = 'kinlog' | 'hec' | 'json' | 'raw';

/** Either the record with these events, or why none of them can be one. */
export type Encoded = { readonly settles: readonly (EventSettle | undefined)[] } & (
  { readonly entry: PutEntry } | { readonly error: KinlogError }
);

export interface RecordEncoder {
  /** The record says its metadata once, so that its events must share it. */
  readonly oneMeta: boolean;
  /** Records in the order of their events. */
  encode(batch: Batch): Promise<readonly Encoded[]>;
  /** The start-up check's record without an event. */
  nullRecord(): Promise<PutEntry>;
}

export interface EncoderOptions {
  readonly format: SendFormat;
  readonly compression: Compression;
  /** Data and partition key together, as Kinesis counts. */
  readonly maxRecordBytes: number;
  readonly meta: EventMeta;
}

type Write = (meta: EventMeta, events: readonly OutgoingEvent[]) => Uint8Array;

const NULL_META = { source: '__null__', sourcetype: '__null__', host: '__null__', index: '__null__' };

export function recordEncoder(options: EncoderOptions): RecordEncoder {
  const { format, compression, meta: defaults } = options;
  const shape = { unbroken: false, encId: processId(), blockId: 0 };
  const withDefaults = (event: OutgoingEvent): EventMeta => ({ ...defaults, ...event.meta });
  const writers: Record<SendFormat, Write> = {
    kinlog: (meta, events) => encodeKinlog({ ...shape, ...meta }, events),
    hec: (_meta, events) => encodeHec(events.map((event) => ({ ...event, meta: withDefaults(event) }))),
    json: (_meta, events) => encodeJson(events, withDefaults),
    raw: (_meta, events) => encodeRaw(events),
  };
  const write = writers[format];
  const keyPrefix = format === 'kinlog' ? 'broken-' : '';
  const fit = async (batch: Batch, from: number, to: number): Promise<Encoded[]> => {
    const data = await compress[compression](write(batch.meta, batch.events.slice(from, to)));
    const entry = { data, partitionKey: batch.key ?? randomKey(keyPrefix) };
    const size = data.length + Buffer.byteLength(entry.partitionKey);
    if (size <= options.maxRecordBytes) return [{ settles: batch.settles.slice(from, to), entry }];
    if (to - from === 1) return [{ settles: [batch.settles[from]], error: tooLarge(size, options.maxRecordBytes) }];
    const middle = (from + to) >> 1;
    return [...(await fit(batch, from, middle)), ...(await fit(batch, middle, to))];
  };
  return {
    oneMeta: format === 'kinlog',
    encode: (batch) => fit(batch, 0, batch.events.length),
    nullRecord: async () => ({
      data: await compress.gzip(encodeKinlog({ ...shape, ...NULL_META }, [])),
      partitionKey: '__null__',
    }),
  };
}

function tooLarge(size: number, limit: number): KinlogError {
  return new KinlogError(
    'KINLOG_RECORD_TOO_LARGE',
    `an event makes a record of ${size} bytes, and ${limit} is the limit of the stream`,
  );
}

/** Random for this process; below 2^53, so that JavaScript readers keep every digit. */
function processId(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n);
}
