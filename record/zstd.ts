/** zstd frames. The frames are walked here: Node's one call stops after the first one, and says nothing when the last one is cut. */
import { zstdDecompressSync } from 'node:zlib';
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

const RESERVED_BLOCK = 3;
const RLE_BLOCK = 1;
const CHUNK = { min: 16 * 1024, cut: 256 * 1024, max: 32 * 1024 * 1024 } as const;

export function isZstd(data: Uint8Array, at = 0): boolean {
  if (data.length - at < 4) return false;
  const first = data[at]!;
  if (first === 0x28) return data[at + 1] === 0xb5 && data[at + 2] === 0x2f && data[at + 3] === 0xfd;
  return isSkippable(data, at);
}

/** Frames that carry no content but an application's own notes, RFC 8878 §3.1.2. */
function isSkippable(data: Uint8Array, at: number): boolean {
  return (data[at]! & 0xf0) === 0x50 && data[at + 1] === 0x2a && data[at + 2] === 0x4d && data[at + 3] === 0x18;
}

/** All frames of `data`, whose content is at most `ceiling` bytes. */
export function unzstd(data: Uint8Array, ceiling = DEFAULT_CEILING): Inflated {
  let frames = 0;
  const result = readMembers(data, ceiling, (bytes, at, room) => {
    if (!isZstd(bytes, at)) return refused('not-this', 'no zstd header');
    if (isSkippable(bytes, at)) return skipFrame(bytes, at);
    frames++;
    return readFrame(bytes, at, room);
  });
  return result.kind === 'ok' && frames === 0 ? refused('not-this', 'zstd without content') : result;
}

function skipFrame(data: Uint8Array, at: number): Member | Refused {
  const end = data.length - at < 8 ? Infinity : at + 8 + viewOf(data).getUint32(at + 4, true);
  if (end > data.length) return CUT;
  return { kind: 'member', end, bytes: new Uint8Array(0) };
}

const CUT = refused('damaged', 'zstd data that ends in its middle');

function readFrame(data: Uint8Array, at: number, room: number): Member | Refused {
  const frame = frameAt(data, at);
  if (frame === CUT) return readCut(data, at, room);
  if (frame.kind !== 'frame') return frame;
  const { end, contentSize } = frame;
  if (contentSize !== undefined && contentSize > room) return refused('too-large', 'decompresses beyond the ceiling');
  const guess = contentSize === undefined ? (end - at) * 8 : contentSize + 64;
  try {
    const { buffer, engine } = zstdDecompressSync(data.subarray(at, end), {
      info: true,
      chunkSize: Math.max(contentSize === undefined ? CHUNK.min : 1024, Math.min(guess, CHUNK.max)),
      maxOutputLength: room,
    }) as unknown as WithEngine;
    if (engine.bytesWritten !== end - at) return refused('damaged', 'damaged zstd data');
    return { kind: 'member', end, bytes: buffer };
  } catch (error) {
    return refusal(error, 'zstd');
  }
}

/** The blocks of the last frame that are whole. Node says nothing when the end is missing. */
function readCut(data: Uint8Array, at: number, room: number): Member | Refused {
  try {
    const bytes = zstdDecompressSync(data.subarray(at), { chunkSize: CHUNK.cut, maxOutputLength: room });
    return bytes.length === 0 ? CUT : { kind: 'member', end: data.length, bytes, damage: 'truncated' };
  } catch (error) {
    return refusal(error, 'zstd');
  }
}

interface Frame {
  readonly kind: 'frame';
  readonly end: number;
  readonly contentSize: number | undefined;
}

/** Where the frame ends and what it claims to hold, RFC 8878 §3.1.1: a header, blocks that each say their length, perhaps a checksum. */
function frameAt(data: Uint8Array, at: number): Frame | Refused {
  const descriptor = data[at + 4];
  if (descriptor === undefined) return CUT;
  if ((descriptor & 8) !== 0) return refused('damaged', 'damaged zstd header');
  const single = (descriptor >> 5) & 1;
  const sizeAt = at + 5 + (1 - single) + [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6]!;
  if (sizeAt + sizeBytes > data.length) return CUT;
  const contentSize = contentSizeAt(data, sizeAt, sizeBytes);
  const blocksEnd = skipBlocks(data, sizeAt + sizeBytes);
  if (blocksEnd < 0) return CUT;
  const end = blocksEnd + ((descriptor & 4) !== 0 ? 4 : 0);
  return end > data.length ? CUT : { kind: 'frame', end, contentSize };
}

function contentSizeAt(data: Uint8Array, at: number, bytes: number): number | undefined {
  const view = viewOf(data);
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 8 ? Number(view.getBigUint64(at, true)) : undefined;
}

/** End of the last block, -1 when the data ends before. */
function skipBlocks(data: Uint8Array, from: number): number {
  for (let at = from; at + 3 <= data.length;) {
    const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) return -1;
    at += 3 + (type === RLE_BLOCK ? 1 : header >>> 3);
    if (at > data.length) return -1;
    if ((header & 1) !== 0) return at;
  }
  return -1;
}

const viewOf = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.byteLength);
