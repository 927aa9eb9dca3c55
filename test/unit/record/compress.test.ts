/** Compression as producers write it, and as hostile bytes pretend to be. */
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compressionOf, decompress, unsupportedIn } from '../../../record/compress.ts';
import { gunzip } from '../../../record/gzip.ts';
import type { Inflated } from '../../../record/inflate.ts';
import { adler32, unzlib } from '../../../record/zlib.ts';
import { unzstd } from '../../../record/zstd.ts';

const text = Buffer.from('one line of a log, and another one of it\n'.repeat(50));
const other = Buffer.from('and something else\n'.repeat(20));
const LF = Buffer.from('\n');
const gz = zlib.gzipSync(text);

/** gzip that was flushed and never closed, as collectors wrote it that forgot to close. */
function flushed(data: Buffer): Buffer {
  const raw = zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  return Buffer.concat([gz.subarray(0, 10), raw]);
}

function content(result: Inflated): string {
  expect(result.kind, JSON.stringify(result)).toBe('ok');
  return result.kind === 'ok' ? Buffer.from(result.bytes).toString() : '';
}
const warnings = (result: Inflated) => (result.kind === 'ok' ? result.warnings : [result.kind]);

describe('gzip', () => {
  it.each([
    ['as it should be', gz],
    ['with an LF after it', Buffer.concat([gz, LF])],
    ['with two LFs after it', Buffer.concat([gz, LF, LF])],
    ['with CRLF after it', Buffer.concat([gz, Buffer.from('\r\n')])],
    ['with zeros after it', Buffer.concat([gz, Buffer.alloc(512)])],
    [
      'with every optional header part',
      Buffer.concat([
        Buffer.from([0x1f, 0x8b, 8, 31, 0, 0, 0, 0, 0, 3, 2, 0, 1, 2]),
        Buffer.from('name\0comment\0'),
        Buffer.from([0, 0]),
        gz.subarray(10),
        LF,
      ]),
    ],
  ])('%s gives its content without a warning', (_, data) => {
    const result = gunzip(data);
    expect(content(result)).toBe(text.toString());
    expect(warnings(result)).toEqual([]);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an LF', LF],
    ['CRLF and zeros', Buffer.from('\r\n\0\0')],
  ])('two members with %s between them give both contents', (_, between) => {
    const result = gunzip(Buffer.concat([gz, between, zlib.gzipSync(other), LF]));
    expect(content(result)).toBe(text.toString() + other.toString());
    expect(warnings(result)).toEqual([]);
  });

  it('an LF between members separates contents that do not end in one', () => {
    const one = (line: string) => zlib.gzipSync(line);
    expect(content(gunzip(Buffer.concat([one('a'), LF, one('b'), LF, one('c\n'), LF, one('d'), one('e')])))).toBe(
      'a\nb\nc\nde',
    );
  });

  it.each([
    ['without its trailer', gz.subarray(0, -8), 'no-trailer'],
    ['without its trailer, but with an LF', Buffer.concat([gz.subarray(0, -8), LF]), 'no-trailer'],
    ['with its last byte eaten', gz.subarray(0, -1), 'no-trailer'],
    ['flushed and never closed', flushed(text), 'no-trailer'],
    ['with a wrong checksum', Buffer.concat([gz.subarray(0, -8), Buffer.alloc(4, 7), gz.subarray(-4)]), 'checksum'],
    ['with a wrong length', Buffer.concat([gz.subarray(0, -4), Buffer.alloc(4, 255)]), 'checksum'],
  ])('%s is delivered with a warning', (_, data, warning) => {
    const result = gunzip(data);
    expect(content(result)).toBe(text.toString());
    expect(warnings(result)).toEqual([warning]);
  });

  it('a member without trailer does not swallow the member after it', () => {
    const result = gunzip(Buffer.concat([gz.subarray(0, -8), zlib.gzipSync(other)]));
    expect(content(result)).toBe(text.toString() + other.toString());
    expect(warnings(result)).toEqual(['no-trailer']);
  });

  it('cut in the middle gives what was there', () => {
    let seed = 1;
    const random = Buffer.from(Array.from({ length: 5000 }, () => (seed = (seed * 48271) % 2147483647) & 0xff));
    const result = gunzip(zlib.gzipSync(random).subarray(0, -1000));
    expect(warnings(result)).toEqual(['truncated']);
    const got = result.kind === 'ok' ? result.bytes : Buffer.alloc(0);
    expect(got.length).toBeGreaterThan(3000);
    expect(random.subarray(0, got.length).equals(got)).toBe(true);
  });

  it('bytes after the last member are kept as they are', () => {
    const result = gunzip(Buffer.concat([gz, Buffer.from('\n\0not compressed')]));
    expect(content(result)).toBe(`${text.toString()}not compressed`);
    expect(warnings(result)).toEqual(['trailing-bytes']);
  });

  it('bytes after the last member do not spoil its last line', () => {
    const unended = zlib.gzipSync('{"event":"a"}');
    expect(content(gunzip(Buffer.concat([unended, Buffer.from('junk')])))).toBe('{"event":"a"}\njunk');
  });

  it('a member after zero padding is not lost', () => {
    expect(content(gunzip(Buffer.concat([gz, Buffer.alloc(9), zlib.gzipSync(other)])))).toBe(
      text.toString() + other.toString(),
    );
  });

  it('a damaged later member is kept as bytes behind the earlier ones', () => {
    const broken = Buffer.concat([gz.subarray(0, 10), Buffer.from([7, 7, 7, 7, 7])]);
    const result = gunzip(Buffer.concat([gz, broken]));
    expect(warnings(result)).toEqual(['trailing-bytes']);
    expect(result.kind === 'ok' && result.bytes.length).toBe(text.length + broken.length);
  });

  it.each([
    ['nothing but the magic', Buffer.from([0x1f, 0x8b, 8])],
    ['a cut header', gz.subarray(0, 9)],
    ['reserved flags', Buffer.from([0x1f, 0x8b, 8, 0xff, ...gz.subarray(4)])],
    ['a name that never ends', Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, 65, 65, 65])],
    ['an extra field longer than the data', Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 255, 255, 0])],
    ['no valid deflate data', Buffer.concat([gz.subarray(0, 10), Buffer.from([7, 1, 2, 3, 4, 5, 6, 7, 8, 9])])],
  ])('%s is refused as damaged', (_, data) => {
    expect(gunzip(data).kind).toBe('damaged');
  });

  it('is exact at the ceiling and refused one byte above it', () => {
    expect(gunzip(gz, text.length).kind).toBe('ok');
    expect(gunzip(gz, text.length - 1)).toMatchObject({ kind: 'too-large' });
    const two = Buffer.concat([gz, LF, zlib.gzipSync(other)]);
    expect(gunzip(two, text.length + other.length).kind).toBe('ok');
    expect(gunzip(two, text.length + other.length - 1).kind).toBe('too-large');
  });

  it('a bomb reaches the ceiling without taking much more memory than that', () => {
    const bomb = Buffer.concat(Array.from({ length: 10 }, () => zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024))));
    const before = process.memoryUsage().arrayBuffers;
    expect(gunzip(bomb, 8 * 1024 * 1024).kind).toBe('too-large');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024 * 1024);
  });

  it.each([0, 10, 0xffffffff])('a trailer that claims a length of %i changes nothing', (claim) => {
    const lying = Buffer.from(gz);
    lying.writeUInt32LE(claim, gz.length - 4);
    expect(content(gunzip(lying))).toBe(text.toString());
  });

  it('a hundred thousand empty members end', () => {
    const empty = zlib.gzipSync('');
    const many = Buffer.concat(Array.from({ length: 100_100 }, () => empty));
    expect(content(gunzip(many))).toBe('');
    const spaced = Buffer.concat(Array.from({ length: 100_100 }, () => Buffer.concat([empty, LF])));
    expect(gunzip(spaced)).toMatchObject({ kind: 'too-large' });
  });
});

describe('zlib', () => {
  const packed = zlib.deflateSync(text);

  it.each([
    ['as it should be', packed],
    ['with an LF after it', Buffer.concat([packed, LF])],
    ['fastest', zlib.deflateSync(text, { level: 1 })],
    ['best', zlib.deflateSync(text, { level: 9 })],
  ])('%s gives its content without a warning', (_, data) => {
    expect(compressionOf(data)).toBe('zlib');
    const result = unzlib(data);
    expect(content(result)).toBe(text.toString());
    expect(warnings(result)).toEqual([]);
  });

  it('flushed and never closed is delivered with a warning', () => {
    const open = zlib.deflateSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
    expect(warnings(unzlib(open))).toEqual(['no-trailer']);
    expect(content(unzlib(open))).toBe(text.toString());
  });

  it('a last checksum byte that was eaten as a line end is delivered with a warning', () => {
    const found = Array.from({ length: 5000 }, (_, i) => Buffer.from(`event ${i}`)).filter((data) =>
      [10, 13].includes(zlib.deflateSync(data).at(-1)!),
    );
    expect(found.length).toBeGreaterThan(4);
    for (const data of found) {
      const chomped = zlib.deflateSync(data).subarray(0, -1);
      for (const end of [chomped, Buffer.concat([chomped, LF])]) expect(content(unzlib(end))).toBe(data.toString());
    }
  });

  it('is not this when the checksum does not agree', () => {
    const wrong = Buffer.from(packed);
    wrong[wrong.length - 2]! ^= 1;
    expect(unzlib(wrong).kind).toBe('not-this');
    expect(unzlib(packed.subarray(0, -30)).kind).toBe('not-this');
  });

  it.each(['x^', 'x^2 + y^2 = z^2', 'x\u0001 nothing', 'x', 'x^\n\n\n', 'x]]]]]]]'])(
    'text that begins like it (%j) is not taken for it',
    (line) => {
      const data = Buffer.from(line);
      if (compressionOf(data) !== undefined) expect(unzlib(data).kind).toBe('not-this');
    },
  );

  it('a bomb is refused', () => {
    expect(unzlib(zlib.deflateSync(Buffer.alloc(50_000_000)), 1_000_000).kind).toBe('too-large');
  });

  it('the checksum is that of RFC 1950', () => {
    for (const data of [Buffer.alloc(0), text, Buffer.alloc(100_000, 255)])
      expect(adler32(data)).toBe(zlib.deflateSync(data).readUInt32BE(zlib.deflateSync(data).length - 4));
  });
});

describe('zstd', () => {
  const frame = zlib.zstdCompressSync(text);
  const checked = zlib.zstdCompressSync(text, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
  const skippable = Buffer.from('5a2a4d1803000000616263', 'hex');

  it.each([
    ['as it should be', frame],
    ['with a checksum', checked],
    ['with an LF after it', Buffer.concat([frame, LF])],
    ['behind a skippable frame', Buffer.concat([skippable, frame, skippable])],
    ['without a content size', zlib.zstdCompressSync(text, { params: { [zlib.constants.ZSTD_c_contentSizeFlag]: 0 } })],
  ])('%s gives its content', (_, data) => {
    expect(compressionOf(data)).toBe('zstd');
    expect(content(unzstd(data))).toBe(text.toString());
  });

  it.each([1, 200, 300, 70_000, 3_000_000])('%i bytes come back as they were', (size) => {
    const data = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7919) % 253));
    const result = unzstd(zlib.zstdCompressSync(data));
    expect(result.kind === 'ok' && data.equals(result.bytes)).toBe(true);
  });

  it('two frames give both contents', () => {
    expect(content(unzstd(Buffer.concat([frame, checked, zlib.zstdCompressSync(other)])))).toBe(
      text.toString() + text.toString() + other.toString(),
    );
  });

  it('cut in the middle gives its whole blocks, and is refused when there is none', () => {
    const lines = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `line ${i} ${Math.sin(i)}\n`).join(''));
    const data = zlib.zstdCompressSync(lines);
    const result = unzstd(data.subarray(0, data.length / 2));
    expect(warnings(result)).toEqual(['truncated']);
    const got = result.kind === 'ok' ? Buffer.from(result.bytes) : Buffer.alloc(0);
    expect(got.length).toBeGreaterThan(lines.length / 4);
    expect(lines.subarray(0, got.length).equals(got)).toBe(true);
    for (let cut = 4; cut < checked.length - 4; cut++)
      expect(unzstd(checked.subarray(0, cut)).kind, `cut at ${cut}`).toBe('damaged');
    for (const cut of [1, 2, 3, 4]) expect(warnings(unzstd(checked.subarray(0, -cut)))).toEqual(['truncated']);
    expect(unzstd(data.subarray(0, data.length / 2), 100_000).kind).toBe('too-large');
  });

  it('a wrong checksum and an unknown dictionary are refused as damaged', () => {
    const wrong = Buffer.from(checked);
    wrong[wrong.length - 1]! ^= 1;
    expect(unzstd(wrong).kind).toBe('damaged');
    expect(unzstd(skippable.subarray(0, -1)).kind).toBe('damaged');
    expect(unzstd(Buffer.from('28b52ffd0100580000100000', 'hex')).kind).toBe('damaged');
  });

  it('a bomb is refused by what it claims and by what it gives', () => {
    const bomb = zlib.zstdCompressSync(Buffer.alloc(50_000_000));
    expect(unzstd(bomb, 1_000_000)).toMatchObject({ kind: 'too-large' });
    const silent = zlib.zstdCompressSync(Buffer.alloc(50_000_000), {
      params: { [zlib.constants.ZSTD_c_contentSizeFlag]: 0 },
    });
    expect(unzstd(silent, 1_000_000)).toMatchObject({ kind: 'too-large' });
  });

  it('notes without content are not this', () => {
    expect(unzstd(skippable).kind).toBe('not-this');
  });
});

describe('recognition', () => {
  it('names what it can not decode', () => {
    expect(unsupportedIn(Buffer.from('ff060000734e61507059', 'hex'))).toBe('framed snappy');
    expect(unsupportedIn(Buffer.from('04224d186440', 'hex'))).toBe('lz4');
    expect(unsupportedIn(Buffer.from('BZh91AY&SY1234'))).toBe('bzip2');
    expect(unsupportedIn(Buffer.from('BZhou, a name'))).toBeUndefined();
    expect(unsupportedIn(Buffer.from('Obj\u0001avro'))).toBe('Avro');
    expect(unsupportedIn(Buffer.from('Object'))).toBeUndefined();
  });

  it('goes by the first bytes', () => {
    expect(compressionOf(gz)).toBe('gzip');
    expect(compressionOf(Buffer.from('{"a":1}'))).toBeUndefined();
    expect(compressionOf(Buffer.alloc(0))).toBeUndefined();
    expect(content(decompress(gz, 'gzip', 10_000))).toBe(text.toString());
  });
});
