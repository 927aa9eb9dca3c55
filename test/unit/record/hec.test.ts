/** HEC: what a payload is, limits, resuming, encoding. What single lines mean is in test/property/hec.test.ts. */
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../../record/batch.ts';
import { MARK } from '../../../record/event.ts';
import { BYTES_FIELD, detectedHec, encodeHec, hec } from '../../../record/hec.ts';
import { ROW_LIMIT, TABLE_LIMIT } from '../../../record/meta-table.ts';
import { decodeAll, decodeOnce, plainEvents } from './payload.ts';

const decode = (text: string, capacity?: number) =>
  decodeAll(hec, Buffer.from(text), capacity === undefined ? {} : { capacity });

describe('HEC objects', () => {
  test('one per line, joined, and spread over lines give the same events', () => {
    const objects = [1, 2, 3].map((n) => ({ time: n, host: 'h', event: `event ${n}`, fields: { n: String(n) } }));
    const lines = decode(objects.map((object) => JSON.stringify(object)).join('\n'));
    expect(lines.map((event) => [event.text, event.timeUs, event.meta])).toEqual(
      objects.map(({ event, time }) => [event, time * 1e6, { host: 'h' }]),
    );
    expect(decode(objects.map((object) => JSON.stringify(object)).join(''))).toEqual(lines);
    const pretty = decode(objects.map((object) => JSON.stringify(object, null, 2)).join('\n'));
    expect(pretty.map(({ fields: _, ...event }) => event)).toEqual(lines.map(({ fields: _, ...event }) => event));
    expect(pretty.map(({ fields }) => JSON.parse(fields!) as unknown)).toEqual(objects.map(({ fields }) => fields));
  });

  test('a range inside a page is decoded alone, and its neighbours are not touched', () => {
    const builder = new BatchBuilder();
    const page = Buffer.from('{"event":"a"}{"event":"b"}{"event":"c"}');
    const start = builder.load(page);
    expect(hec.decode({ start: start + 13, end: start + 26 }, builder)).toEqual({ kind: 'done' });
    expect(Buffer.from(builder.bytes.subarray(start, start + page.length))).toEqual(page);
    expect(plainEvents(builder.seal()).map(({ text }) => text)).toEqual(['b']);
  });

  test('a payload whose first value is no event is not this format, and nothing is left of the try', () => {
    for (const text of ['', ' \n', 'text', '[1]', '{"event":null}\n{"event":"x"}', '{"event":"cut', '{}']) {
      const builder = new BatchBuilder();
      builder.record({ sequenceNumber: '1', subSequence: 0, arrivalMs: 0 });
      const before = builder.load(Buffer.from(text));
      const used = builder.used;
      const result = hec.decode({ start: before, end: before + Buffer.from(text).length }, builder);
      expect(result.kind).toBe(text.trim() === '' ? 'done' : 'not-this');
      expect([builder.length, builder.used]).toEqual([0, used]);
    }
  });

  test('after the first event, lines that are none are delivered as they are, marked', () => {
    const events = decode('{"event":"a"}\n\n not JSON \n{"event":"b"}\n{"no":"event"}');
    expect(events.map(({ text, mark }) => [text, mark])).toEqual([
      ['a', 0],
      [' not JSON ', MARK.undecoded],
      ['b', 0],
      ['{"no":"event"}', MARK.undecoded],
    ]);
  });

  test('stops at 200 levels, 64 across lines, and delivers what is deeper raw', () => {
    const nested = (levels: number, breaks = '') =>
      `{"event":"ok"}\n{"event":${breaks}${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(decode(nested(200)).map(({ mark }) => mark)).toEqual([0, 0]);
    expect(decode(nested(201)).map(({ mark }) => mark)).toEqual([0, MARK.undecoded]);
    expect(decode(nested(64, '\n')).map(({ mark }) => mark)).toEqual([0, 0]);
    expect(decode(nested(65, '\n')).map(({ mark }) => mark)).toEqual([0, MARK.undecoded, MARK.undecoded]);
  });

  test('five million brackets are refused at once and delivered', () => {
    const hostile = Buffer.concat([Buffer.from('{"event":"ok"}\n{"event":'), Buffer.alloc(5_000_000, '[')]);
    const events = decodeAll(hec, hostile);
    expect(events.map(({ text }) => text.length)).toEqual([2, 5_000_009]);
  });

  test('hostile lines that look like the beginning of something long take time in proportion', () => {
    const deep = `{"a":[${'1,'.repeat(500)}\n`;
    const payload = `{"event":"ok"}\n${deep.repeat(1000)}`;
    const started = performance.now();
    expect(decode(payload)).toHaveLength(1001);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('metadata larger than any table takes: the object is delivered raw', () => {
    const object = JSON.stringify({ host: 'h'.repeat(ROW_LIMIT), event: 'x' });
    const events = decode(`{"event":"ok"}\n${object}\n{"event":"z"}`);
    expect(events.map(({ text, mark }) => [text, mark])).toEqual([
      ['ok', 0],
      [object, MARK.undecoded],
      ['z', 0],
    ]);
  });

  test('more rows than a table takes: batch after batch, all events with their own metadata', () => {
    const hosts = Array.from({ length: TABLE_LIMIT.rows * 2 + 10 }, (_, i) => `host-${i}`);
    const payload = hosts.map((host) => JSON.stringify({ host, event: 'x' })).join('\n');
    let batches = 0;
    const events = decodeAll(hec, Buffer.from(payload), { onBatch: () => batches++ });
    expect(events.map(({ meta }) => meta.host)).toEqual(hosts);
    expect(batches).toBe(3);
  });

  test('a builder that is full already takes nothing and loses nothing', () => {
    const builder = new BatchBuilder(undefined, 1);
    expect(decodeOnce(hec, Buffer.from('{"event":"a"}\n{"event":"b"}'), builder)).toEqual({
      kind: 'full',
      resumeAt: 14,
    });
    expect(decodeOnce(hec, Buffer.from('\n{"event":"c"}'), builder)).toEqual({ kind: 'full', resumeAt: 0 });
  });

  test('texts with escapes take no more memory than the payload, also where a second look is needed', () => {
    const text = 'line\\n'.repeat(20_000);
    const payload = Buffer.from(
      `{"event":"ok"}${`{"event":"${text}",\n"host":"h"}{"event":"${text}",\n"broken"}\n`.repeat(3)}`,
    );
    const builder = new BatchBuilder();
    const before = builder.used;
    expect(decodeOnce(hec, payload, builder).kind).toBe('done');
    expect(builder.length).toBe(10);
    expect(builder.used - before).toBeLessThan(2 * payload.length + 64);
  });
});

describe('recognising HEC', () => {
  const recognised = (text: string) => {
    const payload = Buffer.from(text);
    return detectedHec.recognise(payload) && decodeOnce(detectedHec, payload, new BatchBuilder()).kind === 'done';
  };

  test('an object with `event` and nothing that HEC does not know', () => {
    for (const text of [
      '{"event":"x"}',
      ' \n{"time":1,"host":"h","source":"s","sourcetype":"t","index":"i","fields":{},"event":{"a":[1]}}\nanything',
      '{\n "event": 1\n}',
      `{"event":"${'x'.repeat(100_000)}"}`,
    ])
      expect(recognised(text), text.slice(0, 60)).toBe(true);
  });

  test('not a log line of somebody else that has an `event` too, and not what is no object', () => {
    for (const text of [
      '{"event":"login","user":"x"}',
      `{"event":"${'x'.repeat(100_000)}","user":"x"}`,
      '{"us\\u0065r":"x","event":"login"}',
      '{\n "event": "login",\n "user": "x"\n}',
      '{"host":"h"}',
      '{}',
      '{"event":"x"',
      '[{"event":"x"}]',
      'event',
      '',
      '{"event"',
    ])
      expect(recognised(text), text).toBe(false);
  });
});

test('only the first object decides; later ones may have members that HEC does not know', () => {
  const lines = Buffer.from('{"event":"a"}\n{"user":"x","event":"b"}');
  expect(decodeAll(detectedHec, lines).map(({ text, mark }) => [text, mark])).toEqual([
    ['a', 0],
    ['b', 0],
  ]);
  expect(decodeAll(hec, Buffer.from('{"user":"x","event":"b"}'))).toMatchObject([{ text: 'b', mark: 0 }]);
});

describe('encodeHec', () => {
  test('writes one object per line, members in order, absent ones left out', () => {
    const bytes = encodeHec([
      { data: 'a\n"b"', timeMs: 1_795_217_871_123.456, meta: { host: 'h', source: '', index: 'i' }, fields: { n: 1 } },
      { data: Buffer.from('héllo'), timeMs: 1_795_217_871_000 },
      { data: '', timeMs: NaN },
    ]);
    expect(bytes.toString()).toBe(
      '{"time":1795217871.123456,"host":"h","index":"i","event":"a\\n\\"b\\"","fields":{"n":1}}\n' +
        '{"time":1795217871,"event":"héllo"}\n' +
        '{"event":""}\n',
    );
  });

  test('bytes that are not UTF-8 arrive readable, and as they were in a field', () => {
    const data = Buffer.from([0x61, 0xff, 0x62]);
    const [event] = decodeAll(hec, encodeHec([{ data, fields: { own: 'x' } }]));
    expect(event!.text).toBe('a\ufffdb');
    const fields = JSON.parse(event!.fields!) as Record<string, string>;
    expect(fields['own']).toBe('x');
    expect(Buffer.from(fields[BYTES_FIELD]!, 'base64')).toEqual(data);
  });
});
