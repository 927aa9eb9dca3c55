/** kinlog records: every spelling that Go's decoder takes, and everything that it does not. */
import { describe, expect, it } from 'vitest';
import { MARK } from '../../../record/event.ts';
import { goTime, goTimeToUs } from '../../../record/kinlog-time.ts';
import { encodeKinlog, kinlog, peekKinlog } from '../../../record/kinlog.ts';
import { decodeAll, type Delivered } from '../../contract/record-format.ts';

const LINES = '{"is_done":true,"data":"aGVsbG8="}\n{"is_done":true,"data":"d29ybGQ="}';
const HEADER = '{"unbroken":false,"source":"s","sourcetype":"t","host":"h","index":"i","enc_id":1,"block_id":0}';
const META = { host: 'h', source: 's', sourcetype: 't', index: 'i' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

function decode(content: string): readonly Delivered[] {
  const events = decodeAll(kinlog, Buffer.from(content), 1000);
  if (typeof events === 'string') throw new Error(events);
  return events;
}
const texts = (content: string) => decode(content).map(({ text }) => text);

describe('an event', () => {
  it.each([
    ['as Go writes it', `{"is_done":true,"ts":"2026-02-03T04:05:06.5Z","data":"${base64('x')}"}`],
    ['with keys in another order', `{"data":"${base64('x')}","ts":"2026-02-03T04:05:06.5Z","is_done":true}`],
    ['with keys in another case', `{"IS_DONE":true,"Ts":"2026-02-03T04:05:06.5Z","Data":"${base64('x')}"}`],
    ['with blanks', `  { "is_done" : true , "ts" : "2026-02-03T04:05:06.5Z" , "data" : "${base64('x')}" }\r`],
    ['with unknown keys', `{"is_done":true,"id":{"a":[1]},"ts":"2026-02-03T04:05:06.5Z","data":"${base64('x')}"}`],
    ['with escapes', `{"is_done":true,"ts":"2026-02-03T04:05:06.5\\u005a","data":"eA=\\u003d"}`],
    ['with a line break in its base64', `{"is_done":true,"ts":"2026-02-03T04:05:06.5Z","data":"eA\\r\\n=="}`],
  ])('%s is read', (_, line) => {
    const [event, ...rest] = decode(`${HEADER}\n${line}\n`);
    expect(rest).toEqual([]);
    expect(event).toMatchObject({ text: 'x', timeMs: Date.UTC(2026, 1, 3, 4, 5, 6, 500), meta: META, mark: 0 });
  });

  it('loses one LF at its end, and no more', () => {
    const lines = ['a\n', 'a\n\n', 'a\r\n', '\n', '', 'a\nb'].map(
      (text) => `{"is_done":true,"data":"${base64(text)}"}`,
    );
    expect(texts([HEADER, ...lines].join('\n'))).toEqual(['a', 'a\n', 'a\r', '', '', 'a\nb']);
  });

  it.each(['{"is_done":true}', '{"is_done":true,"data":null}', '{"data":"","is_done":true,"ts":null}'])(
    '%s is an empty one',
    (line) => expect(decode(`${HEADER}\n${line}`)).toMatchObject([{ text: '', timeMs: undefined, mark: 0 }]),
  );

  it('with a time that is none has no time', () => {
    const line = `{"is_done":true,"ts":"yesterday","data":"${base64('x')}"}`;
    expect(decode(`${HEADER}\n${line}`)).toMatchObject([{ text: 'x', timeMs: undefined, mark: 0 }]);
  });

  it.each([
    '{"is_done":true,"data":"a"}',
    '{"is_done":true,"data":"a*=="}',
    '{"is_done":true,"data":"eA==eA=="}',
    '{"is_done":true,"data":"eA"}',
    '{"is_done":true,"data":5}',
    '{"is_done":1,"data":"eA=="}',
    '{"is_done":true,"ts":5,"data":"eA=="}',
    '{"is_done":true,"data":"eA=="',
    '{"is_done":true,"data":"eA=="}}',
    '{"is_done":true,"data":"eA=="} {"is_done":true,"data":"eA=="}',
    '{}',
    '[1]',
    'null',
    'text',
  ])('%s is delivered raw between its neighbours', (line) => {
    const good = `{"is_done":true,"data":"${base64('good')}"}`;
    const events = decode([HEADER, good, line, good, ''].join('\n'));
    expect(events.map(({ text, mark }) => [text, mark])).toEqual([
      ['good', 0],
      [line, MARK.undecoded],
      ['good', 0],
    ]);
    expect(events[1]?.meta).toEqual(META);
  });
});

describe('an unbroken stream', () => {
  it('keeps every byte of its chunks and says which one ends an event', () => {
    const unbroken = HEADER.replace('false', 'true');
    const lines = ['{"is_done":false,"data":"YQo="}', '{"is_done":true,"data":"Ygo="}', '{"is_done":true,"data":""}'];
    expect(decode([unbroken, ...lines].join('\n')).map(({ text, mark }) => [text, mark])).toEqual([
      ['a\n', MARK.unbroken],
      ['b\n', MARK.unbroken | MARK.done],
      ['', MARK.unbroken | MARK.done],
    ]);
  });

  it('is peeked at without reading further than the first line', () => {
    const header = HEADER.replace('false', 'true').replace('"block_id":0', '"block_id":42');
    expect(peekKinlog(Buffer.from(`${header}\nwhatever`))).toMatchObject({ unbroken: true, encId: '1', blockId: 42 });
    expect(peekKinlog(Buffer.from(header))).toMatchObject({ blockId: 42 });
  });
});

describe('metadata', () => {
  it('keeps every digit of an id, also of 2^63 - 2', () => {
    const header = HEADER.replace('"enc_id":1', '"enc_id":9223372036854775806');
    expect(peekKinlog(Buffer.from(header))?.encId).toBe('9223372036854775806');
  });

  it.each([
    ['numbers', `[${'1e20,'.repeat(60_000)}1]`],
    ['bytes that are not UTF-8', `"${'\xff'.repeat(200_000)}"`],
  ])('may have fields that are longer as they are written again: %s', (_, value) => {
    const payload = Buffer.from(`${HEADER.slice(0, -1)},"fields":{"f":${value}}}\n${LINES}\n`, 'latin1');
    const events = decodeAll(kinlog, payload, 100) as Delivered[];
    expect(events.map(({ text }) => text)).toEqual(['hello', 'world']);
    for (const { fields } of events) expect(() => JSON.parse(fields!) as unknown).not.toThrow();
    expect(decodeAll(kinlog, payload, 1)).toEqual(events);
  });

  it('may be long, and an `enc_id` in a later line is none of its', () => {
    const long = HEADER.replace('"source":"s"', `"source":"${'s_'.repeat(5000)}"`);
    expect(kinlog.recognise(Buffer.from(`${long}\n`))).toBe(true);
    expect(kinlog.recognise(Buffer.from('{"source":"s"}\n{"enc_id":1}'))).toBe(false);
    expect(kinlog.recognise(Buffer.from('{"sources":"s","enc_id":1}'))).toBe(false);
  });

  it('may have keys in any order and case, blanks before it, and unknown members', () => {
    const header = ' {"HOST":"h","enc_ID":5,"Unbroken":true,"more":{"enc_id":7},"block_id":2,"index":null}';
    expect(peekKinlog(Buffer.from(header))).toEqual({
      unbroken: true,
      encId: '5',
      blockId: 2,
      host: 'h',
      source: '',
      sourcetype: '',
      index: '',
    });
  });

  it('escapes of Go are read', () => {
    const header = HEADER.replace('"source":"s"', '"source":"\\u003ca\\u003e \\u0026 \\u2028\\u00e9"');
    expect(peekKinlog(Buffer.from(header))?.source).toBe('<a> & \u2028é');
  });

  it('of a second record in the same payload holds from there on', () => {
    const line = '{"is_done":true,"data":"eA=="}';
    const second = HEADER.replace('"host":"h"', '"host":"h2"');
    const content = [HEADER, line, second, line, line].join('\n');
    expect(decode(content).map(({ meta }) => meta.host)).toEqual(['h', 'h2', 'h2']);
    expect(decodeAll(kinlog, Buffer.from(content), 1)).toEqual(decode(content));
  });

  it('may hold indexed fields for every event', () => {
    const content = encodeKinlog({ unbroken: false, encId: 1, blockId: 0, fields: { pod: 'p<1>', n: 2 } }, [
      { data: 'a' },
      { data: 'b' },
    ]);
    expect(decode(content.toString()).map(({ fields }) => JSON.parse(fields ?? '') as unknown)).toEqual([
      { pod: 'p<1>', n: 2 },
      { pod: 'p<1>', n: 2 },
    ]);
  });

  it.each([
    ['no id', '{"unbroken":false,"source":"s"}'],
    ['an id that is no whole number', HEADER.replace('"enc_id":1', '"enc_id":1.5')],
    ['an id that is a word', HEADER.replace('"enc_id":1', '"enc_id":"one"')],
    ['no unbroken', '{"source":"s","enc_id":1}'],
    ['a host that is no text', HEADER.replace('"h"', '5')],
    ['a list', `[${HEADER}]`],
    ['a cut line', HEADER.slice(0, -1)],
    ['another object behind it', `${HEADER}{}`],
  ])('with %s is not of this format', (_, line) => {
    expect(peekKinlog(Buffer.from(line))).toBeUndefined();
    expect(decodeAll(kinlog, Buffer.from(line), 10)).toBeTypeOf('string');
  });

  it('alone, as in the null record, gives no events', () => {
    expect(decode(HEADER)).toEqual([]);
    expect(decode(`${HEADER}\n\n`)).toEqual([]);
  });
});

describe('writing', () => {
  it('is what Go writes', () => {
    const header = {
      unbroken: false,
      source: '<a>&"\u2028\u2029\u00e9\ud800\u0001',
      host: 'h',
      encId: 9007199254740991,
      blockId: 0,
    };
    const written = encodeKinlog(header, [
      { data: 'hello <world>\n', timeMs: 1_770_071_706_123.456 },
      { data: Uint8Array.of(0, 255), timeMs: 1_770_071_706_120 },
      { data: 'no time' },
    ]);
    expect(written.toString()).toBe(
      [
        '{"unbroken":false,"source":"\\u003ca\\u003e\\u0026\\"\\u2028\\u2029é\ufffd\\u0001","sourcetype":"","host":"h","index":"","enc_id":9007199254740991,"block_id":0}',
        '{"is_done":true,"ts":"2026-02-02T22:35:06.123456Z","data":"aGVsbG8gPHdvcmxkPgo="}',
        '{"is_done":true,"ts":"2026-02-02T22:35:06.12Z","data":"AP8="}',
        '{"is_done":true,"data":"bm8gdGltZQ=="}',
        '',
      ].join('\n'),
    );
  });

  it('leaves chunks of an unbroken stream open', () => {
    const header = { unbroken: true, encId: 12, blockId: 1 };
    expect(encodeKinlog(header, [{ data: 'x' }]).toString()).toContain('{"is_done":false,"data":"eA=="}\n');
  });
});

describe('times', () => {
  const us = (text: string) => goTimeToUs(Buffer.from(text), 0, text.length);

  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2000-02-29T23:59:59Z', Date.UTC(2000, 1, 29, 23, 59, 59) * 1000],
    ['2026-02-03T04:05:06.123456789+05:30', Date.UTC(2026, 1, 2, 22, 35, 6) * 1000 + 123_456],
    ['2026-02-03T04:05:06.9999999Z', Date.UTC(2026, 1, 3, 4, 5, 6) * 1000 + 999_999],
    ['2026-02-03T04:05:06.12-00:01', Date.UTC(2026, 1, 3, 4, 6, 6) * 1000 + 120_000],
    ['1969-12-31T23:59:59.5Z', -500_000],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000_000],
    ['9999-12-31T23:59:59Z', 253_402_300_799_000_000],
  ])('%s is %i microseconds', (text, expected) => expect(us(text)).toBe(expected));

  it.each([
    '',
    '2026-02-03',
    '2026-02-03T04:05:06',
    '2026-02-03 04:05:06Z',
    '2026-02-30T04:05:06Z',
    '2025-02-29T04:05:06Z',
    '1900-02-29T04:05:06Z',
    '2026-13-01T04:05:06Z',
    '2026-00-01T04:05:06Z',
    '2026-01-00T04:05:06Z',
    '2026-01-01T24:05:06Z',
    '2026-01-01T04:60:06Z',
    '2026-01-01T04:05:60Z',
    '2026-01-01T04:05:06.Z',
    '2026-01-01T04:05:06z',
    '2026-01-01T04:05:06+0530',
    '2026-01-01T04:05:06+24:00',
    '2026-01-01T04:05:06ZZ',
    '2026-01-01T04:05:06.5',
    '20x6-01-01T04:05:06Z',
  ])('%j is no time', (text) => expect(us(text)).toBeNaN());

  it('are written as Go does, and left out where RFC 3339 ends', () => {
    expect(goTime(0)).toBe('1970-01-01T00:00:00Z');
    expect(goTime(-0.5)).toBe('1969-12-31T23:59:59.9995Z');
    expect(goTime(NaN)).toBeUndefined();
    expect(goTime(1e17)).toBeUndefined();
    expect(goTime(-1e15)).toBeUndefined();
  });
});
