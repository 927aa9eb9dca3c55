/** The REST endpoints of one KV store collection: waits until the store is ready, and says what is wrong with it. */
import type { Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../../base/http.ts';

export interface SplunkAuth {
  /** `session`: what splunkd hands to a modular input; `bearer`: a token that a person made. */
  readonly kind: 'session' | 'bearer';
  readonly value: string;
}

export interface KvCollectionOptions {
  readonly http: HttpClient;
  /** For messages. */
  readonly host: string;
  readonly app: string;
  readonly collection: string;
  readonly auth: () => Promise<SplunkAuth>;
  readonly clock: Clock;
  /** How long a store that is starting is waited for. */
  readonly readyWithinMs: number;
}

type Unsigned = Omit<HttpCall, 'headers'>;

/** A query in the form that MongoDB and the KV store have. */
export type KvQuery = Readonly<Record<string, unknown>>;

export interface KvSearch {
  readonly query: KvQuery;
  readonly descending?: boolean;
  /** limits.conf, [kvstore] max_rows_per_query: above 50,000 rows an answer is cut without a word. */
  readonly limit: number;
}

/** Fails with KINLOG_CHECKPOINT_UNAVAILABLE (soon, or slow when a person must act), _SPLUNK_REFUSED, _SESSION_ENDED (401 after the key had been accepted), _KV_COLLECTION_MISSING, _TLS_UNTRUSTED or _REQUEST_REFUSED. */
export class KvCollection {
  readonly where: string;
  readonly #options: KvCollectionOptions;
  /** Always that of the user nobody: the user is part of a document's identity. */
  readonly #path: string;
  #shown: SplunkAuth['kind'] = 'session';
  #accepted = false;

  constructor(options: KvCollectionOptions) {
    this.#options = options;
    const { host, app, collection } = options;
    this.where = `the collection ${collection} of app ${app} at ${host}`;
    this.#path = `/servicesNS/nobody/${encodeURIComponent(app)}/storage/collections/data/${encodeURIComponent(collection)}`;
  }

  /** Atomic: of all who insert one key, one gets `true`. Only the wait for the store is aborted, never the call; a failure leaves the insert in doubt. */
  async insert(document: object, waits: AbortSignal): Promise<boolean> {
    const call = { method: 'POST', path: this.#path, body: JSON.stringify(document) } as const;
    const answer = await this.#call(call, waits, NEVER);
    if (isDuplicate(answer)) return false;
    this.#checked(answer);
    return true;
  }

  async find({ query, descending, limit }: KvSearch, signal: AbortSignal): Promise<unknown[]> {
    const parameters = new URLSearchParams({
      query: JSON.stringify(query),
      sort: descending === true ? '_key:-1' : '_key',
      limit: String(limit),
    });
    return this.#listed(await this.#call({ method: 'GET', path: `${this.#path}?${parameters.toString()}` }, signal));
  }

  /** One request for all; limits.conf, [kvstore] max_queries_per_batch: 1,000 at most. */
  async findEach(queries: readonly KvQuery[]): Promise<unknown[][]> {
    const body = JSON.stringify(queries.map((query) => ({ query })));
    const found = this.#listed(await this.#call({ method: 'POST', path: `${this.#path}/batch_find`, body }));
    if (found.length !== queries.length || !found.every(Array.isArray)) throw this.#senseless();
    return found as unknown[][];
  }

  /** Everything that the query matches. A DELETE without a query would empty the collection, so there is no way to ask for one. */
  async delete(query: KvQuery, signal: AbortSignal): Promise<void> {
    if (Object.keys(query).length === 0) throw new KinlogError('KINLOG_UNEXPECTED', 'a query that matches everything');
    const parameters = new URLSearchParams({ query: JSON.stringify(query) });
    this.#checked(await this.#call({ method: 'DELETE', path: `${this.#path}?${parameters.toString()}` }, signal));
  }

  /** 503 is the answer of a store that is not there yet, usually because splunkd has just started. Whoever can be stopped waits for it. */
  async #call(call: Unsigned, waits?: AbortSignal, interrupted = waits): Promise<HttpAnswer> {
    for (;;) {
      waits?.throwIfAborted();
      const answer = await this.#send(call, interrupted);
      if (answer.status !== 503 || waits === undefined) return answer;
      await this.#untilReady(waits);
    }
  }

  async #send(call: Unsigned, signal?: AbortSignal): Promise<HttpAnswer> {
    const { kind, value } = await this.#options.auth();
    this.#shown = kind;
    const authorization = `${kind === 'session' ? 'Splunk' : 'Bearer'} ${value}`;
    const headers = { authorization, 'content-type': 'application/json' };
    try {
      const answer = await this.#options.http.call({ ...call, headers }, signal);
      if (answer.status !== 401) this.#accepted = true;
      return answer;
    } catch (error) {
      if (!isKinlogError(error, 'KINLOG_SERVICE_UNAVAILABLE')) throw error;
      throw this.#unavailable(error.message, { cause: error, retry: error.retry, remedy: error.remedy });
    }
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    const { clock, readyWithinMs } = this.#options;
    const deadline = clock.monotonic() + readyWithinMs;
    for (let waits = 0; ; waits++) {
      const status = await this.#status(signal);
      if (status === 'failed' || status === 'disabled')
        throw this.#unavailable(`the KV store is ${status}`, {
          retry: 'slow',
          remedy:
            'See mongod.log and splunkd.log of that Splunk instance; a heavy forwarder or search head has a KV store, a universal forwarder has none.',
        });
      if (status === 'ready' && waits > 0) return;
      if (!NOT_YET.has(status)) throw this.#unavailable(`it is not available now (status ${status})`);
      const waitMs = Math.min(FIRST_WAIT_MS * 2 ** waits, LONGEST_WAIT_MS);
      if (clock.monotonic() + waitMs > deadline)
        throw this.#unavailable(`the KV store is still ${status} after ${Math.round(readyWithinMs / 1000)} s`);
      await clock.sleep(waitMs, signal);
    }
  }

  async #status(signal: AbortSignal): Promise<string> {
    const answer = await this.#send({ method: 'GET', path: '/services/kvstore/status?output_mode=json' }, signal);
    if (answer.status === 401) this.#checked(answer);
    if (answer.status !== 200) return `not told, HTTP ${answer.status}`;
    const { entry } = (parsed(answer.text) ?? {}) as { entry?: { content?: { current?: { status?: unknown } } }[] };
    const status = entry?.[0]?.content?.current?.status;
    return typeof status === 'string' ? status : 'not told';
  }

  #listed(answer: HttpAnswer): unknown[] {
    this.#checked(answer);
    const value = parsed(answer.text);
    if (!Array.isArray(value)) throw this.#senseless();
    return value;
  }

  #checked({ status, text }: HttpAnswer): void {
    if (status !== 200 && status !== 201) throw this.#refusal(status, messageIn(text));
  }

  #refusal(status: number, text: string): KinlogError {
    const said = `HTTP ${status}${text === '' ? '' : `: ${text}`}`;
    const { app, collection, host } = this.#options;
    switch (status) {
      case 401:
        return this.#unknown(said);
      case 403:
        return new KinlogError('KINLOG_SPLUNK_REFUSED', `${host} does not allow the use of ${collection} (${said})`, {
          remedy: `Let the user read and write the collection ${collection} of app ${app}.`,
        });
      case 404:
        return new KinlogError('KINLOG_KV_COLLECTION_MISSING', `${this.where} does not exist (${said})`, {
          remedy: `Install and enable the app ${app}; its collections.conf must have the stanza [${collection}].`,
        });
      default:
        return this.#failure(status, said);
    }
  }

  #unknown(said: string): KinlogError {
    const { host } = this.#options;
    const session = this.#shown === 'session';
    if (session && this.#accepted)
      return new KinlogError('KINLOG_SESSION_ENDED', `${host} does not accept the session key any more (${said})`);
    return new KinlogError('KINLOG_SPLUNK_REFUSED', `${host} does not accept the session key or token (${said})`, {
      remedy:
        'A session key ends with the input that it was given to: restart the input. A token may be expired or disabled: make a new one.',
      // Nobody renews the key that a process was given at its start.
      retry: session ? 'never' : 'slow',
    });
  }

  /** The answers of a full and of a read-only store are not documented, so their texts are looked into. */
  #failure(status: number, said: string): KinlogError {
    if (status === 507 || /no space|disk (?:is )?full|quota/i.test(said))
      return this.#unavailable(`the KV store is full (${said})`, {
        retry: 'slow',
        remedy: 'Free disk space where that Splunk instance keeps its KV store.',
      });
    if (/read.?only|maintenance/i.test(said))
      return this.#unavailable(`the KV store takes no writes (${said})`, {
        retry: 'slow',
        remedy: 'End its read-only mode: splunk disable kvstore-maintenance-mode -readOnly true',
      });
    if (status >= 500 || status === 408 || status === 429) return this.#unavailable(said);
    return new KinlogError('KINLOG_REQUEST_REFUSED', `${this.where}: ${said}`);
  }

  #unavailable(why: string, details: ConstructorParameters<typeof KinlogError>[2] = {}): KinlogError {
    return new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', `${this.where}: ${why}`, {
      remedy: 'If it does not heal by itself, look into splunkd.log and mongod.log of that Splunk instance.',
      ...details,
    });
  }

  #senseless(): KinlogError {
    return new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${this.where} answers what no KV store answers`, {
      remedy: 'Check that the address is the management port of a Splunk instance.',
    });
  }
}

const NEVER = new AbortController().signal;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** Of /services/kvstore/status: what passes by itself. */
const NOT_YET = new Set(['unknown', 'starting', 'shuttingdown']);

/** 409 in the field (OpenCTI-Platform/splunk-add-on, issue 20); Splunk's documentation names only the text. */
function isDuplicate({ status, text }: HttpAnswer): boolean {
  return status === 409 || (status === 400 && text.includes('same key and user already exists'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** splunkd's own words, `{"messages":[{"type":"ERROR","text":"…"}]}`, shortened. */
function messageIn(text: string): string {
  const { messages } = (parsed(text) ?? {}) as { messages?: { text?: unknown }[] };
  const said = messages?.[0]?.text;
  return typeof said === 'string' ? said.slice(0, 200) : '';
}
