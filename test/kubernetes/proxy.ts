/** A proxy before the API server that counts: who asked for what, and what it answered. It can hold answers back, and tell when a call has gone through. */
import { once } from 'node:events';
import { createServer, Agent, request as forward, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SERVER_CERTIFICATE, SERVER_KEY, TEST_CA } from '../fakes/certificates.ts';

export interface ProxiedCall {
  /** As RBAC calls it. */
  readonly verb: Verb;
  /** Plural, such as `deployments`; with its subresource, such as `logstreams/status`. Empty for anything that is no resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly userAgent: string;
  readonly dryRun: boolean;
  /** 0 until the answer began. */
  status: number;
}

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const WRITES: ReadonlySet<Verb> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export class CountingProxy {
  readonly calls: ProxiedCall[] = [];
  /** Called before a call goes on; it waits for what that answers. */
  before: ((call: ProxiedCall) => Promise<void> | void) | undefined;
  /** Called once the server has answered and before the caller hears of it. */
  after: ((call: ProxiedCall) => Promise<void> | void) | undefined;
  readonly #target: () => string;
  readonly #agent = new Agent({ ca: TEST_CA, keepAlive: true });
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(target: () => string) {
    this.#target = target;
    this.#server = createServer({ key: SERVER_KEY, cert: SERVER_CERTIFICATE }, (request, response) => {
      void this.#pass(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** `target`: the API server's address, asked for each call. */
  static async start(target: () => string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From the `since`-th call on; a lease that is renewed and an event are no writes of a reconcile. */
  writes(since = 0): ProxiedCall[] {
    return this.calls
      .slice(since)
      .filter(({ verb, resource }) => WRITES.has(verb) && resource !== 'leases' && resource !== 'events');
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    this.#agent.destroy();
    await closed;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = callOf(request);
    this.calls.push(call);
    await this.before?.(call);
    const { method, headers } = request;
    const onward = forward(new URL(request.url ?? '/', this.#target()), { agent: this.#agent, method, headers });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    call.status = answer.statusCode ?? 0;
    await this.after?.(call);
    response.writeHead(call.status, answer.headers);
    // A watch has nothing to say for a while, and its caller waits for the beginning of the answer.
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  }
}

/** As the API server's own request info reads a path: `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE`. */
function callOf({ method = 'GET', url = '/', headers }: IncomingMessage): ProxiedCall {
  const { pathname, searchParams } = new URL(url, 'https://server');
  const [, base, ...parts] = pathname.split('/');
  const place = base === 'api' ? parts.slice(1) : base === 'apis' ? parts.slice(2) : [];
  const isInside = place[0] === 'namespaces' && place.length > 2;
  const [resource = '', name = '', ...subresource] = isInside ? place.slice(2) : place;
  return {
    verb: verbOf(method, name !== '', searchParams),
    resource: [resource, ...subresource].join('/'),
    namespace: isInside ? place[1]! : '',
    name,
    userAgent: String(headers['user-agent']),
    dryRun: searchParams.has('dryRun'),
    status: 0,
  };
}

function verbOf(method: string, named: boolean, query: URLSearchParams): Verb {
  if (method === 'GET') return ['1', 'true'].includes(query.get('watch') ?? '') ? 'watch' : named ? 'get' : 'list';
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  return ({ POST: 'create', PUT: 'update', PATCH: 'patch' } as const)[method as 'POST' | 'PUT' | 'PATCH'];
}
