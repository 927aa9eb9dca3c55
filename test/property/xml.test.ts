/** Whatever events hold, the XML is well-formed and says the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchOf, parse, render, throughXml } from '../unit/reader/xml-events.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
  fc
    .array(fc.constantFrom('&', '<', '\r', '\0', ']]>', 'é', '€', '😀', '\ufffe', 'plain text of some length', '\n'), {
      maxLength: 300,
    })
    .map((parts) => Buffer.from(parts.join(''))),
  // Characters with a byte missing or changed.
  fc
    .tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.nat(), fc.integer({ min: 0x80, max: 0xff }))
    .map(([text, at, byte]) => {
      const data = Buffer.from(text);
      data[at % data.length] = byte;
      return data;
    }),
);

test('data reads as toString().toWellFormed() with what XML forbids replaced, through chunks of any size', () => {
  fc.assert(
    fc.property(
      fc.array(bytes, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 256, max: 2000 }),
      (events, chunkBytes) => {
        const xml = render(batchOf(events.map((data) => ({ data }))), 's', chunkBytes);
        expect(parse(xml).map(({ elements }) => elements['data'])).toEqual(
          events.map((data) => throughXml(data.toString())),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test('any time in whole microseconds is written with all its digits and no more', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (timeUs) => {
      const [event] = parse(render(batchOf([{ data: '', timeUs }])));
      const text = event!.elements['time']!;
      expect(text).toMatch(/^(0|[1-9]\d*)(\.\d{0,5}[1-9])?$/);
      const [seconds, fraction = ''] = text.split('.');
      expect(BigInt(seconds! + fraction.padEnd(6, '0'))).toBe(BigInt(timeUs));
    }),
  );
});

test('any metadata comes back', () => {
  const text = fc.string({ unit: 'binary', minLength: 1 });
  const meta = fc.record({ host: text, source: text, sourcetype: text, index: text }, { requiredKeys: [] });
  fc.assert(
    fc.property(meta, (row) => {
      const [event] = parse(render(batchOf([{ data: '', meta: row }])));
      expect(event!.elements).toEqual({
        ...Object.fromEntries(Object.entries(row).map(([name, value]) => [name, throughXml(value)])),
        data: '',
      });
    }),
  );
});
