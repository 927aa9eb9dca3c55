/** Whole records to a sink, for those who do not want their events: the other way through the end of the reader. */
import type { Watermark } from './checkpoint/watermark.ts';
import type { Delivery, ShardLease } from './deliver.ts';
import type { RecordPage, Shard } from './fetch/source.ts';

/** Where whole records go. Shards write at the same time, each its pages in order. */
export interface RecordSink {
  /** Settles when the records are as safe as the sink can make them; their bytes are used again then, so copy what you keep. Pages without a record come too: only they tell that an empty shard is read to its tip. */
  write(shard: Shard, page: RecordPage, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export class RecordDelivery implements Delivery {
  readonly #shard: Shard;
  readonly #sink: RecordSink;
  readonly #watermark: Watermark;
  readonly #lease: ShardLease;

  constructor(shard: Shard, sink: RecordSink, { watermark, lease }: { watermark: Watermark; lease: ShardLease }) {
    this.#shard = shard;
    this.#sink = sink;
    this.#watermark = watermark;
    this.#lease = lease;
  }

  async deliver(page: RecordPage, signal: AbortSignal): Promise<void> {
    await this.#lease.confirm(signal);
    const last = page.records.at(-1);
    if (last === undefined) {
      await this.#sink.write(this.#shard, page, signal);
      return;
    }
    const end = { kind: 'after', sequenceNumber: last.sequenceNumber, subSequence: 0, partial: false } as const;
    const run = this.#watermark.open(end, last.arrivalMs);
    await this.#sink.write(this.#shard, page, signal);
    this.#watermark.accept(run);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  caughtUp(): Promise<void> {
    return this.settled();
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }
}
