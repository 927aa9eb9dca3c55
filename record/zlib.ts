/** zlib streams, taken only when their checksum agrees: their header is two bytes that text may begin with. */
import { constants, inflateRawSync, inflateSync } from 'node:zlib';
import { endsFlushed } from './gzip.ts';
import {
  DEFAULT_CEILING,
  readMembers,
  refusal,
  refused,
  type Inflated,
  type Member,
  type Refused,
  type WithEngine,
} from './inflate.ts';

/** The header, and the Adler-32 of the content, RFC 1950. */
const HEADER = 2;
const TRAILER = 4;
const PRESET_DICTIONARY = 0x20;

/** A header that the usual producers write: deflate with a window of 32 KiB, no dictionary. */
export function isZlib(data: Uint8Array, at = 0): boolean {
  if (data.length - at <= HEADER || data[at] !== 0x78) return false;
  const flags = data[at + 1]!;
  return ((0x78 << 8) | flags) % 31 === 0 && (flags & PRESET_DICTIONARY) === 0;
}

/** All streams of `data`, whose content is at most `ceiling` bytes. */
export function unzlib(data: Uint8Array, ceiling = DEFAULT_CEILING): Inflated {
  return readMembers(data, ceiling, readStream);
}

function readStream(data: Uint8Array, at: number, room: number): Member | Refused {
  if (!isZlib(data, at)) return refused('not-this', 'no zlib header');
  const body = at === 0 ? data : data.subarray(at);
  try {
    const { buffer, engine } = inflateSync(body, {
      info: true,
      chunkSize: Math.max(1024, Math.min(body.length * 6, 1024 * 1024)),
      maxOutputLength: room,
    }) as unknown as WithEngine;
    return { kind: 'member', end: at + engine.bytesWritten, bytes: buffer };
  } catch (error) {
    const refusedAs = refusal(error, 'zlib');
    return refusedAs.kind === 'too-large' ? refusedAs : readUnclosed(data, at, room);
  }
}

/** Two shapes of a damaged end that still prove themselves: the mark of a sync flush at the end, and three of four checksum bytes with the last one
 *  eaten or replaced as a line end. */
function readUnclosed(data: Uint8Array, at: number, room: number): Member | Refused {
  const body = data.subarray(at + HEADER);
  try {
    const { buffer, engine } = inflateRawSync(body, {
      info: true,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: room,
    }) as unknown as WithEngine;
    const trailer = body.subarray(engine.bytesWritten);
    const proven = trailer.length === 0 ? buffer.length > 0 && endsFlushed(body) : isChomped(trailer, buffer);
    if (proven) return { kind: 'member', end: data.length, bytes: buffer, damage: 'no-trailer' };
  } catch (error) {
    const refusedAs = refusal(error, 'zlib');
    if (refusedAs.kind === 'too-large') return refusedAs;
  }
  return refused('not-this', 'zlib header without a valid zlib stream');
}

function isChomped(trailer: Uint8Array, content: Uint8Array): boolean {
  const sum = adler32(content);
  if (trailer.length > TRAILER || trailer.length < TRAILER - 1) return false;
  if (trailer.length === TRAILER && trailer[3] !== 10) return false;
  const last = sum & 0xff;
  const eaten = last === 10 || last === 13;
  return (
    eaten && trailer[0] === sum >>> 24 && trailer[1] === ((sum >>> 16) & 0xff) && trailer[2] === ((sum >>> 8) & 0xff)
  );
}

/** Unsigned. Node computes it only inside its inflate. */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += 4096) {
    const end = Math.min(start + 4096, bytes.length);
    for (let i = start; i < end; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
