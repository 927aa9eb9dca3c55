/** HTTP to services that are not AWS: bounded in time, size and connections, TLS checked, and no secret in what it says. */
import type { Agent, Dispatcher, ProxyAgent } from 'undici';
import { abortReason, systemClock } from './clock.ts';
import { Deadline } from './deadline.ts';
import { KinlogError } from './errors.ts';

export interface HttpOptions {
  /** Scheme, host and port; what follows is ignored. */
  readonly url: URL;
  /** Certificates, PEM; the usual authorities without. */
  readonly ca?: string | undefined;
  /** `chain`: whatever name the certificate has; `nothing`: only where nobody can listen in. */
  readonly verify?: 'all' | 'chain' | 'nothing' | undefined;
  /** For a whole call, the wait for a connection included, milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** At once; further calls wait for one. Default 8. */
  readonly connections?: number | undefined;
  /** That nobody uses is closed after so long, unless the server names another time. Default 4 s. */
  readonly keepAliveMs?: number | undefined;
  /** A longer one is an error. Default 64 MiB. */
  readonly maxAnswerBytes?: number | undefined;
  /** Address of a proxy that makes a tunnel to the server; may hold a user and a password. */
  readonly proxy?: URL | undefined;
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** May hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Calls to one server. Redirects are not followed: they would carry the secrets elsewhere. */
export class HttpClient {
  readonly #options: HttpOptions;
  #agent: Promise<Agent | ProxyAgent> | undefined;
  #closed = false;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** Any status is an answer. Fails with KINLOG_SERVICE_UNAVAILABLE, _TLS_UNTRUSTED or _CLOSED, or with the reason of the signal. */
  async call(call: HttpCall, signal?: AbortSignal): Promise<HttpAnswer> {
    if (this.#closed)
      throw new KinlogError('KINLOG_CLOSED', `the client of ${this.#host} was used after it was closed`);
    const { timeoutMs = 30_000 } = this.#options;
    const deadline = new Deadline(systemClock, timeoutMs, signal);
    try {
      signal?.throwIfAborted();
      return await this.#answer(call, deadline.signal);
    } catch (error) {
      if (signal?.aborted === true) throw abortReason(signal);
      if (deadline.passed) throw unavailable(this.#host, `no answer within ${timeoutMs} ms`, error);
      throw failure(error, this.#host);
    } finally {
      deadline.end();
    }
  }

  async #answer(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    this.#agent ??= newAgent(this.#options);
    const dispatcher = await this.#agent;
    const named = { 'user-agent': USER_AGENT, ...call.headers };
    const request: Dispatcher.RequestOptions = { origin: this.#options.url.origin, ...call, headers: named, signal };
    const { statusCode, headers, body } = await dispatcher.request(request);
    return { status: statusCode, headers, text: await body.text() };
  }

  /** Calls under way end first. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#agent)?.close();
  }

  get #host(): string {
    return this.#options.url.host;
  }
}

const MAX_ANSWER_BYTES = 64 << 20;
const CONNECTIONS = 8;
/** Splunk speaks HTTP/1.0 to whoever does not say his name, and closes the connection with every answer (forceHttp10 = auto in inputs.conf and server.conf). */
const USER_AGENT = 'kinlog';

async function newAgent(options: HttpOptions): Promise<Agent | ProxyAgent> {
  const { ca, verify = 'all', timeoutMs, connections = CONNECTIONS, proxy } = options;
  const { keepAliveMs, maxAnswerBytes = MAX_ANSWER_BYTES } = options;
  // Only here: most commands never need it.
  const { Agent: UndiciAgent, ProxyAgent: UndiciProxyAgent } = await import('undici');
  const connect = {
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(ca === undefined ? {} : { ca }),
    ...(verify === 'all' ? {} : { checkServerIdentity: () => undefined }),
    rejectUnauthorized: verify !== 'nothing',
  };
  const common = {
    connections,
    maxResponseSize: maxAnswerBytes,
    ...(keepAliveMs === undefined ? {} : { keepAliveTimeout: keepAliveMs }),
  };
  if (proxy === undefined) return new UndiciAgent({ ...common, connect });
  return new UndiciProxyAgent({ ...common, uri: proxy.href, requestTls: connect });
}

const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Codes of Node's TLS for certificates that are not trusted. */
const UNTRUSTED = /CERT|UNABLE_TO_|SELF_SIGNED|CRL|HOSTNAME_MISMATCH/;

function failure(error: unknown, host: string): KinlogError {
  if (error instanceof KinlogError) return error;
  const code = codeOf(error);
  if (PASSING.has(code)) return unavailable(host, code, error);
  // Whoever asked has not stopped it, so it was the proxy; it says no secret.
  if (code === 'UND_ERR_ABORTED') return unavailable(host, (error as Error).message, error);
  if (UNTRUSTED.test(code))
    return new KinlogError('KINLOG_TLS_UNTRUSTED', `the certificate of ${host} is not trusted: ${code}`, {
      cause: error,
    });
  if (/^(?:HPE_|ERR_SSL_|EPROTO)/.test(code))
    return new KinlogError(
      'KINLOG_SERVICE_UNAVAILABLE',
      `${host} does not speak the protocol of its address: ${code}`,
      {
        retry: 'slow',
        remedy: 'Check the port, and whether the address begins with https or http.',
        cause: error,
      },
    );
  return new KinlogError('KINLOG_UNEXPECTED', `calling ${host}: ${code}`, { cause: error });
}

const unavailable = (host: string, why: string, cause: unknown): KinlogError =>
  new KinlogError('KINLOG_SERVICE_UNAVAILABLE', `${host} did not answer: ${why}`, { cause });

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : String(error);
}
