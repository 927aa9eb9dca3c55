/** What a test can make a fake HEC do wrong, for the clients of one of its ports. */
import { answerOf, type Answer, type Code } from './answers.ts';

export type Endpoint = 'event' | 'ack' | 'health';

/** Answers that take the place of the right one; nothing else happens. */
export interface Refusal {
  readonly code?: Code;
  /** Zero-based. */
  readonly invalidEvent?: number;
  /** Another one than the code's. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the code's JSON. */
  readonly body?: string;
}

/** On its way to the server, or from there. */
export type Direction = 'request' | 'answer';

export class Faults {
  /** Connections are cut before anything happens. */
  outage = false;
  /** Events are answered with this code, which also decides what /health says. */
  state: 'well' | 'busy' | 'at capacity' | 'shutting down' | 'near capacity' = 'well';
  /** What /health says while all is well: 17 to 20. */
  health: Code = 17;
  /** The acknowledgement service is away; events are taken. */
  ackService = true;
  /** A body that has more bytes, as it came, is answered with 413. */
  maxBodyBytes = Infinity;
  /** After each piece of a request that was read. */
  readDelayMs = 0;
  /** Between what happens and its answer. */
  delayMs = 0;
  readonly #refusals: Record<Endpoint, Answer[]> = { event: [], ack: [], health: [] };
  readonly #answersToLose: Record<Endpoint, number> = { event: 0, ack: 0, health: 0 };
  readonly #cuts: Record<Direction, number[]> = { request: [], answer: [] };
  #strays = 0;
  #requests: (PromiseWithResolvers<undefined> & { readonly only: Endpoint | undefined }) | undefined;
  #answers: PromiseWithResolvers<void> | undefined;

  /** The next calls are answered with this, and nothing happens. */
  refuse(calls: number, refusal: Refusal, endpoint: Endpoint = 'event'): void {
    const { code = 8, invalidEvent, headers, status, body } = refusal;
    const answer = answerOf(code, invalidEvent === undefined ? {} : { 'invalid-event-number': invalidEvent });
    const given = { status: status ?? answer.status, body: body ?? answer.body };
    for (let n = 0; n < calls; n++)
      this.#refusals[endpoint].push(headers === undefined ? given : { ...given, headers });
  }

  /** The next calls happen, and their connections are cut instead of an answer. */
  loseAnswers(calls: number, endpoint: Endpoint = 'event'): void {
    this.#answersToLose[endpoint] += calls;
  }

  /** The connection on which the next byte goes that way is cut after so many bytes of it. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cuts[direction].push(bytes);
  }

  /** The next requests reach another indexer than their cookie names. */
  stray(requests: number): void {
    this.#strays += requests;
  }

  /** Nothing happens to requests until `release`; `only`: to those of that endpoint. */
  hold(only?: Endpoint): void {
    this.#requests ??= { only, ...Promise.withResolvers<undefined>() };
  }

  /** What is asked happens, and nobody is told until `release`. */
  holdAnswers(): void {
    this.#answers ??= Promise.withResolvers();
  }

  release(): void {
    this.#requests?.resolve(undefined);
    this.#answers?.resolve();
    this.#requests = undefined;
    this.#answers = undefined;
  }

  requestsHeld(endpoint: Endpoint | 'other'): Promise<undefined> | undefined {
    const held = this.#requests;
    return held?.only === undefined || held.only === endpoint ? held?.promise : undefined;
  }

  get answersHeld(): Promise<void> | undefined {
    return this.#answers?.promise;
  }

  /** Refusals that nobody has met yet are forgotten. */
  heal(): void {
    for (const answers of Object.values(this.#refusals)) answers.length = 0;
  }

  takeRefusal(endpoint: Endpoint): Answer | undefined {
    return this.#refusals[endpoint].shift();
  }

  takeLostAnswer(endpoint: Endpoint): boolean {
    if (this.#answersToLose[endpoint] === 0) return false;
    this.#answersToLose[endpoint]--;
    return true;
  }

  takeCut(direction: Direction): number | undefined {
    return this.#cuts[direction].shift();
  }

  takeStray(): boolean {
    if (this.#strays === 0) return false;
    this.#strays--;
    return true;
  }

  /** Of those that were asked for, so many were not met yet. */
  get left(): number {
    const lists = [...Object.values(this.#refusals), ...Object.values(this.#cuts)];
    const lost = Object.values(this.#answersToLose).reduce((sum, n) => sum + n, 0);
    return lists.reduce((sum, list) => sum + list.length, lost + this.#strays);
  }
}
