/** Answers of GetRecords that are not what Kinesis sends every day. */
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../reader/fetch/answer.ts';

const read = (text: string) => readAnswer(Buffer.from(text));
const RECORD = '"SequenceNumber":"1","PartitionKey":"k","ApproximateArrivalTimestamp":1767225600.5';

describe('a GetRecords answer', () => {
  it.each([
    ['no JSON', '<html>proxy</html>'],
    ['an empty body', ''],
    ['no object', '[]'],
    ['an object without Records', '{}'],
    ['Records that are null', '{"Records":null,"NextShardIterator":null}'],
    ['a record without a sequence number', '{"Records":[{"Data":"YQ=="}]}'],
    ['a record without data', `{"Records":[{${RECORD}}]}`],
    ['data that is not base64', `{"Records":[{"Data":"Y!==",${RECORD}}]}`],
    ['data that is not base64, written with escapes', `{"Records":[{"Data":"Y!\\u003d=",${RECORD}}]}`],
    ['something after the end', '{"Records":[]} x'],
  ])('with %s is refused', (_, text) => {
    expect(() => read(text)).toThrow(SyntaxError);
  });

  it('has no iterator when that is null or absent', () => {
    expect(read('{"Records":[],"NextShardIterator":null}').next).toBeUndefined();
    expect(read('{"Records":[]}').next).toBeUndefined();
  });

  it('names the children of a shard that has ended', () => {
    const child = { ShardId: 'c', ParentShards: ['p'], HashKeyRange: { StartingHashKey: '5', EndingHashKey: '9' } };
    const text = JSON.stringify({ ChildShards: [child], MillisBehindLatest: 0, Records: [] });
    expect(read(text).children).toEqual([
      { shardId: 'c', parents: ['p'], startingHashKey: '5', endingHashKey: '9', closed: false },
    ]);
  });

  it('takes the last of two members of one name, as JSON.parse does', () => {
    const text = `{"Records":[{"Data":"YQ==",${RECORD}}],"Records":[{"Data":"Yg==","Data":"Yw==",${RECORD}}]}`;
    expect(read(text).records.map(({ data }) => Buffer.from(data).toString())).toEqual(['c']);
  });

  it('reads arrival times as seconds in any spelling, and as ISO text', () => {
    const times = ['1767225600.123', '1.767225600123E9', '1767225600', '1.7672256e9', '"2026-01-01T00:00:00.000Z"'];
    const records = times.map((time) => `{"Data":"","SequenceNumber":"1","ApproximateArrivalTimestamp":${time}}`);
    const { records: found } = read(`{"Records":[${records.join(',')}]}`);
    const noon = 1_767_225_600_000;
    expect(found.map(({ arrivalMs }) => arrivalMs)).toEqual([noon + 123, noon + 123, noon, noon, noon]);
  });

  it('gives each record memory of its own within the body', () => {
    const texts = ['', 'a', 'ab', 'abc', 'abcd'];
    const records = texts.map((text) => `{"Data":"${Buffer.from(text).toString('base64')}",${RECORD}}`);
    const answer = read(`{"Records":[${records.join(',')}]}`);
    expect(answer.records.map(({ data }) => Buffer.from(data).toString())).toEqual(texts);
    expect(answer.bytes).toBe(10);
  });

  it.each([24_575, 24_576, 24_577, 100_000, 1_048_576])('gives back %d bytes of data as they were', (size) => {
    const data = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 7919) >> 3));
    const answer = read(`{"Records":[{"Data":"${data.toString('base64')}",${RECORD}}]}`);
    expect(Buffer.compare(answer.records[0]!.data, data)).toBe(0);
  });

  it.each([0, 32_767, 32_768, 60_000])('is refused when the letter %d of long data is not base64', (place) => {
    const letters = Array<string>(80_000).fill('A').with(place, '!').join('');
    expect(() => read(`{"Records":[{"Data":"${letters}",${RECORD}}]}`)).toThrow(SyntaxError);
  });
});
