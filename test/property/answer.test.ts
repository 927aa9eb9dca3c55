/** The scanner of GetRecords answers against JSON.parse: any legal JSON, and bytes that are none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../reader/fetch/answer.ts';
import { scan } from '../../reader/fetch/scan.ts';

interface WireRecord {
  readonly Data: string;
  readonly SequenceNumber: string;
  readonly PartitionKey?: string | null;
  readonly ApproximateArrivalTimestamp?: number;
}

interface WireAnswer {
  readonly Records: readonly WireRecord[];
  readonly NextShardIterator?: string | null;
  readonly MillisBehindLatest?: number;
  readonly ChildShards?: readonly unknown[] | null;
}

/** What the answer says, by the plainest means. */
function expected(text: string) {
  const answer = JSON.parse(text) as WireAnswer;
  const records = answer.Records.map((record) => ({
    data: Buffer.from(record.Data, 'base64').toString('hex'),
    sequenceNumber: record.SequenceNumber,
    partitionKey: record.PartitionKey ?? undefined,
    arrivalMs: Math.round((record.ApproximateArrivalTimestamp ?? 0) * 1000),
  }));
  return {
    records,
    bytes: records.reduce((sum, { data }) => sum + data.length / 2, 0),
    next: answer.NextShardIterator ?? undefined,
    millisBehindLatest: answer.MillisBehindLatest ?? 0,
  };
}

function actual(text: string) {
  const { records, bytes, next, millisBehindLatest } = readAnswer(Buffer.from(text));
  const readable = records.map(({ data, ...rest }) => ({ data: Buffer.from(data).toString('hex'), ...rest }));
  return { records: readable, bytes, next, millisBehindLatest };
}

const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const arrival = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => ms / 1000),
  fc.double({ min: 0, max: 4_102_444_800, noNaN: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => Math.abs(value) < 1e14),
);
const unknown = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null));
const extra = fc.dictionary(
  fc.string().filter((name) => name !== '__proto__'),
  unknown,
  { maxKeys: 2 },
);
const record = fc
  .record(
    {
      Data: data,
      SequenceNumber: fc.bigInt({ min: 0n, max: 10n ** 56n }).map(String),
      PartitionKey: fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constant(null)),
      ApproximateArrivalTimestamp: arrival,
      EncryptionType: fc.constantFrom('NONE', 'KMS'),
    },
    { requiredKeys: ['Data', 'SequenceNumber'] },
  )
  .chain((fields) => fc.tuple(extra, fc.constant(fields)).chain(shuffledObject));
const answer = fc
  .record(
    {
      Records: fc.array(record, { maxLength: 8 }),
      NextShardIterator: fc.oneof(fc.base64String(), fc.string({ unit: 'binary' }), fc.constant(null)),
      MillisBehindLatest: fc.nat(100_000_000),
      ChildShards: fc.constantFrom(null, []),
    },
    { requiredKeys: ['Records'] },
  )
  .chain((fields) => fc.tuple(extra, fc.constant(fields)).chain(shuffledObject));

/** The fields in any order, extra ones between them; known names win. */
function shuffledObject([more, fields]: [object, object]): fc.Arbitrary<object> {
  const entries = Object.entries({ ...more, ...fields });
  return fc
    .shuffledSubarray(entries, { minLength: entries.length })
    .map((order) => Object.fromEntries(order) as object);
}

/** JSON text with white space anywhere it may be, escapes anywhere they may be, and numbers in other spellings. */
const written = fc
  .tuple(answer, fc.constantFrom(undefined, 0, 1, 3, '\t', '\r\n '), fc.boolean(), fc.boolean())
  .map(([value, indent, escaped, scientific]) => {
    let text = JSON.stringify(value, undefined, indent);
    if (escaped) text = text.replaceAll('/', '\\/').replaceAll('=', '\\u003d');
    if (scientific) text = text.replaceAll(/"ApproximateArrivalTimestamp":(\s*)(\d+(?:\.\d+)?)(?=[,}\s])/g, exponent);
    return text;
  });

function exponent(_: string, space: string, number: string): string {
  return `"ApproximateArrivalTimestamp":${space}${Number(number).toExponential().replace('e+', 'E')}`;
}

describe('the scanner of GetRecords answers', () => {
  it('reads every legal answer as JSON.parse does', () => {
    fc.assert(
      fc.property(written, (text) => {
        expect(actual(text)).toEqual(expected(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('scans what Kinesis writes without the general parser', () => {
    const plain = fc.record({
      Records: fc.array(
        fc.record({
          SequenceNumber: fc.bigInt({ min: 0n, max: 10n ** 56n }).map(String),
          ApproximateArrivalTimestamp: fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => ms / 1000),
          Data: data,
          PartitionKey: fc.string({ unit: 'binary' }),
          EncryptionType: fc.constant('KMS'),
        }),
      ),
      NextShardIterator: fc.base64String(),
      MillisBehindLatest: fc.nat(),
    });
    fc.assert(fc.property(plain, (value) => scan(Buffer.from(JSON.stringify(value))) !== undefined));
  });

  it('refuses bytes that are no answer instead of reading them as the end of a shard', () => {
    const broken = fc.tuple(written, fc.nat(), fc.nat(255), fc.boolean()).map(([text, place, byte, cut]) => {
      const bytes = Buffer.from(text);
      const at = place % bytes.length;
      if (cut) return bytes.subarray(0, at);
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(broken, (bytes) => {
        const copy = Buffer.from(bytes);
        let parsed: unknown;
        try {
          parsed = readAnswer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          return;
        }
        // Only what JSON.parse takes as well, or differs from it inside a string, may be read.
        expect(Array.isArray((JSON.parse(forgiving(copy)) as WireAnswer).Records)).toBe(true);
        expect(parsed).toBeDefined();
      }),
      { numRuns: 3000 },
    );
  });
});

/** Control characters inside strings are illegal in JSON; the scanner does not look for them. */
const forgiving = (bytes: Buffer): string =>
  // eslint-disable-next-line no-control-regex -- these are what is meant
  bytes.toString().replaceAll(/[\u0000-\u001f]/g, ' ');
