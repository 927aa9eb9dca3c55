/** What nothing explains arrives all the same: as it is, marked, and with a reason in the log. */
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EventLog, silentLog, type LogLine } from '../../../base/events.ts';
import { BatchBuilder } from '../../../record/batch.ts';
import { RecordDecoder, UNDECODED_SOURCETYPE, type DecodeTarget } from '../../../record/decode.ts';
import { MARK } from '../../../record/event.ts';
import { encodeKinlog } from '../../../record/kinlog.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { decode, recordOf } from '../../fakes/decode-record.ts';
import { aggregate, sealAggregate } from '../../fakes/kpl-aggregate.ts';

const gzip = (data: Uint8Array | string) => zlib.gzipSync(data);

describe('what nothing explains', () => {
  const binary = Buffer.from('00ff10fe8001', 'hex');

  it('arrives byte for byte, marked, with a reason', () => {
    const lines: LogLine[] = [];
    const log = new EventLog((line) => lines.push(line));
    const decoder = new RecordDecoder({ about: { shard: 's-1' } }, log);
    const builder = new BatchBuilder();
    decoder.begin(recordOf(binary));
    expect(decoder.step(builder)).toBe('done');
    const event = builder.seal().at(0);
    expect(Buffer.from(event.data)).toEqual(binary);
    expect([event.mark, event.meta]).toEqual([MARK.undecoded, { sourcetype: UNDECODED_SOURCETYPE }]);
    expect(lines).toMatchObject([
      { name: 'record.undecoded', fields: { reason: 'no known format', sequence: '4959', shard: 's-1' } },
    ]);
  });

  it.each([
    ['damaged gzip', Buffer.concat([gzip('text').subarray(0, 10), Buffer.alloc(9, 7)]), 'damaged gzip data'],
    [
      'zstd cut before the end of its first block',
      zlib.zstdCompressSync('some text '.repeat(50)).subarray(0, 20),
      'zstd data that ends in its middle',
    ],
    ['a bomb', gzip(Buffer.alloc(3_000_000)), 'decompresses beyond the ceiling'],
    ['lz4', Buffer.from('04224d186440a7000000', 'hex'), 'lz4 is not supported'],
    ['an Avro file', Buffer.from('Obj\u0001\u0000'), 'Avro is not supported'],
  ])('%s arrives as it is and says why', (_, data, reason) => {
    const lines: LogLine[] = [];
    const { events } = decode(data, { ceiling: 1_000_000 }, new EventLog((line) => lines.push(line)));
    expect(events).toMatchObject([{ text: data.toString(), mark: MARK.undecoded }]);
    expect(lines.map(({ name, fields }) => [name, fields['reason']])).toEqual([['record.undecoded', reason]]);
  });

  it('of a format that was asked for is marked, and keeps no sourcetype when it is text', () => {
    for (const format of ['kinlog', 'cloudwatch', 'hec', 'json'] as const)
      expect(decode('plain text', { format }).events).toMatchObject([
        { text: 'plain text', mark: MARK.undecoded, sourcetype: undefined },
      ]);
  });

  it('is said once per reason and minute, with how often it came meanwhile', async () => {
    const clock = new FakeClock();
    const lines: LogLine[] = [];
    const log = new EventLog((line) => lines.push(line));
    const decoder = new RecordDecoder({ clock }, log);
    const feed = (data: Uint8Array) => {
      decoder.begin(recordOf(data));
      decoder.step(new BatchBuilder());
    };
    for (let i = 0; i < 5; i++) feed(binary);
    feed(Buffer.from('04224d18', 'hex'));
    await clock.advance(59_999);
    feed(binary);
    await clock.advance(1);
    feed(binary);
    expect(lines.map(({ fields }) => [fields['reason'], fields['more']])).toEqual([
      ['no known format', undefined],
      ['lz4 is not supported', undefined],
      ['no known format', 5],
    ]);
    expect(log.total('records_undecoded')).toBe(8);
  });

  it('damage that could be repaired is said too', () => {
    const lines: LogLine[] = [];
    const { events } = decode(gzip('text').subarray(0, -8), {}, new EventLog((line) => lines.push(line)));
    expect(events).toMatchObject([{ text: 'text', mark: 0 }]);
    expect(lines).toMatchObject([{ name: 'record.damaged', fields: { reason: 'no-trailer' } }]);
  });
});

describe('an aggregate', () => {
  it('that was compressed and damaged says so', () => {
    const lines: LogLine[] = [];
    const data = gzip(aggregate([{ key: 'k', data: 'one' }])).subarray(0, -8);
    expect(decode(data, {}, new EventLog((line) => lines.push(line))).events).toMatchObject([{ text: 'one' }]);
    expect(lines).toMatchObject([{ name: 'record.damaged', fields: { reason: 'no-trailer' } }]);
  });

  it('of millions of empty user records does not make a batch of millions of places', () => {
    const users = 200_000;
    const decoder = new RecordDecoder({}, silentLog());
    decoder.begin(recordOf(sealAggregate([Buffer.alloc(2 * users, Buffer.from([0x1a, 0]))])));
    let places = 0;
    for (let answer = 'full'; answer === 'full';) {
      const builder = new BatchBuilder();
      answer = decoder.step(builder);
      const { length } = builder.seal().records;
      expect(length).toBeLessThan(70_000);
      places += length;
    }
    expect(places).toBe(users);
    expect(decoder.lastComplete).toBe(users - 1);
  });
});

describe('a batch that never takes anything', () => {
  class AlwaysFull extends BatchBuilder {
    override get full(): boolean {
      return true;
    }
  }
  it.each([
    ['text', 'one line'],
    ['HEC', '{"event":"one"}\n{"event":"two"}'],
    ['kinlog', encodeKinlog({ unbroken: false, encId: 1, blockId: 0 }, [{ data: 'a' }]).toString()],
    [
      'CloudWatch',
      '{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{"message":"m"}]}',
    ],
  ])('gets %s as it is in the end', (_, data) => {
    const decoder = new RecordDecoder({}, silentLog());
    decoder.begin(recordOf(data));
    let builder: DecodeTarget & BatchBuilder = new AlwaysFull();
    let steps = 1;
    for (; decoder.step(builder) === 'full' && steps < 100; steps++) builder = new AlwaysFull();
    expect(steps).toBeLessThan(20);
    expect(Array.from(builder.seal(), ({ text, mark }) => [text, mark])).toEqual([[data, MARK.undecoded]]);
  });
});
