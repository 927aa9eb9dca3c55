/** A proxy before the API server that counts what it is asked, reads and all, which an audit log of writes does not. */
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
}

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export class CountingProxy {
  readonly calls: ProxiedCall[] = [];
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

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await closed;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls.push(callOf(request));
    const { method, headers } = request;
    const onward = forward(new URL(request.url ?? '/', this.#target()), { agent: this.#agent, method, headers });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch has nothing to say for a while, and its caller waits for the beginning of the answer.
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  }
}

/** As the API server's own request info reads a path: `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE`. */
function callOf({ method = 'GET', url = '/' }: IncomingMessage): ProxiedCall {
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
  };
}

function verbOf(method: string, named: boolean, query: URLSearchParams): Verb {
  if (method === 'GET') return ['1', 'true'].includes(query.get('watch') ?? '') ? 'watch' : named ? 'get' : 'list';
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  return ({ POST: 'create', PUT: 'update', PATCH: 'patch' } as const)[method as 'POST' | 'PUT' | 'PATCH'];
}
