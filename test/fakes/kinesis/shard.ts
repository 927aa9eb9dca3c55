/** One shard: its records, rendered once as JSON into slabs so that a page of any size is a few slices. */
import { Changes } from './changes.ts';
import { CallLimit, ReadLimit, WriteLimit } from './limits.ts';
import { LAST_INDEX, parseSequence, sequenceNumber, shardName } from './sequence.ts';

export interface StoredRecord {
  readonly sequenceNumber: string;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
  /** Data and partition key. */
  readonly bytes: number;
  /** `,{…}` in `slab`. */
  readonly slab: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface NewRecord {
  /** Absent as on streams whose service ignores keys. */
  readonly partitionKey: string | undefined;
  readonly base64: string;
  readonly bytes: number;
  readonly arrivalMs: number;
}

export interface Lineage {
  readonly parent?: string;
  readonly adjacentParent?: string;
}

export interface ShardShape extends Lineage {
  readonly index: number;
  readonly firstHash: bigint;
  /** Inclusive. */
  readonly lastHash: bigint;
  readonly openedMs: number;
  /** Creation second of sequence numbers. */
  readonly createdS: number;
}

export interface Page {
  readonly records: readonly StoredRecord[];
  readonly bytes: number;
  /** Cut by the size limit, not by the number of records. */
  readonly full: boolean;
  /** Ordinal of the record that follows. */
  readonly next: number;
}

const SLAB_BYTES = 256 * 1024;

export class FakeShard {
  readonly shape: ShardShape;
  readonly shardId: string;
  readonly reads = new ReadLimit();
  readonly writes = new WriteLimit();
  readonly iterators = new CallLimit(5);
  /** Whatever a subscription may wait for. */
  readonly changes = new Changes();
  children: readonly string[] = [];
  closedMs: number | undefined;
  #lastWrittenS: number;
  #records: StoredRecord[] = [];
  /** Ordinal of the oldest record still there; ordinals count every record ever put. */
  #horizon = 0;
  #slab = Buffer.alloc(0);
  #used = 0;

  constructor(shape: ShardShape) {
    this.shape = shape;
    this.shardId = shardName(shape.index);
    this.#lastWrittenS = shape.createdS;
  }

  get horizon(): number {
    return this.#horizon;
  }

  /** Ordinal of the record that will come next. */
  get tip(): number {
    return this.#horizon + this.#records.length;
  }

  get records(): readonly StoredRecord[] {
    return this.#records;
  }

  get startingSequenceNumber(): string {
    const { createdS, index } = this.shape;
    return sequenceNumber({ createdS, index: 0n, writtenS: createdS, shard: index });
  }

  get endingSequenceNumber(): string | undefined {
    if (this.closedMs === undefined) return undefined;
    const { createdS, index } = this.shape;
    return sequenceNumber({ createdS, index: LAST_INDEX, writtenS: seconds(this.closedMs), shard: index });
  }

  append(record: NewRecord): StoredRecord {
    const { createdS, index } = this.shape;
    this.#lastWrittenS = Math.max(this.#lastWrittenS, seconds(record.arrivalMs));
    const sequence = sequenceNumber({
      createdS,
      index: BigInt(this.tip + 1),
      writtenS: this.#lastWrittenS,
      shard: index,
    });
    const stored = { ...this.#render(record, sequence), sequenceNumber: sequence };
    this.#records.push(stored);
    this.changes.announce();
    return stored;
  }

  /** Forgets what arrived before this time. */
  trim(beforeMs: number): void {
    let gone = 0;
    while (gone < this.#records.length && this.#records[gone]!.arrivalMs < beforeMs) gone++;
    if (gone === 0) return;
    this.#records = this.#records.slice(gone);
    this.#horizon += gone;
  }

  /** At least one record when there is one, however large. */
  page(from: number, limit: number, maxBytes: number): Page {
    const first = Math.max(0, from - this.#horizon);
    let last = first;
    let bytes = 0;
    let full = false;
    while (last < this.#records.length && last - first < limit && !full) {
      const size = this.#records[last]!.bytes;
      full = last > first && bytes + size > maxBytes;
      if (full) break;
      bytes += size;
      last++;
      full = bytes >= maxBytes;
    }
    return { records: this.#records.slice(first, last), bytes, full, next: this.#horizon + last };
  }

  /** Undefined at the tip. */
  arrivalOf(ordinal: number): number | undefined {
    return this.#records[Math.max(0, ordinal - this.#horizon)]?.arrivalMs;
  }

  /** Ordinal of the first record at (or after) a sequence number of this shard. */
  ordinalOf(sequence: string, after: boolean): number {
    // The index is the record's ordinal plus one; the shard's starting number has index 0, its ending number the last.
    const index = parseSequence(sequence)!.index;
    const at = index === 0n ? 0 : index > BigInt(this.tip) ? this.tip : Number(index) - 1;
    return after && index > 0n ? Math.min(at + 1, this.tip) : at;
  }

  ordinalAtTime(ms: number): number {
    const found = this.#records.findIndex((record) => record.arrivalMs >= ms);
    return found === -1 ? this.tip : this.#horizon + found;
  }

  #render(record: NewRecord, sequence: string): Omit<StoredRecord, 'sequenceNumber'> {
    const { partitionKey, base64, bytes, arrivalMs } = record;
    const head = ',{"Data":"';
    const key = partitionKey === undefined ? '' : `"PartitionKey":${JSON.stringify(partitionKey)},`;
    const tail = `",${key}"ApproximateArrivalTimestamp":${epochSeconds(arrivalMs)},"SequenceNumber":"${sequence}"}`;
    const needed = head.length + base64.length + Buffer.byteLength(tail);
    if (this.#used + needed > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, needed));
      this.#used = 0;
    }
    const slab = this.#slab;
    const start = this.#used;
    let end = start + slab.write(head, start, 'latin1');
    end += slab.write(base64, end, 'latin1');
    end += slab.write(tail, end, 'utf8');
    this.#used = end;
    return { arrivalMs, bytes, slab, start, end };
  }
}

/** The service writes times as doubles in scientific notation (API reference of GetRecords): 1.441215410867E9. */
const epochSeconds = (ms: number): string => (ms / 1000).toExponential().replace('e+', 'E');

const seconds = (ms: number): number => Math.floor(ms / 1000);
