/** JSON over bytes: checks the grammar (RFC 8259) and finds values without building any. */

/** Deeper values are refused; JSON.parse goes on for thousands of levels, but nothing that logs does. Across lines the limit also bounds how often
 *  hostile bytes are scanned: once for each level. */
const MAX_DEPTH = 200;
const MAX_DEPTH_ACROSS_LINES = 64;

/** What a byte is inside a string. */
const PLAIN = 0;
const QUOTE = 1;
const BACKSLASH = 2;
const CONTROL = 3;
const IN_STRING = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x20) return CONTROL;
  if (byte === 0x22) return QUOTE;
  return byte === 0x5c ? BACKSLASH : PLAIN;
});

/** The byte that a backslash and this letter stand for; 0 = not an escape. */
const SIMPLE_ESCAPES = new Uint8Array(256);
for (const [letter, stands] of Object.entries({
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}))
  SIMPLE_ESCAPES[letter.charCodeAt(0)] = stands.charCodeAt(0);

const NOT_HEX = 255;
const HEX = new Uint8Array(256).fill(NOT_HEX);
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = parseInt(digit, 16);

const LETTER_U = 0x75;
const LETTER_E = 0x65;
const PLUS = 0x2b;
const POINT = 0x2e;
export const BYTE = {
  lf: 0x0a,
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  colon: 0x3a,
  openList: 0x5b,
  closeList: 0x5d,
  letterN: 0x6e,
  open: 0x7b,
  close: 0x7d,
} as const;
const WORDS: (Uint8Array | undefined)[] = Array.from({ length: 256 });
for (const known of ['true', 'false', 'null']) WORDS[known.charCodeAt(0)] = new Uint8Array(Buffer.from(known));

/** Every method takes the place to begin at and answers where it ended, or -1 when the bytes are not JSON.
 *  A byte below 0x20 that is no white space must follow the input: it ends every scan, so that none has to count. */
export class JsonScanner {
  /** Escapes that `string` has seen so far; whoever wants to know about one string compares. */
  escapes = 0;
  protected view: DataView = NOTHING;
  /** Where `unescape` put its last byte, plus one. */
  written = 0;
  #acrossLines = false;
  #maxDepth = MAX_DEPTH;

  /** LF is white space, as JSON says; otherwise, and at first, it ends a value, as in JSON lines. */
  set acrossLines(yes: boolean) {
    this.#acrossLines = yes;
    this.#maxDepth = yes ? MAX_DEPTH_ACROSS_LINES : MAX_DEPTH;
  }

  /** Four bytes at a time are read through this: call it with the bytes before `unescape`, and `release` them afterwards. */
  over(bytes: Uint8Array): void {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  release(): void {
    this.view = NOTHING;
  }

  blank(bytes: Uint8Array, start: number): number {
    return bytes[start]! > 0x20 ? start : this.#skipBlank(bytes, start);
  }

  #skipBlank(bytes: Uint8Array, start: number): number {
    let p = start;
    let c = bytes[p]!;
    while (c === 0x20 || c === 0x09 || c === 0x0d || (c === BYTE.lf && this.#acrossLines)) c = bytes[++p]!;
    return p;
  }

  /** From behind the opening quote to behind the closing one. */
  string(bytes: Uint8Array, start: number): number {
    let p = start;
    for (;;) {
      while (IN_STRING[bytes[p]!] === PLAIN) p++;
      const kind = IN_STRING[bytes[p]!];
      if (kind === QUOTE) return p + 1;
      if (kind === CONTROL) return -1;
      this.escapes++;
      const letter = bytes[p + 1]!;
      if (letter === LETTER_U) {
        if (hex4(bytes, p + 2) < 0) return -1;
        p += 6;
      } else {
        if (SIMPLE_ESCAPES[letter] === 0) return -1;
        p += 2;
      }
    }
  }

  /** As `string`, and copies what the string stands for to `to` in the same bytes; it is never longer, but up to 3 bytes behind it are overwritten.
   *  Lone surrogates become U+FFFD. */
  unescape(bytes: Uint8Array, start: number, to: number): number {
    const { view } = this;
    let p = start;
    let w = to;
    for (;;) {
      for (;;) {
        const four = view.getInt32(p, true);
        view.setInt32(w, four, true);
        if (!isPlain(four)) break;
        p += 4;
        w += 4;
      }
      let c = bytes[p]!;
      while (IN_STRING[c] === PLAIN) {
        w++;
        c = bytes[++p]!;
      }
      if (IN_STRING[c] === QUOTE) {
        this.written = w;
        return p + 1;
      }
      if (IN_STRING[c] === CONTROL) return -1;
      const letter = bytes[p + 1]!;
      const stands = SIMPLE_ESCAPES[letter]!;
      if (stands !== 0) {
        bytes[w++] = stands;
        p += 2;
      } else {
        if (letter !== LETTER_U) return -1;
        p = this.#unescapeCode(bytes, p + 2, w);
        if (p < 0) return -1;
        w = this.written;
      }
    }
  }

  /** From the four digits of an escape to behind it, or behind the other half of its surrogate pair. */
  #unescapeCode(bytes: Uint8Array, start: number, to: number): number {
    const code = hex4(bytes, start);
    if (code < 0) return -1;
    const low = code >= 0xd800 && code < 0xdc00 ? lowSurrogate(bytes, start + 4) : 0;
    this.written = writeCharacter(bytes, to, joined(code, low));
    return low > 0 ? start + 10 : start + 4;
  }

  value(bytes: Uint8Array, p: number, depth: number): number {
    const c = bytes[p]!;
    if (c === BYTE.quote) return this.string(bytes, p + 1);
    if (c === BYTE.open) return this.object(bytes, p + 1, depth + 1);
    if (c === BYTE.openList) return this.list(bytes, p + 1, depth + 1);
    return c === BYTE.minus || isDigit(c) ? number(bytes, p) : word(bytes, p);
  }

  /** From behind the `{` to behind its `}`. */
  object(bytes: Uint8Array, start: number, depth: number): number {
    if (depth > this.#maxDepth) return -1;
    let p = this.blank(bytes, start);
    if (bytes[p] === BYTE.close) return p + 1;
    for (;;) {
      p = this.key(bytes, p);
      if (p < 0) return -1;
      p = this.value(bytes, p, depth);
      if (p < 0) return -1;
      p = this.blank(bytes, p);
      if (bytes[p] !== BYTE.comma) return bytes[p] === BYTE.close ? p + 1 : -1;
      p = this.blank(bytes, p + 1);
    }
  }

  /** From the opening quote of a key to the value behind its colon. */
  key(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== BYTE.quote) return -1;
    const end = this.string(bytes, start + 1);
    if (end < 0) return -1;
    const colon = this.blank(bytes, end);
    return bytes[colon] === BYTE.colon ? this.blank(bytes, colon + 1) : -1;
  }

  /** From behind the `[` to behind its `]`. */
  list(bytes: Uint8Array, start: number, depth: number): number {
    if (depth > this.#maxDepth) return -1;
    let p = this.blank(bytes, start);
    if (bytes[p] === BYTE.closeList) return p + 1;
    for (;;) {
      p = this.value(bytes, p, depth);
      if (p < 0) return -1;
      p = this.blank(bytes, p);
      if (bytes[p] !== BYTE.comma) return bytes[p] === BYTE.closeList ? p + 1 : -1;
      p = this.blank(bytes, p + 1);
    }
  }
}

const NOTHING = new DataView(new ArrayBuffer(0));

/** None of these four bytes ends a string, begins an escape, or is a control character. (x - 1) & ~x & 80 finds a zero byte of x.) */
export function isPlain(four: number): boolean {
  const quote = four ^ 0x22222222;
  const backslash = four ^ 0x5c5c5c5c;
  const zeros = ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash);
  return ((zeros | ((four - 0x20202020) & ~four)) & 0x80808080) === 0;
}

const isDigit = (c: number) => c >= 0x30 && c <= 0x39;

function number(bytes: Uint8Array, start: number): number {
  let p = bytes[start] === BYTE.minus ? start + 1 : start;
  p = bytes[p] === 0x30 ? p + 1 : digits(bytes, p);
  if (p >= 0 && bytes[p] === POINT) p = digits(bytes, p + 1);
  if (p >= 0 && (bytes[p]! | 0x20) === LETTER_E) {
    const sign = bytes[p + 1]!;
    p = digits(bytes, sign === PLUS || sign === BYTE.minus ? p + 2 : p + 1);
  }
  return p;
}

/** One digit at least. */
function digits(bytes: Uint8Array, start: number): number {
  let p = start;
  while (isDigit(bytes[p]!)) p++;
  return p === start ? -1 : p;
}

/** `true`, `false` or `null`. */
function word(bytes: Uint8Array, p: number): number {
  const known = WORDS[bytes[p]!];
  if (known === undefined) return -1;
  for (let k = 1; k < known.length; k++) if (bytes[p + k] !== known[k]) return -1;
  return p + known.length;
}

/** Negative when one of the four bytes is no hexadecimal digit. */
function hex4(bytes: Uint8Array, p: number): number {
  const a = HEX[bytes[p]!]!;
  const b = HEX[bytes[p + 1]!]!;
  const c = HEX[bytes[p + 2]!]!;
  const d = HEX[bytes[p + 3]!]!;
  return (a | b | c | d) > 15 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

/** The low half of a surrogate pair, when an escape for one begins here; 0 otherwise. */
function lowSurrogate(bytes: Uint8Array, p: number): number {
  if (IN_STRING[bytes[p]!] !== BACKSLASH || bytes[p + 1] !== LETTER_U) return 0;
  const code = hex4(bytes, p + 2);
  return code >= 0xdc00 && code < 0xe000 ? code : 0;
}

/** The character of one escape, or of the pair when `low` is not 0. */
function joined(code: number, low: number): number {
  if (low > 0) return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
}

/** As UTF-8, and where it ends. */
function writeCharacter(bytes: Uint8Array, at: number, code: number): number {
  let w = at;
  if (code < 0x80) {
    bytes[w++] = code;
    return w;
  }
  if (code < 0x800) {
    bytes[w++] = 0xc0 | (code >> 6);
  } else {
    if (code < 0x10000) {
      bytes[w++] = 0xe0 | (code >> 12);
    } else {
      bytes[w++] = 0xf0 | (code >> 18);
      bytes[w++] = 0x80 | ((code >> 12) & 63);
    }
    bytes[w++] = 0x80 | ((code >> 6) & 63);
  }
  bytes[w++] = 0x80 | (code & 63);
  return w;
}
