/** What a record's bytes are, in a written order: aggregate, compression, text. Magic bytes only lead to a try; what counts is that decoding succeeds. */
import { Buffer, isUtf8 } from 'node:buffer';
import { compressionOf, decompress, unsupportedIn } from './compress.ts';
import { refused, type Damage, type Inflated } from './inflate.ts';

/** Compression inside compression; more is an attack or a mistake. */
export const MAX_LAYERS = 4;

/** What JSON begins with, and no compression: most records that are not compressed. */
const OBJECT = 0x7b;
const LIST = 0x5b;
const NO_WARNINGS: readonly Damage[] = [];

export interface Unwrapped {
  readonly bytes: Uint8Array;
  /** How many compressions were taken off. */
  readonly layers: number;
  readonly warnings: readonly Damage[];
  /** Why `bytes` can not be decoded any further; of a closed set, without anything of the data. */
  readonly undecoded?: string;
}

/** Takes off every compression. Each may give `ceiling` bytes. What does not prove itself stays as it is. */
export function unwrap(data: Uint8Array, ceiling: number): Unwrapped {
  if (data[0] === OBJECT || data[0] === LIST) return { bytes: data, layers: 0, warnings: NO_WARNINGS };
  let bytes = data;
  let warnings = NO_WARNINGS;
  for (let layers = 0; ; layers++) {
    const inner = layerIn(bytes, ceiling, layers);
    if (inner === undefined || inner.kind === 'not-this') {
      const unsupported = unsupportedIn(bytes);
      if (unsupported === undefined) return { bytes: withoutBom(bytes), layers, warnings };
      return { bytes, layers, warnings, undecoded: `${unsupported} is not supported` };
    }
    if (inner.kind !== 'ok') return { bytes, layers, warnings, undecoded: inner.reason };
    bytes = inner.bytes;
    if (inner.warnings.length > 0) warnings = [...warnings, ...inner.warnings];
  }
}

function layerIn(bytes: Uint8Array, ceiling: number, layers: number): Inflated | undefined {
  const as = compressionOf(bytes);
  const enough = layers === MAX_LAYERS;
  if (as === undefined) return enough ? undefined : base64Layer(withoutBom(bytes), ceiling);
  if (enough) return refused('damaged', 'compressed too many times');
  return decompress(bytes, as, ceiling);
}

/** gzip in base64, as it comes about when a blob is encoded once too often. */
function base64Layer(bytes: Uint8Array, ceiling: number): Inflated | undefined {
  if (bytes[0] !== 0x48 || bytes[1] !== 0x34 || bytes[2] !== 0x73 || bytes[3] !== 0x49) return undefined;
  if (bytes.length * 0.75 > ceiling) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!/^[A-Za-z0-9+/\r\n]+={0,2}[\r\n]*$/.test(text)) return undefined;
  const inner = decompress(Buffer.from(text, 'base64'), 'gzip', ceiling);
  return inner.kind === 'damaged' ? undefined : inner;
}

/** Three bytes that some editors put before UTF-8. */
function withoutBom(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** UTF-8 without NUL, or some older encoding: bytes of no control characters but those that logs contain. */
export function isText(bytes: Uint8Array): boolean {
  if (isUtf8(bytes)) return !bytes.includes(0);
  return !bytes.some((byte) => byte < 0x20 && !TEXT_CONTROLS.has(byte));
}

/** Backspace, TAB, LF, VT, FF, CR, ESC. */
const TEXT_CONTROLS = new Set([0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b]);
