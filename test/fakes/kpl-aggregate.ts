/** Writes KPL aggregates, also such as no producer would write. */
import { createHash } from 'node:crypto';

export interface UserRecord {
  readonly key: string;
  readonly explicit?: string;
  readonly data: Uint8Array | string;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

export const varintField = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);

export const bytesField = (field: number, value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
};

/** Magic, the fields, and the MD5 that fits them. */
export function sealAggregate(fields: readonly Uint8Array[]): Buffer {
  const message = Buffer.concat(fields);
  return Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), message, createHash('md5').update(message).digest()]);
}

export function aggregate(records: readonly UserRecord[]): Buffer {
  const keys = [...new Set(records.map(({ key }) => key))];
  const explicits = [...new Set(records.flatMap(({ explicit }) => explicit ?? []))];
  const bodies = records.map(({ key, explicit, data }) =>
    Buffer.concat([
      varintField(1, keys.indexOf(key)),
      explicit === undefined ? Buffer.alloc(0) : varintField(2, explicits.indexOf(explicit)),
      bytesField(3, data),
    ]),
  );
  return sealAggregate([
    ...keys.map((key) => bytesField(1, key)),
    ...explicits.map((key) => bytesField(2, key)),
    ...bodies.map((body) => bytesField(3, body)),
  ]);
}
