/** The promises of RecordFormat, as a suite that every format runs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from '../../record/batch.ts';
import type { EventMeta } from '../../record/event.ts';
import type { RecordFormat } from '../../record/format.ts';
import { MetaRows } from '../../record/meta-table.ts';

export interface Delivered {
  readonly text: string;
  readonly hex: string;
  readonly timeMs: number | undefined;
  readonly meta: EventMeta;
  readonly fields: string | undefined;
  readonly mark: number;
}

/** What a batch holds, copied out of it. */
export function eventsOf(builder: BatchBuilder): Delivered[] {
  return Array.from(builder.seal(), ({ data, text, timeMs, meta, fields, mark }) => ({
    text,
    hex: Buffer.from(data).toString('hex'),
    timeMs,
    meta,
    fields,
    mark,
  }));
}

/** All events of the payload by batches of `capacity` events, or why it is not of this format. Other bytes lie before and behind it in the slab. */
export function decodeAll(format: RecordFormat, payload: Uint8Array, capacity: number): Delivered[] | string {
  const rows = new MetaRows();
  const events: Delivered[] = [];
  for (let from: number | undefined; ;) {
    const builder = new BatchBuilder(rows, capacity);
    builder.load(Buffer.from('"bytes of another record'));
    const start = builder.load(payload);
    builder.load(Buffer.from('}]"\n{"event":"bytes of the next record"}'));
    const before = { save: builder.save(), events: builder.length };
    const result = format.decode({ start, end: start + payload.length }, builder, from);
    if (result.kind === 'not-this') {
      expect(from, 'a format may refuse a payload only before it took anything of it').toBeUndefined();
      expect(builder.length).toBe(before.events);
      return result.reason;
    }
    const delivered = eventsOf(builder);
    expect(delivered.length).toBeLessThanOrEqual(capacity);
    events.push(...delivered);
    if (result.kind === 'done') return events;
    expect(result.resumeAt, 'every batch must take something').toBeGreaterThan(from ?? -1);
    expect(result.resumeAt).toBeLessThanOrEqual(payload.length);
    from = result.resumeAt;
  }
}

export interface FormatSamples {
  /** Payloads of the format, each with several events. */
  readonly payloads: Readonly<Record<string, Uint8Array | string>>;
  /** Payloads of other formats. */
  readonly others: Readonly<Record<string, Uint8Array | string>>;
}

const bytesOf = (payload: Uint8Array | string): Buffer => Buffer.from(payload as Uint8Array);

export function recordFormatContract(format: RecordFormat, { payloads, others }: FormatSamples): void {
  describe(`the format ${format.name}`, () => {
    const samples = Object.entries(payloads).map(([name, payload]) => [name, bytesOf(payload)] as const);

    it.each(samples)('recognises and decodes %s', (_, payload) => {
      expect(format.recognise(payload)).toBe(true);
      expect(decodeAll(format, payload, 100_000)).toEqual(expect.arrayContaining([expect.anything()]));
    });

    it.each(samples)('%s gives the same events in batches of any size', (_, payload) => {
      const whole = decodeAll(format, payload, 100_000);
      for (const capacity of [1, 2, 3, 7]) expect(decodeAll(format, payload, capacity)).toEqual(whole);
    });

    it.each(samples)('%s gives the same events when the slab must grow under it', (_, payload) => {
      const builder = new BatchBuilder();
      builder.load(Buffer.alloc(256 * 1024 - 200 - payload.length));
      const start = builder.load(payload);
      expect(format.decode({ start, end: start + payload.length }, builder)).toEqual({ kind: 'done' });
      expect(eventsOf(builder)).toEqual(decodeAll(format, payload, 100_000));
    });

    it.each(samples)('%s in a batch that is full already is put off', (_, payload) => {
      const builder = new BatchBuilder(new MetaRows(), 1);
      builder.add(0, 0, NaN, 0);
      const start = builder.load(payload);
      expect(format.decode({ start, end: start + payload.length }, builder)).toMatchObject({ kind: 'full' });
      expect(builder.length).toBe(1);
    });

    it.each(Object.entries(others))('does not take %s for its own, and adds nothing of it', (_, payload) => {
      const bytes = bytesOf(payload);
      if (format.recognise(bytes)) expect(decodeAll(format, bytes, 100_000)).toBeTypeOf('string');
    });

    it('survives any damage, and batches of any size agree about it', () => {
      const damage = fc.record({
        sample: fc.nat(),
        cut: fc.nat(),
        flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        tail: fc.uint8Array({ maxLength: 10 }),
      });
      fc.assert(
        fc.property(damage, fc.integer({ min: 1, max: 5 }), ({ sample, cut, flips, tail }, capacity) => {
          const whole = samples[sample % samples.length]![1];
          const payload = Buffer.concat([whole.subarray(0, cut % (whole.length + 1)), tail]);
          for (const [at, byte] of flips) if (payload.length > 0) payload[at % payload.length] = byte;
          format.recognise(payload);
          const result = decodeAll(format, payload, 100_000);
          expect(decodeAll(format, payload, capacity)).toEqual(result);
        }),
        { numRuns: 500 },
      );
    });

    it('survives any bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
          format.recognise(payload);
          expect(decodeAll(format, payload, 2)).toEqual(decodeAll(format, payload, 100_000));
        }),
        { numRuns: 500 },
      );
    });
  });
}
