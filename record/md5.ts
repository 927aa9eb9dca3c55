/** MD5 (RFC 1321), also where OpenSSL refuses it: Kinesis routes by it and KPL aggregates end with it, and neither is a matter of security. */
import { hash } from 'node:crypto';

/** 16 bytes. In FIPS mode slower, and the same. */
export function md5(bytes: Uint8Array): Buffer {
  return OPENSSL_HAS_IT ? hash('md5', bytes, 'buffer') : ownMd5(bytes);
}

const OPENSSL_HAS_IT = hasMd5();

function hasMd5(): boolean {
  try {
    hash('md5', '');
    return true;
  } catch {
    return false;
  }
}

const BLOCK = 64;
const ROTATE = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21] as const;
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));
/** Which word of the block each step adds. */
const WORD = Uint8Array.from({ length: 64 }, (_, i) => {
  const round = i >> 4;
  return [i, 5 * i + 1, 3 * i + 5, 7 * i][round]! % 16;
});
const SHIFT = Uint8Array.from({ length: 64 }, (_, i) => ROTATE[(i >> 4) * 4 + (i % 4)]!);

function ownMd5(bytes: Uint8Array): Buffer {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const whole = bytes.length - (bytes.length % BLOCK);
  digest(state, bytes.subarray(0, whole));
  digest(state, padded(bytes, whole));
  const result = Buffer.alloc(16);
  state.forEach((word, i) => result.writeInt32LE(word, i * 4));
  return result;
}

/** The rest of the message, a one bit, zeros, and the length in bits. */
function padded(bytes: Uint8Array, whole: number): Uint8Array {
  const rest = bytes.length - whole;
  const end = new Uint8Array(rest + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  end.set(bytes.subarray(whole));
  end[rest] = 0x80;
  new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(bytes.length) * 8n, true);
  return end;
}

function digest(state: Int32Array, blocks: Uint8Array): void {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.length);
  for (let at = 0; at < blocks.length; at += BLOCK) {
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    for (let i = 0; i < 64; i++) {
      const sum = (a + mix(i >> 4, b, c, d) + SINES[i]! + view.getInt32(at + 4 * WORD[i]!, true)) | 0;
      const turned = (sum << SHIFT[i]!) | (sum >>> (32 - SHIFT[i]!));
      a = d;
      d = c;
      c = b;
      b = (b + turned) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
  }
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d);
  if (round === 1) return (d & b) | (~d & c);
  return round === 2 ? b ^ c ^ d : c ^ (b | ~d);
}
