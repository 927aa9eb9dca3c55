/** The builder of batches, its memory, its rows and its pool. */
import { describe, expect, test } from 'vitest';
import { BatchBuilder, BatchPool } from '../../../record/batch.ts';
import { MARK } from '../../../record/event.ts';
import { MetaRows, NO_ROW, ROW_LIMIT, TABLE_LIMIT } from '../../../record/meta-table.ts';

const place = (n: number) => ({ sequenceNumber: String(n), subSequence: 0, arrivalMs: n });

function load(builder: BatchBuilder, text: string | Uint8Array): { start: number; end: number } {
  const bytes = Buffer.from(text);
  const start = builder.load(bytes);
  return { start, end: start + bytes.length };
}

describe('BatchBuilder', () => {
  test('an event comes back with data, text, time, metadata, fields and mark', () => {
    const builder = new BatchBuilder();
    builder.record(place(1));
    const { start } = load(builder, 'héllo{"a":1}');
    builder.add(start, start + 6, 1_795_217_871_123_456, builder.meta({ host: 'h', index: '' }), MARK.unbroken);
    builder.addFields(start + 6, start + 13);
    const event = builder.seal().at(0);
    expect(Buffer.from(event.data).toString()).toBe('héllo');
    expect(event.text).toBe('héllo');
    expect(event.timeMs).toBe(1_795_217_871_123.456);
    expect(event.meta).toEqual({ host: 'h' });
    expect(event.fields).toBe('{"a":1}');
    expect(event.mark).toBe(MARK.unbroken);
  });

  test('an event without time, metadata and fields says so', () => {
    const builder = new BatchBuilder();
    const { start, end } = load(builder, 'x');
    builder.add(start, end, NaN, 0);
    const [event] = [...builder.seal()];
    expect(event).toMatchObject({ text: 'x', timeMs: undefined, meta: {}, fields: undefined, mark: 0 });
  });

  test('a place that is not in the batch is an error, not an event', () => {
    const batch = new BatchBuilder().seal();
    for (const index of [-1, 0, NaN]) expect(() => batch.at(index)).toThrow(RangeError);
  });

  test('columns and memory grow while events and pages come, and nothing of what came before is lost', () => {
    const builder = new BatchBuilder();
    const texts = Array.from({ length: 3000 }, (_, i) => `event ${i} ${'x'.repeat(i % 700)}`);
    for (const [i, text] of texts.entries()) {
      builder.record(place(i));
      const { start, end } = load(builder, text);
      builder.add(start, end, i, 0);
    }
    const batch = builder.seal();
    expect([...batch].map((event) => event.text)).toEqual(texts);
    expect(batch.timeUs).toEqual(Float64Array.from(texts.keys()));
    expect(batch.start).toHaveLength(3000);
  });

  test('a page is followed by an LF and NUL bytes', () => {
    const builder = new BatchBuilder();
    for (let i = 0; i < 2; i++) {
      const { end } = load(builder, 'page');
      expect([...builder.bytes.subarray(end, end + 64)]).toEqual([10, ...new Array<number>(63).fill(0)]);
      builder.bytes.fill(0xff);
      builder.reset();
    }
  });

  test('no page and no room lies at offset 0, which means "none" in columns', () => {
    expect(new BatchBuilder().load(new Uint8Array(0))).toBeGreaterThan(0);
    expect(new BatchBuilder().room(1)).toBeGreaterThan(0);
  });

  test('room that was given back is handed out again', () => {
    const builder = new BatchBuilder();
    const first = builder.room(1000);
    builder.trim(first + 10);
    expect(builder.room(10)).toBe(first + 10);
  });

  test('every record has its events, also records without any', () => {
    const builder = new BatchBuilder();
    const { start, end } = load(builder, 'x');
    for (const [n, events] of [0, 2, 0, 1, 0].entries()) {
      builder.record(place(n));
      for (let i = 0; i < events; i++) builder.add(start, end, NaN, 0);
    }
    const batch = builder.seal();
    expect(batch.records.map((record) => record.sequenceNumber)).toEqual(['0', '1', '2', '3', '4']);
    expect([...batch.firstEvent]).toEqual([0, 0, 2, 2, 3, 3]);
  });

  test('rewinding takes back events, records and room', () => {
    const builder = new BatchBuilder();
    builder.record(place(1));
    const { start, end } = load(builder, 'kept');
    builder.add(start, end, NaN, 0);
    const save = builder.save();
    const after = builder.used;
    for (let i = 0; i < 2; i++) {
      builder.record(place(2));
      builder.room(1000);
      builder.save();
      builder.add(start, start + 1, NaN, 0);
      builder.rewind(save);
      expect(builder.used).toBe(after);
    }
    const batch = builder.seal();
    expect([...batch].map((event) => event.text)).toEqual(['kept']);
    expect([...batch.firstEvent]).toEqual([0, 1]);
    expect(batch.records).toEqual([place(1)]);
  });

  test('it is full at its capacity', () => {
    const builder = new BatchBuilder(undefined, 2);
    const { start, end } = load(builder, 'x');
    builder.add(start, end, NaN, 0);
    expect(builder.full).toBe(false);
    builder.add(start, end, NaN, 0);
    expect(builder.full).toBe(true);
    builder.reset();
    expect(builder.full).toBe(false);
  });

  test('an event whose metadata no table takes is delivered, marked', () => {
    const builder = new BatchBuilder();
    const { start, end } = load(builder, 'x');
    const row = builder.meta({ host: 'h'.repeat(ROW_LIMIT) });
    expect(row).toBe(NO_ROW);
    builder.add(start, end, NaN, row);
    expect(builder.seal().at(0)).toMatchObject({ text: 'x', meta: {}, mark: MARK.undecoded });
  });
});

describe('validUtf8', () => {
  const validity = (fill: (builder: BatchBuilder) => void) => {
    const builder = new BatchBuilder();
    fill(builder);
    return builder.seal().validUtf8;
  };

  test('is true for text and false as soon as any page is none', () => {
    const page = (bytes: Uint8Array | string) => (builder: BatchBuilder) => {
      for (const part of ['ascii', bytes]) {
        const { start, end } = load(builder, part);
        builder.add(start, end, NaN, 0);
      }
    };
    expect(validity(page('more ascii'))).toBe(true);
    expect(validity(page('€ and 😀'))).toBe(true);
    expect(validity(page(Buffer.from([0x61, 0xff])))).toBe(false);
    expect(validity(page(Buffer.from('€').subarray(0, 2)))).toBe(false);
  });

  test('covers what decoders write into room', () => {
    const room = (...parts: Buffer[]) =>
      validity((builder) => {
        for (const part of parts) {
          const at = builder.room(part.length);
          builder.bytes.set(part, at);
          builder.add(at, at + part.length, NaN, 0);
        }
      });
    expect(room(Buffer.from('é'))).toBe(true);
    expect(room(Buffer.from([0xe2]))).toBe(false);
    // Two halves of a character, side by side: together they are text, each alone is not.
    expect(room(Buffer.from([0xe2, 0x82]), Buffer.from([0xac]))).toBe(false);
  });

  test('sees an event or its fields that cut a character in two', () => {
    const cut = (from: number, to: number, fields?: [number, number]) =>
      validity((builder) => {
        const { start } = load(builder, 'a€b');
        builder.add(start + from, start + to, NaN, 0);
        if (fields !== undefined) builder.addFields(start + fields[0], start + fields[1]);
      });
    expect(cut(0, 5)).toBe(true);
    expect(cut(1, 4)).toBe(true);
    expect(cut(2, 5)).toBe(false);
    expect(cut(0, 3)).toBe(false);
    expect(cut(0, 5, [0, 2])).toBe(false);
    expect(cut(0, 5, [0, 4])).toBe(true);
  });

  test('does not depend on what an earlier batch left in the memory', () => {
    const builder = new BatchBuilder();
    load(builder, Buffer.alloc(1000, 0xbf));
    builder.reset();
    const at = builder.room(2);
    builder.bytes.write('é', at);
    builder.add(at, at + 2, NaN, 0);
    expect(builder.seal().validUtf8).toBe(true);
  });
});

describe('MetaRows', () => {
  const ranges = (text: string, values: string[]) => {
    const found = new Int32Array(8);
    for (const [k, value] of values.entries()) {
      if (value === '') continue;
      found[2 * k] = Buffer.from(text).indexOf(value);
      found[2 * k + 1] = found[2 * k]! + Buffer.from(value).length;
    }
    return found;
  };
  const fromJson = (rows: MetaRows, values: string[]) => {
    const text = ` ${values.join(' ')}`;
    return rows.fromJson(Buffer.from(text), ranges(text, values));
  };

  test('equal metadata is one row, whatever says it and however it is spelled', () => {
    const rows = new MetaRows();
    const id = rows.add({ host: 'hé', index: 'i' });
    expect(fromJson(rows, ['"hé"', '', '', '"i"'])).toBe(id);
    expect(fromJson(rows, ['"h\\u00e9"', '""', '', '"i"'])).toBe(id);
    expect(rows.row(id)).toEqual({ host: 'hé', index: 'i' });
    expect(rows.size).toBe(2);
  });

  test('different metadata is different rows, however alike it looks', () => {
    const rows = new MetaRows();
    const spellings = [
      ['"ab"', '"c"', '', ''],
      ['"a"', '"bc"', '', ''],
      ['', '"ab"', '"c"', ''],
      ['"x-same-ending"', '', '', ''],
      ['"y-same-ending"', '', '', ''],
    ];
    const ids = spellings.map((values) => fromJson(rows, values));
    expect(new Set(ids).size).toBe(spellings.length);
    expect(spellings.map((values) => fromJson(rows, values))).toEqual(ids);
  });

  test('no metadata is row 0', () => {
    const rows = new MetaRows();
    expect(rows.add({})).toBe(0);
    expect(rows.add({ host: '' })).toBe(0);
    expect(fromJson(rows, ['', '', '', ''])).toBe(0);
    expect(rows.row(0)).toEqual({});
  });

  test('many rows by their bytes are found again, and fill the table', () => {
    const rows = new MetaRows();
    const hosts = Array.from({ length: TABLE_LIMIT.rows }, (_, i) => `"host-${i}"`);
    const ids = hosts.map((host) => fromJson(rows, [host, '', '', '']));
    expect(rows.full).toBe(true);
    expect(hosts.map((host) => fromJson(rows, [host, '', '', '']))).toEqual(ids);
    expect(ids.map((id) => `"${rows.row(id).host}"`)).toEqual(hosts);
  });

  test('hosts that begin and end alike are found as fast as others', () => {
    const fastest = (host: (n: string) => string) => {
      const rows = new MetaRows();
      const values = Array.from({ length: 4000 }, (_, n) => Buffer.from(`  "${host(String(n).padStart(4, '0'))}"`));
      const round = () => {
        const began = performance.now();
        for (const value of values) rows.fromJson(value, Int32Array.of(2, value.length, 0, 0, 0, 0, 0, 0));
        return performance.now() - began;
      };
      return Math.min(...Array.from({ length: 8 }, round).slice(1));
    };
    expect(fastest((n) => `ip-10-0-${n}.ec2.internal`)).toBeLessThan(15 * fastest((n) => `web-${n}`));
  });

  test('ever new spellings of one value fill the table, and beyond all limits rows are still right', () => {
    const rows = new MetaRows();
    const spell = (n: number) => n.toString(2).padStart(14, '0').replaceAll('0', 'a').replaceAll('1', '\\u0061');
    for (let n = 0; n < 9000; n++) expect(fromJson(rows, [`"${spell(n)}"`, '', '', ''])).toBe(1);
    expect(rows.full).toBe(true);
    expect(rows.size).toBe(2);
  });

  test('a few long rows fill the table', () => {
    const rows = new MetaRows();
    let added = 0;
    while (!rows.full) rows.add({ source: `${added++}`.padStart(ROW_LIMIT - 100) });
    expect(added).toBeLessThan(10);
  });

  test('a row larger than any table takes is refused, by value and by bytes', () => {
    const rows = new MetaRows();
    expect(rows.add({ host: 'x'.repeat(ROW_LIMIT) })).toBe(NO_ROW);
    expect(fromJson(rows, [`"${'x'.repeat(ROW_LIMIT)}"`, '', '', ''])).toBe(NO_ROW);
    expect(rows.size).toBe(1);
  });
});

describe('BatchPool', () => {
  test('a builder that was given back is taken again, empty', () => {
    const pool = new BatchPool();
    const builder = pool.take();
    builder.record(place(1));
    load(builder, 'x');
    builder.add(64, 65, NaN, 0);
    pool.give(builder);
    expect(pool.take()).toBe(builder);
    expect(builder.seal()).toMatchObject({ length: 0, records: [] });
  });

  test('it keeps no more builders than it should, and none that a huge page blew up', () => {
    const pool = new BatchPool(1);
    const [first, second] = [pool.take(), pool.take()];
    pool.give(first);
    pool.give(second);
    expect([pool.take(), pool.take()]).not.toContain(second);
    const huge = pool.take();
    huge.room(30 * 1024 * 1024);
    pool.give(huge);
    expect(pool.take()).not.toBe(huge);
  });

  test('all its builders share one table until it is full; then new ones share a new table and old batches keep theirs', () => {
    const pool = new BatchPool();
    const [first, second] = [pool.take(), pool.take()];
    const { start, end } = load(first, 'x');
    first.add(start, end, NaN, first.meta({ host: 'first' }));
    expect(second.meta({ host: 'first' })).toBe(1);
    const batch = first.seal();
    for (let i = 0; i < TABLE_LIMIT.rows; i++) second.meta({ host: `host ${i}` });
    expect(second.full).toBe(true);
    const third = pool.take();
    expect(third.full).toBe(false);
    expect(third.rows).not.toBe(second.rows);
    expect(batch.at(0).meta).toEqual({ host: 'first' });
    pool.give(second);
    expect(pool.take().rows).toBe(third.rows);
  });
});
