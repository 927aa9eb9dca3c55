/** splunkd's REST API, as far as the input needs it: stored secrets, its own stanza, and what the host is. */
import { systemClock, type Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError, type ErrorDetails } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { HttpAnswer, HttpClient } from '../../base/http.ts';
import { retry } from '../../base/retry.ts';
import { isLoopback } from '../../base/server-address.ts';
import { connectSplunkd } from '../../reader/checkpoint/kv-store-connection.ts';
import { splunkdAuthorities } from './authorities.ts';
import { SCHEME } from './options.ts';
import { APP_ID } from './stored.ts';

export interface SplunkdOptions {
  /** Of the management port, as the document on stdin tells it. */
  readonly url: string;
  readonly sessionKey: string;
  /** Where SPLUNK_HOME is looked for; its certificates are trusted on this host. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  readonly log?: EventLog;
}

/** A stanza, in the app whose inputs.conf holds it. */
export interface StanzaPlace {
  readonly app: string;
  /** Without the scheme. */
  readonly stanza: string;
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** For messages: `read the stored secret …`. */
  readonly doing: string;
  /** What the user of the session must be allowed. */
  readonly capability?: string;
  /** The call carries a secret, so nothing of the answer is repeated. */
  readonly confidential?: boolean;
}

interface Entry {
  readonly content?: Readonly<Record<string, unknown>>;
}

const TIMEOUT_MS = 10_000;
/** With the waits between them more than a minute: splunkd starts inputs while it is still starting itself. */
const ATTEMPTS = 14;
/** Statuses of a splunkd that is starting or busy. */
const PASSING = new Set([408, 429, 502, 503, 504]);

/** Fails with KINLOG_SERVICE_UNAVAILABLE when splunkd does not answer for a minute, _SPLUNK_REFUSED, _SESSION_ENDED (401 after the key had been accepted), _TLS_UNTRUSTED or _REQUEST_REFUSED; no message holds a secret. */
export class Splunkd {
  readonly #options: SplunkdOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #host: string;
  #http: Promise<HttpClient> | undefined;
  #authorities: Promise<string | undefined> | undefined;
  /** What splunkd must not make us repeat. */
  readonly #secrets = new Set<string>();
  #accepted = false;

  constructor(options: SplunkdOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#host = `splunkd at ${URL.parse(options.url)?.host ?? options.url}`;
    this.#secrets.add(options.sessionKey);
  }

  /** Certificates, PEM, that splunkd's on this host is checked with; undefined: the usual ones. */
  authorities(): Promise<string | undefined> {
    const url = URL.parse(this.#options.url);
    return (this.#authorities ??=
      url !== null && isLoopback(url) ? splunkdAuthorities(this.#env['SPLUNK_HOME']) : Promise.resolve(undefined));
  }

  /** Only when it is needed: most inputs never call splunkd. */
  async #connect(): Promise<HttpClient> {
    const ca = await this.authorities();
    return connectSplunkd({ url: this.#options.url, app: APP_ID, ca, timeoutMs: TIMEOUT_MS }, this.#env);
  }

  /** Undefined when nothing is stored under that name. */
  async password(realm: string, name: string, signal: AbortSignal): Promise<string | undefined> {
    const doing = `read the secret "${name}" of realm ${realm}`;
    const path = `${PASSWORDS}/${passwordId(realm, name)}`;
    const answer = await this.#call(
      { method: 'GET', path, doing, capability: 'list_storage_passwords' },
      signal,
      [404],
    );
    if (answer.status === 404) return undefined;
    const secret = this.#entries(answer)[0]?.content?.['clear_password'];
    // limits.conf, [storage_passwords_masking]: callers that it does not trust get asterisks.
    if (typeof secret !== 'string' || /^\**$/.test(secret))
      throw new KinlogError('KINLOG_SPLUNK_REFUSED', `${this.#host} gave only a mask when asked to ${doing}`, {
        retry: 'never',
        remedy: 'Allow this host to read stored passwords: limits.conf, [storage_passwords_masking].',
      });
    this.#secrets.add(secret);
    return secret;
  }

  /** Replaces what was stored under that name. */
  async storePassword(realm: string, name: string, secret: string, signal: AbortSignal): Promise<void> {
    this.#secrets.add(secret);
    const call = {
      method: 'POST',
      doing: `store the secret "${name}" of realm ${realm}`,
      capability: 'edit_storage_passwords',
      confidential: true,
    } as const;
    const fields = { name, realm, password: secret };
    const created = await this.#call({ ...call, path: PASSWORDS, fields }, signal, [409]);
    if (created.status !== 409) return;
    const path = `${PASSWORDS}/${passwordId(realm, name)}`;
    await this.#call({ ...call, path, fields: { password: secret } }, signal);
  }

  /** Sorted; secrets stay in splunkd. */
  async passwordNames(realm: string, signal: AbortSignal): Promise<string[]> {
    const path = `${PASSWORDS}?count=0&f=realm&f=username`;
    const doing = `list the names of realm ${realm}`;
    const answer = await this.#call({ method: 'GET', path, doing, capability: 'list_storage_passwords' }, signal);
    return this.#entries(answer)
      .filter(({ content }) => content?.['realm'] === realm)
      .map(({ content }) => String(content?.['username']))
      .sort();
  }

  /** splunkd starts the input anew afterwards. */
  async editInput({ app, stanza, values }: StanzaPlace & EditedValues, signal: AbortSignal): Promise<void> {
    const path = `${namespace(app)}/data/inputs/${SCHEME}/${encodeURIComponent(stanza)}`;
    const doing = `edit ${SCHEME}://${stanza} in app ${app}`;
    await this.#call({ method: 'POST', path, fields: values, doing }, signal);
  }

  /** What the inputs.conf of that very app says of the stanza, whatever other apps say; empty when it is not there. */
  async inputSettings({ app, stanza }: StanzaPlace, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const path = `${namespace(app)}/configs/conf-inputs/${encodeURIComponent(`${SCHEME}://${stanza}`)}`;
    const doing = `read ${SCHEME}://${stanza} in app ${app}`;
    const answer = await this.#call({ method: 'GET', path, doing }, signal, [404]);
    return answer.status === 404 ? {} : (this.#entries(answer)[0]?.content ?? {});
  }

  /** Such as `shc_member`, `shc_captain`. One try: whoever asks asks again. */
  async serverRoles(signal: AbortSignal): Promise<readonly string[]> {
    const call = { method: 'GET', path: '/services/server/info', doing: 'tell its roles' } as const;
    const roles = this.#entries(await this.#answer(call, signal, []))[0]?.content?.['server_roles'];
    return Array.isArray(roles) ? roles.map(String) : [];
  }

  /** `ready`, `starting`, `disabled`, `failed` … */
  async kvStoreStatus(signal: AbortSignal): Promise<string> {
    const call = { method: 'GET', path: '/services/kvstore/status', doing: 'tell the state of the KV store' } as const;
    const current = this.#entries(await this.#call(call, signal))[0]?.content?.['current'];
    const status = (current as { status?: unknown } | undefined)?.status;
    return typeof status === 'string' ? status : 'unknown';
  }

  async close(): Promise<void> {
    await (await this.#http?.catch(() => undefined))?.close();
  }

  async #call(call: Call, signal: AbortSignal, wanted: readonly number[] = []): Promise<HttpAnswer> {
    const { clock = systemClock, log } = this.#options;
    return retry(() => this.#answer(call, signal, wanted), {
      signal,
      clock,
      attempts: ATTEMPTS,
      doing: call.doing,
      onRetry: (error, _waitMs, attempt) => {
        if (attempt === 1) log?.emit('splunkd.waited', { error: error.message });
      },
    });
  }

  async #answer(call: Call, signal: AbortSignal, wanted: readonly number[]): Promise<HttpAnswer> {
    const { method, path, fields } = call;
    const query = method === 'GET' ? `${path.includes('?') ? '&' : '?'}output_mode=json` : '';
    const headers = {
      authorization: `Splunk ${this.#options.sessionKey}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const body = method === 'GET' ? {} : { body: new URLSearchParams({ output_mode: 'json', ...fields }).toString() };
    const http = await (this.#http ??= this.#connect());
    const answer = await http.call({ method, path: path + query, headers, ...body }, signal).catch(atOnce);
    if (answer.status !== 401) this.#accepted = true;
    if (answer.status < 300 || wanted.includes(answer.status)) return answer;
    throw this.#refusal(call, answer);
  }

  #refusal({ doing, capability, confidential }: Call, { status, text }: HttpAnswer): KinlogError {
    const words = confidential === true ? '' : this.#said(text);
    const said = `HTTP ${status}${words === '' ? '' : `: ${words}`}`;
    const refused = (code: 'KINLOG_SPLUNK_REFUSED' | 'KINLOG_REQUEST_REFUSED', details: ErrorDetails) =>
      new KinlogError(code, `${this.#host} refused to ${doing} (${said})`, { retry: 'never', ...details });
    if (status === 401)
      return this.#accepted
        ? new KinlogError('KINLOG_SESSION_ENDED', `${this.#host} does not accept the session key any more (${said})`)
        : refused('KINLOG_SPLUNK_REFUSED', {
            remedy: 'splunkd gives a new session key at the next start of the input.',
          });
    if (status === 403)
      return refused('KINLOG_SPLUNK_REFUSED', {
        remedy: `Give the role of the user the capability ${capability ?? 'that the answer names'}.`,
      });
    if (PASSING.has(status))
      return new KinlogError('KINLOG_SERVICE_UNAVAILABLE', `${this.#host} could not ${doing} now (${said})`);
    return refused('KINLOG_REQUEST_REFUSED', { remedy: 'splunkd.log of that host tells more.' });
  }

  /** splunkd's own words, `{"messages":[{"type":"ERROR","text":"…"}]}`; it may have been told secrets in the request. */
  #said(text: string): string {
    const { messages } = objectIn(text) as { messages?: readonly { text?: unknown }[] };
    const said = messages?.[0]?.text;
    if (typeof said !== 'string') return '';
    const forms = [...this.#secrets].flatMap((secret) => [secret, encodeURIComponent(secret)]);
    return forms.reduce((words, form) => words.replaceAll(form, '…'), said).slice(0, 300);
  }

  #entries({ text }: HttpAnswer): readonly Entry[] {
    const { entry } = objectIn(text) as { entry?: unknown };
    if (Array.isArray(entry)) return entry as readonly Entry[];
    throw new KinlogError('KINLOG_UNEXPECTED', `${this.#host} answers what no splunkd answers`, {
      remedy: 'Check that the address is the management port of a Splunk instance.',
    });
  }
}

interface EditedValues {
  readonly values: Readonly<Record<string, string>>;
}

const namespace = (app: string): string => `/servicesNS/nobody/${encodeURIComponent(app)}`;
const PASSWORDS = `${namespace(APP_ID)}/storage/passwords`;

/** `realm:name:` with a backslash before colons of either part, as an address has it. */
function passwordId(realm: string, name: string): string {
  const [first, second] = [realm, name].map((part) => part.toWellFormed().replaceAll(':', '\\:'));
  return encodeURIComponent(`${first}:${second}:`);
}

/** What a person must mend is not waited for here: the input ends, and splunkd starts it again after a while. */
function atOnce(error: unknown): never {
  if (!isKinlogError(error) || error.retry !== 'slow') throw error;
  const { code, message, remedy, cause } = error;
  throw new KinlogError(code, message, { remedy, cause, retry: 'never' });
}

function objectIn(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
