/** One walk over the bytes of a GetRecords answer, or of an event of SubscribeToShard, that notes where each record's data lies, without parsing it. */

/** Filled with its data later, so that a page costs one object a record. */
export interface ScannedRecord {
  data: Uint8Array;
  readonly sequenceNumber: string;
  readonly partitionKey: string | undefined;
  readonly arrivalMs: number;
}

export interface Scanned {
  readonly records: ScannedRecord[];
  /** Start and end of each record's base64 text, in turn. */
  readonly ranges: readonly number[];
  readonly next: string | undefined;
  readonly millisBehindLatest: number;
}

const NO_DATA = new Uint8Array(0);

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const UPPER_E = 69;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const LOWER_E = 101;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** Legal perhaps, but nothing that Kinesis writes on most pages: the general parser decides. */
class Unusual extends Error {}
const UNUSUAL = new Unusual();

/** Undefined when a general parser must look at it; the body is untouched then. */
export function scan(body: Buffer): Scanned | undefined {
  try {
    return new Scanner(body).answer();
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

const KEY = {
  records: Buffer.from('Records'),
  next: Buffer.from('NextShardIterator'),
  continuation: Buffer.from('ContinuationSequenceNumber'),
  behind: Buffer.from('MillisBehindLatest'),
  children: Buffer.from('ChildShards'),
  data: Buffer.from('Data'),
  sequence: Buffer.from('SequenceNumber'),
  partition: Buffer.from('PartitionKey'),
  arrival: Buffer.from('ApproximateArrivalTimestamp'),
};

class Scanner {
  readonly #body: Buffer;
  #at = 0;
  /** First backslash at or after the current place; the body's length when there is none. */
  #escape: number;
  /** Range of the string last read. */
  #start = 0;
  #end = 0;
  #escaped = false;
  #records: ScannedRecord[] | undefined;
  readonly #ranges: number[] = [];

  constructor(body: Buffer) {
    this.#body = body;
    this.#escape = this.#backslashFrom(0);
  }

  answer(): Scanned {
    let next: string | undefined;
    let millisBehindLatest = 0;
    this.#members(() => {
      if (this.#key(KEY.records)) this.#recordArray();
      else if (this.#key(KEY.next) || this.#key(KEY.continuation)) next = this.#textOrNull();
      else if (this.#key(KEY.behind)) millisBehindLatest = this.#number();
      else if (this.#key(KEY.children)) this.#nullOrEmptyArray();
      else this.#skipScalar();
    });
    if (!Number.isNaN(this.#peek()) || this.#records === undefined) throw UNUSUAL;
    return { records: this.#records, ranges: this.#ranges, next, millisBehindLatest };
  }

  #recordArray(): void {
    // A second Records would replace the first, with its ranges.
    if (this.#records !== undefined) throw UNUSUAL;
    const records: ScannedRecord[] = [];
    this.#records = records;
    this.#take(OPEN_ARRAY);
    if (this.#peek() === CLOSE_ARRAY) {
      this.#at++;
      return;
    }
    do records.push(this.#record());
    while (this.#another(CLOSE_ARRAY));
  }

  #record(): ScannedRecord {
    let dataStart = -1;
    let dataEnd = -1;
    let sequenceNumber: string | undefined;
    let partitionKey: string | undefined;
    let arrivalMs = 0;
    this.#take(OPEN_OBJECT);
    do {
      this.#name();
      if (this.#key(KEY.data)) {
        this.#plainString();
        dataStart = this.#start;
        dataEnd = this.#end;
      } else if (this.#key(KEY.sequence)) {
        sequenceNumber = this.#text();
      } else if (this.#key(KEY.partition)) {
        partitionKey = this.#textOrNull();
      } else if (this.#key(KEY.arrival)) {
        arrivalMs = Math.round(this.#number() * 1000);
      } else {
        this.#skipScalar();
      }
    } while (this.#another(CLOSE_OBJECT));
    if (dataStart < 0 || sequenceNumber === undefined) throw UNUSUAL;
    this.#ranges.push(dataStart, dataEnd);
    return { data: NO_DATA, sequenceNumber, partitionKey, arrivalMs };
  }

  #members(value: () => void): void {
    this.#take(OPEN_OBJECT);
    do {
      this.#name();
      value();
    } while (this.#another(CLOSE_OBJECT));
  }

  /** The byte after white space; NaN at the end of the body. */
  #peek(): number {
    const body = this.#body;
    for (; this.#at < body.length; this.#at++) {
      const byte = body[this.#at]!;
      if (byte !== SPACE && byte !== LF && byte !== CR && byte !== TAB) return byte;
    }
    return NaN;
  }

  #take(byte: number): void {
    if (this.#peek() !== byte) throw UNUSUAL;
    this.#at++;
  }

  /** True after a comma, false after the closing byte. */
  #another(close: number): boolean {
    const byte = this.#peek();
    if (byte !== COMMA && byte !== close) throw UNUSUAL;
    this.#at++;
    return byte === COMMA;
  }

  /** A member's name and its colon. */
  #name(): void {
    this.#plainString();
    this.#take(COLON);
  }

  #plainString(): void {
    this.#string();
    if (this.#escaped) throw UNUSUAL;
  }

  #key(name: Buffer): boolean {
    const body = this.#body;
    const start = this.#start;
    if (this.#end - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (body[start + i] !== name[i]) return false;
    return true;
  }

  /** Leaves the range between the quotes. */
  #string(): void {
    this.#take(QUOTE);
    this.#start = this.#at;
    let end = this.#quoteFrom(this.#at);
    this.#escaped = this.#escape < end;
    if (this.#escaped) {
      while (this.#escape < end) {
        if (end <= this.#escape + 1) end = this.#quoteFrom(this.#escape + 2);
        this.#escape = this.#backslashFrom(this.#escape + 2);
      }
    }
    this.#end = end;
    this.#at = end + 1;
  }

  #quoteFrom(from: number): number {
    const found = this.#body.indexOf(QUOTE, from);
    if (found < 0) throw UNUSUAL;
    return found;
  }

  #backslashFrom(from: number): number {
    const found = this.#body.indexOf(BACKSLASH, from);
    return found < 0 ? this.#body.length : found;
  }

  #text(): string {
    this.#string();
    if (!this.#escaped) return this.#body.toString('utf8', this.#start, this.#end);
    const literal = this.#body.toString('utf8', this.#start - 1, this.#end + 1);
    return JSON.parse(literal) as string;
  }

  #textOrNull(): string | undefined {
    if (this.#peek() === QUOTE) return this.#text();
    this.#word('null');
    return undefined;
  }

  #nullOrEmptyArray(): void {
    if (this.#peek() !== OPEN_ARRAY) {
      this.#word('null');
      return;
    }
    this.#at++;
    this.#take(CLOSE_ARRAY);
  }

  #skipScalar(): void {
    const byte = this.#peek();
    if (byte === QUOTE) this.#plainString();
    else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) this.#number();
    else this.#word(byte === 110 ? 'null' : byte === 116 ? 'true' : 'false');
  }

  #word(word: string): void {
    if (this.#body.toString('latin1', this.#at, this.#at + word.length) !== word) throw UNUSUAL;
    this.#at += word.length;
  }

  #number(): number {
    this.#peek();
    const start = this.#at;
    const value = this.#shortNumber();
    return value ?? this.#anyNumber(start);
  }

  /** What Kinesis writes (0, 1767225600.123, 1.767225600123E9), exactly as JSON.parse reads it: whole digits below 2^53 times or by an exact power of ten round once. */
  #shortNumber(): number | undefined {
    const body = this.#body;
    const start = this.#at;
    let digits = this.#digits(0);
    const whole = this.#at - start;
    if (whole === 0 || (whole > 1 && body[start] === ZERO)) return undefined;
    let fraction = 0;
    if (body[this.#at] === DOT) {
      const dot = this.#at++;
      digits = this.#digits(digits);
      fraction = this.#at - dot - 1;
      if (fraction === 0) return undefined;
    }
    if (whole + fraction > 15) return undefined;
    const power = this.#exponent() - fraction;
    return power < -22 || power > 22 ? undefined : power < 0 ? digits / 10 ** -power : digits * 10 ** power;
  }

  #digits(value: number): number {
    const body = this.#body;
    let at = this.#at;
    for (; isDigit(body[at]); at++) value = value * 10 + body[at]! - ZERO;
    this.#at = at;
    return value;
  }

  /** Zero when there is none; one that is written otherwise than `E9` is out of range, which leaves it to the general parser. */
  #exponent(): number {
    const letter = this.#body[this.#at];
    if (letter !== UPPER_E && letter !== LOWER_E) return 0;
    const start = ++this.#at;
    const value = this.#digits(0);
    return this.#at === start ? Infinity : value;
  }

  #anyNumber(start: number): number {
    let end = start;
    while (NUMBER_BYTES.has(this.#body[end])) end++;
    const number = this.#body.toString('latin1', start, end);
    if (!NUMBER.test(number)) throw UNUSUAL;
    this.#at = end;
    return Number(number);
  }
}

const NUMBER_BYTES: ReadonlySet<number | undefined> = new Set(Buffer.from('0123456789+-.eE'));
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;
