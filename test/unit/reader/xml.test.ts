/** Splunk's event XML. */
import { describe, expect, test } from 'vitest';
import { MARK } from '../../../record/event.ts';
import { BatchBuilder } from '../../../record/batch.ts';
import { SMALLEST_CHUNK, XmlWriter } from '../../../reader/output/xml.ts';
import { batchOf, parse, render, throughXml } from './xml-events.ts';

describe('XmlWriter', () => {
  test('writes an event as Splunk documents it', () => {
    const batch = batchOf([
      {
        data: 'a <b> & "c"\r\n\td',
        timeUs: 1_795_217_871_123_450,
        meta: { host: 'h', source: 's&', sourcetype: 't', index: 'i' },
      },
      { data: 'no more' },
      { data: 'half', mark: MARK.unbroken },
      { data: 'done', timeUs: 5, mark: MARK.unbroken | MARK.done },
    ]);
    expect(render(batch, 'kinesis_log://"a&b<c>')).toBe(
      '<event stanza="kinesis_log://&#34;a&amp;b&lt;c&gt;"><time>1795217871.12345</time><host>h</host><source>s&amp;</source><sourcetype>t</sourcetype><index>i</index><data>a &lt;b&gt; &amp; "c"&#13;\n\td</data></event>\n' +
        '<event stanza="kinesis_log://&#34;a&amp;b&lt;c&gt;"><data>no more</data></event>\n' +
        '<event stanza="kinesis_log://&#34;a&amp;b&lt;c&gt;" unbroken="1"><data>half</data></event>\n' +
        '<event stanza="kinesis_log://&#34;a&amp;b&lt;c&gt;" unbroken="1"><time>0.000005</time><data>done</data><done/></event>\n',
    );
  });

  test('every code point arrives as the text it was, or as U+FFFD where XML has no place for it', () => {
    const size = 4096;
    for (let from = 0; from <= 0x10ffff; from += size) {
      const points = Array.from({ length: size }, (_, k) => String.fromCodePoint(from + k));
      const events = points.map((point) => ({ data: `${point}a` }));
      const texts = parse(render(batchOf(events))).map(({ elements }) => elements['data']);
      expect(texts.join(), `from ${from}`).toBe(points.map((point) => throughXml(`${point}a`)).join());
      const row = { meta: { host: points.join('') }, data: points.join('') };
      const [joined] = parse(render(batchOf([row])));
      expect(joined!.elements).toEqual({ host: throughXml(row.data), data: throughXml(row.data) });
    }
  }, 60_000);

  test('bytes that are not UTF-8 read as Buffer.toString reads them', () => {
    const tails = [[], [0x41], [0x80], [0xbf, 0xbf], [0xbf, 0xbf, 0xbf], [0xc3, 0xa9], [0x9f, 0x98, 0x80], [0xff]];
    const events = [];
    for (let first = 0x80; first <= 0xff; first++)
      for (let second = 0x7f; second <= 0xff; second += first < 0xc0 ? 16 : 1)
        for (const tail of tails) events.push({ data: Buffer.from([first, second, ...tail]) });
    const texts = parse(render(batchOf(events))).map(({ elements }) => elements['data']);
    expect(texts).toEqual(events.map(({ data }) => throughXml(data.toString())));
    // The same as one long event, cut by small chunks anywhere.
    const data = Buffer.concat(events.map((event) => event.data));
    const [long] = parse(render(batchOf([{ data }]), 'x', 1024));
    expect(long!.elements['data']).toBe(throughXml(data.toString()));
  });

  test('metadata and stanza can hold anything and stay well-formed', () => {
    const odd = '<&>"\'\u0000\ud800\ufffe\t\n\r é😀]]>';
    const [event] = parse(render(batchOf([{ data: 'x', meta: { host: odd, sourcetype: odd } }]), odd));
    expect(event!.elements).toEqual({ host: throughXml(odd), sourcetype: throughXml(odd), data: 'x' });
    expect(event!.attributes['stanza']).toBe(throughXml(odd));
  });

  test('empty metadata is absent, so that the defaults of the input apply', () => {
    expect(render(batchOf([{ data: 'x', meta: { host: '', index: 'i' } }]), 's')).toBe(
      '<event stanza="s"><index>i</index><data>x</data></event>\n',
    );
  });

  test.each([
    [0, '0'],
    [1, '0.000001'],
    [999_999, '0.999999'],
    [10_000_000, '10'],
    [99_999_000_000, '99999'],
    [100_000_500_000, '100000.5'],
    [999_999_999_999_999, '999999999.999999'],
    [1_000_000_000_000_000, '1000000000'],
    [1_795_217_871_123_456, '1795217871.123456'],
    [1_795_217_871_000_010, '1795217871.00001'],
    [Number.MAX_SAFE_INTEGER, '9007199254.740991'],
  ])('a time of %d microseconds is written %s', (timeUs, text) => {
    const [event] = parse(render(batchOf([{ data: 'x', timeUs }])));
    expect(event!.elements['time']).toBe(text);
  });

  test.each([NaN, -1, Infinity, 2 ** 60])('a time of %d is left out', (timeUs) => {
    expect(render(batchOf([{ data: 'x', timeUs }]), 's')).toBe('<event stanza="s"><data>x</data></event>\n');
  });

  test('the size of the chunks changes nothing, whatever the events are', () => {
    const events = Array.from({ length: 300 }, (_, i) => ({
      data: Buffer.concat([
        Buffer.from('&<>\r\n é😀'.repeat(i % 17)),
        Buffer.alloc((i * 37) % 900, i % 3 === 0 ? 'x' : '&'),
        Buffer.from(i % 5 === 0 ? [0xf0, 0x9f, 0xff] : []),
      ]),
      ...(i % 2 === 0 ? { timeUs: 1e15 + i } : {}),
      meta: { host: `host ${i % 9}`.repeat((i % 9) * 20) },
      mark: i % 7,
    }));
    const batch = batchOf(events);
    const whole = render(batch, 'stanza'.repeat(100), 10_000_000);
    expect(parse(whole)).toHaveLength(300);
    for (const size of [SMALLEST_CHUNK, SMALLEST_CHUNK + 1, 1000, 1024, 4096, 65_536])
      expect(render(batch, 'stanza'.repeat(100), size) === whole, `chunks of ${size}`).toBe(true);
  });

  test('an event of 10 MiB of ampersands leaves in bounded chunks', () => {
    const batch = batchOf([{ data: Buffer.alloc(10 * 1024 * 1024, '&') }]);
    const writer = new XmlWriter();
    const chunk = Buffer.alloc(65_536);
    writer.begin(batch, 's');
    let bytes = 0;
    let chunks = 0;
    for (let size = writer.fill(chunk); size > 0; size = writer.fill(chunk)) {
      bytes += size;
      chunks++;
    }
    expect(bytes).toBe(50 * 1024 * 1024 + '<event stanza="s"><data></data></event>\n'.length);
    expect(chunks).toBeLessThan(810);
  });

  test('one writer serves batches of different tables, stanzas and memories', () => {
    const writer = new XmlWriter();
    for (const host of ['a', 'b', 'a']) {
      const batch = batchOf([{ data: `data of ${host}`, meta: { host } }]);
      expect(render(batch, `stanza ${host}`, 65_536, writer)).toBe(
        `<event stanza="stanza ${host}"><host>${host}</host><data>data of ${host}</data></event>\n`,
      );
    }
  });

  test('rows that were added to a table later are rendered too', () => {
    const writer = new XmlWriter();
    const builder = new BatchBuilder();
    for (const host of ['first', 'second']) {
      builder.reset();
      const at = builder.load(Buffer.from('x'));
      builder.add(at, at + 1, NaN, builder.meta({ host }));
      expect(render(builder.seal(), 's', 1024, writer)).toContain(`<host>${host}</host>`);
    }
  });

  test('an empty batch, and a writer without a batch, fill nothing', () => {
    const writer = new XmlWriter();
    expect(writer.fill(Buffer.alloc(1024))).toBe(0);
    writer.begin(batchOf([]), 's');
    expect(writer.fill(Buffer.alloc(1024))).toBe(0);
  });

  test('a chunk that is part of a larger memory is not overrun', () => {
    const memory = Buffer.alloc(2048, 0x7e);
    const writer = new XmlWriter();
    writer.begin(batchOf(Array.from({ length: 50 }, () => ({ data: '&<>é plain text that is long enough' }))), 's');
    const chunk = memory.subarray(512, 1024);
    let xml = '';
    for (let size = writer.fill(chunk); size > 0; size = writer.fill(chunk)) xml += chunk.toString('utf8', 0, size);
    expect(parse(xml)).toHaveLength(50);
    expect(memory.subarray(0, 512)).toEqual(Buffer.alloc(512, 0x7e));
    expect(memory.subarray(1024)).toEqual(Buffer.alloc(1024, 0x7e));
  });
});
