/** Records by enhanced fan-out: pushed by the service over one subscription for each shard, with 2 MB/s of its own. */
import { systemClock, type Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import type { Position } from '../checkpoint/position.ts';
import { oneAhead } from './ahead.ts';
import type { StreamApi } from './api.ts';
import { ByteBudget } from './budget.ts';
import { StreamConsumer, type FanOutOptions } from './consumer.ts';
import type { ConsumerApi, SubscriptionApi } from './fan-out-api.ts';
import { ShardPush, type PushContext } from './fan-out-shard.ts';
import type { RecordPage, RecordSource, Shard } from './source.ts';
import type { TroubleContext } from './trouble.ts';

export interface FanOutSourceOptions extends Partial<Omit<TroubleContext, 'api' | 'log'>>, FanOutOptions {
  readonly api: StreamApi;
  readonly pushing: SubscriptionApi & ConsumerApi;
  readonly log: EventLog;
  /** Spares the permission to describe the stream, when the consumer is given by its name. */
  readonly streamArn?: string | undefined;
  readonly clock?: Clock;
  /** Shared by all shards of the process. */
  readonly budget?: ByteBudget;
}

/** Every subscription is a connection of its own, and all of them end after the same five minutes: their beginnings are spread. */
const SPREAD_MS_PER_SHARD = 20;
const MOST_SPREAD_MS = 5_000;

export class FanOutSource implements RecordSource {
  readonly #context: PushContext;
  #shards = 0;

  constructor(options: FanOutSourceOptions) {
    const { api, pushing, streamArn, clock = systemClock, random = Math.random } = options;
    this.#context = {
      budget: new ByteBudget(),
      createdMs: 0,
      whenRefused: 'wait',
      ...options,
      clock,
      random,
      consumer: new StreamConsumer({ api, consumers: pushing, streamArn, clock }, options),
      spreadMs: () => random() * Math.min(MOST_SPREAD_MS, SPREAD_MS_PER_SHARD * (this.#shards - 1)),
    };
  }

  async *open(shard: Shard, from: Position, signal: AbortSignal): AsyncGenerator<RecordPage, void, undefined> {
    if (from.kind === 'end') return;
    this.#shards++;
    try {
      yield* oneAhead((left) => {
        const target = { shard, from, signal: AbortSignal.any([signal, left]) };
        return new ShardPush(this.#context, target);
      });
    } finally {
      this.#shards--;
    }
  }
}
