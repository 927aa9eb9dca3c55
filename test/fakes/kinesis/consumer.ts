/** Stream consumers of enhanced fan-out: who may subscribe. */
import { KinesisFailure, invalidArgument, notFound, validation } from './failure.ts';
import type { Input, Output, Service } from './service.ts';
import type { FakeStream } from './stream.ts';
import type { Subscription } from './subscribe.ts';
import { CallLimit } from './limits.ts';

const MOST_CONSUMERS = 20;
const MOST_CREATING = 5;
const MAX_RESULTS = 100;

export class FakeConsumer {
  readonly name: string;
  /** Ends with the second of its creation, so a consumer that is registered again has another one. */
  readonly arn: string;
  readonly createdMs: number;
  readonly activeMs: number;
  /** When it is gone, once it was deregistered. */
  goneMs: number | undefined;
  /** The newest of each shard. */
  readonly subscriptions = new Map<string, Subscription>();
  readonly #calls = new Map<string, CallLimit>();

  constructor(stream: FakeStream, name: string, times: { readonly createdMs: number; readonly activeMs: number }) {
    this.name = name;
    this.arn = `${stream.arn}/consumer/${name}:${Math.floor(times.createdMs / 1000)}`;
    this.createdMs = times.createdMs;
    this.activeMs = times.activeMs;
  }

  status(nowMs: number): 'CREATING' | 'ACTIVE' | 'DELETING' {
    if (this.goneMs !== undefined) return 'DELETING';
    return nowMs < this.activeMs ? 'CREATING' : 'ACTIVE';
  }

  /** SubscribeToShard: one call a second for a shard. */
  calls(shardId: string): CallLimit {
    const found = this.#calls.get(shardId) ?? new CallLimit(1);
    this.#calls.set(shardId, found);
    return found;
  }
}

export function registerStreamConsumer(service: Service, input: Input): Output {
  const stream = service.active(input);
  const name = input.ConsumerName ?? '';
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name))
    throw validation(name, 'consumerName', 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+');
  const now = service.now();
  const consumers = stream.consumersAt(now);
  if (consumers.some((consumer) => consumer.name === name))
    throw new KinesisFailure('ResourceInUseException', `Consumer ${name} already exists.`);
  const creating = consumers.filter((consumer) => consumer.status(now) === 'CREATING').length;
  if (consumers.length >= MOST_CONSUMERS || creating >= MOST_CREATING)
    throw new KinesisFailure('LimitExceededException', `Too many consumers of stream ${stream.shape.name}.`);
  const consumer = new FakeConsumer(stream, name, { createdMs: now, activeMs: now + service.settings.changeMs });
  stream.consumers = [...consumers, consumer];
  return { fields: { Consumer: describe(consumer, now) } };
}

export function describeStreamConsumer(service: Service, input: Input): Output {
  if (service.settings.readLimits && !service.consumerDescribes.take(service.clock.monotonic()))
    throw new KinesisFailure('LimitExceededException', `Rate exceeded for account ${service.account}.`);
  const { stream, consumer } = consumerOf(service, input);
  const about = describe(consumer, service.now());
  return { fields: { ConsumerDescription: { ...about, StreamARN: stream.arn } } };
}

export function listStreamConsumers(service: Service, input: Input): Output {
  const now = service.now();
  const consumers = service.named(input).consumersAt(now);
  const from = Number(input.NextToken ?? 0);
  const end = from + Math.min(input.MaxResults ?? MAX_RESULTS, MAX_RESULTS);
  const next = end < consumers.length ? { NextToken: String(end) } : {};
  return { fields: { Consumers: consumers.slice(from, end).map((consumer) => describe(consumer, now)), ...next } };
}

export function deregisterStreamConsumer(service: Service, input: Input): Output {
  const { consumer } = consumerOf(service, input);
  const gone = notFound(`Consumer ${consumer.arn} not found.`);
  consumer.goneMs ??= service.now() + service.settings.changeMs;
  for (const subscription of consumer.subscriptions.values()) subscription.end(gone);
  return { fields: {} };
}

/** By its ARN, or by the stream's ARN and its name. */
export function consumerOf(service: Service, input: Input): { stream: FakeStream; consumer: FakeConsumer } {
  const { ConsumerARN: arn, ConsumerName: name, StreamARN } = input;
  if (arn === undefined && (StreamARN === undefined || name === undefined))
    throw invalidArgument('Either ConsumerARN, or StreamARN and ConsumerName should be provided.');
  const stream = service.named({ StreamARN: arn?.split('/consumer/')[0] ?? StreamARN! });
  const consumer = stream
    .consumersAt(service.now())
    .find((each) => (arn === undefined ? each.name === name : each.arn === arn));
  if (consumer === undefined)
    throw notFound(
      `Consumer ${arn ?? name} not found in stream ${stream.shape.name} under account ${service.account}.`,
    );
  return { stream, consumer };
}

function describe(consumer: FakeConsumer, nowMs: number): Record<string, unknown> {
  return {
    ConsumerName: consumer.name,
    ConsumerARN: consumer.arn,
    ConsumerStatus: consumer.status(nowMs),
    ConsumerCreationTimestamp: consumer.createdMs / 1000,
  };
}
