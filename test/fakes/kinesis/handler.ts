/** The simulator as the SDK's request handler: the real client and the real protocol, without sockets and on the fake's clock. */
import { Readable } from 'node:stream';
import type { KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { ConnectionReset } from './failure.ts';
import type { FakeKinesis } from './fake.ts';
import { readRequest, type WireAnswer } from './wire.ts';

export interface HandlerOptions {
  /** Milliseconds of the fake's clock after which a call without an answer rejects with a TimeoutError, as NodeHttpHandler's `requestTimeout` does. */
  readonly requestTimeoutMs?: number;
}

interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** For `new KinesisClient({ requestHandler: simulatorHandler(fake), maxAttempts: 1, … })`. Bodies of answers are Readable, as from a socket. */
export function simulatorHandler(
  fake: FakeKinesis,
  { requestTimeoutMs }: HandlerOptions = {},
): NonNullable<KinesisClientConfig['requestHandler']> {
  const handle = async (request: SdkRequest, options: { abortSignal?: AbortSignal } = {}) => {
    const { abortSignal } = options;
    abortSignal?.throwIfAborted();
    const done = new AbortController();
    const signal = abortSignal === undefined ? done.signal : AbortSignal.any([abortSignal, done.signal]);
    const wire = readRequest(request.headers, textOf(request.body));
    try {
      const racers = [fake.answer(wire, signal), endOf(signal)];
      if (requestTimeoutMs !== undefined) racers.push(timeout(fake, requestTimeoutMs, signal));
      const { status, headers, chunks, cut, pushed } = await Promise.race(racers);
      const body = pushed === undefined ? bodyStream(chunks, cut) : pushedBody(pushed);
      return { response: { statusCode: status, headers: { ...headers }, body } };
    } catch (error) {
      // NodeHttpHandler gives a lost connection this name, and keeps the code.
      if (error instanceof ConnectionReset) error.name = 'TimeoutError';
      throw error;
    } finally {
      done.abort();
    }
  };
  return { handle, metadata: { handlerProtocol: 'http/1.1' }, destroy, updateHttpClientConfig, httpHandlerConfigs };
}

function textOf(body: string | Uint8Array = ''): string {
  // The SDK's bodies warn when they are converted themselves.
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

const destroy = (): void => undefined;
const updateHttpClientConfig = (): void => undefined;
const httpHandlerConfigs = (): object => ({});

function bodyStream(chunks: readonly Buffer[], cut: WireAnswer['cut']): Readable {
  const whole = cut ? Buffer.concat(chunks) : undefined;
  const sent = whole === undefined ? chunks : [whole.subarray(0, whole.length >> 1)];
  let at = 0;
  return new Readable({
    read() {
      if (at < sent.length) this.push(sent[at++]);
      else if (cut) this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
      else this.push(null);
    },
  });
}

/** Pulled as it is read, so a reader that does not read holds the service back. Destroying it is what leaving is to the service. */
export function pushedBody(pushed: NonNullable<WireAnswer['pushed']>): Readable {
  const gone = new AbortController();
  const frames = pushed(gone.signal);
  return new Readable({
    highWaterMark: 1,
    read() {
      frames.next().then(
        ({ value }) => this.push(value ?? null),
        (error: unknown) => this.destroy(error as Error),
      );
    },
    destroy(error, done) {
      gone.abort();
      done(error);
    },
  });
}

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('Request aborted', 'AbortError')), { once: true });
  });
}

async function timeout(fake: FakeKinesis, ms: number, signal: AbortSignal): Promise<never> {
  await fake.clock.sleep(ms, signal);
  throw Object.assign(new Error(`no answer within ${ms} ms`), { name: 'TimeoutError' });
}
