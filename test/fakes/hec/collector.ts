/** What a HEC answers while nothing is wrong with it: who may send, what it takes, what became of it.
 *  help.splunk.com, "Set up and use HTTP Event Collector in Splunk Web", "Troubleshoot HTTP Event Collector"; Suhaibinator/open-splunk, internal/hec/testdata/compatibility. */
import { gunzipSync } from 'node:zlib';
import type { Call } from './call.ts';
import { answerOf, html, type Answer, type Code } from './answers.ts';
import { parseEvents, type SentEvent } from './events.ts';
import type { Faults } from './faults.ts';

import { Indexer, Indexing, type StoredEvent } from './indexer.ts';

export interface Token {
  disabled?: boolean;
  /** useACK */
  ack?: boolean;
  /** Those it may write to; any without. */
  indexes?: readonly string[];
}

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const COOKIE = 'hec-indexer';

export class Collector {
  readonly tokens: Map<string, Token>;
  readonly indexers: readonly Indexer[];
  readonly indexing: Indexing;
  /** Whether events ahead of an invalid one are taken; what is known of Splunk differs. */
  takesAhead = true;
  /** inputs.conf, [http] maxEventSize. */
  maxEventBytes = 5 << 20;
  /** limits.conf, [http_input] max_content_length. */
  maxContentBytes = 838_860_800;
  #turn = 0;

  constructor(
    tokens: Readonly<Record<string, Token>>,
    indexers: number,
    stored: (events: readonly StoredEvent[]) => void,
  ) {
    this.tokens = new Map(Object.entries(tokens));
    this.indexers = Array.from({ length: indexers }, (_, n) => new Indexer(`indexer-${n + 1}`));
    this.indexing = new Indexing(stored);
  }

  /** What a search would find, in the order in which it was indexed. */
  get events(): readonly StoredEvent[] {
    return this.indexing.events;
  }

  /** What was accepted and not indexed is lost, and no channel is known any more. */
  crash(): void {
    this.indexing.loseWaiting();
    for (const indexer of this.indexers) indexer.forget();
  }

  answer(call: Call, faults: Faults, sticky: boolean): Answer {
    if (call.endpoint === 'other') return answerFor(404);
    if (call.method !== (call.endpoint === 'health' ? 'GET' : 'POST')) return answerFor(405);
    if (call.body.length > faults.maxBodyBytes) return html(413);
    if (call.endpoint === 'health') return this.#health(call, faults);
    const refused = this.#refuses(call);
    if (refused !== undefined) return answerOf(refused);
    const { indexer, headers } = this.#route(call, faults, sticky);
    const token = this.tokens.get(call.token!)!;
    const answer =
      call.endpoint === 'event' ? this.#event(call, token, faults, indexer) : this.#ack(call, token, faults, indexer);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }

  /** Before anything of the body is looked at. */
  #refuses({ headers: { authorization }, path, token: name = '' }: Call): Code | undefined {
    if (authorization === undefined) return path.includes('token=') ? 16 : 2;
    if (!/^Splunk \S+$/.test(authorization)) return 3;
    const token = this.tokens.get(name);
    if (token === undefined) return 4;
    return token.disabled === true ? 1 : undefined;
  }

  #route(call: Call, faults: Faults, sticky: boolean): { indexer: Indexer; headers: Record<string, string> } {
    if (this.indexers.length === 1) return { indexer: this.indexers[0]!, headers: {} };
    const wanted = new RegExp(`${COOKIE}=([\\w-]+)`).exec(call.cookie ?? '')?.[1];
    const known = sticky ? this.indexers.find(({ name }) => name === wanted) : undefined;
    if (known !== undefined && !faults.takeStray()) return { indexer: known, headers: {} };
    const others = this.indexers.filter((indexer) => indexer !== known);
    const indexer = others[this.#turn++ % others.length]!;
    return { indexer, headers: sticky ? { 'set-cookie': `${COOKIE}=${indexer.name}; Path=/; HttpOnly` } : {} };
  }

  #event(call: Call, token: Token, { state }: Faults, indexer: Indexer): Answer {
    const refused = REFUSING[state] ?? channelFault(call, token);
    if (refused !== undefined) return answerOf(refused);
    const body = unpacked(call);
    if (body === undefined) return answerOf(6);
    if (body.length > this.maxContentBytes) return answerFor(413);
    const { events, fault } = parseEvents(body, { indexes: token.indexes, maxEventBytes: this.maxEventBytes });
    const take = () => this.#take(call, token, indexer, events);
    if (fault !== undefined) {
      if (this.takesAhead && events.length > 0) take();
      return answerOf(fault, { 'invalid-event-number': events.length });
    }
    if (events.length === 0) return answerOf(5);
    return answerOf(state === 'near capacity' ? 24 : 0, { ackId: take() });
  }

  #take({ channel = '', token = '' }: Call, { ack }: Token, indexer: Indexer, sent: readonly SentEvent[]) {
    const events = sent.map((event) => ({ ...event, token, indexer: indexer.name }));
    const ackId = ack === true ? indexer.number(channel) : undefined;
    this.indexing.take(ackId === undefined ? { events, indexer } : { events, indexer, ticket: { channel, ackId } });
    return ackId;
  }

  #ack(call: Call, token: Token, { ackService }: Faults, indexer: Indexer): Answer {
    if (token.ack !== true) return answerOf(14);
    const channel = channelFault(call, token);
    if (channel !== undefined) return answerOf(channel);
    if (!ackService) return answerOf(9);
    const acks = acksAsked(call.body);
    if (acks === undefined) return answerOf(6);
    const told = indexer.told(call.channel!, acks, this.indexing.tellsAgain);
    return { status: 200, body: JSON.stringify({ acks: told }) };
  }

  #health(call: Call, { state, health, ackService }: Faults): Answer {
    const fault = this.#refuses(call);
    // Nobody has to say who asks.
    if (fault !== undefined && fault !== 2) return answerOf(fault === 1 ? 22 : 21);
    const acksAway = !ackService && /[?&]ack=(true|1)/.test(call.path);
    if (REFUSING[state] === undefined) return answerOf(acksAway ? 19 : health);
    if (state === 'shutting down') return answerOf(23);
    return answerOf(acksAway ? 20 : 18);
  }
}

/** What posts of events are answered with. */
const REFUSING: Partial<Record<Faults['state'], Code>> = { busy: 9, 'shutting down': 23, 'at capacity': 26 };

function answerFor(status: number): Answer {
  return { ...answerOf(6), status };
}

function channelFault({ channel }: Call, { ack }: Token): Code | undefined {
  if (channel === undefined) return ack === true ? 10 : undefined;
  return GUID.test(channel) ? undefined : 11;
}

/** Undefined: it says gzip and is none. */
function unpacked({ headers, body }: Call): Buffer | undefined {
  if (headers['content-encoding']?.toLowerCase() !== 'gzip') return body;
  try {
    return gunzipSync(body);
  } catch {
    return undefined;
  }
}

function acksAsked(body: Buffer): number[] | undefined {
  try {
    const { acks } = JSON.parse(body.toString()) as { acks?: unknown };
    const numbers = Array.isArray(acks) && acks.every((ack) => Number.isSafeInteger(ack));
    return numbers ? (acks as number[]) : undefined;
  } catch {
    return undefined;
  }
}
