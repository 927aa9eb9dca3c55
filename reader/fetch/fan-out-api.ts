/** The calls that enhanced fan-out adds, over SDK clients of its own: failures leave as KinlogError, an abort as the signal's reason. */
import { Readable } from 'node:stream';
import type { ClientHttp2Stream } from 'node:http2';
import {
  DescribeStreamConsumerCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  type KinesisClient,
  type StartingPosition,
} from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler } from '@smithy/node-http-handler';
import { connectKinesis, regionOf, type KinesisConnection } from '../../base/aws.ts';
import { fromAws, type AwsCall } from '../../base/aws-errors.ts';
import { http2Network } from '../../base/aws-network.ts';
import { systemClock, unlessAborted, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { IteratorStart } from './api.ts';
import { bodyOf, FanOutProtocol } from './fan-out-protocol.ts';
import { PushedFrames, type Subscription } from './fan-out-stream.ts';
import { given } from './kinesis.ts';

export interface SubscribeTarget {
  readonly consumerArn: string;
  readonly shardId: string;
  readonly start: IteratorStart;
}

/** One attempt. KINLOG_SUBSCRIPTION_TAKEN when somebody else holds the subscription: from the call for five seconds only, later as the end of ours. */
export interface SubscriptionApi {
  /** Aborting the signal ends the subscription too. */
  subscribe(target: SubscribeTarget, signal: AbortSignal): Promise<Subscription>;
}

export interface FoundConsumer {
  readonly arn: string;
  readonly status: string;
}

export type ConsumerAddress =
  { readonly ConsumerARN: string } | { readonly StreamARN: string; readonly ConsumerName: string };

/** One attempt each. */
export interface ConsumerApi {
  /** Undefined when there is none. */
  find(address: ConsumerAddress, signal: AbortSignal): Promise<FoundConsumer | undefined>;
  register(address: Extract<ConsumerAddress, { StreamARN: string }>, signal: AbortSignal): Promise<FoundConsumer>;
}

/** The SDK's HTTP/2 handler would wait for ever, and its own time limit also runs while we choose not to read. */
const ANSWER_MS = 30_000;
/** Bytes of a subscription that may be on their way unread, outside of the byte budget: 2 MiB/s over a round trip of 125 ms. Node's default of 64 KiB would
 *  allow half a megabyte a second over such a distance. */
const WINDOW = 256 * 1024;

export class FanOutApi implements SubscriptionApi, ConsumerApi {
  /** HTTP/2; each subscription has a connection of its own. */
  readonly #pushing: KinesisClient;
  readonly #control: KinesisClient;
  readonly #stream: string;
  readonly #clock: Clock;

  constructor(connection: KinesisConnection & { readonly stream: string }, clock: Clock = systemClock) {
    this.#stream = connection.stream;
    this.#clock = clock;
    this.#control = connectKinesis(connection);
    this.#pushing = connectKinesis({ ...connection, protocol: FanOutProtocol });
    if (connection.requestHandler === undefined) this.#pushing.config.requestHandler = http2Handler(connection);
  }

  async subscribe({ consumerArn, shardId, start }: SubscribeTarget, signal: AbortSignal): Promise<Subscription> {
    const call = { operation: 'SubscribeToShard', resource: `${this.#stream} ${shardId}` };
    const command = new SubscribeToShardCommand({
      ConsumerARN: consumerArn,
      ShardId: shardId,
      StartingPosition: startInput(start),
    });
    // The SDK learns the time of the service from every answer but those of a stream of events.
    this.#pushing.config.systemClockOffset = this.#control.config.systemClockOffset;
    const output = await this.#send(call, signal, (abortSignal) =>
      this.#answered(this.#pushing.send(command, { abortSignal }), call),
    ).catch((error: unknown) => {
      throw refusedFor5Seconds(error);
    });
    const body: unknown = given(bodyOf(output), call);
    if (!(body instanceof Readable))
      throw new KinlogError('KINLOG_UNEXPECTED', 'SubscribeToShard: no stream of events');
    (body as Partial<ClientHttp2Stream>).session?.setLocalWindowSize(WINDOW);
    const region = await regionOf(this.#pushing);
    const { eventStreamMarshaller: marshaller } = this.#pushing.config;
    const explain = (error: unknown): KinlogError => failureOf(error, { ...call, region });
    return new PushedFrames(body, { marshaller, clock: this.#clock, signal, explain, about: call.resource });
  }

  async find(address: ConsumerAddress, signal: AbortSignal): Promise<FoundConsumer | undefined> {
    const call = { operation: 'DescribeStreamConsumer', resource: textOf(address) };
    try {
      const { ConsumerDescription: found } = await this.#send(call, signal, () =>
        this.#control.send(new DescribeStreamConsumerCommand(address)),
      );
      return { arn: given(found?.ConsumerARN, call), status: given(found?.ConsumerStatus, call) };
    } catch (error) {
      if (error instanceof KinlogError && error.code === 'KINLOG_STREAM_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async register(
    address: Extract<ConsumerAddress, { StreamARN: string }>,
    signal: AbortSignal,
  ): Promise<FoundConsumer> {
    const call = { operation: 'RegisterStreamConsumer', resource: textOf(address) };
    const { Consumer: made } = await this.#send(call, signal, () =>
      this.#control.send(new RegisterStreamConsumerCommand(address)),
    );
    return { arn: given(made?.ConsumerARN, call), status: given(made?.ConsumerStatus, call) };
  }

  /** Closes the connections; subscriptions still open end. */
  close(): void {
    this.#control.destroy();
    this.#pushing.destroy();
  }

  /** The call is cancelled as soon as nobody waits for it any more. */
  async #send<T>(call: AwsCall, signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const unheard = new AbortController();
    try {
      return await unlessAborted(send(unheard.signal), signal);
    } catch (error) {
      unheard.abort();
      signal.throwIfAborted();
      throw failureOf(error, { ...call, region: await regionOf(this.#control) });
    }
  }

  async #answered<T>(answer: Promise<T>, call: AwsCall): Promise<T> {
    const done = new AbortController();
    const late = this.#clock.sleep(ANSWER_MS, done.signal).then(() => {
      const message = `${call.operation} on ${call.resource}: no answer within ${ANSWER_MS / 1000} s`;
      throw new KinlogError('KINLOG_SERVICE_UNAVAILABLE', message);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      done.abort();
    }
  }
}

function http2Handler(connection: KinesisConnection): NodeHttp2Handler {
  return new NodeHttp2Handler({
    requestTimeout: 0,
    nodeHttp2ConnectOptions: { ...http2Network(connection), settings: { initialWindowSize: WINDOW } },
  });
}

function startInput(start: IteratorStart): StartingPosition {
  switch (start.kind) {
    case 'horizon':
      return { Type: 'TRIM_HORIZON' };
    case 'timestamp':
      return { Type: 'AT_TIMESTAMP', Timestamp: new Date(start.ms) };
    case 'at':
      return { Type: 'AT_SEQUENCE_NUMBER', SequenceNumber: start.sequenceNumber };
    case 'after':
      return { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: start.sequenceNumber };
  }
}

function textOf(address: ConsumerAddress): string {
  return 'ConsumerARN' in address ? address.ConsumerARN : `${address.StreamARN}/consumer/${address.ConsumerName}`;
}

/** The SDK's names for what is in the way; its HTTP/2 handler gives a lost connection no code. */
function failureOf(error: unknown, call: AwsCall): KinlogError {
  const { name, message = '' } = error as Partial<Error>;
  if (name === 'ResourceInUseException' && call.operation === 'SubscribeToShard')
    return new KinlogError('KINLOG_SUBSCRIPTION_TAKEN', `${call.operation} on ${call.resource}: ${message}`, {
      cause: error,
    });
  if (name === 'Error' && /\bhttp2\b|HTTP\/2|^Frame type id/i.test(message))
    return new KinlogError('KINLOG_SERVICE_UNAVAILABLE', `${call.operation} on ${call.resource}: ${message}`, {
      cause: error,
    });
  return beneath(error, call) ?? fromAws(error, call);
}

/** HTTP/2 says only that the call was canceled when there was no connection for it; a certificate or a proxy that is in the way lies beneath. */
function beneath(error: unknown, call: AwsCall): KinlogError | undefined {
  const { code, cause } = error as Partial<NodeJS.ErrnoException>;
  if (code !== 'ERR_HTTP2_STREAM_CANCEL' || cause === undefined) return undefined;
  const known = fromAws(cause, call);
  return known.code === 'KINLOG_UNEXPECTED' ? undefined : known;
}

/** After the call it need not be somebody else: a subscription of our own, whose connection broke, counts for five seconds. */
function refusedFor5Seconds(error: unknown): unknown {
  if (!(error instanceof KinlogError) || error.code !== 'KINLOG_SUBSCRIPTION_TAKEN') return error;
  return new KinlogError(error.code, error.message, { retry: 'soon', cause: error.cause });
}
