/** Finds the wanted members of a JSON object in one pass that also checks all the others. */
import { BYTE, isPlain, JsonScanner } from './json-scan.ts';

const QUOTE = BYTE.quote;
const BACKSLASH = 0x5c;
/** Below this a loop is faster than a call. */
const SHORT_COPY = 48;

interface Wanted {
  readonly name: Uint8Array;
  readonly slot: number;
}

/** Finds members by name: `found[2 k]` to `found[2 k + 1]` is the JSON text of the value of `names[k]`, an empty range when it is absent or null; the last of duplicates wins.
 *  The member `text` is different: when it is a string, its range is what the string stands for, unescaped into the arena if need be. */
export class MemberScanner extends JsonScanner {
  readonly found: Int32Array;
  /** Free bytes behind the input, at least as many as the input has; grows by what was unescaped. */
  arena = 0;
  /** An object with any other member than these is refused, without a look at what follows. */
  only = false;
  readonly #byLength: (readonly Wanted[])[] = [];
  readonly #textSlot: number;
  /** `"name":` of every wanted member. */
  readonly #literals: readonly Uint8Array[];
  /** Number, from 1, of the wanted member found last; 0 = none yet. And which came after it in an earlier object. */
  #last = 0;
  readonly #after: Int32Array;

  constructor(names: readonly string[], text?: string) {
    super();
    this.found = new Int32Array(2 * names.length);
    this.#textSlot = text === undefined ? -1 : names.indexOf(text);
    this.#literals = names.map((name) => new Uint8Array(Buffer.from(`"${name}":`)));
    this.#after = new Int32Array(names.length + 1);
    for (const [slot, name] of names.entries()) {
      const wanted = { name: new Uint8Array(Buffer.from(name)), slot };
      while (this.#byLength.length <= wanted.name.length) this.#byLength.push([]);
      this.#byLength[wanted.name.length] = [...this.#byLength[wanted.name.length]!, wanted];
    }
  }

  /** From an opening brace to behind its closing one, or -1. */
  find(bytes: Uint8Array, start: number): number {
    this.found.fill(0);
    this.#last = 0;
    if (bytes[start] !== BYTE.open) return -1;
    let p = this.blank(bytes, start + 1);
    if (bytes[p] === BYTE.close) return p + 1;
    for (;;) {
      p = this.#member(bytes, p);
      if (p < 0) return -1;
      p = this.blank(bytes, p);
      if (bytes[p] !== BYTE.comma) return bytes[p] === BYTE.close ? p + 1 : -1;
      p = this.blank(bytes, p + 1);
    }
  }

  /** From the quote of a key to behind its value. */
  #member(bytes: Uint8Array, start: number): number {
    const guess = this.#guess(bytes, start);
    if (guess >= 0) return this.#wanted(bytes, this.blank(bytes, start + this.#literals[guess]!.length), guess);
    if (bytes[start] !== QUOTE) return -1;
    const { escapes } = this;
    const keyEnd = this.string(bytes, start + 1);
    if (keyEnd < 0) return -1;
    const slot =
      escapes === this.escapes ? this.#slot(bytes, start + 1, keyEnd - 1) : this.#escapedSlot(bytes, start + 1);
    const colon = this.blank(bytes, keyEnd);
    if (bytes[colon] !== BYTE.colon) return -1;
    const at = this.blank(bytes, colon + 1);
    if (slot < 0) return this.only ? -1 : this.value(bytes, at, 0);
    this.#after[this.#last] = slot + 1;
    this.#last = slot + 1;
    return this.#wanted(bytes, at, slot);
  }

  /** Objects of one writer have their members in one order: the wanted member that came here in the object before, if it is here again. */
  #guess(bytes: Uint8Array, start: number): number {
    const expected = this.#after[this.#last]!;
    if (expected === 0) return -1;
    const literal = this.#literals[expected - 1]!;
    let k = 0;
    while (k < literal.length && bytes[start + k] === literal[k]) k++;
    if (k < literal.length) return -1;
    this.#last = expected;
    return expected - 1;
  }

  #wanted(bytes: Uint8Array, at: number, slot: number): number {
    if (slot === this.#textSlot && bytes[at] === QUOTE) return this.#text(bytes, at + 1);
    const end = this.value(bytes, at, 0);
    const absent = bytes[at] === BYTE.letterN;
    this.found[2 * slot] = absent ? 0 : at;
    this.found[2 * slot + 1] = absent ? 0 : end;
    return end;
  }

  /** Index of the wanted name, -1 for others. */
  #slot(bytes: Uint8Array, start: number, end: number): number {
    const candidates = this.#byLength[end - start];
    if (candidates === undefined) return -1;
    for (const { name, slot } of candidates) {
      let k = 0;
      while (k < name.length && bytes[start + k] === name[k]) k++;
      if (k === name.length) return slot;
    }
    return -1;
  }

  /** The key is unescaped for the comparison only; the arena keeps nothing. */
  #escapedSlot(bytes: Uint8Array, start: number): number {
    this.unescape(bytes, start, this.arena);
    return this.#slot(bytes, this.arena, this.written);
  }

  /** From behind the opening quote: most texts have no escape, and then the input itself is the range. */
  #text(bytes: Uint8Array, start: number): number {
    let p = start;
    while (isPlain(this.view.getInt32(p, true))) p += 4;
    let c = bytes[p]!;
    while (c !== QUOTE && c !== BACKSLASH && c >= 0x20) c = bytes[++p]!;
    const slot = 2 * this.#textSlot;
    if (c === QUOTE) {
      this.found[slot] = start;
      this.found[slot + 1] = p;
      return p + 1;
    }
    if (p - start > SHORT_COPY) bytes.copyWithin(this.arena, start, p);
    else for (let k = start, w = this.arena; k < p;) bytes[w++] = bytes[k++]!;
    const end = this.unescape(bytes, p, this.arena + p - start);
    if (end < 0) return -1;
    this.found[slot] = this.arena;
    this.found[slot + 1] = this.written;
    this.arena = this.written;
    return end;
  }
}
