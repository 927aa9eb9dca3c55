/** KPL aggregates: round trips, agreement with another program, and any damage. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deaggregate } from '../../record/kpl.ts';
import { aggregate, sealAggregate } from '../fakes/kpl-aggregate.ts';

interface OtherRecord {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Buffer;
}
interface OtherProgram {
  aggregate(
    records: readonly OtherRecord[],
    encoded: (record: { readonly data: Buffer }, callback: () => void) => void,
    done: () => void,
    failed: (error: Error) => void,
  ): void;
  deaggregateSync(
    record: { readonly data: string; readonly partitionKey: string },
    checkSums: boolean,
    done: (error: Error | null, records?: readonly { readonly partitionKey: string; readonly data: string }[]) => void,
  ): void;
}
const other = createRequire(import.meta.url)('aws-kinesis-agg') as OtherProgram;

const userRecord = fc.record(
  {
    key: fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
    explicit: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(String),
    data: fc.uint8Array({ maxLength: 300 }),
  },
  { requiredKeys: ['key', 'data'] },
);
const userRecords = fc.array(userRecord, { minLength: 1, maxLength: 20 });

describe('aggregates', () => {
  it('give back every user record in order, with its keys', () => {
    fc.assert(
      fc.property(userRecords, (records) => {
        const found = deaggregate(aggregate(records));
        expect(found?.length).toBe(records.length);
        records.forEach(({ key, explicit, data }, i) => {
          expect(Buffer.from(found!.data(i)).equals(data)).toBe(true);
          expect(found!.partitionKey(i)).toBe(key);
          expect(found!.explicitHashKey(i)).toBe(explicit);
        });
      }),
    );
  });

  it('of aws-kinesis-agg are read as it was given them, and it reads ours', async () => {
    // Integer-like keys are left out: aws-kinesis-agg re-orders them in its table.
    const key = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).map((text) => `k${text}`);
    const data = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const explicit = fc.option(fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, data, explicit), { minLength: 2, maxLength: 20 }), async (tuples) => {
        const records = tuples.map(([partitionKey, bytes, hash]) => ({
          partitionKey,
          data: bytes,
          ...(hash === undefined ? {} : { explicitHashKey: `x${String(hash)}` }),
        }));
        const theirs = await new Promise<Buffer>((resolve, reject) => {
          other.aggregate(
            records,
            (encoded) => resolve(encoded.data),
            () => undefined,
            reject,
          );
        });
        const found = deaggregate(theirs);
        expect(found?.length).toBe(records.length);
        records.forEach((record, i) => {
          expect(Buffer.from(found!.data(i)).equals(record.data)).toBe(true);
          expect(found!.partitionKey(i)).toBe(record.partitionKey);
          expect(found!.explicitHashKey(i)).toBe(record.explicitHashKey);
        });
        const ours = aggregate(records.map(({ partitionKey, data: bytes }) => ({ key: partitionKey, data: bytes })));
        other.deaggregateSync({ data: ours.toString('base64'), partitionKey: 'a' }, true, (error, read) => {
          expect(error ?? null).toBeNull();
          expect(read?.map((record) => [record.partitionKey, record.data])).toEqual(
            records.map((record) => [record.partitionKey, record.data.toString('base64')]),
          );
        });
      }),
    );
  });

  it('with any message behind a right checksum never throw, and every view lies inside', () => {
    fc.assert(
      fc.property(userRecords, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), (records, flips) => {
        const message = Buffer.from(aggregate(records).subarray(4, -16));
        for (const [at, byte] of flips) message[at % message.length] = byte;
        const found = deaggregate(sealAggregate([message]));
        for (let i = 0; i < (found?.length ?? 0); i++) {
          expect(found!.data(i).length).toBeLessThanOrEqual(message.length);
          found!.hash(i, 'outer');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        deaggregate(sealAggregate([bytes]));
        deaggregate(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
