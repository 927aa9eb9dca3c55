/** KPL aggregates that the Python aggregator of awslabs/kinesis-aggregation wrote. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { deaggregate } from '../../record/kpl.ts';

interface Vectors {
  readonly vectors: readonly {
    readonly name: string;
    readonly hex: string;
    readonly sha256: string;
    readonly outerPartitionKey: string;
    readonly explicitHashKeysInAggregate: readonly (string | null)[];
    readonly records: readonly { readonly partitionKey: string; readonly hex: string }[];
  }[];
}
const file = path.join(import.meta.dirname, 'vectors/kpl-aggregates.json');
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

it.each(vectors.map((vector) => [vector.name, vector] as const))('the aggregate "%s" is read', (_, vector) => {
  const data = Buffer.from(vector.hex, 'hex');
  expect(createHash('sha256').update(data).digest('hex')).toBe(vector.sha256);
  const found = deaggregate(data);
  expect(found?.length).toBe(vector.records.length);
  vector.records.forEach((record, i) => {
    expect(Buffer.from(found!.data(i)).toString('hex')).toBe(record.hex);
    expect(found!.partitionKey(i)).toBe(record.partitionKey);
    expect(found!.explicitHashKey(i) ?? null).toBe(vector.explicitHashKeysInAggregate[i]);
    expect(found!.hash(i, vector.outerPartitionKey)).toBe(
      BigInt(`0x${createHash('md5').update(record.partitionKey).digest('hex')}`),
    );
  });
});
