/** What proxies before the API server have in common: TLS on a port of loopback, and a request that is passed on. */
import { once } from 'node:events';
import { Agent, createServer, request as forward, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SERVER_CERTIFICATE, SERVER_KEY, TEST_CA } from '../fakes/certificates.ts';

export class Passage {
  readonly #target: () => string;
  readonly #agent = new Agent({ ca: TEST_CA, keepAlive: true });
  /** By the client's port. What TLS is spoken over: only it can be reset. */
  readonly #sockets = new Map<number | undefined, Socket>();
  readonly #server: Server;

  /** `target`: the API server's address, asked for each call. `pass`: a client that it fails for is hung up on. */
  constructor(target: () => string, pass: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    this.#target = target;
    this.#server = createServer({ key: SERVER_KEY, cert: SERVER_CERTIFICATE }, (request, response) => {
      void pass(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket: Socket) => {
      const { remotePort } = socket;
      this.#sockets.set(remotePort, socket);
      socket.on('close', () => this.#sockets.delete(remotePort));
    });
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The beginning of the server's answer. Whoever hangs up at one end is gone at the other. */
  async ask(request: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> {
    const { method, headers } = request;
    const onward = forward(new URL(request.url ?? '/', this.#target()), { agent: this.#agent, method, headers });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    answer.on('error', () => response.destroy());
    return answer;
  }

  /** `port`: the client's. */
  reset(port: number | undefined): void {
    this.#sockets.get(port)?.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#agent.destroy();
    await closed;
  }
}
