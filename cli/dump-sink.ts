/** Writes the records of all shards, page by page, and knows when there were enough. */
import { systemClock, type Clock } from '../base/clock.ts';
import type { KinesisRecord, RecordPage, RecordSink, Shard } from '../reader/index.ts';
import type { ByteTarget } from './byte-target.ts';

export interface DumpOptions {
  readonly target: ByteTarget;
  readonly dataFormat: 'json' | 'raw';
  /** Reads of one shard in a second. */
  readonly maxRate: number;
  readonly count: number | undefined;
  /** Asked for with the first page: end once all of these shards were read to their tip. Absent: never end. */
  readonly tips: (() => Promise<ReadonlySet<string>>) | undefined;
  /** Ends the waits between pages. */
  readonly stop: AbortSignal;
  readonly clock?: Clock;
}

export class DumpSink implements RecordSink {
  readonly #options: DumpOptions;
  readonly #clock: Clock;
  readonly #done = new AbortController();
  readonly #stop: AbortSignal;
  readonly #writtenAt = new Map<string, number>();
  #missing: Promise<Set<string>> | undefined;
  records = 0;

  constructor(options: DumpOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#stop = AbortSignal.any([options.stop, this.#done.signal]);
  }

  /** Aborts when there were enough records. */
  get done(): AbortSignal {
    return this.#done.signal;
  }

  async write(shard: Shard, page: RecordPage, signal: AbortSignal): Promise<void> {
    const { tips } = this.#options;
    if (tips !== undefined) this.#missing ??= tips().then((shards) => new Set(shards));
    await this.#keepPace(shard.shardId);
    const left = (this.#options.count ?? Infinity) - this.records;
    const records = page.records.length > left ? page.records.slice(0, left) : page.records;
    this.records += records.length;
    await this.#options.target.write(
      this.#options.dataFormat === 'json' ? jsonLines(records) : rawBytes(records),
      signal,
    );
    if (records.length === left) this.#end();
    // What was not written must not count as read: a later run repeats the page rather than miss its end.
    if (records.length < page.records.length) this.#done.signal.throwIfAborted();
    if (page.millisBehindLatest === 0 || page.children.length > 0) await this.#reachedTip(shard.shardId);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The source reads one page ahead, so pages taken slowly are reads made slowly. */
  async #keepPace(shardId: string): Promise<void> {
    const last = this.#writtenAt.get(shardId) ?? -Infinity;
    const waitMs = last + 1000 / this.#options.maxRate - this.#clock.monotonic();
    if (waitMs > 0) await this.#clock.sleep(waitMs, this.#stop);
    this.#stop.throwIfAborted();
    this.#writtenAt.set(shardId, this.#clock.monotonic());
  }

  async #reachedTip(shardId: string): Promise<void> {
    const missing = await this.#missing;
    if (missing?.delete(shardId) === true && missing.size === 0) this.#end();
  }

  #end(): void {
    this.#done.abort(new DOMException('enough was read', 'AbortError'));
  }
}

/** A line for each record, with the keys of the original tool. */
function jsonLines(records: readonly KinesisRecord[]): string {
  let lines = '';
  for (const { arrivalMs, partitionKey = '', sequenceNumber, data } of records) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    const time = new Date(arrivalMs).toISOString();
    lines += `{"arrival_time":"${time}","partition_key":${JSON.stringify(partitionKey)},"seq":"${sequenceNumber}","data":"${bytes}"}\n`;
  }
  return lines;
}

function rawBytes(records: readonly KinesisRecord[]): Uint8Array {
  return Buffer.concat(records.map(({ data }) => data));
}
