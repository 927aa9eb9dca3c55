/** A splunkd of one's own on 127.0.0.1: KV store, passwords, inputs and server information over its REST API, with faults on demand. What it does is pinned by test/contract/splunkd.test.ts. */
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { entries, formOf, refused, type Answer, type Asked } from './answers.ts';
import { Faults } from './faults.ts';
import { Inputs } from './inputs.ts';
import { KvEndpoints } from './kv-endpoints.ts';
import { Passwords } from './passwords.ts';

const certificate = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, 'certificates', name), 'utf8');

/** Signed the server's certificate. */
export const CA = certificate('ca.pem');

/** An address of the fake; clients of different ports meet the same state, each with the faults of its port. */
export interface Port {
  readonly url: string;
  readonly faults: Faults;
  /** `METHOD /path` of every call that arrived, without its query. */
  readonly calls: string[];
  readonly close: () => Promise<void>;
}

/** What every host of a search-head cluster has for itself; all else they share. */
export interface Host {
  readonly inputs: Inputs;
  serverRoles: string[];
}

interface OpenOptions {
  readonly tls?: boolean;
  readonly port?: number;
  /** Whose port it is; the first host's without it. */
  readonly host?: Host;
}

export class FakeSplunkd implements Host {
  readonly kv = new KvEndpoints();
  readonly passwords = new Passwords();
  readonly inputs = new Inputs();
  readonly sessionKeys = new Set(['session-key-of-the-input']);
  readonly tokens = new Set(['token-of-a-user']);
  serverRoles = ['heavyweight_forwarder', 'kv_store'];
  /** Apps whose set-up is finished. */
  readonly configured = new Set<string>();
  readonly #ports: Port[] = [];

  /** Opens one more port, chosen by the system unless given. */
  async open({ tls = true, port: wanted = 0, host = this }: OpenOptions = {}): Promise<Port> {
    const faults = new Faults();
    const calls: string[] = [];
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response, { faults, calls, host });
    const server: Server = tls
      ? createServer({ cert: certificate('server.pem'), key: certificate('server-key.pem') }, listener)
      : createPlainServer(listener);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const port = {
      url: `http${tls ? 's' : ''}://127.0.0.1:${address.port}`,
      faults,
      calls,
      close: () => closed(server),
    };
    this.#ports.push(port);
    return port;
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.splice(0).map((port) => port.close()));
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { faults, calls, host }: Pick<Port, 'faults' | 'calls'> & { readonly host: Host },
  ): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined || faults.outage) return void request.socket.destroy();
    const asked = askedOf(request, body);
    calls.push(`${asked.method} ${new URL(request.url ?? '', 'http://splunkd').pathname}`);
    await held(faults.delayMs / 2);
    const refusal = this.#refusal(request.headers.authorization ?? '', faults);
    const answer = echoing(
      refusal ?? (await this.#answer(asked, faults, host)),
      { headers: request.headers, body },
      faults,
    );
    await held(faults.holdMs);
    if (answer.status < 300 && faults.takeLostAnswer(writes(asked))) return void request.socket.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
  }

  #refusal(authorization: string, faults: Faults): Answer | undefined {
    const refusal = faults.takeRefusal();
    if (refusal !== undefined) return refused(...refusal);
    return faults.expired || !this.#knows(authorization)
      ? refused(401, 'call not properly authenticated', 'WARN')
      : undefined;
  }

  #knows(authorization: string): boolean {
    const [scheme, secret = ''] = authorization.split(' ');
    return scheme === 'Splunk' ? this.sessionKeys.has(secret) : scheme === 'Bearer' && this.tokens.has(secret);
  }

  async #answer(asked: Asked, faults: Faults, host: Host): Promise<Answer> {
    const what = asked.path.slice(0, 2).join('/');
    if (what === 'storage/collections') return this.#collections(asked.path[2] ?? '', below(asked, 3), faults);
    // Everything else is Atom XML unless asked otherwise, which the fake does not speak.
    const mode = asked.parameters.get('output_mode') ?? new URLSearchParams(asked.body).get('output_mode');
    if (mode !== 'json') return refused(501, 'this fake answers with output_mode=json only');
    switch (what) {
      case 'storage/passwords':
        return this.passwords.answer(below(asked, 2), faults);
      case 'configs/conf-inputs':
        return host.inputs.configured(below(asked, 2));
      case 'data/inputs':
        return host.inputs.answer(below(asked, 2));
      case 'apps/local':
        return this.#finishSetup(asked);
      default:
        return information(what, faults, host);
    }
  }

  /** apps/local/<app> */
  #finishSetup(asked: Asked): Answer {
    const app = asked.path[2] ?? '';
    if (formOf(asked)['configured'] !== 'true') return refused(400, 'this fake only finishes a set-up');
    this.configured.add(app);
    return entries([{ name: app, content: { configured: true } }]);
  }

  #collections(kind: string, asked: Asked, faults: Faults): Answer {
    if (faults.kvStatus !== 'ready') return refused(503, 'KV Store is initializing. Please try again later.');
    if (faults.readOnly && writes(asked)) return refused(500, 'KV Store is in read-only mode.');
    if (faults.noDeletes && asked.method === 'DELETE') return refused(500, 'Internal Server Error');
    if (kind === 'config') return this.kv.config(asked);
    const store = writes(asked) ? undefined : faults.takeStaleCopy();
    return (store ?? this.kv).data(asked);
  }
}

function information(what: string, faults: Faults, host: Host): Answer {
  if (what === 'kvstore/status')
    return entries([
      {
        name: 'kvstore',
        content: { current: { status: faults.takeStatus(), replicationStatus: 'KV store captain' } },
      },
    ]);
  if (what === 'server/info')
    return entries([
      { name: 'server-info', content: { version: '9.4.2', server_roles: host.serverRoles, guid: 'A0' } },
    ]);
  return refused(404, 'Not Found');
}

const writes = ({ method, path: segments }: Asked): boolean => method !== 'GET' && segments.at(-1) !== 'batch_find';

type Repeated = Pick<IncomingMessage, 'headers'> & { readonly body: string };

/** With what was asked at the end of what is said, headers and all, as some proxies and error pages do. */
function echoing(answer: Answer, { headers, body }: Repeated, { echo }: Faults): Answer {
  if (!echo || answer.status < 400) return answer;
  const { messages } = answer.json as { messages: { type: string; text: string }[] };
  const asked = `${headers.authorization ?? ''} ${body}`;
  return { ...answer, json: { messages: messages.map((one) => ({ ...one, text: `${one.text} ${asked}` })) } };
}

const below = (asked: Asked, depth: number): Asked => ({ ...asked, path: asked.path.slice(depth) });

const held = (ms: number): Promise<void> => (ms > 0 ? sleep(ms, undefined, { ref: false }) : Promise.resolve());

/** /servicesNS/<user>/<app>/… and /services/… */
function askedOf(request: IncomingMessage, body: string): Asked {
  const url = new URL(request.url ?? '/', 'http://splunkd');
  const [services, ...segments] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const named = services === 'servicesNS';
  const [user = '', app = ''] = named ? segments : ['nobody', 'search'];
  const asked = { method: request.method ?? 'GET', parameters: url.searchParams, body, user, app };
  return { ...asked, path: named ? segments.slice(2) : segments };
}

/** Undefined: the client went away. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
    return Buffer.concat(parts).toString('utf8');
  } catch {
    return undefined;
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
