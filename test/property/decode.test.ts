/** Records under any nesting and any damage. */
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { BatchBuilder } from '../../record/batch.ts';
import { RecordDecoder } from '../../record/decode.ts';
import { encodeKinlog } from '../../record/kinlog.ts';
import { MetaRows } from '../../record/meta-table.ts';
import { aggregate } from '../fakes/kpl-aggregate.ts';
import { eventsOf, type Delivered } from '../contract/record-format.ts';

/** Events of all batches. Every batch but the last must either add an event or finish a user record. */
function decode(decoder: RecordDecoder, data: Uint8Array, capacity: number): Delivered[] {
  const rows = new MetaRows();
  const events: Delivered[] = [];
  decoder.begin({ data, sequenceNumber: '1', partitionKey: 'k', arrivalMs: 0 });
  for (let batches = 0; batches < 5000; batches++) {
    const builder = new BatchBuilder(rows, capacity);
    const complete = decoder.lastComplete;
    const answer = decoder.step(builder);
    const added = eventsOf(builder);
    events.push(...added);
    expect(builder.seal().records.length).toBeGreaterThan(0);
    if (answer === 'done') return events;
    expect(added.length > 0 || decoder.lastComplete !== complete).toBe(true);
  }
  throw new Error('decoding does not end');
}

const pack = fc.constantFrom<(data: Uint8Array) => Uint8Array>(
  (data) => data,
  (data) => zlib.gzipSync(data),
  (data) => zlib.deflateSync(data),
  (data) => zlib.zstdCompressSync(data),
  (data) => Buffer.concat([zlib.gzipSync(data), Buffer.from('\n')]),
  (data) => Buffer.from(zlib.gzipSync(data).toString('base64')),
);
const word = fc.string({ unit: 'grapheme', maxLength: 30 });
const events = fc.array(word, { minLength: 1, maxLength: 6 });
const kinlogRecord = events.map((lines) => ({
  data: encodeKinlog(
    { unbroken: false, host: 'h', encId: 1, blockId: 0 },
    lines.map((line) => ({ data: `${line}\n` })),
  ),
  lines,
}));
const hecRecord = events.map((lines) => ({
  data: Buffer.from(lines.map((event) => JSON.stringify({ event: `e${event}` })).join('\n')),
  lines: lines.map((event) => `e${event}`),
}));
const jsonRecord = fc.array(fc.json(), { minLength: 1, maxLength: 4 }).map((values) => {
  const lines = values.map((value) => `{"member":${value}}`);
  return { data: Buffer.from(lines.join('\n')), lines };
});
const textRecord = word
  .map((line) => `10.1.2.3 - ${line}`)
  .filter((line) => !line.includes('\0'))
  .map((line) => ({ data: Buffer.from(`${line}\n`), lines: [line] }));
const sample = fc.oneof(kinlogRecord, hecRecord, jsonRecord, textRecord);

describe('records', () => {
  it('of any format in any compressions, alone or aggregated, give every event in order', () => {
    const user = fc.tuple(sample, pack, pack);
    fc.assert(
      fc.property(fc.array(user, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 9 }), (users, capacity) => {
        const decoder = new RecordDecoder({}, silentLog());
        const packed = users.map(([{ data }, inner, outer]) => outer(inner(data)));
        const expected = users.map(([{ lines }]) => lines);
        const toLines = (delivered: readonly Delivered[]) =>
          delivered.map(({ text, mark }) => (mark === 0 ? text : `marked ${text}`));
        const whole = aggregate(packed.map((data, i) => ({ key: String(i), data })));
        expect(toLines(decode(decoder, whole, capacity))).toEqual(expected.flat());
        expect(toLines(decode(decoder, packed[0]!, capacity))).toEqual(expected[0]);
      }),
      { numRuns: 300 },
    );
  });

  it('with any damage give the same events in batches of any size, and never throw or stop short', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.tuple(sample, pack, pack),
        damage,
        fc.nat(),
        fc.boolean(),
        ([{ data }, inner, outer], flips, cut, kpl) => {
          const packed = outer(inner(data));
          const whole = kpl
            ? aggregate([
                { key: 'k', data: packed },
                { key: 'k', data },
              ])
            : Buffer.from(packed);
          for (const [at, byte] of flips) whole[at % whole.length] = byte;
          const record = whole.subarray(0, cut % 3 === 0 ? cut % (whole.length + 1) : whole.length);
          const decoder = new RecordDecoder({ ceiling: 1_000_000 }, silentLog());
          const all = decode(decoder, record, 10_000);
          expect(decode(decoder, record, 1)).toEqual(all);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('of any bytes that are not text arrive whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (tail) => {
        const data = Buffer.from([0, 0xff, ...tail]);
        const delivered = decode(new RecordDecoder({}, silentLog()), data, 1);
        expect(delivered.map(({ hex }) => hex)).toEqual([data.toString('hex')]);
      }),
    );
  });
});
