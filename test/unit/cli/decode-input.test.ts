/** What logdecode reads, in every form in which records are dumped. */
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { recordsIn } from '../../../cli/decode-input.ts';
import { seededRandom } from '../../fakes/access-log.ts';

async function read(input: string | Buffer, chunkBytes = 1000) {
  const bytes = Buffer.from(input);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, n) =>
    bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes),
  );
  const found: unknown[] = [];
  for await (const record of recordsIn(Readable.from(chunks)))
    found.push('problem' in record ? record.problem : { ...record, data: Buffer.from(record.data).toString('latin1') });
  return found;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plain = (data: string) => ({ data, sequenceNumber: '', partitionKey: '', arrivalMs: NaN });
const AT = Date.UTC(2026, 0, 5, 7, 30, 0, 123);

it('lines of dumpstream, whatever their length, and CRLF', async () => {
  const long = 'x'.repeat(300_000);
  const line = (data: string) =>
    `{"arrival_time":"2026-01-05T07:30:00.123Z","partition_key":"k\\u2028","seq":"49","data":"${base64(data)}"}`;
  const known = { sequenceNumber: '49', partitionKey: 'k\u2028', arrivalMs: AT };
  expect(await read(`${line('a')}\r\n${line(long)}\n\n${line('b')}`)).toEqual(
    ['a', long, 'b'].map((data) => ({ data, ...known })),
  );
});

it('answers of aws kinesis get-records, pretty or compact, one after the other, also empty ones', async () => {
  const answer = (data: string, time: unknown) => ({
    Records: [{ SequenceNumber: '7', ApproximateArrivalTimestamp: time, Data: base64(data), PartitionKey: 'p' }],
    NextShardIterator: 'AAA',
    MillisBehindLatest: 0,
  });
  const input = [
    JSON.stringify(answer('one', '2026-01-05T07:30:00.123000+00:00'), null, 4),
    JSON.stringify({ Records: [], MillisBehindLatest: 0 }, null, 4),
    JSON.stringify(answer('two', AT / 1000)),
  ].join('\n');
  const known = { sequenceNumber: '7', partitionKey: 'p', arrivalMs: AT };
  expect(await read(input, 5)).toEqual([
    { data: 'one', ...known },
    { data: 'two', ...known },
  ]);
});

it("a Lambda event's records", async () => {
  const kinesis = { data: base64('l'), sequenceNumber: '1', partitionKey: 'p', approximateArrivalTimestamp: AT / 1000 };
  expect(await read(JSON.stringify({ Records: [{ kinesis, eventSource: 'aws:kinesis' }] }))).toEqual([
    { data: 'l', sequenceNumber: '1', partitionKey: 'p', arrivalMs: AT },
  ]);
});

it('base64 lines', async () => {
  expect(await read(`${base64('a')}\n${base64('bc')}\n`)).toEqual([plain('a'), plain('bc')]);
});

it('raw gzip records with nothing between them come apart where they were joined', async () => {
  const random = seededRandom(5);
  const noise = Buffer.from(Array.from({ length: 60_000 }, () => Math.floor(random() * 256)));
  // Magic bytes inside the content, stored as they are: no border.
  const tricky = gzipSync(Buffer.from('\x1f\x8b\x08 not a member \x1f\x8b\x08', 'latin1'), { level: 0 });
  const records = [gzipSync('one\n'), tricky, gzipSync(noise), gzipSync('last')];
  expect(await read(Buffer.concat(records), 777)).toEqual(records.map((data) => plain(data.toString('latin1'))));
});

it('pieces that hold no record are named with their line and do not end the reading', async () => {
  const input = ['{"data":"!!"}', '{"other":1}', '{"data":', 'no base64!', base64('good'), '{', '"open": 1'].join('\n');
  expect(await read(input)).toEqual([
    'line 1 holds a record without data in base64',
    'line 2 holds no record: neither "data" nor "Records"',
    'line 3 is broken JSON',
    'line 4 is neither JSON nor base64',
    plain('good'),
    'the JSON that begins at line 6 is broken JSON',
  ]);
});

it('no input holds nothing', async () => {
  expect(await read('')).toEqual([]);
});
