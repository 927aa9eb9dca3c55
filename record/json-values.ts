/** Walks a payload of JSON values: one per line, joined without a break, or spread over many lines. */
import type { Buffer } from 'node:buffer';
import type { EventBatchBuilder } from './batch.ts';
import { MARK } from './event.ts';
import type { DecodeResult, Range } from './format.ts';
import { BYTE, type JsonScanner } from './json-scan.ts';

/** What a format makes of one value. */
export interface ValueReader {
  readonly scanner: JsonScanner;
  /** Whether a value of this format may begin with this byte. */
  opens(byte: number): boolean;
  /** Bytes behind the input that `begin` and `scan` may fill beyond the size of the input. */
  readonly spare: number;
  /** `arena`: where free bytes begin. */
  begin(bytes: Buffer, arena: number): void;
  /** Behind the value that begins here, or -1; finds what `accept` needs. */
  scan(bytes: Buffer, start: number): number;
  /** Adds the event of the value scanned last; false, and nothing added, when the value is not of this format. */
  accept(into: EventBatchBuilder, bytes: Buffer, start: number, end: number): boolean;
  /** Everything from here on in the arena is free again. */
  end(): number;
}

/** Decodes as RecordFormat promises. The payload is not this format when its first value is not. Later on a value that the format does not take is added raw,
 *  and where no value can be found the rest of the line is. */
export function decodeValues(reader: ValueReader, range: Range, into: EventBatchBuilder, from = 0): DecodeResult {
  if (into.full) return { kind: 'full', resumeAt: from };
  const arena = into.room(range.end - range.start - from + reader.spare);
  const { bytes } = into;
  reader.begin(bytes, arena);
  reader.scanner.over(bytes);
  // Ends every scan, whatever follows the range; the byte may belong to another payload, so it comes back.
  const after = bytes[range.end]!;
  bytes[range.end] = 0;
  const result = walk({ reader, range, into, bytes }, from);
  bytes[range.end] = after;
  reader.scanner.release();
  into.trim(result.kind === 'not-this' ? arena : reader.end());
  return result;
}

interface Walk {
  readonly reader: ValueReader;
  readonly range: Range;
  readonly into: EventBatchBuilder;
  readonly bytes: Buffer;
}

function walk(work: Walk, from: number): DecodeResult {
  const { reader, range, into, bytes } = work;
  const { scanner } = reader;
  let rest = range.start + from;
  let first = from === 0;
  while (rest < range.end) {
    const p = scanner.blank(bytes, rest);
    if (bytes[p] === BYTE.lf) {
      rest = p + 1;
      continue;
    }
    if (p >= range.end) break;
    if (into.full) return { kind: 'full', resumeAt: rest - range.start };
    const end = valueEnd(work, p);
    const next = end < 0 ? lineEnd(work, p) : scanner.blank(bytes, end);
    if (end < 0 || !reader.accept(into, bytes, p, end)) {
      if (first)
        return { kind: 'not-this', reason: `no ${end < 0 ? 'JSON value' : 'value of this format'} at the start` };
      into.add(rest, next, NaN, 0, MARK.undecoded);
    }
    first = false;
    rest = next;
  }
  return { kind: 'done' };
}

/** Behind the value at `p`, on its line or else over several lines; -1 when there is none, or something else follows it on its line. */
function valueEnd(work: Walk, p: number): number {
  const { reader, bytes } = work;
  if (!reader.opens(bytes[p]!)) return -1;
  const end = reader.scan(bytes, p);
  if (end >= 0) return isFollowed(work, end) ? end : -1;
  reader.scanner.acrossLines = true;
  const far = reader.scan(bytes, p);
  reader.scanner.acrossLines = false;
  return far >= 0 && isFollowed(work, far) ? far : -1;
}

/** By the end of the line or of the payload, or by the next value. */
function isFollowed({ reader, range, bytes }: Walk, end: number): boolean {
  const next = reader.scanner.blank(bytes, end);
  return next >= range.end || bytes[next] === BYTE.lf || reader.opens(bytes[next]!);
}

function lineEnd({ range, bytes }: Walk, p: number): number {
  const length = bytes.subarray(p, range.end).indexOf(BYTE.lf);
  return length < 0 ? range.end : p + length;
}
