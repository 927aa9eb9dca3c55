/** From the records of one shard to events that the output accepted: decode, batch, write, raise the watermark. */
import type { Clock } from '../base/clock.ts';
import type { EventLog } from '../base/events.ts';
import type { BatchBuilder } from '../record/batch.ts';
import type { RecordDecoder } from '../record/decode.ts';
import { MARK } from '../record/event.ts';
import type { KinlogHeader } from '../record/kinlog-lines.ts';
import { UnbrokenOrder, type Released } from '../record/unbroken.ts';
import type { BuilderPool } from './builder-pool.ts';
import type { Position } from './checkpoint/position.ts';
import type { Run, Watermark } from './checkpoint/watermark.ts';
import type { KinesisRecord, RecordPage, Shard } from './fetch/source.ts';
import type { Output } from './output/output.ts';

/** Takes the pages of one shard, in order. */
export interface Delivery {
  /** Settles when the page is on its way: decoded, and no more batches of it not accepted yet than the output wants. Rejects when an earlier batch was refused. */
  deliver(page: RecordPage, signal: AbortSignal): Promise<void>;
  /** The next page may be long in coming: as settled, unless the output wants to have several batches on their way. */
  caughtUp(): Promise<void>;
  /** The shard has ended: what was held back for records that never came goes on its way. */
  finish(signal: AbortSignal): Promise<void>;
  /** Settles when everything on its way was accepted; rejects when something never will be. */
  settled(): Promise<void>;
}

/** Whether the shard is still this reader's: others may take it while the process stands still or the store is away. */
export interface ShardLease {
  /** Undefined while it is; otherwise settles once the store has said so, and rejects with KINLOG_LEASE_LOST when it is not. */
  confirm(signal: AbortSignal): Promise<void> | undefined;
  held(): boolean;
  /** The watermark moved: its position may be stored, also while the output keeps the rest of the page waiting. */
  accepted(signal: AbortSignal): void;
}

/** A batch is handed on once it holds this many bytes: enough to make the cost per batch vanish, little enough to stay in the caches. */
const BATCH_BYTES = 1024 * 1024;

export interface EventDeliveryParts {
  readonly shard: Shard;
  readonly decoder: RecordDecoder;
  readonly builders: BuilderPool;
  readonly output: Output;
  readonly watermark: Watermark;
  readonly lease: ShardLease;
  readonly clock: Clock;
  readonly log: EventLog;
}

/** A record of an unbroken stream. It has a run of its own once it was held back. */
interface Block {
  record: KinesisRecord;
  run?: Run;
}

export class EventDelivery implements Delivery {
  readonly #parts: EventDeliveryParts;
  readonly #range: { readonly start: bigint; readonly end: bigint };
  readonly #unbroken = new UnbrokenOrder<Block>();
  /** Batches on their way; none of them rejects. */
  readonly #writes: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;
  #builder: BatchBuilder | undefined;
  /** User records up to this one were accepted before the position was stored; only the first record read can contain them. */
  #resumed: Extract<Position, { kind: 'after' }> | undefined;
  /** What the batch under construction will have covered when it is accepted. */
  #covered: { end: Position; arrivalMs: number } | undefined;

  constructor(parts: EventDeliveryParts) {
    this.#parts = parts;
    this.#range = { start: BigInt(parts.shard.startingHashKey), end: BigInt(parts.shard.endingHashKey) };
    const { position } = parts.watermark;
    this.#resumed = position.kind === 'after' && position.partial ? position : undefined;
  }

  async deliver(page: RecordPage, signal: AbortSignal): Promise<void> {
    const { log, shard, clock } = this.#parts;
    if (page.records.length > 0) {
      log.emit('page.fetched', { shard: shard.shardId, records: page.records.length, bytes: page.bytes });
      log.count('records_read', page.records.length);
      log.count('bytes_read', page.bytes);
    }
    this.#refuseFailed();
    await this.#whole(async () => {
      for (const record of page.records) {
        const wait = this.#take(record, signal);
        if (wait !== undefined) await wait;
      }
      await this.#deliverReleased(this.#unbroken.expire(clock.monotonic()), signal);
      if (this.#builder !== undefined) log.emit('page.decoded', { shard: shard.shardId });
    }, signal);
  }

  async finish(signal: AbortSignal): Promise<void> {
    await this.#whole(() => this.#deliverReleased(this.#unbroken.drain(), signal), signal);
  }

  /** What is on its way beside a batch that failed may still be accepted, and is waited for. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
    this.#refuseFailed();
  }

  caughtUp(): Promise<void> {
    return this.#window === 1 ? this.settled() : Promise.resolve();
  }

  get #window(): number {
    return this.#parts.output.window ?? 1;
  }

  #refuseFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Whatever the work left in a builder is sent, or given up when it failed. */
  async #whole(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work();
      await this.#sendCovered(signal);
    } finally {
      if (this.#builder !== undefined) this.#parts.builders.give(this.#builder);
      this.#builder = undefined;
    }
  }

  /** Undefined when there is nothing to wait for, which is the rule: a promise for each small record would cost as much as decoding it. */
  #take(record: KinesisRecord, signal: AbortSignal): Promise<void> | undefined {
    const header = this.#parts.decoder.begin(record, this.#acceptedOf(record), this.#range);
    if (header !== undefined) return this.#takeBlock({ record }, header, signal);
    if (this.#builder === undefined) return this.#decode(record, signal);
    if (this.#parts.decoder.step(this.#builder) === 'done') return this.#cover(record, signal);
    return this.#handOn(record, signal).then(() => this.#decode(record, signal));
  }

  async #takeBlock(block: Block, header: KinlogHeader, signal: AbortSignal): Promise<void> {
    const { data } = block.record;
    const released = this.#unbroken.accept(header, block, data.length, this.#parts.clock.monotonic());
    if (!released.some((item) => item.block === block)) await this.#holdBack(block, signal);
    await this.#deliverReleased(released, signal);
  }

  /** The block waits for an earlier one; the watermark stays below it while what follows goes on. */
  async #holdBack(block: Block, signal: AbortSignal): Promise<void> {
    const { record } = block;
    await this.#sendCovered(signal);
    this.#covered = { end: after(record.sequenceNumber, 0, false), arrivalMs: record.arrivalMs };
    block.run = this.#parts.watermark.open(this.#covered.end, record.arrivalMs);
    // The page's memory is used again before the block is delivered.
    block.record = { ...record, data: new Uint8Array(record.data) };
  }

  async #deliverReleased(released: readonly Released<Block>[], signal: AbortSignal): Promise<void> {
    const { decoder, log, shard } = this.#parts;
    for (const { block, header, missing, late } of released) {
      if (missing > 0 || late) log.emit('unbroken.gap', { shard: shard.shardId, source: header.source, missing, late });
      if (block.run !== undefined) await this.#sendCovered(signal);
      decoder.begin(block.record, undefined, this.#range);
      await this.#decode(block.record, signal, block.run);
      if (block.run !== undefined) await this.#send(block.run, signal);
    }
  }

  /** The rest of a record that the decoder has begun. `held`: its own run, which is accepted with its last batch. */
  async #decode(record: KinesisRecord, signal: AbortSignal, held?: Run): Promise<void> {
    const { decoder, builders } = this.#parts;
    for (;;) {
      this.#builder ??= await builders.take();
      if (decoder.step(this.#builder) === 'done') break;
      await this.#handOn(record, signal, held);
    }
    if (held === undefined) await this.#cover(record, signal);
  }

  /** The batch takes no more though the record goes on. */
  async #handOn(record: KinesisRecord, signal: AbortSignal, held?: Run): Promise<void> {
    if (held !== undefined) {
      await this.#send(undefined, signal);
      return;
    }
    this.#coverPart(record, this.#parts.decoder.lastComplete);
    await this.#sendCovered(signal);
  }

  /** The whole record is in the batch. */
  #cover(record: KinesisRecord, signal: AbortSignal): Promise<void> | undefined {
    this.#covered = {
      end: after(record.sequenceNumber, this.#parts.decoder.lastComplete ?? 0, false),
      arrivalMs: record.arrivalMs,
    };
    return this.#builder !== undefined && this.#builder.used >= BATCH_BYTES ? this.#sendCovered(signal) : undefined;
  }

  #acceptedOf(record: KinesisRecord): number | undefined {
    const resumed = this.#resumed;
    this.#resumed = undefined;
    return resumed?.sequenceNumber === record.sequenceNumber ? resumed.subSequence : undefined;
  }

  /** The batch ends inside a record: it covers the user records that are complete. */
  #coverPart(record: KinesisRecord, complete: number | undefined): void {
    if (complete === undefined) return;
    this.#covered = { end: after(record.sequenceNumber, complete, true), arrivalMs: record.arrivalMs };
  }

  async #sendCovered(signal: AbortSignal): Promise<void> {
    if (this.#builder === undefined) return;
    const { watermark } = this.#parts;
    const { end, arrivalMs } = this.#covered ?? { end: watermark.opened, arrivalMs: watermark.arrivalMs };
    await this.#send(watermark.open(end, arrivalMs), signal);
  }

  /** Waits until the output wants one more: usually for the batch before, so that batches of a shard stay in order and two at most are alive. */
  async #send(run: Run | undefined, signal: AbortSignal): Promise<void> {
    while (this.#failure === undefined && this.#writes.length >= this.#window) await Promise.race(this.#writes);
    this.#refuseFailed();
    const builder = this.#builder;
    if (builder === undefined) return;
    this.#builder = undefined;
    const write = this.#write(builder, signal)
      .then(() => {
        if (run !== undefined && this.#parts.watermark.accept(run)) this.#parts.lease.accepted(signal);
      })
      // Whoever sends or settles next meets the failure.
      .catch((error: unknown) => void (this.#failure ??= { error }));
    this.#writes.push(write);
    void write.then(() => this.#writes.splice(this.#writes.indexOf(write), 1));
  }

  async #write(builder: BatchBuilder, signal: AbortSignal): Promise<void> {
    const { output, builders, log, shard, lease } = this.#parts;
    const events = builder.length;
    try {
      if (events === 0) return;
      const unconfirmed = lease.confirm(signal);
      if (unconfirmed !== undefined) await unconfirmed;
      const batch = builder.seal();
      const undecoded = countUndecoded(batch.marks);
      await output.write(batch, signal);
      if (undecoded > 0) log.count('events_undecoded', undecoded);
    } finally {
      builders.give(builder);
    }
    log.count('events_delivered', events);
    if (!lease.held()) log.count('events_delivered_late', events);
    log.emit('batch.written', { shard: shard.shardId, events });
  }
}

function countUndecoded(marks: Uint8Array): number {
  let count = 0;
  for (const mark of marks) if ((mark & MARK.undecoded) !== 0) count++;
  return count;
}

function after(sequenceNumber: string, subSequence: number, partial: boolean): Position {
  return { kind: 'after', sequenceNumber, subSequence, partial };
}
