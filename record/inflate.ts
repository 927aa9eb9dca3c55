/** What decompression answers, and the walk over members that producers join, pad and cut in ways Node's own one-call functions refuse. */

/** Bytes that one payload may decompress to, unless told otherwise. */
export const DEFAULT_CEILING = 64 * 1024 * 1024;

/** What was wrong with data that could be decoded all the same. `trailing-bytes`: what follows the compressed data is no compressed data; it was appended as it is, on a
 *  line of its own. */
export type Damage = 'no-trailer' | 'truncated' | 'checksum' | 'trailing-bytes';

/** Decompression answers and never throws for bytes. Reasons are a closed set: they hold nothing of the data. */
export type Inflated =
  { readonly kind: 'ok'; readonly bytes: Uint8Array; readonly warnings: readonly Damage[] } | Refused;

export interface Refused {
  /** `not-this`: it only looks like this compression. `too-large`: beyond the ceiling. `damaged`: begins well and can not be decoded. */
  readonly kind: 'not-this' | 'too-large' | 'damaged';
  readonly reason: string;
}

export const refused = (kind: Refused['kind'], reason: string): Refused => ({ kind, reason });

/** One member (gzip member, zlib stream, zstd frame) that lies at `at` and ends before `end`. */
export interface Member {
  readonly kind: 'member';
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly damage?: Damage;
}

/** Reads the member at `at`, giving at most `room` bytes. */
export type ReadMember = (data: Uint8Array, at: number, room: number) => Member | Refused;

/** 6 µs each: what is made of more is not worth the time it takes from other records. */
const MAX_MEMBERS = 100_000;
const LF = 10;
const CR = 13;

/** Members one after the other with zero padding, LF or CRLF between and after them. An LF between two members separates their contents too. */
export function readMembers(data: Uint8Array, ceiling: number, read: ReadMember): Inflated {
  const content = new Content(ceiling);
  let at = 0;
  for (let members = 0; at < data.length; members++) {
    const start = skipPadding(data, at);
    if (start === data.length) break;
    if (members === MAX_MEMBERS) return refused('too-large', 'too many compressed members');
    const member = read(data, start, content.room);
    if (member.kind === 'too-large' || (member.kind !== 'member' && members === 0)) return member;
    if (data.subarray(at, start).includes(LF)) content.endLine();
    if (member.kind !== 'member') {
      content.add(data.subarray(start), 'trailing-bytes');
      break;
    }
    content.add(member.bytes, member.damage);
    if (content.exceeded) return refused('too-large', 'decompresses beyond the ceiling');
    at = member.end;
  }
  return content.result();
}

/** What was decompressed so far. */
class Content {
  readonly #parts: Uint8Array[] = [];
  readonly #warnings = new Set<Damage>();
  #left: number;

  constructor(ceiling: number) {
    this.#left = ceiling;
  }

  /** node:zlib takes no limit of nothing. */
  get room(): number {
    return Math.max(1, this.#left);
  }

  get exceeded(): boolean {
    return this.#left < 0;
  }

  add(bytes: Uint8Array, damage: Damage | undefined): void {
    if (damage === 'trailing-bytes') this.endLine();
    this.#parts.push(bytes);
    this.#left -= bytes.length;
    if (damage !== undefined) this.#warnings.add(damage);
  }

  endLine(): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && last.length > 0 && last.at(-1) !== LF) this.#parts.push(Uint8Array.of(LF));
  }

  result(): Inflated {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    return { kind: 'ok', bytes, warnings: [...this.#warnings] };
  }
}

/** Offset of the first byte that is no zero, CR or LF. */
export function skipPadding(data: Uint8Array, at: number): number {
  let end = at;
  while (end < data.length && (data[end] === 0 || data[end] === LF || data[end] === CR)) end++;
  return end;
}

/** An error of node:zlib as an answer. What it throws for other reasons than the bytes has no code and stays an error. */
export function refusal(error: unknown, what: string): Refused {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) throw error;
  if (code === 'ERR_BUFFER_TOO_LARGE') return refused('too-large', 'decompresses beyond the ceiling');
  return refused('damaged', `damaged ${what} data`);
}

/** With `info: true` node:zlib answers the bytes and the engine that read them; the type declarations do not know. */
export interface WithEngine {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
