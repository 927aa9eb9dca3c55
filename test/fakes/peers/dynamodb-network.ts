/** The way between a store and its DynamoDB server, with everything that can happen on it. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { systemClock, type Clock } from '../../../base/clock.ts';
import type { NetworkFaults } from '../../contract/network-store.ts';

type Handle = NodeHttpHandler['handle'];
type Answer = Awaited<ReturnType<Handle>>;

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);
/** What a refusal can look like: by the service's own word, by its load balancer, by the network. */
const REFUSALS: readonly (() => Promise<Answer>)[] = [
  () => refusal(400, 'ProvisionedThroughputExceededException'),
  () => refusal(400, 'ThrottlingException'),
  () => refusal(500, 'InternalServerError'),
  () => refusal(503, 'ServiceUnavailable'),
  () => Promise.reject(networkError('ECONNRESET')),
];

/** Takes the place of the request handler of one client. */
export class FaultyNetwork extends NodeHttpHandler implements NetworkFaults {
  readonly #clock: Clock;
  readonly #held: (() => void)[] = [];
  #lost = 0;
  #refused = 0;
  #refusals = 0;
  #away = false;
  #delayMs = 0;
  #unordered = false;
  /** Calls that arrived: the operation, such as `UpdateItem`, and what was asked. */
  readonly arrived: { readonly operation: string; readonly body: unknown }[] = [];
  /** May answer a call in place of the server. */
  instead: ((operation: string) => Promise<Answer> | undefined) | undefined;

  constructor(clock: Clock = systemClock) {
    super();
    this.#clock = clock;
  }

  loseAnswers(calls: number): void {
    this.#lost = calls;
  }

  refuse(calls: number): void {
    this.#refused = calls;
  }

  outage(on: boolean): void {
    this.#away = on;
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  unordered(on: boolean): void {
    this.#unordered = on;
  }

  override async handle(...[request, options]: Parameters<Handle>): Promise<Answer> {
    if (this.#away) throw networkError('ECONNREFUSED');
    if (this.#refused > 0) {
      this.#refused--;
      return REFUSALS[this.#refusals++ % REFUSALS.length]!();
    }
    const pause = () => this.#clock.sleep(this.#delayMs / 2, options?.abortSignal as AbortSignal | undefined);
    if (this.#delayMs > 0) await pause();
    const operation = (request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    this.arrived.push({ operation, body: bodyOf(request.body as string | Uint8Array) });
    const answer = await (this.instead?.(operation) ?? super.handle(request, options));
    this.#lose(operation);
    if (this.#delayMs > 0) await pause();
    if (this.#unordered) await this.#overtaken();
    return answer;
  }

  #lose(operation: string): void {
    if (this.#lost === 0 || !WRITES.has(operation)) return;
    this.#lost--;
    throw networkError('ECONNRESET');
  }

  /** Held until others have been let go, the last first. */
  async #overtaken(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#held.push(resolve);
      setImmediate(() => setImmediate(() => this.#held.pop()!()));
    });
  }
}

function bodyOf(body: string | Uint8Array): unknown {
  // The SDK's bodies warn when they are converted themselves.
  return JSON.parse(
    typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(),
  );
}

export function refusal(statusCode: number, name: string, message = 'refused'): Promise<Answer> {
  return answer({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }, statusCode);
}

export async function answer(body: object, statusCode = 200): Promise<Answer> {
  const headers = { 'content-type': 'application/x-amz-json-1.0' };
  const given: unknown = { response: { statusCode, headers, body: Buffer.from(JSON.stringify(body)) } };
  return given as Answer;
}

export function networkError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}
