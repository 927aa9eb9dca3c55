/** Generic JSON: what an event is, its time and its host. */
import { describe, expect, test } from 'vitest';
import { MARK } from '../../../record/event.ts';
import { json } from '../../../record/json.ts';
import { ROW_LIMIT } from '../../../record/meta-table.ts';
import { decodeAll } from './payload.ts';

const decode = (text: string, capacity?: number) =>
  decodeAll(json, Buffer.from(text), capacity === undefined ? {} : { capacity });
const only = (text: string) => {
  const events = decode(text);
  expect(events).toHaveLength(1);
  return events[0]!;
};
const US = 1_795_217_871_123_456;

describe('JSON payloads', () => {
  test('every object and every list is one event, byte for byte', () => {
    const values = [
      '{"b":1,"a":123456789012345678901234567890}',
      '[1, {"x":[]}]',
      '{}',
      '{"a":"\\u00e9\\/"}',
      '{ "é" : 1.0 }',
    ];
    for (const separator of ['\n', '\r\n', '', ' '])
      expect(decode(values.join(separator)).map(({ text }) => text)).toEqual(values);
    const pretty = '{\n  "a": [\n    1\n  ]\n}';
    expect(decode(`${pretty}\n${pretty}`).map(({ text }) => text)).toEqual([pretty, pretty]);
  });

  test('the sourcetype is _json and nothing else is claimed', () => {
    expect(only('{"source":"s","index":"i","sourcetype":"t"}')).toMatchObject({
      meta: { sourcetype: '_json' },
      mark: 0,
    });
    expect(only('[]').meta).toEqual({ sourcetype: '_json' });
  });

  test('lines that are no JSON come as they are, marked', () => {
    expect(decode('{"a":1}\nnot JSON\n{"a":\n{"b":2}\n"scalar"').map(({ text, mark }) => [text, mark])).toEqual([
      ['{"a":1}', 0],
      ['not JSON', MARK.undecoded],
      ['{"a":', MARK.undecoded],
      ['{"b":2}', 0],
      ['"scalar"', MARK.undecoded],
    ]);
  });

  test('what does not begin with a value is another format', () => {
    for (const text of ['[2026-11-21 05:41] INFO x', '{"cut":', 'text', '12', '"x"', '{"a":1},'])
      expect(decode(text), text).toEqual([{ text, meta: {}, mark: MARK.undecoded }]);
    expect(json.recognise(Buffer.from(' \r\n\t[1]'))).toBe(true);
    for (const text of ['', ' ', 'x', '\ufeff{}', '1']) expect(json.recognise(Buffer.from(text))).toBe(false);
  });

  test('batches of any size give the same events', () => {
    const text = Array.from({ length: 50 }, (_, i) => (i % 7 === 3 ? 'junk' : `{"time":${US + i},"host":"${i}"}`)).join(
      '\n',
    );
    for (const capacity of [1, 2, 13]) expect(decode(`{}\n${text}`, capacity)).toEqual(decode(`{}\n${text}`));
  });

  test('a host larger than any table takes: the event is delivered as it is, marked', () => {
    const text = JSON.stringify({ host: 'h'.repeat(ROW_LIMIT) });
    expect(decode(`{}\n${text}`)[1]).toEqual({ text, meta: {}, mark: MARK.undecoded });
  });
});

describe('the time of a JSON event', () => {
  test.each([
    ['{"time":1795217871.123456}', US],
    ['{"time":1795217871.1234569}', US],
    ['{"time":1795217871}', 1_795_217_871_000_000],
    ['{"time":1795217871123}', 1_795_217_871_123_000],
    ['{"time":1795217871123.4569}', US],
    ['{"time":1795217871123456}', US],
    ['{"time":1795217871123456789}', US],
    ['{"time":"1795217871123456"}', US],
    ['{"@timestamp":"2026-11-20T23:37:51.123456Z"}', US],
    ['{"timestamp":"2026-11-20t23:37:51.123456999z"}', US],
    ['{"ts":"2026-11-21 00:37:51.123456+01:00"}', US],
    ['{"date":"2026-11-20T18:07:51,123456-0530"}', US],
    ['{"datetime":"2026-11-21T00:37:51.123456+01"}', US],
    ['{"ts":"2026-11-20T23:37:51Z"}', 1_795_217_871_000_000],
    ['{"ts":"2024-02-29T00:00:00Z"}', Date.UTC(2024, 1, 29) * 1000],
    ['{"ts":"1970-01-01T00:00:00Z"}', 0],
  ])('%s', (text, timeUs) => {
    expect(only(text).timeUs).toBe(timeUs);
  });

  test.each([
    '{"time":35}',
    '{"time":0.5}',
    '{"time":-1795217871}',
    '{"time":1.795e9}',
    '{"time":true}',
    '{"time":{"time":1795217871}}',
    '{"time":[1795217871]}',
    '{"time":""}',
    '{"time":"1795217871 "}',
    '{"time":99999999999999999999}',
    '{"time":999999999999999999999999}',
    '{"ts":"2026-11-20T23:37:51"}',
    '{"ts":"2026-11-20"}',
    '{"ts":"2026-02-29T00:00:00Z"}',
    '{"ts":"2026-13-01T00:00:00Z"}',
    '{"ts":"2026-01-01T24:00:00Z"}',
    '{"ts":"2026-01-01T00:00:00+25:00"}',
    '{"ts":"1970-01-01T00:00:00+01:00"}',
    '{"ts":"21/Nov/2026:05:41:47 +0000"}',
    '[{"time":1795217871}]',
    '{"nested":{"time":1795217871}}',
    '{"TIME":1795217871}',
  ])('%s has none', (text) => {
    expect(only(text).timeUs).toBeUndefined();
  });

  test('is the first that parses, in the order of names and not of members', () => {
    expect(only('{"datetime":1795217872,"ts":"no","timestamp":1795217871,"time":12}').timeUs).toBe(
      1_795_217_871_000_000,
    );
    expect(only('{"date":1795217872,"time":null,"@timestamp":1795217871}').timeUs).toBe(1_795_217_871_000_000);
  });
});

describe('the host of a JSON event', () => {
  test.each([
    ['{"host":"h","hostname":"other"}', 'h'],
    ['{"host":{"ip":"1","name":"n"},"hostname":"other"}', 'n'],
    ['{"host":\n{"name":\n"n"}}', 'n'],
    ['{"host.name":"d","hostname":"other"}', 'd'],
    ['{"hostname":"hn"}', 'hn'],
    ['{"host":null,"hostname":"hn"}', 'hn'],
    ['{"host":"","hostname":"hn"}', 'hn'],
    ['{"host":{"ip":"1"},"hostname":"hn"}', 'hn'],
    ['{"host":5,"hostname":"hn"}', 'hn'],
    ['{"host":"\\u00e9\\n"}', 'é\n'],
    ['{"h\\u006fst":"h"}', 'h'],
    ['{"host":["x"]}', undefined],
    ['{"x":{"host":"inner"}}', undefined],
  ])('%s: %s', (text, host) => {
    expect(only(text).meta.host).toBe(host);
  });

  test('is not carried over to the next event', () => {
    expect(decode('{"host":"a"}[]{}{"host":{"name":"b"}}{"host":{}}').map(({ meta }) => meta.host)).toEqual([
      'a',
      undefined,
      undefined,
      'b',
      undefined,
    ]);
  });
});
