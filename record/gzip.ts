/** gzip as producers really write it: several members, line ends and zeros between and after them, trailers that are missing or wrong. */
import { constants, crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import {
  DEFAULT_CEILING,
  readMembers,
  refusal,
  refused,
  skipPadding,
  type Damage,
  type Inflated,
  type Member,
  type Refused,
  type WithEngine,
} from './inflate.ts';

/** A member's header without its optional parts, and its trailer (CRC-32, length), RFC 1952. */
const HEADER = 10;
const TRAILER = 8;
/** Deflate can not do better, RFC 1951. */
const MAX_RATIO = 1032;
const MAX_CHUNK = 32 * 1024 * 1024;

const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

export function isGzip(data: Uint8Array): boolean {
  return data[0] === 0x1f && data[1] === 0x8b && data[2] === 8;
}

/** All members of `data`, whose content is at most `ceiling` bytes. */
export function gunzip(data: Uint8Array, ceiling = DEFAULT_CEILING): Inflated {
  if (!isGzip(data)) return refused('not-this', 'no gzip header');
  try {
    const { buffer, engine } = gunzipSync(data, {
      info: true,
      chunkSize: chunkFor(data, ceiling),
      maxOutputLength: ceiling,
    }) as unknown as WithEngine;
    if (skipPadding(data, engine.bytesWritten) === data.length) return { kind: 'ok', bytes: buffer, warnings: [] };
  } catch (error) {
    const refusedAs = refusal(error, 'gzip');
    if (refusedAs.kind === 'too-large') return refusedAs;
  }
  return readMembers(data, ceiling, readMember);
}

/** The length that the trailer claims, which makes one chunk of the output: twice as fast as many small ones. Only a hint: it may lie in both directions. */
function chunkFor(data: Uint8Array, ceiling: number): number {
  const n = data.length;
  const claimed = n < 4 ? 0 : (data[n - 4]! | (data[n - 3]! << 8) | (data[n - 2]! << 16) | (data[n - 1]! << 24)) >>> 0;
  return Math.max(1024, n, Math.min(claimed + 64, n * MAX_RATIO, ceiling + 64, MAX_CHUNK));
}

function readMember(data: Uint8Array, at: number, room: number): Member | Refused {
  const start = headerEnd(data, at);
  if (start < 0) return refused('damaged', 'damaged gzip header');
  const body = data.subarray(start);
  try {
    const { buffer, engine } = inflateRawSync(body, {
      info: true,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: room,
    }) as unknown as WithEngine;
    const read = engine.bytesWritten;
    if (read === body.length) return withoutTrailer(body, buffer, data.length);
    return withTrailer(data, start + read, buffer);
  } catch (error) {
    return refusal(error, 'gzip');
  }
}

/** The deflate data reaches to the last byte: flushed but never closed, its trailer lost, or cut in the middle. */
function withoutTrailer(body: Uint8Array, bytes: Buffer, end: number): Member | Refused {
  if (endsFlushed(body) || endsClosed(body)) return { kind: 'member', end, bytes, damage: 'no-trailer' };
  if (bytes.length === 0) return refused('damaged', 'gzip data that ends in its middle');
  return { kind: 'member', end, bytes, damage: 'truncated' };
}

function withTrailer(data: Uint8Array, at: number, bytes: Buffer): Member {
  const left = data.length - at;
  if (left < TRAILER) return { kind: 'member', end: data.length, bytes, damage: 'no-trailer' };
  const trailer = new DataView(data.buffer, data.byteOffset + at, TRAILER);
  if (trailer.getUint32(0, true) === crc32(bytes) && trailer.getUint32(4, true) === bytes.length)
    return { kind: 'member', end: at + TRAILER, bytes };
  if (headerEnd(data, at) >= 0) return { kind: 'member', end: at, bytes, damage: 'no-trailer' };
  const damage: Damage = 'checksum';
  return { kind: 'member', end: at + TRAILER, bytes, damage };
}

/** Ends with the empty stored block of a sync flush. */
export function endsFlushed(body: Uint8Array): boolean {
  const n = body.length;
  return n >= 4 && body[n - 4] === 0 && body[n - 3] === 0 && body[n - 2] === 0xff && body[n - 1] === 0xff;
}

function endsClosed(body: Uint8Array): boolean {
  try {
    inflateRawSync(body);
    return true;
  } catch {
    return false;
  }
}

/** Where the deflate data begins; -1 when no whole member header lies at `at`. */
function headerEnd(data: Uint8Array, at: number): number {
  if (data.length - at < HEADER || !isGzip(data.subarray(at, at + 3))) return -1;
  const flags = data[at + 3]!;
  if ((flags & FLAG.reserved) !== 0) return -1;
  let end = at + HEADER;
  if ((flags & FLAG.extra) !== 0) end += 2 + uint16(data, end);
  if ((flags & FLAG.name) !== 0) end = afterZero(data, end);
  if ((flags & FLAG.comment) !== 0) end = afterZero(data, end);
  if ((flags & FLAG.headerCrc) !== 0) end += 2;
  return end <= data.length ? end : -1;
}

const uint16 = (data: Uint8Array, at: number): number => (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8);

function afterZero(data: Uint8Array, at: number): number {
  const zero = at > data.length ? -1 : data.indexOf(0, at);
  return zero < 0 ? data.length + 1 : zero + 1;
}
