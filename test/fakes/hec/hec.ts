/** An HTTP Event Collector of one's own on 127.0.0.1, with indexers behind it, acknowledgements, and faults on demand. What it does is pinned by test/contract/hec.test.ts. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_CERTIFICATE, SERVER_KEY, TEST_CA } from '../certificates.ts';
import type { Answer } from './answers.ts';
import { bodyOf, callOf, type Call } from './call.ts';
import { Collector, type Token } from './collector.ts';
import { Connection } from './connection.ts';
import { Faults } from './faults.ts';
import type { StoredEvent } from './indexer.ts';

/** Signed the server's certificate, which names localhost and 127.0.0.1. */
export const CA = TEST_CA;

export const TOKEN = '6a1c6d3e-0000-4000-8000-00000000feed';

/** An address of the fake; clients of different ports meet the same state, each with the faults of its port. */
export interface Port {
  readonly url: string;
  readonly faults: Faults;
  readonly calls: Call[];
  /** Cuts every connection; new ones are taken. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

export interface FakeHecOptions {
  readonly tokens?: Readonly<Record<string, Token>>;
  readonly indexers?: number;
  /** Called before events count as indexed. */
  readonly stored?: (events: readonly StoredEvent[]) => void;
}

export class FakeHec extends Collector {
  readonly #ports: Port[] = [];

  constructor({ tokens = { [TOKEN]: {} }, indexers = 1, stored = () => undefined }: FakeHecOptions = {}) {
    super(tokens, indexers, stored);
  }

  /** Opens one more port, chosen by the system unless given. `sticky: false` is a load balancer that gives no cookie. */
  async open({ tls = false, port: wanted = 0, sticky = true } = {}): Promise<Port> {
    const faults = new Faults();
    const calls: Call[] = [];
    const http = createHttpServer(
      (request, response) => void this.#serve(request, response, { faults, calls, sticky }),
    );
    const connections = new Set<Connection>();
    const accept = (socket: Socket) => {
      const connection = new Connection(socket, faults);
      connections.add(connection.on('close', () => connections.delete(connection)));
      if (faults.outage) connection.cut();
      else http.emit('connection', connection);
    };
    const server: Server = tls
      ? createServer({ cert: SERVER_CERTIFICATE, key: SERVER_KEY }, accept)
      : createPlainServer(accept);
    const url = `http${tls ? 's' : ''}://127.0.0.1:${await listening(server, wanted)}`;
    const cut = () => {
      for (const connection of connections) connection.cut();
    };
    const close = async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      faults.release();
      cut();
      await closed;
    };
    const port = { url, faults, calls, cut, close };
    this.#ports.push(port);
    return port;
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.splice(0).map((port) => port.close()));
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { faults, calls, sticky }: Pick<Port, 'faults' | 'calls'> & { readonly sticky: boolean },
  ): Promise<void> {
    // inputs.conf, [http] forceHttp10 = auto.
    if (request.headers['user-agent'] === undefined) response.shouldKeepAlive = false;
    const body = await bodyOf(request);
    if (body === undefined || faults.outage) {
      cut(request);
      return;
    }
    const call = callOf(request, body);
    calls.push(call);
    const { endpoint } = call;
    await faults.requestsHeld(endpoint);
    const refusal = endpoint === 'other' ? undefined : faults.takeRefusal(endpoint);
    const answer = refusal ?? this.answer(call, faults, sticky);
    await faults.answersHeld;
    if (faults.delayMs > 0) await sleep(faults.delayMs, undefined, { ref: false });
    if (endpoint !== 'other' && refusal === undefined && faults.takeLostAnswer(endpoint)) cut(request);
    else tell(response, answer);
  }
}

function tell(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers }).end(body);
}

function cut(request: IncomingMessage): void {
  const connection: unknown = request.socket;
  if (connection instanceof Connection) connection.cut();
}

function listening(server: Server, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}
