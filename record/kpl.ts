/** KPL aggregates: many user records in one Kinesis record, in a layout that proves itself by magic, MD5 and protobuf grammar. */
import { md5 } from './md5.ts';

//  F3 89 9A C2 | protobuf (proto2)                                                      | MD5 of the protobuf
//              | 1 partition key (string, repeated)  2 explicit hash key (repeated)     |
//              | 3 record (repeated): 1 key index  2 hash key index  3 data  4 tag      |
// awslabs/amazon-kinesis-producer, aggregation-format.md
const MAGIC = [0xf3, 0x89, 0x9a, 0xc2] as const;
const MD5_LENGTH = 16;

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const TABLE = { partitionKeys: 1, explicitHashKeys: 2, records: 3 } as const;
const FIELD = { partitionKey: 1, explicitHashKey: 2, data: 3 } as const;
/** No index: no table is that long. */
const NONE = 0xffff_ffff;

/** Hash keys of a shard, both inclusive, 0 to 2^128 - 1. */
export interface HashRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** User records in the order they were put. Data are views of the record's bytes: nothing is copied, nothing is decoded until asked for. */
export class KplAggregate {
  readonly length: number;
  readonly #message: Uint8Array;
  readonly #partitionKeys: readonly Uint8Array[];
  readonly #explicitHashKeys: readonly Uint8Array[];
  /** Four numbers for each user record: start and end of its data, index of its partition key and of its explicit hash key. */
  readonly #records: Uint32Array;
  readonly #hashes = new Map<number, bigint>();

  constructor(message: Uint8Array, tables: Tables, records: Uint32Array) {
    this.length = records.length / 4;
    this.#message = message;
    this.#partitionKeys = tables.partitionKeys;
    this.#explicitHashKeys = tables.explicitHashKeys;
    this.#records = records;
  }

  data(index: number): Uint8Array {
    return this.#message.subarray(this.#records[index * 4], this.#records[index * 4 + 1]);
  }

  /** Undefined when its index points outside the table: some producers fill the table in another order than they count. */
  partitionKey(index: number): string | undefined {
    return textOf(this.#partitionKeys[this.#records[index * 4 + 2]!]);
  }

  explicitHashKey(index: number): string | undefined {
    return textOf(this.#explicitHashKeys[this.#records[index * 4 + 3]!]);
  }

  /** Where the user record belongs: its explicit hash key, otherwise the MD5 of its partition key, otherwise that of the Kinesis record's own key. */
  hash(index: number, outerPartitionKey: string): bigint {
    const explicit = this.explicitHashKey(index);
    if (explicit !== undefined && /^\d{1,39}$/.test(explicit)) return BigInt(explicit);
    const at = this.#records[index * 4 + 2]!;
    const known = this.#hashes.get(at);
    if (known !== undefined) return known;
    const hash = hashOf(this.#partitionKeys[at] ?? Buffer.from(outerPartitionKey));
    this.#hashes.set(at, hash);
    return hash;
  }
}

interface Tables {
  readonly partitionKeys: Uint8Array[];
  readonly explicitHashKeys: Uint8Array[];
}

/** MD5 as an unsigned big-endian number: what Kinesis routes by. */
export function hashOf(partitionKey: Uint8Array | string): bigint {
  return BigInt(`0x${md5(Buffer.from(partitionKey as Uint8Array)).toString('hex')}`);
}

/** The user records of `data`; undefined when it is no aggregate in every respect, and then it is a record like any other. */
export function deaggregate(data: Uint8Array): KplAggregate | undefined {
  if (data[0] !== MAGIC[0] || data.length <= MAGIC.length + MD5_LENGTH) return undefined;
  if (MAGIC.some((byte, i) => data[i] !== byte)) return undefined;
  const end = data.length - MD5_LENGTH;
  const message = data.subarray(MAGIC.length, end);
  if (!md5(message).equals(data.subarray(end))) return undefined;
  return parse(message);
}

function parse(message: Uint8Array): KplAggregate | undefined {
  const tables: Tables = { partitionKeys: [], explicitHashKeys: [] };
  const records = new Rows();
  const wire = new Wire(message);
  while (wire.next(message.length)) {
    if (wire.type !== WIRE.bytes) continue;
    if (wire.field === TABLE.partitionKeys) tables.partitionKeys.push(wire.bytes());
    else if (wire.field === TABLE.explicitHashKeys) tables.explicitHashKeys.push(wire.bytes());
    else if (wire.field === TABLE.records && !parseRecord(wire, records)) return undefined;
  }
  return wire.valid ? new KplAggregate(message, tables, records.all()) : undefined;
}

/** A later value of a field wins, an absent index is the first key and absent data are none, as protobuf says. */
function parseRecord(outer: Wire, records: Rows): boolean {
  const wire = new Wire(outer.message, outer.start);
  let [start, end, key, explicit] = [0, 0, 0, NONE];
  while (wire.next(outer.end)) {
    if (wire.field === FIELD.data && wire.type === WIRE.bytes) [start, end] = [wire.start, wire.end];
    else if (wire.field === FIELD.partitionKey && wire.type === WIRE.varint) key = wire.value;
    else if (wire.field === FIELD.explicitHashKey && wire.type === WIRE.varint) explicit = wire.value;
  }
  records.push(start, end, key, explicit);
  return wire.valid;
}

/** Four numbers each. A record may be nothing but millions of empty user records: a list takes four times as much memory while it grows. */
class Rows {
  #values = new Uint32Array(256);
  #used = 0;

  push(start: number, end: number, key: number, explicit: number): void {
    if (this.#used === this.#values.length) {
      const grown = new Uint32Array(2 * this.#used);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#used] = start;
    this.#values[this.#used + 1] = end;
    this.#values[this.#used + 2] = Math.min(key, NONE);
    this.#values[this.#used + 3] = Math.min(explicit, NONE);
    this.#used += 4;
  }

  all(): Uint32Array {
    return this.#values.subarray(0, this.#used);
  }
}

/** Walks the fields of a protobuf message. Whatever breaks the grammar ends the walk and makes it invalid. */
class Wire {
  readonly message: Uint8Array;
  valid = true;
  field = 0;
  type = 0;
  /** Of a varint; beyond 2^53 only roughly. */
  value = 0;
  /** Of a field's bytes. */
  start: number;
  end: number;
  #at: number;

  constructor(message: Uint8Array, at = 0) {
    this.message = message;
    this.#at = this.start = this.end = at;
  }

  /** Moves to the next field that ends before `limit`. */
  next(limit: number): boolean {
    if (!this.valid || this.#at >= limit) return false;
    const tag = this.#varint(limit);
    this.field = Math.floor(tag / 8);
    this.type = tag % 8;
    if (this.field < 1 || this.field > 0x1fffffff || !this.#body(limit)) this.valid = false;
    return this.valid;
  }

  bytes(): Uint8Array {
    return this.message.subarray(this.start, this.end);
  }

  #body(limit: number): boolean {
    if (this.type === WIRE.varint) {
      this.value = this.#varint(limit);
      return this.valid;
    }
    const length = this.type === WIRE.bytes ? this.#varint(limit) : this.type === WIRE.fixed64 ? 8 : 4;
    if (this.type !== WIRE.bytes && this.type !== WIRE.fixed64 && this.type !== WIRE.fixed32) return false;
    this.start = this.#at;
    this.end = this.#at += length;
    return this.end <= limit;
  }

  /** Ten bytes at most; one that does not end makes the walk invalid. */
  #varint(limit: number): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10 && this.#at < limit; i++, scale *= 128) {
      const byte = this.message[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    this.valid = false;
    return 0;
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
