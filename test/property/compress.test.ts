/** Compression under any content and any damage. */
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressionOf, decompress, type Compression } from '../../record/compress.ts';

const CEILING = 1024 * 1024;
const pack: Record<Compression, (data: Uint8Array) => Buffer> = {
  gzip: (data) => zlib.gzipSync(data),
  zlib: (data) => zlib.deflateSync(data),
  zstd: (data) => zlib.zstdCompressSync(data),
};
const kinds = Object.keys(pack) as Compression[];
const padding = fc.constantFrom('', '\n', '\r\n', '\n\n', '\0\0\0\0');
const content = fc.uint8Array({ maxLength: 2000 });

describe.each(kinds)('%s', (kind) => {
  it('gives back the contents of any members with any padding between and after them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(content, padding), { minLength: 1, maxLength: 4 }), (members) => {
        const data = Buffer.concat(members.flatMap(([bytes, pad]) => [pack[kind](bytes), Buffer.from(pad)]));
        const result = decompress(data, kind, CEILING);
        expect(result).toMatchObject({ kind: 'ok', warnings: [] });
        const joined = Buffer.concat(
          members.flatMap(([bytes], i) => {
            const before = members[i - 1];
            const cut = before?.[1].includes('\n') === true && before[0].length > 0 && before[0].at(-1) !== 10;
            return cut ? [Buffer.from('\n'), bytes] : [bytes];
          }),
        );
        expect(result.kind === 'ok' && joined.equals(result.bytes)).toBe(true);
      }),
    );
  });

  it('answers whatever happened to the data, and never gives more than the ceiling', () => {
    const damage = fc.record({ cut: fc.nat(), flip: fc.nat(), bit: fc.nat(7), tail: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(
      fc.property(content, damage, fc.integer({ min: 1, max: 3000 }), (bytes, { cut, flip, bit, tail }, ceiling) => {
        const whole = Buffer.concat([pack[kind](bytes), pack[kind](bytes)]);
        const data = Buffer.concat([whole.subarray(0, 1 + (cut % whole.length)), tail]);
        data[flip % data.length]! ^= 1 << bit;
        const result = decompress(data, kind, ceiling);
        const sizeOf = result.kind === 'ok' ? result.bytes.length : 0;
        expect(['ok', 'not-this', 'too-large', 'damaged']).toContain(result.kind);
        // What is no member is appended as it is, and takes no memory of its own.
        expect(sizeOf).toBeLessThanOrEqual(ceiling + data.length);
      }),
      { numRuns: 1000 },
    );
  });
});

it('random bytes behind a right magic never throw', () => {
  const magic = fc.constantFrom('1f8b0800', '1f8b081f', '28b52ffd', '502a4d18', '789c', '7801', '78da', '785e');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
      const data = Buffer.concat([Buffer.from(head, 'hex'), tail]);
      const kind = compressionOf(data);
      if (kind !== undefined) expect(decompress(data, kind, CEILING).kind).toMatch(/^(ok|not-this|too-large|damaged)$/);
    }),
    { numRuns: 3000 },
  );
});
