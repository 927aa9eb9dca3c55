/** An HTTP proxy on loopback: tunnels (CONNECT) and plain requests, each host led to a port of this machine; can ask for a password or refuse. */
import { once } from 'node:events';
import { createServer, request as forward, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface Proxied {
  readonly method: string;
  /** `host:port` of a tunnel, the whole address of a plain request. */
  readonly target: string;
}

export class FakeProxy {
  readonly seen: Proxied[] = [];
  /** `user:password` that it asks for. */
  password: string | undefined;
  /** Refuses everything with this status. */
  refusing: number | undefined;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `ports`: the port of this machine that stands for a host name; no other host can be reached. */
  constructor(ports: Readonly<Record<string, number>>) {
    this.#ports = new Map(Object.entries(ports));
    this.#server = createServer((request, response) => {
      const target = URL.parse(request.url ?? '');
      const status = this.#judge(request.method ?? '', request.url ?? '', request.headers['proxy-authorization']);
      const port = this.#ports.get(target?.hostname ?? '');
      if (status !== 200 || port === undefined || target === null) {
        response.writeHead(status === 200 ? 502 : status).end('the proxy says no');
        return;
      }
      const { method, headers } = request;
      const onward = forward({ host: '127.0.0.1', port, path: target.pathname, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    });
    this.#server.on('connect', (request, socket: Socket) => {
      const status = this.#judge('CONNECT', request.url ?? '', request.headers['proxy-authorization']);
      const port = this.#ports.get((request.url ?? '').replace(/:\d+$/, ''));
      if (status !== 200 || port === undefined)
        socket.end(`HTTP/1.1 ${status === 200 ? 502 : status} the proxy says no\r\n\r\n`);
      else this.#tunnel(socket, port);
    });
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #judge(method: string, target: string, authorization: string | undefined): number {
    this.seen.push({ method, target });
    if (this.refusing !== undefined) return this.refusing;
    if (this.password === undefined) return 200;
    return authorization === `Basic ${Buffer.from(this.password).toString('base64')}` ? 200 : 407;
  }

  #tunnel(socket: Socket, port: number): void {
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    for (const [one, other] of [[socket, onward] as const, [onward, socket] as const]) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
