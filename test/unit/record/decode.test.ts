/** From Kinesis records to events: everything arrives, in place, whatever it is. */
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../base/events.ts';
import { BatchBuilder } from '../../../record/batch.ts';
import { RecordDecoder } from '../../../record/decode.ts';
import { MARK } from '../../../record/event.ts';
import { encodeKinlog } from '../../../record/kinlog.ts';
import { hashOf } from '../../../record/kpl.ts';
import { MetaRows } from '../../../record/meta-table.ts';
import { decode, recordOf, type Run } from '../../fakes/decode-record.ts';
import { aggregate, bytesField, sealAggregate } from '../../fakes/kpl-aggregate.ts';

const texts = (data: Uint8Array | string, run?: Run) => decode(data, run).events.map(({ text }) => text);

const kinlogContent = (over = {}) =>
  encodeKinlog({ unbroken: false, host: 'h', encId: 1, blockId: 0, ...over }, [{ data: 'a\n' }, { data: 'b\n' }]);
const subscription = JSON.stringify({
  messageType: 'DATA_MESSAGE',
  owner: '1',
  logGroup: 'g',
  logStream: 's',
  subscriptionFilters: [],
  logEvents: [{ id: '1', timestamp: 1, message: 'from CloudWatch' }],
});
const gzip = (data: Uint8Array | string) => zlib.gzipSync(data);

describe('a plain record', () => {
  it.each([
    ['kinlog', kinlogContent(), ['a', 'b'], undefined],
    ['a CloudWatch Logs subscription', subscription, ['from CloudWatch'], 'aws:cloudwatchlogs'],
    ['HEC objects', '{"event":"one","sourcetype":"st"}\n{"event":"two","sourcetype":"st"}\n', ['one', 'two'], 'st'],
    ['JSON lines', '{"a":1}\n{"a":2}\n', ['{"a":1}', '{"a":2}'], '_json'],
    ['JSON values without a break', '{"a":1}{"a":2}', ['{"a":1}', '{"a":2}'], '_json'],
    ['big numbers', '{"id":12345678901234567890,"b":1.0}', ['{"id":12345678901234567890,"b":1.0}'], '_json'],
    ['text', 'one\ntwo\n', ['one\ntwo'], undefined],
    ['text that begins like JSON', '{not json}\n', ['{not json}'], undefined],
    ['a log line in brackets', '[2026-01-01] GET /', ['[2026-01-01] GET /'], undefined],
    ['a cut JSON line', '{"a":1,"b":"[Truncated...]', ['{"a":1,"b":"[Truncated...]'], undefined],
    [
      'a DynamoDB change',
      '{"awsRegion":"eu","eventSource":"aws:dynamodb"}',
      ['{"awsRegion":"eu","eventSource":"aws:dynamodb"}'],
      '_json',
    ],
  ])('of %s is found out, compressed or not', (_, data, expected, sourcetype) => {
    for (const packed of [
      Buffer.from(data as string),
      gzip(data),
      zlib.deflateSync(data),
      zlib.zstdCompressSync(data),
    ]) {
      const { events, places } = decode(packed);
      expect(events.map(({ text }) => text)).toEqual(expected);
      expect(events.every((event) => event.sourcetype === sourcetype && event.mark === 0)).toBe(true);
      expect(places).toEqual([{ sequenceNumber: '4959', subSequence: 0, arrivalMs: 1_700_000_000_000 }]);
    }
  });

  it('of text gives an event for each line when asked to', () => {
    expect(texts('one\n\ntwo\r\nthree', { lines: true })).toEqual(['one', 'two\r', 'three']);
    expect(texts('{"a":1}\n{"a":2}', { lines: true })).toEqual(['{"a":1}', '{"a":2}']);
  });

  it.each([
    ['nothing', ''],
    ['compressed nothing', gzip('')],
    ['the null record', gzip(encodeKinlog({ unbroken: false, source: '__null__', encId: 1, blockId: 0 }, []))],
    ['an aggregate without user records', sealAggregate([bytesField(1, 'key')])],
    ['an aggregate of an empty user record', aggregate([{ key: 'k', data: '' }])],
  ])('of %s has a place and no event', (_, data) => {
    const { events, places, log, lastComplete } = decode(data);
    expect(events).toEqual([]);
    expect(places.map(({ subSequence }) => subSequence)).toEqual([0]);
    expect(lastComplete ?? 0).toBe(0);
    expect(log.total('records_empty')).toBe(1);
  });

  it('that was accepted already has a place and no event', () => {
    expect(decode('text', { after: 0 })).toMatchObject({ events: [], places: [{ subSequence: 0 }], lastComplete: 0 });
  });
});

describe('a fixed format', () => {
  it('decompresses all the same', () => {
    expect(texts(gzip('{"a":1}\n{"a":2}\n'), { format: 'json' })).toEqual(['{"a":1}', '{"a":2}']);
  });

  it('of text takes everything as text', () => {
    expect(decode('{"event":"x"}\n', { format: 'text' }).events).toMatchObject([{ text: '{"event":"x"}', mark: 0 }]);
    expect(decode(Buffer.from([0, 255]), { format: 'text' }).events).toMatchObject([{ mark: 0 }]);
  });

  it('is taken even where it would not be recognised', () => {
    expect(decode('{"event":"x","other":1}', { format: 'hec' }).events).toMatchObject([{ text: 'x', mark: 0 }]);
    expect(decode('{"event":"x","other":1}').events).toMatchObject([{ sourcetype: '_json' }]);
  });
});

describe('an aggregate', () => {
  const mixed = aggregate([
    { key: 'a', data: 'text\n' },
    { key: 'b', data: gzip('{"a":1}\n{"a":2}') },
    { key: 'a', data: '' },
    { key: 'c', data: zlib.deflateSync('zlib text') },
    { key: 'd', data: kinlogContent() },
    { key: 'd', data: Buffer.from([0, 255, 1]) },
  ]);
  const expected = [
    ['text', 0],
    ['{"a":1}', 1],
    ['{"a":2}', 1],
    ['zlib text', 3],
    ['a', 4],
    ['b', 4],
    ['\u0000\ufffd\u0001', 5],
  ];
  const pairs = (run?: Run) => decode(mixed, run).events.map(({ text, sub }) => [text, sub]);

  it('gives every user record its place, whatever it is and however it is compressed', () => {
    expect(pairs()).toEqual(expected);
    expect(decode(mixed).places.map(({ subSequence }) => subSequence)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(decode(gzip(mixed)).events.map(({ text, sub }) => [text, sub])).toEqual(expected);
  });

  it.each([1, 2, 3, 5])('gives the same in batches of %i events', (capacity) => {
    expect(pairs({ capacity })).toEqual(expected);
  });

  it.each([0, 1, 2, 4])('leaves out user records up to %i when they were accepted before', (after) => {
    expect(pairs({ after })).toEqual(expected.filter(([, sub]) => Number(sub) > after));
  });

  it.each([5, 9])('of which everything was accepted (up to %i) has one place and no event', (after) => {
    expect(decode(mixed, { after })).toMatchObject({ events: [], places: [{ subSequence: 5 }], lastComplete: 5 });
  });

  it('tells after every step which user records are complete', () => {
    const decoder = new RecordDecoder({}, silentLog());
    decoder.begin(recordOf(mixed));
    expect(decoder.lastComplete).toBeUndefined();
    const complete: (number | undefined)[] = [];
    for (let answer = 'full'; answer === 'full'; complete.push(decoder.lastComplete))
      answer = decoder.step(new BatchBuilder(new MetaRows(), 2));
    expect(complete).toEqual([0, 3, 4, 5]);
  });

  it('forgets what was left of a record when the next one begins', () => {
    const decoder = new RecordDecoder({}, silentLog());
    decoder.begin(recordOf(mixed));
    expect(decoder.step(new BatchBuilder(new MetaRows(), 1))).toBe('full');
    decoder.begin(recordOf('next'));
    const builder = new BatchBuilder();
    expect(decoder.step(builder)).toBe('done');
    expect(Array.from(builder.seal(), ({ text }) => text)).toEqual(['next']);
  });

  it('of many bombs holds one of them at a time and parts its batches', () => {
    const bomb = gzip(Buffer.alloc(6_000_000, 'x'));
    const decoder = new RecordDecoder({}, silentLog());
    decoder.begin(recordOf(aggregate(Array.from({ length: 30 }, (_, i) => ({ key: String(i), data: bomb })))));
    const sizes: number[] = [];
    for (let answer = 'full'; answer === 'full';) {
      const builder = new BatchBuilder();
      answer = decoder.step(builder);
      sizes.push(builder.used);
    }
    expect(sizes.length).toBe(10);
    expect(Math.max(...sizes)).toBeLessThan(20_000_000);
  });
});

describe('user records outside the shard', () => {
  const inside = hashOf('b');
  const range = { start: inside, end: inside };
  const data = aggregate([
    { key: 'a', data: 'out' },
    { key: 'b', data: 'in' },
    { key: 'a', explicit: String(inside), data: 'in by explicit key' },
  ]);

  it('are kept and counted', () => {
    const { events, log } = decode(data, { range });
    expect(events.map(({ text }) => text)).toEqual(['out', 'in', 'in by explicit key']);
    expect([log.total('records_out_of_range'), log.total('records_dropped')]).toEqual([1, 0]);
  });

  it('are dropped and counted when asked to, and keep their place', () => {
    const { events, places, log } = decode(data, { range, kplOutOfRange: 'drop' });
    expect(events.map(({ text }) => text)).toEqual(['in', 'in by explicit key']);
    expect(places.map(({ subSequence }) => subSequence)).toEqual([0, 1, 2]);
    expect([log.total('records_out_of_range'), log.total('records_dropped')]).toEqual([1, 1]);
  });

  it('are not looked for without the range, nor in plain records', () => {
    expect(decode(data, { kplOutOfRange: 'drop' }).events).toHaveLength(3);
    expect(decode('text', { range: { start: 0n, end: 0n }, kplOutOfRange: 'drop' }).events).toHaveLength(1);
  });
});

describe('a block of an unbroken stream', () => {
  it('shows its header before it is decoded, and can be begun again later', () => {
    const data = gzip(kinlogContent({ unbroken: true, blockId: 7 }));
    expect(decode(data).peek).toMatchObject({ encId: '1', blockId: 7, host: 'h' });
    expect(decode(data).events).toMatchObject([
      { text: 'a\n', mark: MARK.unbroken },
      { text: 'b\n', mark: MARK.unbroken },
    ]);
    expect(decode(data, { format: 'kinlog' }).peek).toBeDefined();
  });

  it('is none of broken streams, other formats or what was asked to be text', () => {
    expect(decode(gzip(kinlogContent())).peek).toBeUndefined();
    expect(decode('text').peek).toBeUndefined();
    expect(decode(kinlogContent({ unbroken: true }), { format: 'text' }).peek).toBeUndefined();
  });
});

describe('a record of unusual size', () => {
  it('of 100,000 events gives all of them in order, over several batches', () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `{"n":${i}}`);
    const formats = {
      json: lines.join('\n'),
      kinlog: encodeKinlog(
        { unbroken: false, encId: 1, blockId: 0 },
        lines.map((data) => ({ data })),
      ),
    };
    for (const data of Object.values(formats)) expect(texts(gzip(data))).toEqual(lines);
  });

  it('of 10 MiB in one event arrives whole', () => {
    const event = 'x'.repeat(10 * 1024 * 1024);
    const kinlog = encodeKinlog({ unbroken: false, encId: 1, blockId: 0 }, [{ data: event }]);
    for (const data of [event, kinlog, JSON.stringify({ event })]) {
      const [delivered, ...rest] = texts(data);
      expect(rest).toEqual([]);
      expect(delivered === event).toBe(true);
    }
  });
});
