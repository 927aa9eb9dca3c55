/** The slices of a batch are the batch: cut anywhere, they hold each event once, with its place, its metadata and its mark. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder, type EventBatch } from '../../record/batch.ts';
import { sliceBatch } from '../../record/batch-slice.ts';
import type { RecordPlace } from '../../record/event.ts';

const event = fc.record({
  text: fc.string({ unit: 'grapheme', maxLength: 5 }),
  timeUs: fc.oneof(fc.constant(NaN), fc.nat()),
  host: fc.constantFrom('', 'a', 'b'),
  mark: fc.nat(7),
  fields: fc.constantFrom(undefined, '{"a":1}'),
});
/** Records with their events; some hold none. */
const contents = fc.array(fc.array(event, { maxLength: 5 }), { minLength: 1, maxLength: 12 });

type Contents = typeof contents extends fc.Arbitrary<infer T> ? T : never;

function batchOf(records: Contents): EventBatch {
  const builder = new BatchBuilder();
  for (const [k, events] of records.entries()) {
    builder.record({ sequenceNumber: String(k), subSequence: k % 3, arrivalMs: 1000 * k });
    for (const { text, timeUs, host, mark, fields } of events) {
      const at = builder.load(Buffer.from(text));
      builder.add(at, at + Buffer.byteLength(text), timeUs, builder.meta({ host }), mark);
      if (fields === undefined) continue;
      const fieldsAt = builder.load(Buffer.from(fields));
      builder.addFields(fieldsAt, fieldsAt + fields.length);
    }
  }
  return builder.seal();
}

interface Seen {
  readonly place: RecordPlace;
  readonly [what: string]: unknown;
}

/** Each event as its columns and as its view say. */
function seen(batch: EventBatch): Seen[] {
  expect(batch.firstEvent).toHaveLength(batch.records.length + 1);
  expect(batch.firstEvent.at(-1)).toBe(batch.length);
  const views = [...batch];
  const list: Seen[] = [];
  for (const [k, place] of batch.records.entries())
    for (let i = batch.firstEvent[k]!; i < batch.firstEvent[k + 1]!; i++) {
      const { text, timeMs, meta, fields, mark } = views[i]!;
      expect(Buffer.from(batch.bytes.subarray(batch.start[i], batch.end[i])).toString()).toBe(text);
      expect(batch.marks[i]).toBe(mark);
      expect(batch.meta.row(batch.metaRow[i]!)).toEqual(meta);
      expect((batch.timeUs[i] ?? 0) / 1000).toEqual(timeMs ?? NaN);
      expect(batch.fieldsEnd[i] === 0).toBe(fields === undefined);
      list.push({ place, text, timeMs, meta, fields, mark });
    }
  expect(list).toHaveLength(batch.length);
  return list;
}

test('slices that follow each other hold what the batch holds', () => {
  fc.assert(
    fc.property(contents, fc.array(fc.nat(), { maxLength: 6 }), (records, cuts) => {
      const batch = batchOf(records);
      const borders = [0, ...cuts.map((cut) => cut % (batch.length + 1)).sort((a, b) => a - b), batch.length];
      const slices = borders.slice(1).map((to, i) => sliceBatch(batch, borders[i]!, to));
      expect(slices.flatMap(seen)).toEqual(seen(batch));
    }),
  );
});

test('a slice of a slice is the slice of the sum', () => {
  fc.assert(
    fc.property(contents, fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()), (records, [a, b, c, d]) => {
      const batch = batchOf(records);
      const [from, to] = [a % (batch.length + 1), b % (batch.length + 1)].sort((x, y) => x - y) as [number, number];
      const [start, end] = [c % (to - from + 1), d % (to - from + 1)].sort((x, y) => x - y) as [number, number];
      expect(seen(sliceBatch(sliceBatch(batch, from, to), start, end))).toEqual(
        seen(sliceBatch(batch, from + start, from + end)),
      );
    }),
  );
});

test('what lies outside a batch can not be cut from it', () => {
  const batch = batchOf([[]]);
  expect(() => sliceBatch(batch, 0, 1)).toThrow(RangeError);
  expect(() => sliceBatch(batch, -1, 0)).toThrow(RangeError);
  expect(() => sliceBatch(batch, 0, 0).at(0)).toThrow(RangeError);
});
