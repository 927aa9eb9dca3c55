/** Metadata rows that the batches of one reader share: each distinct metadata is stored and rendered once, not once per event. */
import type { Buffer } from 'node:buffer';
import type { EventMeta } from './event.ts';
import { Spellings, UNKNOWN } from './spellings.ts';

/** Rows only ever grow and a row never changes; one table serves many batches of a reader. Row 0 is empty metadata. */
export interface MetaTable {
  readonly size: number;
  row(id: number): EventMeta;
}

/** What `add` and `fromJson` answer for metadata that no table takes; an event with it is delivered undecoded, without metadata. */
export const NO_ROW = -1;

/** A table that reached one of these takes what it is given, but asks to be replaced; so rows seen once do not pile up. */
export const TABLE_LIMIT = { rows: 4096, bytes: 512 * 1024 } as const;
/** UTF-16 units or raw bytes of all values of one row. Far below the table's limit, so a fresh table always takes some. */
export const ROW_LIMIT = 64 * 1024;

const NAMES = ['host', 'source', 'sourcetype', 'index'] as const;

export class MetaRows implements MetaTable {
  readonly #rows: EventMeta[] = [{}];
  readonly #ids = new Map<string, number>([[keyOf({}), 0]]);
  readonly #spellings = new Spellings();
  #bytes = 0;

  get size(): number {
    return this.#rows.length;
  }

  /** Seal the batch and go on with a new table; older batches keep this one. */
  get full(): boolean {
    return this.#bytes >= TABLE_LIMIT.bytes || this.#rows.length >= TABLE_LIMIT.rows;
  }

  row(id: number): EventMeta {
    return this.#rows[id]!;
  }

  /** Id of this metadata, the same for equal metadata. An empty value is an absent one. */
  add(meta: EventMeta): number {
    const key = keyOf(meta);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (key.length > ROW_LIMIT) return NO_ROW;
    const id = this.#rows.push(present(meta)) - 1;
    this.#ids.set(key, id);
    this.#bytes += key.length;
    return id;
  }

  /** Id of the metadata whose values lie as JSON texts (valid strings or bare scalars) in the ranges: four pairs of start and end for
   *  host, source, sourcetype, index; an empty range is an absent value. Two spellings of a value share a row. */
  fromJson(bytes: Buffer, ranges: Int32Array): number {
    const known = this.#spellings.find(bytes, ranges);
    return known === UNKNOWN ? this.#learn(bytes, ranges) : known;
  }

  #learn(bytes: Buffer, ranges: Int32Array): number {
    const values = NAMES.map((name, k) => [name, jsonText(bytes.toString('utf8', ranges[2 * k], ranges[2 * k + 1]))]);
    const id = this.add(Object.fromEntries(values) as EventMeta);
    if (id !== NO_ROW) this.#bytes += this.#spellings.learn(id, bytes, ranges);
    return id;
  }
}

function keyOf(meta: EventMeta): string {
  return JSON.stringify(NAMES.map((name) => meta[name] ?? ''));
}

function present(meta: EventMeta): EventMeta {
  return Object.fromEntries(NAMES.filter((name) => (meta[name] ?? '') !== '').map((name) => [name, meta[name]]));
}

function jsonText(raw: string): string {
  return raw.startsWith('"') ? (JSON.parse(raw) as string).toWellFormed() : raw;
}
