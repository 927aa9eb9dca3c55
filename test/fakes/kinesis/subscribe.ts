/** SubscribeToShard: who holds a shard's subscription, and what is pushed over it. */
import type { Call } from './fake.ts';
import type { Fault, FaultQueue } from './faults.ts';
import { ConnectionReset, KinesisFailure, notFound } from './failure.ts';
import { consumerOf, type FakeConsumer } from './consumer.ts';
import { eventFrame, exceptionFrame } from './frames.ts';
import { PushLimit } from './limits.ts';
import { behindMs, childrenOf, startOf } from './read.ts';
import { sequenceNumber } from './sequence.ts';
import type { Input, Output, Service } from './service.ts';
import type { FakeShard, Page } from './shard.ts';
import type { FakeStream } from './stream.ts';
import { bodyOf } from './wire.ts';

/** A second call within this time of a successful one is refused; later it takes the subscription over (API reference of SubscribeToShard). */
const HOLD_MS = 5_000;
const MAX_RECORDS = 10_000;

interface Place {
  readonly stream: FakeStream;
  readonly shard: FakeShard;
  readonly consumer: FakeConsumer;
}

export interface PushContext {
  readonly service: Service;
  readonly faults: FaultQueue;
  /** Counts what was pushed. */
  readonly call: Pick<Call, 'records' | 'bytes'>;
}

export function subscribeToShard(service: Service, input: Input): Output {
  const { stream, consumer } = consumerOf(service, input);
  const shardId = input.ShardId ?? '';
  const shard = stream.find(shardId, service.now());
  if (shard === undefined) throw notFound(`Shard ${shardId} in stream ${stream.shape.name} does not exist`);
  const place = { stream, shard, consumer };
  checkCall(service, place);
  const before = consumer.subscriptions.get(shardId);
  const ordinal = startOf(service, stream, shard, startInput(input));
  const subscription = new Subscription(service, place, ordinal);
  before?.end(inUse('Another subscription has taken over.'));
  consumer.subscriptions.set(shardId, subscription);
  return { fields: {}, subscription };
}

function checkCall(service: Service, { shard, consumer }: Place): void {
  const at = service.clock.monotonic();
  if (service.settings.readLimits && !consumer.calls(shard.shardId).take(at))
    throw new KinesisFailure('LimitExceededException', `Rate exceeded for shard ${shard.shardId} and its consumer.`);
  const status = consumer.status(service.now());
  if (status !== 'ACTIVE') throw inUse(`Consumer ${consumer.arn} is not ACTIVE, instead in state ${status}`);
  const before = consumer.subscriptions.get(shard.shardId);
  if (before !== undefined && at < before.beganMs + HOLD_MS)
    throw inUse(`Another active subscription exists for this consumer: ${consumer.arn} and shard: ${shard.shardId}`);
}

function startInput({ StartingPosition: start = {} }: Input): Input {
  return {
    ShardIteratorType: start.Type ?? '',
    ...(start.SequenceNumber === undefined ? {} : { StartingSequenceNumber: start.SequenceNumber }),
    ...(start.Timestamp === undefined ? {} : { Timestamp: start.Timestamp }),
  };
}

const inUse = (message: string): KinesisFailure => new KinesisFailure('ResourceInUseException', message);

export class Subscription {
  readonly beganMs: number;
  readonly #service: Service;
  readonly #place: Place;
  readonly #limit = new PushLimit();
  #ordinal: number;
  #sentMs: number;
  #failure: KinesisFailure | undefined;

  constructor(service: Service, place: Place, ordinal: number) {
    this.#service = service;
    this.#place = place;
    this.#ordinal = ordinal;
    this.beganMs = service.clock.monotonic();
    this.#sentMs = this.beganMs;
  }

  /** Whoever reads it gets this as its last frame. */
  end(failure: KinesisFailure): void {
    this.#failure ??= failure;
    this.#place.shard.changes.announce();
  }

  /** The body of the answer; a broken connection throws ConnectionReset. */
  async *push({ service, faults, call }: PushContext, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    yield* eventFrame('initial-response', [Buffer.from('{}')]);
    while (await this.#due(signal)) {
      const fault = faults.take('SubscribeToShardEvent', this.#place.shard.shardId);
      await suffer(fault, service, signal);
      if (fault?.kind === 'end') return;
      const failure = failureOf(fault) ?? this.#failure;
      if (failure !== undefined) {
        yield* exceptionFrame(failure.type, failure.message);
        return;
      }
      const { pieces, page, last } = this.#event(fault);
      if (fault?.kind === 'half-body') {
        yield half(pieces);
        throw new ConnectionReset();
      }
      call.records += page.records.length;
      call.bytes += page.bytes;
      yield* pieces;
      if (last) return;
    }
  }

  /** Settles when there is something to push; false when the five minutes are over. */
  async #due(signal: AbortSignal): Promise<boolean> {
    const { clock, settings } = this.#service;
    const overMs = this.beganMs + settings.subscriptionMs;
    for (;;) {
      const now = clock.monotonic();
      this.#checkStream();
      if (this.#failure !== undefined) return true;
      if (now >= overMs) return false;
      const pausedMs = settings.readLimits ? this.#limit.waitMs(now) : 0;
      const progressMs = this.#sentMs + settings.progressMs - now;
      if (pausedMs === 0 && (this.#hasNews() || progressMs <= 0)) return true;
      const waitMs = Math.min(overMs - now, pausedMs > 0 ? pausedMs : progressMs);
      await this.#place.shard.changes.within(clock.sleep.bind(clock), waitMs, signal);
    }
  }

  #hasNews(): boolean {
    const { shard } = this.#place;
    return shard.closedMs !== undefined || shard.arrivalOf(this.#ordinal) !== undefined;
  }

  #checkStream(): void {
    const { stream, shard } = this.#place;
    if (this.#service.known(stream.shape.name) !== stream)
      this.end(notFound(`Shard ${shard.shardId} in stream ${stream.shape.name} does not exist`));
  }

  #event(fault: Fault | undefined): { pieces: Buffer[]; page: Page; last: boolean } {
    const page = this.#page(fault);
    const last = fault?.kind === 'null-iterator' || this.#isLast(page);
    const fields = this.#fields(page, last && fault?.kind !== 'null-iterator');
    const changed = edited(fields, fault);
    const payload = bodyOf({ fields: changed, records: page.records }, fault?.kind === 'reordered');
    return { pieces: eventFrame('SubscribeToShardEvent', payload), page, last };
  }

  #page(fault: Fault | undefined): Page {
    const { settings, clock } = this.#service;
    const { shard } = this.#place;
    const page =
      fault?.kind === 'empty-page'
        ? { records: [], bytes: 0, full: false, next: this.#ordinal }
        : shard.page(this.#ordinal, MAX_RECORDS, settings.maxEventBytes);
    this.#ordinal = Math.max(page.next, shard.horizon);
    this.#sentMs = clock.monotonic();
    this.#limit.spend(page.bytes, this.#sentMs);
    return page;
  }

  #isLast({ records }: Page): boolean {
    const { shard } = this.#place;
    if (shard.closedMs === undefined || shard.arrivalOf(this.#ordinal) !== undefined) return false;
    return this.#service.settings.endOfShard === 'together' || records.length === 0;
  }

  #fields(page: Page, last: boolean): Record<string, unknown> {
    const { stream, shard } = this.#place;
    return {
      ContinuationSequenceNumber: last ? null : this.#continuation(),
      MillisBehindLatest: behindMs(this.#service, shard, page, last),
      ...(last && this.#service.settings.childShards ? { ChildShards: childrenOf(stream, shard) } : {}),
    };
  }

  /** Names progress, not a record: it tells the present second, and grows also while nothing is put. */
  #continuation(): string {
    const { createdS, index } = this.#place.shard.shape;
    const writtenS = Math.max(createdS, Math.floor(this.#service.now() / 1000));
    return sequenceNumber({ createdS, index: BigInt(this.#ordinal), writtenS, shard: index });
  }
}

function edited(fields: Record<string, unknown>, fault: Fault | undefined): Readonly<Record<string, unknown>> {
  if (fault?.kind === 'edit') return fault.edit(fields);
  return fault?.kind === 'null-iterator' ? { ...fields, ContinuationSequenceNumber: null } : fields;
}

/** What happens to the connection instead of the next event. */
async function suffer(fault: Fault | undefined, { clock }: Service, signal: AbortSignal): Promise<void> {
  if (fault?.kind === 'delay') await clock.sleep(fault.ms, signal);
  if (fault?.kind === 'hang') await silence(signal);
  if (fault?.kind === 'reset') throw new ConnectionReset();
}

function half(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(pieces);
  return whole.subarray(0, whole.length >> 1);
}

function failureOf(fault: Fault | undefined): KinesisFailure | undefined {
  return fault?.kind === 'error' ? new KinesisFailure(fault.type, fault.message ?? fault.type) : undefined;
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => {
      reject(new ConnectionReset());
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
