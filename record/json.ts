/** JSON that no other format explains: every object or list is one event, its text kept byte for byte. */
import type { Buffer } from 'node:buffer';
import type { EventBatchBuilder } from './batch.ts';
import type { RecordFormat } from './format.ts';
import { MemberScanner } from './json-members.ts';
import { BYTE } from './json-scan.ts';
import { decodeValues, type ValueReader } from './json-values.ts';
import { NO_ROW } from './meta-table.ts';
import { anyTimeToUs } from './time.ts';

/** The first that holds a time gives the event's time. */
const TIME_NAMES = ['time', '@timestamp', 'timestamp', 'ts', 'date', 'datetime'] as const;
const HOST = 2 * TIME_NAMES.length;
/** `host.name` lies between. */
const HOSTNAME = HOST + 4;
const SOURCETYPE = '"_json"';

/** JSON lines, one value, values joined without a break, values over many lines; sourcetype `_json`. A list is one event: nobody said that it is several.
 *  Host: `host` when it is a string, else `host.name`, else `hostname`. Lines that are no JSON are delivered raw. */
export const json: RecordFormat = {
  name: 'json',
  recognise: (bytes) => reader.opens(firstByte(bytes)),
  decode: (range, into, from) => decodeValues(reader, range, into, from),
};

class JsonReader implements ValueReader {
  readonly scanner = new MemberScanner([...TIME_NAMES, 'host', 'host.name', 'hostname']);
  readonly spare = SOURCETYPE.length;
  readonly #inner = new MemberScanner(['name']);
  /** As `fromJson` wants them: host, source, sourcetype, index. */
  readonly #row = new Int32Array(8);
  #arena = 0;

  constructor() {
    this.#inner.acrossLines = true;
  }

  opens(byte: number): boolean {
    return byte === BYTE.open || byte === BYTE.openList;
  }

  begin(bytes: Buffer, arena: number): void {
    this.#arena = arena;
    bytes.write(SOURCETYPE, arena, 'latin1');
    this.#row[4] = arena;
    this.#row[5] = this.scanner.arena = this.#inner.arena = arena + SOURCETYPE.length;
  }

  scan(bytes: Buffer, start: number): number {
    if (bytes[start] === BYTE.open) return this.scanner.find(bytes, start);
    this.scanner.found.fill(0);
    return this.scanner.value(bytes, start, 0);
  }

  accept(into: EventBatchBuilder, bytes: Buffer, start: number, end: number): boolean {
    this.#findHost(bytes);
    const row = into.rows.fromJson(bytes, this.#row);
    if (row === NO_ROW) return false;
    into.add(start, end, this.#time(bytes), row);
    return true;
  }

  /** Values are only read where they lie, and the row keeps a copy of its own. */
  end(): number {
    return this.#arena;
  }

  #time(bytes: Buffer): number {
    const { found } = this.scanner;
    for (let k = 0; k < HOST; k += 2) {
      if (found[k] === 0) continue;
      const us = anyTimeToUs(bytes, found[k]!, found[k + 1]!);
      if (!Number.isNaN(us)) return us;
    }
    return NaN;
  }

  #findHost(bytes: Buffer): void {
    const { found } = this.scanner;
    if (bytes[found[HOST]!] === BYTE.open) {
      this.#inner.over(bytes);
      this.#inner.find(bytes, found[HOST]!);
      this.#inner.release();
      found[HOST] = this.#inner.found[0]!;
      found[HOST + 1] = this.#inner.found[1]!;
    }
    let from = HOST;
    while (from < HOSTNAME && !isText(bytes, found, from)) from += 2;
    const has = isText(bytes, found, from);
    this.#row[0] = has ? found[from]! : 0;
    this.#row[1] = has ? found[from + 1]! : 0;
  }
}

const reader = new JsonReader();

/** A string that is not empty. */
function isText(bytes: Buffer, found: Int32Array, slot: number): boolean {
  return bytes[found[slot]!] === BYTE.quote && found[slot + 1]! - found[slot]! > 2;
}

function firstByte(bytes: Uint8Array): number {
  let p = 0;
  while (p < bytes.length && ' \t\r\n'.includes(String.fromCharCode(bytes[p]!))) p++;
  return bytes[p] ?? 0;
}
