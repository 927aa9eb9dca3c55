/** Calls and watches of the API server over HTTP: bounded in time and size, renewed credentials, one error for all that fails. */
import { Agent, type Dispatcher } from 'undici';
import { abortReason, systemClock, unlessAborted } from '../../base/clock.ts';
import { Deadline } from '../../base/deadline.ts';
import type { EventLog } from '../../base/events.ts';
import { KubeError, type ApiCall, type KubeApi, type WatchEvent } from './api.ts';
import type { Access, Connection, TlsAccess } from './connection.ts';
import { codeOf, nameOf, refusal, transportFailure } from './failures.ts';
import { Lines } from './lines.ts';

export interface KubeClientOptions {
  readonly log: EventLog;
  /** For metrics. `status` 0: no answer; `ms` of a watch: until its head came. */
  readonly onRequest?: (request: SeenRequest) => void;
  /** Milliseconds; the defaults are what the operator runs with. */
  readonly limits?: Partial<typeof LIMITS>;
}

export interface SeenRequest {
  readonly method: string;
  readonly status: number;
  readonly ms: number;
  readonly host: string;
}

const LIMITS = {
  callMs: 10_000,
  /** The server asks admission webhooks, which may take 30 s: one that is down and does not matter (failurePolicy Ignore) only delays what whoever gave up before it never gets done. */
  writeMs: 35_000,
  /** A GET that says `limit`: the server reads hundreds of objects for it. */
  listMs: 60_000,
  /** Bookmarks come about once a minute. */
  watchIdleMs: 90_000,
};
/** Listings ask for smaller pages then. */
const MAX_ANSWER_BYTES = 16 << 20;
const MAX_LINE_BYTES = 16 << 20;
const CONNECTIONS = 32;
/** As client-go: under the 60 s after which load balancers forget a silent connection. */
const KEEP_ALIVE_MS = 30_000;
/** The server ends a watch after `timeoutSeconds`; whatever lives longer is broken. */
const WATCH_GRACE_MS = 30_000;

export function kubeClient(connection: Connection, options: KubeClientOptions): KubeApi {
  return new KubeClient(connection, options);
}

/** Two, because an answer is bounded as a whole and a watch is not. */
interface Agents {
  readonly tls: TlsAccess;
  readonly calls: Agent;
  readonly watches: Agent;
}

class KubeClient implements KubeApi {
  readonly #connection: Connection;
  readonly #options: KubeClientOptions;
  readonly #limits: typeof LIMITS;
  #agents: Agents | undefined;

  constructor(connection: Connection, options: KubeClientOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  async call<T>(call: ApiCall, signal?: AbortSignal): Promise<T> {
    const deadline = new Deadline(systemClock, this.#limits[limitOf(call)], signal);
    try {
      const { statusCode, headers, body } = await this.#ask(call, 'calls', deadline.signal);
      const text = await body.text();
      if (statusCode >= 300) throw refusal(call, { status: statusCode, text, retryAfter: one(headers['retry-after']) });
      return parse(call, text) as T;
    } catch (error) {
      throw this.#failure(call, error, deadline, signal);
    } finally {
      deadline.end();
    }
  }

  async *watch(call: ApiCall, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const seconds = Number(call.query?.['timeoutSeconds'] ?? 300);
    const whole = new Deadline(systemClock, seconds * 1000 + WATCH_GRACE_MS, signal);
    const idle = new Deadline(systemClock, this.#limits.watchIdleMs, whole.signal);
    try {
      const { statusCode, headers, body } = await this.#ask(call, 'watches', idle.signal);
      if (statusCode !== 200) {
        const text = await body.text();
        throw refusal(call, { status: statusCode, text, retryAfter: one(headers['retry-after']) });
      }
      const lines = new Lines(MAX_LINE_BYTES);
      for await (const piece of body as AsyncIterable<Buffer>) {
        idle.again();
        for (const line of lines.split(piece)) yield parse(call, line) as WatchEvent;
      }
      if (lines.open) throw transportFailure(call, 'ended within a line');
    } catch (error) {
      throw this.#failure(call, error, whole.passed ? whole : idle, signal);
    } finally {
      idle.end();
      whole.end();
    }
  }

  async close(): Promise<void> {
    const agents = this.#agents;
    this.#agents = undefined;
    await Promise.all([agents?.calls.close(), agents?.watches.destroy()]);
  }

  /** The answer's head. A token may have ended a moment ago: one more try with what is there now. */
  async #ask(call: ApiCall, sort: 'calls' | 'watches', signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const answer = await this.#send(call, sort, signal);
    if (answer.statusCode !== 401) return answer;
    this.#connection.renew();
    await answer.body.dump();
    return this.#send(call, sort, signal);
  }

  async #send(call: ApiCall, sort: 'calls' | 'watches', signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { server } = this.#connection;
    const { headers, tls } = await this.#access(call, signal);
    const begun = performance.now();
    let status = 0;
    try {
      const answer = await this.#agentsOf(tls)[sort].request({
        origin: server.origin,
        path: server.pathname.replace(/\/$/, '') + call.path + queryOf(call),
        method: call.method,
        headers: {
          'user-agent': 'kinlog-operator',
          accept: call.accept ?? 'application/json',
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal,
      });
      status = answer.statusCode;
      const warning = one(answer.headers['warning']);
      if (warning !== undefined) this.#options.log.emit('api.warned', { call: nameOf(call), warning });
      return answer;
    } finally {
      this.#options.onRequest?.({ method: call.method, status, ms: performance.now() - begun, host: server.host });
    }
  }

  async #access(call: ApiCall, signal: AbortSignal): Promise<Access> {
    try {
      return await unlessAborted(this.#connection.access(), signal);
    } catch (error) {
      // Not the words of the program or the file.
      throw transportFailure(call, `the credentials can not be read: ${codeOf(error)}`, error);
    }
  }

  /** New ones when a certificate or an authority was renewed; calls under way end on the old ones. */
  #agentsOf(tls: TlsAccess): Agents {
    if (this.#agents?.tls === tls) return this.#agents;
    void this.#agents?.calls.close();
    void this.#agents?.watches.close();
    // Times are those of Deadline: undici's own would hold for all calls alike.
    const common = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS };
    const connect = { ...tls, timeout: this.#limits.callMs, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#agents = {
      tls,
      calls: new Agent({ ...common, connect, connections: CONNECTIONS, maxResponseSize: MAX_ANSWER_BYTES }),
      watches: new Agent({ ...common, connect }),
    };
    return this.#agents;
  }

  #failure(call: ApiCall, error: unknown, deadline: Deadline, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return abortReason(signal);
    if (error instanceof KubeError) return error;
    if (deadline.passed) return transportFailure(call, `no answer within ${deadline.limitMs} ms`, error);
    const code = codeOf(error);
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
      return new KubeError(`${nameOf(call)}: the answer is larger than ${MAX_ANSWER_BYTES} bytes`, {
        sort: 'too-large',
        status: 0,
        cause: error,
      });
    return transportFailure(call, error instanceof RangeError ? error.message : code, error);
  }
}

function limitOf({ method, query }: ApiCall): keyof typeof LIMITS {
  if (method !== 'GET') return 'writeMs';
  return query?.['limit'] === undefined ? 'callMs' : 'listMs';
}

function parse(call: ApiCall, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw transportFailure(call, 'what came is not JSON');
  }
}

function queryOf({ query = {} }: ApiCall): string {
  const known = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) known.set(name, String(value));
  return known.size === 0 ? '' : `?${known.toString()}`;
}

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header;
