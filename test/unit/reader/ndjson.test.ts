/** Lines of NDJSON, against the same lines written the slow and obvious way. */
import { Buffer, isUtf8 } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { NdjsonWriter } from '../../../reader/output/ndjson.ts';
import { BatchBuilder, type EventBatch } from '../../../record/batch.ts';
import { MARK, type EventMeta } from '../../../record/event.ts';
import { seededRandom } from '../../fakes/access-log.ts';
import { decode } from '../../fakes/decode-record.ts';

interface Event {
  readonly data: string | Buffer;
  readonly timeUs?: number;
  readonly meta?: EventMeta;
  readonly fields?: string | Buffer;
  readonly mark?: number;
}

function batchOf(events: readonly Event[]): EventBatch {
  const builder = new BatchBuilder();
  builder.record({ sequenceNumber: '1', subSequence: 0, arrivalMs: 0 });
  for (const { data, timeUs = NaN, meta = {}, fields, mark = 0 } of events) {
    const bytes = Buffer.from(data as string);
    const at = builder.load(bytes);
    builder.add(at, at + bytes.length, timeUs, builder.meta(meta), mark);
    if (fields === undefined) continue;
    const text = Buffer.from(fields as string);
    const place = builder.load(text);
    builder.addFields(place, place + text.length);
  }
  return builder.seal();
}

function written(batch: EventBatch, chunkBytes = 65_536, writer = new NdjsonWriter()): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(chunkBytes);
  writer.begin(batch);
  for (let size = writer.fill(chunk); size > 0; size = writer.fill(chunk))
    chunks.push(Buffer.from(chunk.subarray(0, size)));
  return Buffer.concat(chunks).toString();
}

const line = (event: Event): string => written(batchOf([event]));

/** What a line says, the slow way; the JSON text of `event` where it is no string. */
function expected(event: Event): string {
  const { data, timeUs, meta = {} } = event;
  const bytes = Buffer.from(data as string);
  const text = bytes.toString();
  const parts = timeUs === undefined ? [] : [`"time":${timeUs / 1e6}`];
  for (const name of ['host', 'source', 'sourcetype', 'index'] as const)
    if ((meta[name] ?? '') !== '') parts.push(`"${name}":${JSON.stringify(meta[name])}`);
  parts.push(`"event":${isUtf8(bytes) && isOneJsonLine(text) ? text : JSON.stringify(text)}`);
  const fields = expectedFields(event, bytes);
  if (fields.length > 0) parts.push(`"fields":{${fields.join(',')}}`);
  return `{${parts.join(',')}}\n`;
}

function expectedFields({ fields, mark = 0 }: Event, bytes: Buffer): string[] {
  const own: string[] = fields === undefined ? [] : [String(fields).slice(1, -1)];
  const marks = Object.entries(MARK).filter(([, bit]) => (mark & bit) !== 0);
  if (marks.length > 0) own.push(`"kinlog_mark":${JSON.stringify(marks.map(([name]) => name))}`);
  if (!isUtf8(bytes)) own.push(`"kinlog_b64":"${bytes.toString('base64')}"`);
  return own;
}

function isOneJsonLine(text: string): boolean {
  if (!/^[{[][^\r\n]*[}\]]$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('a line', () => {
  it('has the members of a HEC event, in its order, and none for what is not known', () => {
    const meta = { host: 'h"1', source: '/var/log/ä', sourcetype: 'st', index: 'main' };
    expect(line({ data: 'text', timeUs: 1_700_000_000_123_456, meta, fields: '{"a":"b"}' })).toBe(
      '{"time":1700000000.123456,"host":"h\\"1","source":"/var/log/ä","sourcetype":"st","index":"main","event":"text","fields":{"a":"b"}}\n',
    );
    expect(line({ data: '' })).toBe('{"event":""}\n');
  });

  it('keeps JSON byte for byte, also what no parser would give back', () => {
    for (const text of ['{"n":12345678901234567890, "n":1.0e400}', '[1,{"a":"\\ud800"}]', '{}', '{"a":"ü\u2028"}'])
      expect(line({ data: text })).toBe(`{"event":${text}}\n`);
  });

  it.each([
    ['two lines', '{"a":\n1}'],
    ['a carriage return', '{"a":\r1}'],
    ['something behind it', '{"a":1} '],
    ['an end missing', '{"a":1'],
    ['two values', '{"a":1}{"b":2}'],
    ['no JSON at all', '[error] disk full'],
    ['deeper than anything logs', '['.repeat(300) + ']'.repeat(300)],
    ['a scalar', '12'],
  ])('with %s where JSON began is a string', (_, text) => {
    expect(line({ data: text })).toBe(`{"event":${JSON.stringify(text)}}\n`);
  });

  it('never ends early, whatever the text holds', () => {
    const every = String.fromCharCode(...Array.from({ length: 0x250 }, (_, code) => code));
    expect(line({ data: every })).toBe(`{"event":${JSON.stringify(every)}}\n`);
    expect(line({ data: 'x', fields: '{\n\t"a" :\r\n1}' })).toBe('{"event":"x","fields":{  "a" :  1}}\n');
  });

  it('of data that is not UTF-8 can be read, and gives the bytes back', () => {
    const data = Buffer.from([0x41, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]);
    const parsed = JSON.parse(line({ data, fields: '{"a":"b"}', mark: MARK.undecoded })) as {
      event: string;
      fields: Record<string, unknown>;
    };
    expect(parsed.event).toBe(data.toString());
    expect(parsed.fields).toEqual({ a: 'b', kinlog_mark: ['undecoded'], kinlog_b64: data.toString('base64') });
  });

  it('with fields that are not UTF-8 is still JSON', () => {
    const fields = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(line({ data: 'x', fields })).toBe('{"event":"x","fields":{"a":"\ufffd"}}\n');
  });

  it('has no time when there is none that digits can say', () => {
    for (const timeUs of [NaN, -1, Infinity]) expect(line({ data: 'x', timeUs })).toBe('{"event":"x"}\n');
  });

  it('gives kinlog the same event again when it comes back from a stream', () => {
    const events = [
      {
        data: 'plain "text"',
        timeUs: 1_700_000_000_123_000,
        meta: { host: 'h', sourcetype: 'st' },
        fields: '{"a":"1"}',
      },
      { data: '{"json": true}', meta: { source: 's' } },
    ];
    expect(decode(written(batchOf(events))).events).toMatchObject([
      { text: 'plain "text"', host: 'h', sourcetype: 'st', mark: 0 },
      { text: '{"json": true}', mark: 0 },
    ]);
  });
});

describe('random batches', () => {
  const seed = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1e9);
  it(`are the lines that JSON.stringify would write, in chunks of any size (KINLOG_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const writer = new NdjsonWriter();
    for (let round = 0; round < 300; round++) {
      const events = Array.from({ length: 1 + Math.floor(random() * 20) }, () => randomEvent(random));
      const chunkBytes = 1 + Math.floor(random() ** 3 * 100_000);
      expect(written(batchOf(events), chunkBytes, writer)).toBe(events.map(expected).join(''));
    }
  });
});

describe('whole lines', () => {
  const seed = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1e9);
  it(`are as many as the chunk has room for, of any part of a batch (KINLOG_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const writer = new NdjsonWriter({ host: 'default', index: 'main' });
    for (let round = 0; round < 200; round++) {
      const events = Array.from({ length: 1 + Math.floor(random() * 20) }, () => randomEvent(random));
      const whole = events.map(({ meta, ...event }) => {
        const said = Object.entries(meta ?? {}).filter(([, value]) => value !== '');
        return Buffer.from(
          expected({ ...event, meta: { host: 'default', index: 'main', ...Object.fromEntries(said) } }),
        );
      });
      const from = Math.floor(random() * events.length);
      const to = from + Math.floor(random() * (events.length - from + 1));
      const chunk = Buffer.alloc(Math.floor(random() ** 3 * 100_000));
      const at = Math.floor(random() * Math.min(chunk.length, 100));
      writer.beginPart(batchOf(events), from, to);
      const end = writer.lines(chunk, at);
      const { next } = writer;
      expect(chunk.toString('utf8', at, end)).toBe(Buffer.concat(whole.slice(from, next)).toString());
      if (next < to) expect(end + whole[next]!.length).toBeGreaterThan(chunk.length);
    }
  });
});

const TEXTS = ['plain', 'a "quote"', 'back\\slash', 'tab\t', 'line\n', '\u0001', 'ü', '日本', '🚀', '{', '}', '\u007f'];

function randomEvent(random: () => number): Event {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const some = () => Array.from({ length: Math.floor(random() ** 4 * 60) }, () => pick(TEXTS)).join('');
  const json = () => JSON.stringify({ [some()]: some(), n: [random(), null, true] });
  const long = random() < 0.03 ? pick(TEXTS).repeat(20_000 + Math.floor(random() * 20_000)) : '';
  const data = pick<() => string | Buffer>([
    () => some() + long,
    json,
    () => `${json()}${some()}`,
    () => Buffer.concat([Buffer.from(some()), Buffer.from([0xe3, 0x81]), Buffer.from(some() + long)]),
  ])();
  return {
    data,
    ...(random() < 0.5 ? { timeUs: Math.floor(random() * 2e15) } : {}),
    ...(random() < 0.5 ? { meta: { host: some(), source: some(), index: pick(['main', '']) } } : {}),
    ...(random() < 0.4 ? { fields: json() } : {}),
    ...(random() < 0.2 ? { mark: Math.floor(random() * 8) } : {}),
  };
}
