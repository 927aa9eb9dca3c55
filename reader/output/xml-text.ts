/** What XML 1.0 can hold, and how the rest is written: for bytes and for strings. */

/** Replaces bytes and characters that no XML document can hold. */
const REPLACEMENT_CHARACTER = '\ufffd';

const WRITTEN: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // A parser turns a bare CR into LF.
  '\r': '&#13;',
};

/** How a byte is written that can not stand in text; undefined when it can, or when it takes more than one byte to tell. */
export const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  const written =
    WRITTEN[character] ?? (byte < 0x20 && !'\t\n'.includes(character) ? REPLACEMENT_CHARACTER : undefined);
  return written === undefined ? undefined : new Uint8Array(Buffer.from(written));
});
export const REPLACEMENT = new Uint8Array(Buffer.from(REPLACEMENT_CHARACTER));
/** Bytes that one byte of data becomes at most. */
export const LONGEST_ESCAPE = 5;

/** 1 for bytes that may not be copied as they are; everything beyond ASCII must be looked at. */
export const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x80 || ESCAPES[byte] !== undefined),
);
/** The same for valid UTF-8, where only U+FFFE and U+FFFF can be wrong; both begin with EF. */
export const SPECIAL_IN_UTF8 = SPECIAL.map((special, byte) => (byte < 0x80 ? special : Number(byte === 0xef)));

/** None of these four bytes needs a look: no control character, nothing beyond ASCII, no & < >. ((x - 1) & ~x & 80 finds a zero byte of x.) */
export function isPlain(four: number): boolean {
  // < and > differ in one bit.
  const angle = (four | 0x02020202) ^ 0x3e3e3e3e;
  const ampersand = four ^ 0x26262626;
  const zeros = ((angle - 0x01010101) & ~angle) | ((ampersand - 0x01010101) & ~ampersand);
  return ((zeros | (four - 0x20202020) | four) & 0x80808080) === 0;
}

/** Bytes of the character beyond ASCII at `p`. Negative: that many bytes become one U+FFFD, because they are no character or one that XML forbids.
 *  Cuts invalid bytes where the Unicode standard (§3.9, maximal subparts) and TextDecoder cut them. */
export function sequenceAt(bytes: Uint8Array, p: number, end: number): number {
  const first = bytes[p]!;
  const size = SIZES[first]!;
  if (size === 0) return -1;
  for (let k = 1; k < size; k++) {
    if (p + k >= end || !continues(first, k, bytes[p + k]!)) return -k;
  }
  return isNoncharacter(bytes, p) ? -3 : size;
}

/** By the first byte; 0 for bytes that begin no character. */
const SIZES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
});

/** The second byte also excludes overlong forms, surrogates, and what lies beyond U+10FFFF. */
function continues(first: number, k: number, byte: number): boolean {
  if (k > 1) return (byte & 0xc0) === 0x80;
  return byte >= (SECOND_FROM[first] ?? 0x80) && byte <= (SECOND_TO[first] ?? 0xbf);
}

const SECOND_FROM: Readonly<Record<number, number>> = { 0xe0: 0xa0, 0xf0: 0x90 };
const SECOND_TO: Readonly<Record<number, number>> = { 0xed: 0x9f, 0xf4: 0x8f };

/** U+FFFE or U+FFFF: EF BF BE, EF BF BF. */
function isNoncharacter(bytes: Uint8Array, p: number): boolean {
  return bytes[p] === 0xef && bytes[p + 1] === 0xbf && bytes[p + 2]! >= 0xbe;
}

/** At or a little before `p`: a place where cutting `bytes` cuts no character. */
export function characterBorder(bytes: Uint8Array, p: number): number {
  for (let border = p; border > p - LONGEST_CHARACTER; border--) if ((bytes[border]! & 0xc0) !== 0x80) return border;
  // Four continuation bytes in a row: the last can not belong to a character.
  return p;
}

export const LONGEST_CHARACTER = 4;

// eslint-disable-next-line no-control-regex -- these are what XML forbids
const NOT_TEXT = /[<>&\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** A string as element content. */
export function xmlText(text: string): string {
  return text.toWellFormed().replace(NOT_TEXT, (character) => WRITTEN[character] ?? REPLACEMENT_CHARACTER);
}

/** A string inside double quotes. */
export function xmlAttribute(text: string): string {
  return xmlText(text).replace(/["\t\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}
