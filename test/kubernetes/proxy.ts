/** A proxy before the API server that counts what it is asked, reads and all, which an audit log of writes does not. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Passage } from './passage.ts';

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
  readonly #passage: Passage;

  private constructor(target: () => string) {
    this.#passage = new Passage(target, (request, response) => this.#pass(request, response));
  }

  /** `target`: the API server's address, asked for each call. */
  static async start(target: () => string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    await proxy.#passage.open();
    return proxy;
  }

  get url(): string {
    return this.#passage.url;
  }

  stop(): Promise<void> {
    return this.#passage.close();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls.push(callOf(request));
    const answer = await this.#passage.ask(request, response);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch has nothing to say for a while, and its caller waits for the beginning of the answer.
    response.flushHeaders();
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
