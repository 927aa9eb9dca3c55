/** The stream consumer that subscriptions of enhanced fan-out belong to: found once for all shards, registered only when asked to, never deregistered. */
import { unlessAborted, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { StreamApi } from './api.ts';
import type { ConsumerAddress, ConsumerApi, FoundConsumer } from './fan-out-api.ts';

export interface FanOutOptions {
  /** Name or ARN of the stream consumer. Readers that share their positions share it; others of the same stream need one of their own. */
  readonly consumer: string;
  /** Registers a consumer of this name when there is none. Default: no, for each costs by the hour and shard. */
  readonly register?: boolean;
}

export interface ConsumerContext {
  readonly api: StreamApi;
  readonly consumers: ConsumerApi;
  /** Asked of the stream otherwise, when the consumer is given by its name. */
  readonly streamArn?: string | undefined;
  readonly clock: Clock;
}

const ACTIVE_AFTER_MS = 2_000;
/** It takes seconds; longer than two minutes somebody should know. */
const ACTIVE_ATTEMPTS = 60;
const ARN = /^arn:[^:]*:kinesis:[^:]+:\d*:stream\/[^/]+\/consumer\/[^/:]+:\d+$/;
const NAME = /^[a-zA-Z0-9_.-]{1,128}$/;

export class StreamConsumer {
  readonly #context: ConsumerContext;
  readonly #consumer: string;
  readonly #register: boolean;
  #arn: string | undefined;
  #lookup: Promise<string | undefined> | undefined;

  constructor(context: ConsumerContext, { consumer, register = false }: FanOutOptions) {
    const isArn = ARN.test(consumer);
    const faults = [
      ...(isArn || NAME.test(consumer) ? [] : [`${CONSUMER} is neither the name nor the ARN of a stream consumer`]),
      ...(isArn && register ? ['fanOut.register needs the name of the consumer, not its ARN'] : []),
    ];
    if (faults.length > 0) throw new KinlogError('KINLOG_CONFIG_INVALID', faults.join('; '));
    this.#context = context;
    this.#consumer = consumer;
    this.#register = register;
  }

  /** Of the active consumer. Every shard asks; one looks it up. */
  async arn(signal: AbortSignal): Promise<string> {
    while (this.#arn === undefined) {
      signal.throwIfAborted();
      this.#lookup ??= this.#look(signal);
      try {
        this.#arn = await unlessAborted(this.#lookup, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    }
    return this.#arn;
  }

  /** Undefined when the shard that looks it up is left meanwhile: why, is nothing to the others, and one of them goes on. */
  async #look(signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#find(signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      this.#lookup = undefined;
    }
  }

  /** It is not there any more under this ARN. One that was registered again under its name is found again. */
  forget(): void {
    this.#arn = undefined;
  }

  async #find(signal: AbortSignal): Promise<string> {
    const address = await this.#address(signal);
    for (let attempt = 1; attempt <= ACTIVE_ATTEMPTS; attempt++) {
      const found = await this.#findOrRegister(address, signal);
      if (found.status === 'ACTIVE') return found.arn;
      if (found.status !== 'CREATING') throw this.#unavailable(`is ${found.status}`, REGISTER_AGAIN);
      await this.#context.clock.sleep(ACTIVE_AFTER_MS, signal);
    }
    throw this.#unavailable(`has been CREATING for ${(ACTIVE_ATTEMPTS * ACTIVE_AFTER_MS) / 1000} s`, REGISTER_AGAIN);
  }

  async #address(signal: AbortSignal): Promise<ConsumerAddress> {
    if (ARN.test(this.#consumer)) return { ConsumerARN: this.#consumer };
    const { api, streamArn } = this.#context;
    return { StreamARN: streamArn ?? (await api.describe(signal)).arn, ConsumerName: this.#consumer };
  }

  async #findOrRegister(address: ConsumerAddress, signal: AbortSignal): Promise<FoundConsumer> {
    const { consumers } = this.#context;
    const found = await consumers.find(address, signal);
    if (found !== undefined) return found;
    if (!this.#register || 'ConsumerARN' in address) throw this.#unavailable('does not exist', REGISTER_IT);
    try {
      return await consumers.register(address, signal);
    } catch (error) {
      if (error instanceof KinlogError && error.code === 'KINLOG_THROTTLED')
        throw this.#unavailable('can not be registered: the stream has as many as AWS allows', DEREGISTER, error);
      throw error;
    }
  }

  #unavailable(state: string, remedy: string, cause?: unknown): KinlogError {
    const message = `the stream consumer ${this.#consumer} ${state}`;
    return new KinlogError('KINLOG_CONSUMER_UNAVAILABLE', message, { remedy, cause });
  }
}

const CONSUMER = 'fanOut.consumer';
const REGISTER_IT =
  'Register it (aws kinesis register-stream-consumer), name one that exists, or let the reader register it, which needs the IAM action kinesis:RegisterStreamConsumer.';
const REGISTER_AGAIN = 'Wait until it is gone or active, or name another one.';
const DEREGISTER =
  'Deregister a consumer that nobody uses (aws kinesis list-stream-consumers shows them), name one that exists, or ask AWS for a higher quota.';
