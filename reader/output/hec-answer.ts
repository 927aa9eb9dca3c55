/** What an answer of Splunk's HTTP Event Collector means for the events of a body and for the endpoint that gave it. Pure.
 *  Codes: docs.splunk.com, "Troubleshoot HTTP Event Collector"; those of a full queue: "HTTP Event Collector backpressure" of Splunk 10. */
import { KinlogError } from '../../base/errors.ts';
import type { HttpAnswer } from '../../base/http.ts';

export type Verdict =
  /** `slower`: the queues behind are almost full. */
  | { readonly kind: 'accepted'; readonly ackId: number | undefined; readonly slower: boolean }
  /** Splunk will never take one event; `number`: its place in the body, from 0, when it was named. `unread`: it has understood nothing of the body. */
  | { readonly kind: 'event'; readonly number: number | undefined; readonly unread: boolean; readonly reason: string }
  | { readonly kind: 'too-large'; readonly reason: string }
  /** An event names an index that the token may not write to. */
  | { readonly kind: 'index'; readonly number: number | undefined; readonly reason: string }
  | Failure;

/** Of the endpoint, whatever the events. */
export type Failure =
  /** A person must act; nothing is to be had from this endpoint until then. `renew`: with another token it may be. */
  | { readonly kind: 'refused'; readonly error: KinlogError; readonly renew: boolean }
  /** It may take the same events later. `unsure`: it may have taken them already. */
  | {
      readonly kind: 'away';
      readonly reason: string;
      readonly waitMs: number | undefined;
      readonly unsure: boolean;
    };

interface Said {
  readonly text: string;
  readonly code: number | undefined;
  readonly number: number | undefined;
  readonly ackId: number | undefined;
}

const SUCCESS: readonly (number | undefined)[] = [0, 24, 25];
const NEAR_CAPACITY: readonly (number | undefined)[] = [24, 25];
/** Invalid format, event missing, event blank, fields malformed. */
const BAD_EVENT: readonly (number | undefined)[] = [6, 12, 13, 15];
const BAD_FORMAT = 6;
const WRONG_INDEX = 7;
const NO_CHANNEL: readonly (number | undefined)[] = [10, 11];
const ACK_DISABLED = 14;
/** Token disabled, missing, malformed, unknown; and as the health endpoint says it. */
const BAD_TOKEN: readonly (number | undefined)[] = [1, 2, 3, 4, 21, 22];
/** A gateway gave up on a server that may have worked on. */
const UNSURE = [408, 502, 504];
/** A wait that the server asks for is honoured up to here. */
const LONGEST_WAIT_MS = 300_000;

/** Of a post of events. `host`: for messages; `nowMs`: wall clock. */
export function verdictOn(answer: HttpAnswer, host: string, nowMs: number): Verdict {
  const { status } = answer;
  const said = read(answer.text);
  const reason = reasonIn(said, status);
  if (status === 200 && SUCCESS.includes(said.code))
    return { kind: 'accepted', ackId: said.ackId, slower: NEAR_CAPACITY.includes(said.code) };
  if (status === 413) return { kind: 'too-large', reason };
  if (status === 429 || status === 408 || status >= 500)
    return { kind: 'away', reason, waitMs: retryAfterMs(answer, nowMs), unsure: UNSURE.includes(status) };
  if (BAD_EVENT.includes(said.code))
    return { kind: 'event', number: said.number, unread: understoodNothing(said), reason };
  if (said.code === WRONG_INDEX) return { kind: 'index', number: said.number, reason };
  return refusal(status, said.code, `${host} does not take events: ${reason}`);
}

const reasonIn = ({ text, code }: Said, status: number): string =>
  code === undefined ? `${text} (HTTP ${status})` : `${text} (HEC code ${code})`;

const understoodNothing = ({ code, number = 0 }: Said): boolean => code === BAD_FORMAT && number === 0;

/** Of a question for its health. A healthy endpoint, or one that does not know the question, may be tried: undefined. */
export function verdictOnHealth(answer: HttpAnswer, host: string, nowMs: number): Failure | undefined {
  const { status } = answer;
  const said = read(answer.text);
  const { code } = said;
  const reason = reasonIn(said, status);
  if (status === 429 || status >= 500)
    return { kind: 'away', reason, waitMs: retryAfterMs(answer, nowMs), unsure: false };
  if (!BAD_TOKEN.includes(code) || code === 2) return undefined;
  return refusal(status, code, `${host} does not take events: ${reason}`);
}

/** Of a question for acknowledgements: the ids that are safe; undefined when none can be told. */
export function acknowledged(answer: HttpAnswer): readonly number[] | undefined {
  const acks = answer.status === 200 ? (parsed(answer.text) as { acks?: unknown } | undefined)?.acks : undefined;
  if (typeof acks !== 'object' || acks === null) return undefined;
  return Object.entries(acks).flatMap(([id, safe]) => (safe === true && /^\d+$/.test(id) ? [Number(id)] : []));
}

export const isAckDisabled = (answer: HttpAnswer): boolean => read(answer.text).code === ACK_DISABLED;

/** The server gave no acknowledgement for a body that it took. */
export function noAckFrom(host: string): KinlogError {
  return new KinlogError('KINLOG_SPLUNK_REFUSED', `${host} takes events, but acknowledges none to this token`, {
    remedy: 'Enable indexer acknowledgement (useACK) for the token, or switch ack off here.',
  });
}

/** It refuses one event after the other, in a way that no event of ours explains. */
export function takesNothing(host: string, reason: string): KinlogError {
  return new KinlogError('KINLOG_SPLUNK_REFUSED', `${host} refuses one event after the other: ${reason}`, {
    remedy:
      'Check whether something on the way to the HTTP Event Collector changes gzip bodies or lets none through, and whether maxEventSize of Splunk is smaller than the events.',
  });
}

function refusal(status: number, code: number | undefined, message: string): Failure {
  const renew = BAD_TOKEN.includes(code) || status === 401 || status === 403;
  return {
    kind: 'refused',
    renew,
    error: new KinlogError('KINLOG_SPLUNK_REFUSED', message, { remedy: remedyFor(status, code, renew) }),
  };
}

function remedyFor(status: number, code: number | undefined, renew: boolean): string {
  if (renew) return 'Check that the HEC token exists, is enabled, and is the one that is given here.';
  if (NO_CHANNEL.includes(code))
    return 'The token wants indexer acknowledgement: switch ack on here, or useACK off for the token.';
  if (code === ACK_DISABLED) return 'Enable indexer acknowledgement (useACK) for the token, or switch ack off here.';
  if (status === 404 || status === 405 || (status >= 200 && status < 400))
    return 'Check host and port: what answers there is no HTTP Event Collector. Its port is 8088 unless changed, not 8000 or 8089.';
  return 'Look into the log of Splunk why the HTTP Event Collector refuses, and check what stands between.';
}

/** Never throws, whatever a server or something before it says. */
function read(text: string): Said {
  const object = parsed(text);
  const { text: said, code, ackId, 'invalid-event-number': number } = (object ?? {}) as Record<string, unknown>;
  return {
    text: typeof said === 'string' ? said.slice(0, 200) : 'no answer of an HTTP Event Collector',
    code: whole(code),
    number: whole(number),
    ackId: whole(ackId),
  };
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const whole = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** Seconds, or a date. RFC 9110, 10.2.3. */
function retryAfterMs({ headers }: HttpAnswer, nowMs: number): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
