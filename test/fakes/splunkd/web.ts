/** A Splunk Web of one's own on 127.0.0.1: log-in, the views and static files of one app, and /splunkd/__raw/, which passes calls on to the fake splunkd when session and form key are right. */
import { randomBytes } from 'node:crypto';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { FakeSplunkd, Host, Port } from './splunkd.ts';
import { CHROME_SCRIPT, CHROME_STYLE, viewPage, type Theme } from './web-page.ts';

interface WebOptions {
  readonly splunkd: FakeSplunkd;
  /** Whose inputs are shown. */
  readonly host?: Host;
  /** Folder of the app, as it is in the package. */
  readonly app: string;
  /** web.conf, root_endpoint, such as /splunk. */
  readonly root?: string;
  readonly locale?: string;
  readonly theme?: Theme;
}

export interface WebRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly body: string;
  readonly answer: string;
}

const APP = 'kinloader';
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png' };

export class FakeSplunkWeb {
  /** Those of the port that this Splunk Web calls. */
  readonly splunkd: Port;
  /** All that came in, for assertions about what travels. */
  readonly requests: WebRequest[] = [];
  /** Paths that nothing answers. */
  readonly unknown: string[] = [];
  theme: Theme;
  readonly #server: Server;
  readonly #options: WebOptions;
  #session = randomBytes(16).toString('hex');
  readonly #formKey = String(randomBytes(6).readUIntBE(0, 6));

  private constructor(server: Server, splunkd: Port, options: WebOptions) {
    this.#server = server;
    this.splunkd = splunkd;
    this.#options = options;
    this.theme = options.theme ?? 'light';
  }

  static async open(options: WebOptions): Promise<FakeSplunkWeb> {
    const server = createServer((request, response) => void web.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { splunkd, host = splunkd } = options;
    const web = new FakeSplunkWeb(server, await splunkd.open({ tls: false, host }), options);
    return web;
  }

  /** Logs in and goes on to the view. */
  enter(view: string): string {
    return `${this.origin}${this.base}/account/login?view=${view}`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Root endpoint and locale. */
  get base(): string {
    return `${this.#options.root ?? ''}/${this.#options.locale ?? 'en-US'}`;
  }

  /** Whoever is logged in is no more. */
  endSessions(): void {
    this.#session = randomBytes(16).toString('hex');
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await Promise.all([closed, this.splunkd.close()]);
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://web');
    const below = url.pathname.startsWith(`${this.base}/`) ? url.pathname.slice(this.base.length) : '';
    if (below === '/account/login') {
      this.#logIn(url, response);
      return;
    }
    if (below.startsWith('/splunkd/__raw/')) return this.#raw(request, response, below.slice('/splunkd/__raw'.length));
    const page = this.#page(below);
    if (page === undefined) this.unknown.push(url.pathname);
    const [type, body] = page ?? ['text/plain', 'not found'];
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': type, ...POLICY }).end(body);
  }

  #logIn(url: URL, response: ServerResponse): void {
    const cookies = [
      `splunkd_${this.#port}=${this.#session}; Path=/; HttpOnly; SameSite=Lax`,
      // Another Splunk Web of this host, whose cookies the browser sends to all ports.
      'splunkweb_csrf_token_1=111; Path=/',
      `splunkweb_csrf_token_${this.#port}=${this.#formKey}; Path=/; SameSite=Lax`,
    ];
    const location = `${this.base}/app/${APP}/${url.searchParams.get('view') ?? 'setup'}`;
    response.writeHead(303, { 'set-cookie': cookies, location }).end();
  }

  #page(below: string): readonly [type: string, body: string | Buffer] | undefined {
    if (below === '/static/chrome.js') return [TYPES['.js']!, CHROME_SCRIPT];
    if (below === '/static/chrome.css') return [TYPES['.css']!, CHROME_STYLE];
    const view = /^\/app\/kinloader\/(\w+)$/.exec(below)?.[1];
    if (view !== undefined) return this.#view(path.join(this.#options.app, 'default/data/ui/views', `${view}.xml`));
    const name = /^\/static\/app\/kinloader\/([\w-]+\.\w+)$/.exec(below)?.[1];
    const file = path.join(this.#options.app, 'appserver/static', name ?? '');
    if (name === undefined || !existsSync(file)) return undefined;
    return [TYPES[path.extname(file)] ?? 'application/octet-stream', readFileSync(file)];
  }

  #view(file: string): readonly [type: string, body: string] | undefined {
    if (!existsSync(file)) return undefined;
    return ['text/html; charset=utf-8', viewPage(readFileSync(file, 'utf8'), this.base, this.theme)];
  }

  /** As Splunk Web's proxy: a session cookie for every call, the form key as a header for every one that changes something. */
  async #raw(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const body = await bodyOf(request);
    const query = new URL(request.url ?? '/', 'http://web').search;
    const note = (status: number, answer: string) => {
      this.requests.push({ method: request.method ?? 'GET', url: request.url ?? '', body, answer });
      response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(answer);
    };
    const refusal = this.#refusal(request);
    const [status, answer] = refusal ?? (await this.#passOn(request, target + query, body));
    note(status, answer);
  }

  #refusal({ method, headers }: IncomingMessage): [status: number, answer: string] | undefined {
    if (!(headers.cookie ?? '').includes(this.#session)) return [401, said('call not properly authenticated')];
    const { 'x-splunk-form-key': key, 'x-requested-with': by } = headers;
    const trusted = method === 'GET' || (key === this.#formKey && by === 'XMLHttpRequest');
    return trusted ? undefined : [403, said('CSRF validation failed')];
  }

  #passOn(
    { method, headers }: IncomingMessage,
    target: string,
    body: string,
  ): Promise<[status: number, answer: string]> {
    const [key = ''] = this.#options.splunkd.sessionKeys;
    const passed = { authorization: `Splunk ${key}`, 'content-type': headers['content-type'] ?? 'text/plain' };
    return new Promise((resolve) => {
      const call = httpRequest(this.splunkd.url + target, { method, headers: passed }, (answer) => {
        void bodyOf(answer).then((text) => resolve([answer.statusCode ?? 502, text]));
      });
      call.on('error', () => resolve([503, said('Splunkd daemon is not responding')]));
      call.end(body);
    });
  }
}

/** Stricter than Splunk's own, so that the page proves to need nothing of the kind. */
const POLICY = { 'content-security-policy': "default-src 'self'" };

const said = (text: string): string => JSON.stringify({ messages: [{ type: 'ERROR', text }] });

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
