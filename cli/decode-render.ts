/** Decoded events as logdecode prints them: their bytes, or JSON with all that is known about them. */
import type { EventMeta, LogEvent } from '../record/event.ts';
import { MARK } from '../record/event.ts';
import type { KinlogHeader } from '../record/kinlog-lines.ts';
import type { DumpedRecord } from './decode-input.ts';

const LF = 0x0a;
const NEWLINE = Buffer.from('\n');

/** The bytes, and an LF where they end without one; pieces of an unbroken stream stay as they are. The view dies with the batch, so this copies. */
export function rawText(event: LogEvent): Buffer {
  const { data, mark } = event;
  return data.at(-1) === LF || (mark & MARK.unbroken) !== 0 ? Buffer.from(data) : Buffer.concat([data, NEWLINE]);
}

/** One object with the keys of the original tool, in its order. Records of other formats have no `enc_id` and `block_id`: 0. */
export function jsonText(
  event: LogEvent,
  record: DumpedRecord,
  header: KinlogHeader | undefined,
  indent: boolean,
): Buffer {
  const object = {
    unbroken: (event.mark & MARK.unbroken) !== 0,
    ...metaOf(event),
    enc_id: number(header?.encId ?? '0'),
    block_id: header?.blockId ?? 0,
    log_timestamp: event.timeMs === undefined ? null : rfc3339(event.timeMs),
    event: event.text,
    approx_arrival_time: Number.isNaN(record.arrivalMs) ? null : rfc3339(record.arrivalMs),
    partition_key: record.partitionKey,
    seq: record.sequenceNumber,
  };
  return Buffer.from(`${JSON.stringify(object, null, indent ? 2 : undefined)}\n`);
}

function metaOf({ meta: { source = '', sourcetype = '', host = '', index = '' } }: LogEvent): Required<EventMeta> {
  return { source, sourcetype, host, index };
}

/** A JSON number of any length: enc_id is a 63-bit number, of which a double keeps 53. Node has rawJSON, the type declarations do not yet. */
function number(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);
}

/** Whole microseconds where there are any. */
function rfc3339(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.round((ms - whole) * 1000);
  const text = new Date(whole).toISOString();
  return micros === 0 ? text : text.replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
