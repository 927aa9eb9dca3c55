/** HEC payloads against their slow definition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHec, hec } from '../../record/hec.ts';
import { MARK, type OutgoingEvent } from '../../record/event.ts';
import { decodeAll, type PlainEvent } from '../unit/record/payload.ts';
import { NASTY } from './nasty-hec.ts';
import { slowHec } from './slow-hec.ts';

const GOOD = Buffer.from('{"time":1,"event":"good"}\n');
const raw = (payload: Uint8Array): PlainEvent[] => [
  { text: Buffer.from(payload).toString(), meta: {}, mark: MARK.undecoded },
];
const expected = (payload: Uint8Array) => slowHec(payload) ?? raw(payload);
/** Only blanks: nothing to deliver. */
const isBlank = (payload: Uint8Array) => /^[ \t\r\n]*$/.test(Buffer.from(payload).toString('latin1'));

function expectAsDefined(payload: Buffer): void {
  const events = isBlank(payload) ? [] : expected(payload);
  expect(decodeAll(hec, payload)).toEqual(events);
  expect(decodeAll(hec, payload, { capacity: 3 })).toEqual(events);
}

type Change = (bytes: Buffer) => Buffer;
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\\n\r\t u0')));

/** Loses the end, loses the beginning, or has one byte changed. */
const damage: fc.Arbitrary<Change> = fc.oneof(
  place.map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
  place.map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(Math.floor(at * bytes.length)),
  ),
  fc.tuple(place, byte).map(([at, changed]): Change => (bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[Math.floor(at * copy.length)] = changed;
    return copy;
  }),
);

describe('HEC payloads', () => {
  test.each(NASTY.map((line, i) => [i, line] as const))('nasty line %i is decoded as defined', (_, line) => {
    expectAsDefined(line);
    expectAsDefined(Buffer.concat([GOOD, line, Buffer.from('\n'), GOOD]));
  });

  test('all nasty lines in one payload are decoded as defined, in batches of any size', () => {
    const payload = Buffer.concat([GOOD, ...NASTY.flatMap((line) => [line, Buffer.from('\n')])]);
    const events = expected(payload);
    for (const capacity of [1, 2, 7, 50, 1000]) expect(decodeAll(hec, payload, { capacity })).toEqual(events);
  });

  test('randomly damaged lines are decoded as defined', () => {
    const damaged = fc
      .tuple(
        fc.subarray([...NASTY], { minLength: 1, maxLength: 3 }),
        fc.array(damage, { maxLength: 4 }),
        fc.constantFrom('', '\n'),
      )
      .map(([lines, damages, separator]) => {
        let bytes: Buffer = Buffer.concat(lines.flatMap((line) => [line, Buffer.from(separator)]));
        for (const change of damages) bytes = change(bytes);
        return bytes;
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        expectAsDefined(Buffer.concat([GOOD, bytes]));
        expectAsDefined(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('what was encoded is decoded again, whatever the events hold', () => {
    const text = fc.string({ unit: 'binary' });
    const event: fc.Arbitrary<OutgoingEvent> = fc.record(
      {
        data: fc.oneof(text, fc.uint8Array()),
        timeMs: fc.integer({ min: 0, max: 4e15 }).map((us) => us / 1000),
        meta: fc.record({ host: text, source: text, sourcetype: text, index: text }, { requiredKeys: [] }),
        fields: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(text, fc.integer(), fc.boolean())),
      },
      { requiredKeys: ['data'] },
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), (events) => {
        const decoded = decodeAll(hec, encodeHec(events));
        expect(decoded.map(({ text: data }) => data)).toEqual(events.map(({ data }) => readable(data)));
        expect(decoded.map(({ timeUs }) => timeUs)).toEqual(
          events.map(({ timeMs }) => (timeMs === undefined ? undefined : Math.round(timeMs * 1000))),
        );
        expect(decoded.map(({ meta }) => meta.host ?? '')).toEqual(
          events.map(({ meta }) => (meta?.host ?? '').toWellFormed()),
        );
        expect(decoded.map(({ mark }) => mark)).toEqual(events.map(() => 0));
      }),
    );
  });
});

const readable = (data: Uint8Array | string) =>
  typeof data === 'string' ? data.toWellFormed() : Buffer.from(data).toString();
