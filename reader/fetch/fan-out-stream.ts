/** One subscription's frames, taken from the connection only when somebody asks for them. */
import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import { readAnswer } from './answer.ts';
import type { RecordsAnswer } from './api.ts';

export interface PushedFrame {
  /** What it takes to hold it. */
  readonly bytes: number;
  /** Reads it; once, and before the next frame. Undefined when it carries no event. `next` is the continuation; absent at the end of the shard. */
  event(): Promise<RecordsAnswer | undefined>;
}

/** What is not asked for stays on the connection, whose flow control then holds the service. Everything it throws is a KinlogError, or the signal's reason. */
export interface Subscription {
  /** Undefined when the service has ended the subscription. One call at a time. */
  next(): Promise<PushedFrame | undefined>;
  close(): void;
}

type Marshaller = KinesisClient['config']['eventStreamMarshaller'];
type Messages = Parameters<Parameters<Marshaller['deserialize']>[1]>[0];

export interface FramesContext {
  readonly marshaller: Marshaller;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly explain: (error: unknown) => KinlogError;
  /** Names the subscription in messages. */
  readonly about: string;
}

/** The service says something every few seconds, be it only how far it is. */
const SILENCE_MS = 60_000;
const LENGTH_BYTES = 4;
/** Prelude and checksums. */
const SMALLEST_FRAME = 16;
/** Above any event Kinesis can send; a longer claim is not trusted with an allocation. */
const LARGEST_FRAME = 64 * 1024 * 1024;

export class PushedFrames implements Subscription {
  readonly #body: Readable;
  readonly #chunks: AsyncIterator<Uint8Array, undefined>;
  readonly #context: FramesContext;
  readonly #closed = new AbortController();
  readonly #abort = () => this.#leave(this.#context.signal.reason as Error);
  /** Read and not used. */
  #rest: Uint8Array = Buffer.alloc(0);
  /** Since when the connection is listened to in vain; undefined while we do not listen. */
  #listeningMs: number | undefined;

  constructor(body: Readable, context: FramesContext) {
    this.#body = body;
    this.#chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    this.#context = context;
    // What breaks while nobody listens is told to whoever listens next.
    body.on('error', () => undefined);
    context.signal.addEventListener('abort', this.#abort, { once: true });
    if (context.signal.aborted) this.#abort();
    this.#watch().catch(() => undefined);
  }

  async next(): Promise<PushedFrame | undefined> {
    try {
      const bytes = await this.#length();
      return bytes === undefined ? undefined : { bytes, event: () => this.#event(bytes) };
    } catch (error) {
      throw this.#explain(error);
    }
  }

  close(): void {
    this.#leave(undefined);
  }

  #leave(reason: Error | undefined): void {
    this.#context.signal.removeEventListener('abort', this.#abort);
    this.#closed.abort();
    this.#body.destroy(reason);
  }

  #explain(error: unknown): unknown {
    return this.#context.signal.aborted ? this.#context.signal.reason : this.#context.explain(error);
  }

  /** Of the next frame; undefined when the body ends before it. */
  async #length(): Promise<number | undefined> {
    while (this.#rest.length < LENGTH_BYTES) {
      const chunk = await this.#chunk();
      if (chunk === undefined && this.#rest.length === 0) return undefined;
      if (chunk === undefined) throw new SyntaxError('a frame was cut off');
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    }
    const { buffer, byteOffset } = this.#rest;
    const length = new DataView(buffer, byteOffset, LENGTH_BYTES).getUint32(0);
    if (length < SMALLEST_FRAME || length > LARGEST_FRAME) throw new SyntaxError(`a frame of ${length} bytes`);
    return length;
  }

  async #event(length: number): Promise<RecordsAnswer | undefined> {
    try {
      for await (const { event } of this.#context.marshaller.deserialize(this.#frame(length), read)) return event;
      return undefined;
    } catch (error) {
      throw this.#explain(malformed(error));
    }
  }

  /** The pieces of the frame, as they arrive. */
  async *#frame(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let missing = length; missing > 0;) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#chunk();
      if (chunk === undefined) return;
      const piece = chunk.subarray(0, missing);
      this.#rest = chunk.subarray(piece.length);
      missing -= piece.length;
      yield piece;
    }
  }

  async #chunk(): Promise<Uint8Array | undefined> {
    this.#listeningMs = this.#context.clock.monotonic();
    try {
      return (await this.#chunks.next()).value;
    } finally {
      this.#listeningMs = undefined;
    }
  }

  /** A connection can die without a word: firewalls and gateways forget it. */
  async #watch(): Promise<void> {
    const { clock, about } = this.#context;
    for (;;) {
      const silentMs = this.#listeningMs === undefined ? 0 : clock.monotonic() - this.#listeningMs;
      if (silentMs >= SILENCE_MS) {
        const message = `SubscribeToShard on ${about}: nothing came for ${SILENCE_MS / 1000} s`;
        this.#leave(new KinlogError('KINLOG_SERVICE_UNAVAILABLE', message));
        return;
      }
      await clock.sleep(SILENCE_MS - silentMs, this.#closed.signal);
    }
  }
}

interface ReadFrame {
  readonly event?: RecordsAnswer;
  /** Makes the SDK leave the frame out. */
  readonly $unknown?: unknown;
}

// The SDK's function is async; ours throws the same way.
// eslint-disable-next-line @typescript-eslint/require-await -- the marshaller awaits a promise
async function read(messages: Messages): Promise<ReadFrame> {
  const [type = '', { headers, body } = NO_MESSAGE] = Object.entries(messages)[0] ?? [];
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (headers[':message-type']?.value === 'exception') throw exception(type, bytes);
  if (type !== 'SubscribeToShardEvent') return { $unknown: messages };
  return { event: readAnswer(bytes) };
}

const NO_MESSAGE: Messages[string] = { headers: {}, body: new Uint8Array(0) };

function exception(type: string, body: Buffer): Error {
  const error = new Error(messageOf(body.toString()));
  error.name = type.split('#').at(-1) ?? type;
  return error;
}

function messageOf(text: string): string {
  try {
    const { message, Message } = JSON.parse(text) as { message?: string; Message?: string };
    return message ?? Message ?? '';
  } catch {
    return text;
  }
}

/** Checksums that do not fit, and bytes that are no frame: the SDK has no names for these, and another connection may be better. */
function malformed(error: unknown): unknown {
  const { name, message } = error as Partial<Error>;
  return name === 'Error' || name === 'TypeError' || name === 'RangeError' ? new SyntaxError(message) : error;
}
