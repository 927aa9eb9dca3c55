/** Groups events into what becomes one record: by metadata where the record says it once, by partition key where order matters. */
import { randomBytes } from 'node:crypto';
import type { EventMeta, OutgoingEvent } from '../record/event.ts';
import { md5 } from '../record/md5.ts';

/** `random`: a new key for every record, so that records spread over the shards and order is not kept. Text, or a function's answer: events of one
 *  key go to one shard in the order they were written. */
export type PartitionKey = 'random' | { readonly fixed: string } | ((event: OutgoingEvent, meta: EventMeta) => string);

/** Told once when the event's fate is known. */
export type EventSettle = (error?: Error) => void;

/** Raw bytes at which a record is closed, as the original sender does it. */
const TARGET_BYTES = 256 * 1024;
/** Bounds the work for one record when events are tiny. */
const TARGET_EVENTS = 16_384;

export class Batch {
  readonly meta: EventMeta;
  /** Absent: the record gets a key of its own. */
  readonly key: string | undefined;
  readonly openedAt: number;
  readonly events: OutgoingEvent[] = [];
  readonly settles: (EventSettle | undefined)[] = [];
  bytes = 0;

  constructor(meta: EventMeta, key: string | undefined, openedAt: number) {
    this.meta = meta;
    this.key = key;
    this.openedAt = openedAt;
  }

  add(event: OutgoingEvent, bytes: number, settle: EventSettle | undefined): void {
    this.events.push(event);
    this.settles.push(settle);
    this.bytes += bytes;
  }

  takes(bytes: number): boolean {
    return this.bytes + bytes <= TARGET_BYTES && this.events.length < TARGET_EVENTS;
  }
}

export interface Grouping {
  readonly partitionKey: PartitionKey;
  /** The record says its metadata once for all events (kinlog). */
  readonly oneMeta: boolean;
  /** Applied to events that do not say their own. */
  readonly meta: EventMeta;
}

const INTERNED_LIMIT = 10_000;

/** The batches that still take events. */
export class OpenBatches {
  readonly #grouping: Grouping;
  readonly #close: (batch: Batch) => void;
  readonly #batches = new Map<string | EventMeta, Batch>();
  readonly #merged = new WeakMap<EventMeta, EventMeta>();
  readonly #interned = new Map<string, EventMeta>();
  readonly #defaults: EventMeta;

  /** `close` is called with every batch that takes no more, in the order of their first events per key. */
  constructor(grouping: Grouping, close: (batch: Batch) => void) {
    this.#grouping = grouping;
    this.#close = close;
    this.#defaults = this.#intern({ ...grouping.meta });
  }

  get size(): number {
    return this.#batches.size;
  }

  add(event: OutgoingEvent, bytes: number, settle: EventSettle | undefined, now: number): void {
    const meta = this.#metaOf(event);
    const key = this.#keyOf(event, meta);
    const lane = key ?? (this.#grouping.oneMeta ? meta : this.#defaults);
    let batch = this.#batches.get(lane);
    // A second batch of the same key would have no order with the first.
    if (batch !== undefined && (!batch.takes(bytes) || (this.#grouping.oneMeta && batch.meta !== meta))) {
      this.#shut(lane, batch);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = new Batch(meta, key, now);
      this.#batches.set(lane, batch);
    }
    batch.add(event, bytes, settle);
    if (!batch.takes(1)) this.#shut(lane, batch);
  }

  /** Closes what was opened at or before `openedBy`; all without it. */
  close(openedBy = Infinity): void {
    for (const [lane, batch] of this.#batches) if (batch.openedAt <= openedBy) this.#shut(lane, batch);
  }

  /** When the oldest open batch was opened. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const { openedAt } of this.#batches.values()) if (oldest === undefined || openedAt < oldest) oldest = openedAt;
    return oldest;
  }

  #shut(lane: string | EventMeta, batch: Batch): void {
    this.#batches.delete(lane);
    this.#close(batch);
  }

  #keyOf(event: OutgoingEvent, meta: EventMeta): string | undefined {
    const { partitionKey } = this.#grouping;
    if (partitionKey === 'random') return undefined;
    return validKey(typeof partitionKey === 'function' ? partitionKey(event, meta) : partitionKey.fixed);
  }

  /** One object per distinct metadata, so that comparing is a pointer's work. */
  #metaOf(event: OutgoingEvent): EventMeta {
    const given = event.meta;
    if (given === undefined) return this.#defaults;
    let merged = this.#merged.get(given);
    if (merged === undefined) {
      merged = this.#intern({ ...this.#grouping.meta, ...given });
      this.#merged.set(given, merged);
    }
    return merged;
  }

  #intern(meta: EventMeta): EventMeta {
    const text = JSON.stringify([meta.host, meta.source, meta.sourcetype, meta.index]);
    const known = this.#interned.get(text);
    if (known !== undefined) return known;
    // Forgetting only costs a smaller record: two batches instead of one.
    if (this.#interned.size >= INTERNED_LIMIT) this.#interned.clear();
    this.#interned.set(text, meta);
    return meta;
  }
}

/** A decimal number of 63 random bits after `prefix`, as the original sender makes its keys. */
export function randomKey(prefix: string): string {
  return `${prefix}${randomBytes(8).readBigUInt64BE() & 0x7fffffffffffffffn}`;
}

/** Kinesis takes keys of 1 to 256 characters: longer ones become their hash, which keeps equal keys equal. */
function validKey(key: string): string {
  if (key.length <= 256) return key === '' ? '-' : key;
  return md5(Buffer.from(key)).toString('hex');
}
