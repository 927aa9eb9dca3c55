/** Layers of compression, taken off in the written order. */
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isText, MAX_LAYERS, unwrap } from '../../../record/detect.ts';

const CEILING = 1024 * 1024;
const text = '{"message":"something happened"}\n';
const gzip = (data: Uint8Array | string) => zlib.gzipSync(data);
const contentOf = (data: Uint8Array) => Buffer.from(unwrap(data, CEILING).bytes).toString();

describe('unwrapping', () => {
  it.each([
    ['nothing', Buffer.from(text), 0],
    ['gzip', gzip(text), 1],
    ['zlib', zlib.deflateSync(text), 1],
    ['zstd', zlib.zstdCompressSync(text), 1],
    ['zstd in gzip', gzip(zlib.zstdCompressSync(text)), 2],
    ['gzip in base64', Buffer.from(gzip(text).toString('base64')), 1],
    [
      'gzip in base64 with line breaks',
      Buffer.from(`${gzip(text).toString('base64').replaceAll(/.{20}/g, '$&\n')}\n`),
      1,
    ],
    ['gzip in base64 in gzip', gzip(gzip(text).toString('base64')), 2],
    ['gzip four times', gzip(gzip(gzip(gzip(text)))), 4],
    ['a byte order mark', Buffer.from(`\ufeff${text}`), 0],
    ['a byte order mark in gzip', gzip(`\ufeff${text}`), 1],
    ['a byte order mark before base64', Buffer.from(`\ufeff${gzip(text).toString('base64')}`), 1],
  ])('takes off %s', (_, data, layers) => {
    expect(unwrap(data, CEILING)).toMatchObject({ layers, warnings: [] });
    expect(unwrap(data, CEILING).undecoded).toBeUndefined();
    expect(contentOf(data)).toBe(text);
  });

  it('stops after so many layers that somebody must have meant harm', () => {
    let data = gzip(text);
    for (let i = 0; i < MAX_LAYERS; i++) data = gzip(data);
    const result = unwrap(data, CEILING);
    expect(result).toMatchObject({ layers: MAX_LAYERS, undecoded: 'compressed too many times' });
    expect(Buffer.from(result.bytes)).toEqual(gzip(text));
  });

  it('hands on what was wrong', () => {
    expect(unwrap(gzip(text).subarray(0, -8), CEILING).warnings).toEqual(['no-trailer']);
    expect(unwrap(gzip(gzip(text).subarray(0, -8)).subarray(0, -1), CEILING).warnings).toEqual([
      'no-trailer',
      'no-trailer',
    ]);
  });

  it.each([
    ['gzip that is damaged', Buffer.concat([gzip(text).subarray(0, 10), Buffer.alloc(9, 7)]), 'damaged gzip data'],
    ['gzip beyond the ceiling', gzip(Buffer.alloc(CEILING + 1)), 'decompresses beyond the ceiling'],
    ['framed snappy', Buffer.from('ff060000734e61507059', 'hex'), 'framed snappy is not supported'],
    ['lz4', Buffer.from('04224d1864', 'hex'), 'lz4 is not supported'],
  ])('leaves %s as it is and says why', (_, data, undecoded) => {
    const result = unwrap(data, CEILING);
    expect(result.undecoded).toBe(undecoded);
    expect(result.bytes).toBe(data);
  });

  it.each(['x^2 is no zlib', 'H4sI is no gzip', 'H4sIAAAA', 'PQRS', '(text in brackets)', 'BZhou'])(
    'leaves text such as %j as it is',
    (line) => {
      expect(unwrap(Buffer.from(line), CEILING)).toMatchObject({ layers: 0, warnings: [] });
      expect(contentOf(Buffer.from(line))).toBe(line);
      expect(unwrap(Buffer.from(line), CEILING).undecoded).toBeUndefined();
    },
  );
});

describe('text', () => {
  it.each([
    ['ASCII', Buffer.from('a line\r\n\tand another')],
    ['UTF-8', Buffer.from('Größe 接続 \u{1f600}')],
    ['colours', Buffer.from('\u001b[31mERROR\u001b[0m')],
    ['the separators of FIX', Buffer.from('8=FIX.4.2\u00019=65\u000135=A\u0001')],
    ['Latin-1', Buffer.from('Größe in Zürich', 'latin1')],
    ['nothing', Buffer.alloc(0)],
  ])('%s is text', (_, bytes) => expect(isText(bytes)).toBe(true));

  it.each([
    ['UTF-16', Buffer.from('text', 'utf16le')],
    ['gzip', gzip(text)],
    ['random bytes', Buffer.from('00ff10fe8001', 'hex')],
    ['protobuf with bytes beyond ASCII', Buffer.from('0a05ff01f2', 'hex')],
  ])('%s is not', (_, bytes) => expect(isText(bytes)).toBe(false));
});
