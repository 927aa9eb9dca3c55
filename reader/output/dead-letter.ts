/** An output around another: what that one refuses for good is found, put aside durably, and everything else goes on. */
import { systemClock, type Clock } from '../../base/clock.ts';
import { isKinlogError, type KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { backoffMs } from '../../base/retry.ts';
import type { EventBatch } from '../../record/batch.ts';
import { recordOf, sliceBatch } from '../../record/batch-slice.ts';
import type { LogEvent, RecordPlace } from '../../record/event.ts';
import { EventsRefused, type Output, type RefusedEvent } from './output.ts';

/** One refused event: what it is, where it lies in the stream, and why it was refused. */
export interface DeadLetter {
  readonly stream: string;
  readonly shard: string;
  readonly record: RecordPlace;
  /** Among the events of the record that came in one batch, from 0. */
  readonly index: number;
  /** Valid until the promise of `put` settles. */
  readonly event: LogEvent;
  readonly reason: string;
}

/** Where refused events go. */
export interface DeadLetters {
  /** Rejects with KINLOG_DEAD_LETTERS_FULL when it takes no more; asked before a refused batch is taken apart, so that its good events do not arrive again and again. */
  ready(signal: AbortSignal): Promise<void>;
  /** Settles when all of the letters are durable, or keeps none of them. */
  put(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void>;
}

export interface DeadLetterOptions {
  readonly letters: DeadLetters;
  readonly stream: string;
  readonly shard: string;
  readonly log: EventLog;
  readonly clock?: Clock;
  /** Writes of a batch that is refused before it is taken apart. Default 3. */
  readonly attempts?: number;
}

const ATTEMPTS = 3;

/** For one shard. Whatever the inner output rejects with but KINLOG_EVENTS_REFUSED passes through, and what was found until then is found again. */
export class DeadLetterOutput implements Output {
  readonly #inner: Output;
  readonly #options: DeadLetterOptions;

  constructor(inner: Output, options: DeadLetterOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get window(): number {
    return this.#inner.window ?? 1;
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const refusal = await this.#persist(batch, signal);
    if (refusal === undefined) return;
    if (!(refusal instanceof EventsRefused)) await this.#options.letters.ready(signal);
    const refused: RefusedEvent[] = [];
    await this.#divide(batch, { from: 0, to: batch.length, refusal }, refused, signal);
    if (refused.length > 0) await this.#bury(batch, refused, signal);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Why the batch is still refused after the last attempt, or the first that names the events; undefined when it was accepted. */
  async #persist(batch: EventBatch, signal: AbortSignal): Promise<KinlogError | undefined> {
    const { clock = systemClock, attempts = ATTEMPTS } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const refusal = await this.#try(batch, signal);
      if (refusal === undefined || refusal instanceof EventsRefused || attempt >= attempts) return refusal;
      await clock.sleep(backoffMs(refusal, attempt, Math.random), signal);
    }
  }

  async #try(batch: EventBatch, signal: AbortSignal): Promise<KinlogError | undefined> {
    try {
      await this.#inner.write(batch, signal);
      return undefined;
    } catch (error) {
      if (isKinlogError(error, 'KINLOG_EVENTS_REFUSED')) return error;
      throw error;
    }
  }

  /** The halves of a refused part are tried one after the other, so that the accepted events keep their order. */
  async #divide(
    batch: EventBatch,
    { from, to, refusal }: { from: number; to: number; refusal: KinlogError },
    refused: RefusedEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    if (refusal instanceof EventsRefused) {
      for (const { index, reason } of refusal.refused) refused.push({ index: from + index, reason });
      return;
    }
    if (to - from === 1) {
      refused.push({ index: from, reason: refusal.message });
      return;
    }
    const middle = (from + to) >>> 1;
    for (const half of [
      { from, to: middle },
      { from: middle, to },
    ]) {
      const again = await this.#try(sliceBatch(batch, half.from, half.to), signal);
      if (again !== undefined) await this.#divide(batch, { ...half, refusal: again }, refused, signal);
    }
  }

  async #bury(batch: EventBatch, refused: readonly RefusedEvent[], signal: AbortSignal): Promise<void> {
    const { letters, stream, shard, log } = this.#options;
    const all = refused.map(({ index, reason }): DeadLetter => {
      const record = recordOf(batch, index);
      const place = { record: batch.records[record]!, index: index - batch.firstEvent[record]! };
      return { stream, shard, ...place, event: batch.at(index), reason };
    });
    await letters.put(all, signal);
    log.count('events_dead_lettered', all.length);
    const { record, index, reason } = all[0]!;
    const { sequenceNumber, subSequence } = record;
    log.emit('events.dead-lettered', { events: all.length, shard, sequenceNumber, subSequence, index, reason });
  }
}
