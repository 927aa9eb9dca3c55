/** Text that no other format explains; Splunk reads the time from it. */
import type { EventBatchBuilder } from './batch.ts';
import type { DecodeResult, Range, RecordFormat } from './format.ts';

const LF = 0x0a;
/** Row of events without metadata. */
const NO_META = 0;

/** A payload is one event, less one LF at its end, because events may have several lines. With `lines`, every line that is not empty is an event. */
export function textFormat({ lines }: { readonly lines: boolean }): RecordFormat {
  return { name: 'text', recognise: () => true, decode: lines ? decodeLines : decodeWhole };
}

export const text: RecordFormat = textFormat({ lines: false });

function decodeWhole({ start, end }: Range, into: EventBatchBuilder): DecodeResult {
  if (into.full) return { kind: 'full', resumeAt: 0 };
  const to = end > start && into.bytes[end - 1] === LF ? end - 1 : end;
  if (to > start) into.add(start, to, NaN, NO_META);
  return { kind: 'done' };
}

function decodeLines({ start, end }: Range, into: EventBatchBuilder, from = 0): DecodeResult {
  const payload = into.bytes.subarray(0, end);
  for (let p = start + from; p < end;) {
    const found = payload.indexOf(LF, p);
    const to = found < 0 ? end : found;
    if (to > p) {
      if (into.full) return { kind: 'full', resumeAt: p - start };
      into.add(p, to, NaN, NO_META);
    }
    p = to + 1;
  }
  return { kind: 'done' };
}
