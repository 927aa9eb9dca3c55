/** Which compression wraps a payload, and what is inside. */
import { gunzip, isGzip } from './gzip.ts';
import type { Inflated } from './inflate.ts';
import { isZlib, unzlib } from './zlib.ts';
import { isZstd, unzstd } from './zstd.ts';

export type Compression = 'gzip' | 'zstd' | 'zlib';

/** By its first bytes; decompressing tells whether it is true. */
export function compressionOf(data: Uint8Array): Compression | undefined {
  if (isGzip(data)) return 'gzip';
  if (isZstd(data)) return 'zstd';
  return isZlib(data) ? 'zlib' : undefined;
}

const DECOMPRESS = { gzip: gunzip, zstd: unzstd, zlib: unzlib } as const;

/** `ceiling`: bytes that the content may have; memory stays near it whatever the data claims. */
export function decompress(data: Uint8Array, as: Compression, ceiling: number): Inflated {
  return DECOMPRESS[as](data, ceiling);
}

/** Compressions that are recognised but not decoded, by the bytes they begin with; for the reason that a raw event is marked with. */
const UNSUPPORTED: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['framed snappy', [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['Avro', [0x4f, 0x62, 0x6a, 0x01]],
];

/** bzip2's magic is three letters; the block mark makes it sure. */
const BZIP2_BLOCK = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

export function unsupportedIn(data: Uint8Array): string | undefined {
  const found = UNSUPPORTED.find(([, magic]) => begins(data, magic, 0))?.[0];
  return found === 'bzip2' && !begins(data, BZIP2_BLOCK, 4) ? undefined : found;
}

function begins(data: Uint8Array, magic: readonly number[], at: number): boolean {
  return data.length >= at + magic.length && magic.every((byte, i) => data[at + i] === byte);
}
