/** kinlog records: what was written comes back, and every spelling of a line means the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchBuilder } from '../../record/batch.ts';
import { MARK } from '../../record/event.ts';
import { goTime, goTimeToUs } from '../../record/kinlog-time.ts';
import { encodeKinlog, kinlog, peekKinlog } from '../../record/kinlog.ts';
import { decodeAll } from '../contract/record-format.ts';

const name = fc.string({ unit: 'binary', maxLength: 20 });
const header = fc.record({
  unbroken: fc.boolean(),
  source: name,
  sourcetype: name,
  host: name,
  index: name,
  encId: fc.maxSafeNat(),
  blockId: fc.maxSafeNat(),
});
/** Milliseconds with three decimals, of the years 1749 to 2191: as far as a double holds them exactly. */
const timeMs = fc.integer({ min: -7e15, max: 7e15 }).map((us) => us / 1000);
const event = fc.record({ data: fc.uint8Array({ maxLength: 200 }), timeMs }, { requiredKeys: ['data'] });

it('every byte, time and word comes back', () => {
  fc.assert(
    fc.property(header, fc.array(event, { maxLength: 10 }), (meta, events) => {
      const content = encodeKinlog(meta, events);
      expect(kinlog.recognise(content)).toBe(true);
      const { encId, ...rest } = meta;
      const wellFormed = (text: string) => text.toWellFormed();
      expect(peekKinlog(content)).toEqual({
        ...rest,
        encId: String(encId),
        source: wellFormed(meta.source),
        sourcetype: wellFormed(meta.sourcetype),
        host: wellFormed(meta.host),
        index: wellFormed(meta.index),
      });
      const builder = new BatchBuilder();
      const start = builder.load(content);
      expect(kinlog.decode({ start, end: start + content.length }, builder)).toEqual({ kind: 'done' });
      const batch = builder.seal();
      expect(batch.length).toBe(events.length);
      events.forEach(({ data, timeMs: ms }, i) => {
        const whole = meta.unbroken || data.at(-1) !== 10 ? data : data.subarray(0, -1);
        expect(Buffer.from(whole).equals(batch.at(i).data)).toBe(true);
        expect(batch.timeUs[i]).toBe(ms === undefined ? NaN : Math.round(ms * 1000));
        expect(batch.marks[i]).toBe(meta.unbroken ? MARK.unbroken : 0);
      });
    }),
  );
});

it('a line means the same in any order and case of its keys', () => {
  const line = fc.record({
    data: fc.base64String({ maxLength: 40 }),
    done: fc.boolean(),
    time: fc.option(timeMs, { nil: undefined }),
  });
  const order = fc.shuffledSubarray(['is_done', 'ts', 'data', 'more'], { minLength: 4 });
  fc.assert(
    fc.property(line, order, fc.boolean(), ({ data, done, time }, keys, upper) => {
      const ts = time === undefined ? undefined : goTime(time);
      const values: Record<string, unknown> = { is_done: done, ts, data, more: { data: 1 } };
      const members = keys
        .filter((key) => values[key] !== undefined)
        .map((key) => [upper ? key.toUpperCase() : key, values[key]]);
      const top = '{"unbroken":true,"source":"s","enc_id":1,"block_id":0}\n';
      const odd = Buffer.from(`${top}${JSON.stringify(Object.fromEntries(members))}\n`);
      const usual = Buffer.from(
        `${top}{"is_done":${done}${ts === undefined ? '' : `,"ts":"${ts}"`},"data":"${data}"}\n`,
      );
      expect(decodeAll(kinlog, odd, 10)).toEqual(decodeAll(kinlog, usual, 10));
    }),
  );
});

it('times agree with the engine, to the microsecond', () => {
  const zone = fc.constantFrom('Z', '+00:00', '+05:30', '-11:00', '+14:00', '-00:01');
  const nanos = fc.string({ unit: fc.integer({ min: 0, max: 9 }).map(String), maxLength: 9 });
  const seconds = fc.integer({ min: -7e9, max: 7e9 });
  fc.assert(
    fc.property(seconds, nanos, zone, (at, fraction, offset) => {
      const whole = new Date(at * 1000).toISOString().slice(0, 19);
      const text = `${whole}${fraction === '' ? '' : `.${fraction}`}${offset}`;
      const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
      expect(goTimeToUs(Buffer.from(text), 0, text.length)).toBe(Date.parse(`${whole}${offset}`) * 1000 + micros);
    }),
    { numRuns: 1000 },
  );
});
