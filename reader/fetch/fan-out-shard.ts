/** One shard being pushed: from a position to pages, over one subscription after another. */
import { asKinlogError, KinlogError } from '../../base/errors.ts';
import { startAt, type IteratorStart, type RecordsAnswer } from './api.ts';
import type { ByteBudget, Grant } from './budget.ts';
import type { StreamConsumer } from './consumer.ts';
import type { SubscriptionApi } from './fan-out-api.ts';
import { EndOfShard } from './end.ts';
import type { PushedFrame, Subscription } from './fan-out-stream.ts';
import type { PollTarget } from './poll.ts';
import type { RecordPage, Shard } from './source.ts';
import { ShardTrouble, type TroubleContext } from './trouble.ts';

export interface PushContext extends TroubleContext {
  readonly pushing: SubscriptionApi;
  readonly consumer: StreamConsumer;
  readonly budget: ByteBudget;
  /** How long the first subscription of a shard waits, so that many do not begin at once. */
  readonly spreadMs: () => number;
}

// API reference of SubscribeToShard: one call a second for a shard; one within five seconds of a successful one is refused.
const CALL_EVERY_MS = 1_000;
const HOLD_MS = 5_000;
/** Memory of a page for each record. */
const RECORD_COST = 400;

export class ShardPush {
  readonly #context: PushContext;
  readonly #shard: Shard;
  readonly #signal: AbortSignal;
  readonly #trouble: ShardTrouble;
  readonly #end: EndOfShard;
  /** Where the next subscription begins: the opening position, then after the continuation of the last event read; never the tip. */
  #start: IteratorStart;
  #subscription: Subscription | undefined;
  /** Whether the subscription has brought anything. */
  #heard = false;
  #refusals = 0;
  #notBeforeMs: number;
  #ended = false;

  constructor(context: PushContext, { shard, from, signal }: PollTarget) {
    this.#context = context;
    this.#shard = shard;
    this.#signal = signal;
    this.#trouble = new ShardTrouble(context, shard.shardId, signal);
    this.#end = new EndOfShard(context.api, shard);
    this.#start = startAt(from);
    this.#notBeforeMs = context.clock.monotonic() + context.spreadMs();
  }

  /** The next page; undefined after the end. One call at a time. */
  async next(): Promise<RecordPage | undefined> {
    while (!this.#ended) {
      const page = await this.#attempt();
      if (page !== undefined) return page;
    }
    return undefined;
  }

  /** Undefined when there was no event; the wait for the next attempt is over then. */
  async #attempt(): Promise<RecordPage | undefined> {
    try {
      this.#subscription ??= await this.#subscribe();
      const frame = await this.#subscription.next();
      if (frame !== undefined) return await this.#take(frame);
      this.#renew();
      return undefined;
    } catch (error) {
      this.#leave();
      this.#signal.throwIfAborted();
      await this.#react(asKinlogError(error, `reading ${this.#shard.shardId}`));
      return undefined;
    }
  }

  async #subscribe(): Promise<Subscription> {
    const { clock, consumer, pushing } = this.#context;
    for (let ms = this.#waitMs(); ms > 0; ms = this.#waitMs()) await clock.sleep(ms, this.#signal);
    const consumerArn = await consumer.arn(this.#signal);
    this.#holdOff(CALL_EVERY_MS);
    const target = { consumerArn, shardId: this.#shard.shardId, start: this.#start };
    const subscription = await pushing.subscribe(target, this.#signal);
    this.#holdOff(HOLD_MS);
    this.#heard = false;
    this.#refusals = 0;
    return subscription;
  }

  /** The service ends every subscription after five minutes. */
  #renew(): void {
    const { shardId } = this.#shard;
    if (!this.#heard)
      throw new KinlogError(
        'KINLOG_SERVICE_UNAVAILABLE',
        `SubscribeToShard on ${shardId} ended before it brought anything`,
      );
    this.#leave();
    this.#context.log.emit('subscription.ended', { shard: shardId });
  }

  #leave(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  /** The bytes are asked for before the frame is read: what the process can not hold stays on the connection. */
  async #take(frame: PushedFrame): Promise<RecordPage | undefined> {
    const grant = await this.#context.budget.acquire(frame.bytes, this.#signal);
    try {
      const event = await frame.event();
      if (event === undefined) {
        grant.release();
        return undefined;
      }
      this.#ended = event.next === undefined && (await this.#end.confirmed(event, 'SubscribeToShard', this.#signal));
      grant.resize(frame.bytes + event.records.length * RECORD_COST);
      return this.#accept(event, grant);
    } catch (error) {
      grant.release();
      throw error;
    }
  }

  #accept({ records, bytes, next, millisBehindLatest, children }: RecordsAnswer, grant: Grant): RecordPage {
    this.#trouble.recovered();
    this.#heard = true;
    const sequenceNumber = next ?? records.at(-1)?.sequenceNumber;
    if (sequenceNumber !== undefined) this.#start = { kind: 'after', sequenceNumber };
    if (next === undefined) this.#leave();
    const release = () => {
      grant.release();
    };
    // Some servers name the children from the moment of the split on; they begin when this shard has ended.
    return { records, bytes, millisBehindLatest, children: this.#ended ? children : [], release };
  }

  async #react(error: KinlogError): Promise<void> {
    const { consumer } = this.#context;
    if (error.code === 'KINLOG_POSITION_REFUSED') {
      this.#start = await this.#trouble.intoThePast(error, this.#start);
      return;
    }
    if (error.code === 'KINLOG_STREAM_NOT_FOUND') consumer.forget();
    if (error.code === 'KINLOG_SUBSCRIPTION_TAKEN' && error.retry === 'soon') this.#refused();
    await this.#trouble.after(error);
  }

  /** Somebody subscribed less than five seconds ago, perhaps ourselves before a crash. If it lasts, it may be that the consumer is not active. */
  #refused(): void {
    const { random, consumer } = this.#context;
    this.#holdOff(HOLD_MS + random() * CALL_EVERY_MS);
    if (++this.#refusals > 1) consumer.forget();
  }

  #waitMs(): number {
    return Math.ceil(this.#notBeforeMs - this.#context.clock.monotonic());
  }

  #holdOff(ms: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#context.clock.monotonic() + ms);
  }
}
