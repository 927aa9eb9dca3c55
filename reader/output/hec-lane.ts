/** One connection to an HTTP Event Collector with its cookies and its channel: what is posted on it, and which of it the indexers say is safe. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { asKinlogError, isKinlogError } from '../../base/errors.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../../base/http.ts';
import { acknowledged, noAckFrom, verdictOn, type Failure, type Verdict } from './hec-answer.ts';
import { Cookies } from './hec-cookies.ts';
import type { HecToken } from './hec-token.ts';

/** A body that was posted and is not safe yet. */
export interface Unacked {
  readonly acked: () => void;
  /** It may be safe, but nobody will ever say so: it has to be sent again. */
  readonly lost: (why: string) => void;
}

export interface LaneParts {
  readonly client: HttpClient;
  readonly host: string;
  readonly token: HecToken;
  readonly clock: Clock;
  /** Aborts when the output is over. */
  readonly over: AbortSignal;
  /** Absent: the token is without indexer acknowledgement. */
  readonly ack: { readonly everyMs: number; readonly timeoutMs: number } | undefined;
}

/** Between two questions at most. */
const SLOWEST_MS = 10_000;
/** In one question. */
const ASKED = 1000;

interface Waiting extends Unacked {
  readonly postedAt: number;
}

/** A server numbers its acknowledgements for each channel, from 0, and begins anew when it restarts. So that no body is called safe by a number that another one was given after that, a
 *  channel is left, and what waits is sent again, as soon as its server may have restarted: after a lost answer, a number that is not higher than the last, a new sticky session, and when
 *  posts that it refused can have used up a number that is waited for. */
export class HecLane {
  readonly #parts: LaneParts;
  readonly #channel = randomUUID();
  readonly #cookies = new Cookies();
  readonly #waiting = new Map<number, Waiting>();
  #lastAckId = -1;
  /** Posts since then that were refused for one event; a server that took what stood ahead of it may have given each a number that it did not tell. */
  #untold = 0;
  /** Said to be safe while a post was under way, which may have been given that number by a server that has restarted: believed when its answer says otherwise. */
  readonly #heard = new Set<number>();
  #posting = false;
  #left = false;
  #asking = false;
  #closed: Promise<void> | undefined;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Nothing is posted on it any more; what was is still asked for. */
  get left(): boolean {
    return this.#left;
  }

  /** One at a time. `body`: gzip. Never rejects. `unacked` is told later when the verdict is `accepted` and acknowledgement is on. */
  async post(body: Uint8Array, unacked: Unacked, signal: AbortSignal): Promise<Verdict> {
    const { host, clock, ack, token } = this.#parts;
    this.#posting = true;
    let begun = false;
    try {
      const secret = await token.get();
      begun = true;
      const answer = await this.#call({ method: 'POST', path: EVENTS, headers: GZIPPED, body }, secret, signal);
      const verdict = verdictOn(answer, host, clock.now());
      this.#heed(verdict);
      if (verdict.kind !== 'accepted' || ack === undefined) return verdict;
      return verdict.ackId === undefined
        ? { kind: 'refused', error: noAckFrom(host), renew: true }
        : this.#await(verdict, verdict.ackId, unacked);
    } catch (error) {
      if (begun && !neverSent(error)) this.#leave('the answer to a post was lost');
      return failed(error, host);
    } finally {
      this.#posting = false;
      this.#believe([...this.#heard]);
      this.#closeIfDone();
    }
  }

  /** Whatever else is asked of the endpoint; rejects as HttpClient. */
  async ask(method: 'GET' | 'POST', path: string, body?: string): Promise<HttpAnswer> {
    const { over, token } = this.#parts;
    return this.#call({ method, path, headers: {}, ...(body === undefined ? {} : { body }) }, await token.get(), over);
  }

  askForAcks(ids: readonly number[]): Promise<HttpAnswer> {
    return this.ask('POST', `/services/collector/ack?channel=${this.#channel}`, JSON.stringify({ acks: ids }));
  }

  /** Calls under way end first. */
  close(): Promise<void> {
    return (this.#closed ??= this.#parts.client.close());
  }

  async #call(call: HttpCall, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { client, ack } = this.#parts;
    const cookie = this.#cookies.header;
    const headers = {
      ...call.headers,
      authorization: `Splunk ${token}`,
      ...(ack === undefined ? {} : { 'x-splunk-request-channel': this.#channel }),
      ...(cookie === '' ? {} : { cookie }),
    };
    const answer = await client.call({ ...call, headers }, signal);
    if (this.#cookies.keep([answer.headers['set-cookie'] ?? []].flat())) this.#leave('the sticky session has changed');
    return answer;
  }

  #await(verdict: Verdict, ackId: number, unacked: Unacked): Verdict {
    if (ackId <= Math.max(this.#lastAckId, this.#untold) && this.#waiting.size > 0)
      this.#leave('the server numbers its acknowledgements anew');
    this.#lastAckId = ackId;
    this.#untold = 0;
    this.#waiting.set(ackId, { ...unacked, postedAt: this.#parts.clock.monotonic() });
    if (!this.#asking) void this.#askWhileWaiting();
    return verdict;
  }

  /** What a post that was not accepted says of the numbers that are waited for. */
  #heed(verdict: Verdict): void {
    if (verdict.kind === 'away' && verdict.unsure) this.#leave(verdict.reason);
    // With nothing ahead of it there was nothing to be numbered.
    if ((verdict.kind !== 'event' && verdict.kind !== 'index') || verdict.number === 0) return;
    this.#untold++;
    const [oldest = Infinity] = this.#waiting.keys();
    if (oldest < this.#untold)
      this.#leave('the number of an acknowledgement may have been given to a post that was refused');
  }

  async #askWhileWaiting(): Promise<void> {
    const { clock, over, ack } = this.#parts;
    this.#asking = true;
    let waitMs = ack!.everyMs;
    while (this.#waiting.size > 0 && (await clock.sleep(waitMs, over).then(yes, no))) {
      const before = this.#waiting.size;
      await this.#askOnce();
      this.#giveUpOld();
      waitMs = this.#waiting.size < before ? ack!.everyMs : Math.min(waitMs * 1.5, SLOWEST_MS);
    }
    this.#asking = false;
    this.#closeIfDone();
  }

  async #askOnce(): Promise<void> {
    const { token } = this.#parts;
    const ids = [...this.#waiting.keys()];
    for (let from = 0; from < ids.length; from += ASKED) {
      // Whatever keeps the answer back, the time of what waits runs on.
      const answer = await this.askForAcks(ids.slice(from, from + ASKED)).catch((error: unknown) =>
        this.#unanswered(error),
      );
      if (answer === undefined) return;
      if (answer.status === 401 || answer.status === 403) token.refused();
      if (answer.status === 400) this.#leave('the server does not know the channel');
      this.#believe(acknowledged(answer) ?? []);
    }
  }

  /** Ids that the server calls safe. */
  #believe(ids: readonly number[]): void {
    const doubtful = this.#untold + (this.#posting ? 1 : 0);
    for (const id of ids) {
      this.#heard.delete(id);
      if (id >= doubtful) this.#take(id)?.acked();
      else if (this.#waiting.has(id)) this.#heard.add(id);
    }
  }

  /** Where nobody listens, whoever gave the numbers is gone, and what was not indexed by then with it. */
  #unanswered(error: unknown): undefined {
    if (systemCode(error) === 'ECONNREFUSED') this.#leave('the server has gone, and with it what it knew of them');
  }

  #giveUpOld(): void {
    const { clock, ack } = this.#parts;
    const before = clock.monotonic() - ack!.timeoutMs;
    for (const [id, { postedAt }] of this.#waiting) {
      if (postedAt > before) continue;
      // The channel may be one that the server has forgotten.
      this.#left = true;
      this.#take(id)?.lost('not acknowledged in time');
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** What waits will never be known to be safe. */
  #leave(why: string): void {
    this.#left = true;
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.lost(why);
  }

  #closeIfDone(): void {
    const { over } = this.#parts;
    if (this.#left && !this.#posting && !this.#asking && (this.#waiting.size === 0 || over.aborted)) void this.close();
  }
}

function systemCode(error: unknown): string | undefined {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** No server has seen the body, so none has numbered it. */
const neverSent = (error: unknown): boolean =>
  isKinlogError(error, 'KINLOG_TLS_UNTRUSTED') || NO_CONNECTION.has(systemCode(error) ?? '');
/** Not ECONNREFUSED: whoever gave the numbers is gone. */
const NO_CONNECTION = new Set(['ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** No answer came. */
export function failed(error: unknown, host: string): Failure {
  const known = asKinlogError(error, `calling ${host}`);
  if (known.retry !== 'soon') return { kind: 'refused', error: known, renew: false };
  return { kind: 'away', reason: known.message, waitMs: undefined, unsure: true };
}

/** An event that says no time gets that of its text, by the rules of its source type, as it does behind the pipe to splunkd; without this, the time of its receipt. One that says
 *  its time keeps it. help.splunk.com, HTTP Event Collector REST API endpoints. */
const EVENTS = '/services/collector/event?auto_extract_timestamp=true';
const GZIPPED = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
const yes = () => true;
const no = () => false;
