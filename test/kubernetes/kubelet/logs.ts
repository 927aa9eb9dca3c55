/** What a node serves to the API server for `kubectl logs`; anybody on loopback may ask. */
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_CERTIFICATE, SERVER_KEY } from '../../fakes/certificates.ts';
import type { ContainerRun } from './container.ts';
import type { PodRun } from './pod.ts';

const FOLLOW_MS = 200;
const PATH = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/;

export class LogServer {
  readonly #pods: () => readonly PodRun[];
  readonly #server: Server;
  readonly port: Promise<number>;

  constructor(pods: () => readonly PodRun[]) {
    this.#pods = pods;
    this.#server = createServer({ cert: SERVER_CERTIFICATE, key: SERVER_KEY }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.listen(0, '127.0.0.1');
    this.port = once(this.#server, 'listening').then(() => (this.#server.address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    await this.port;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'https://node');
    const container = this.#find(pathname);
    const isPrevious = searchParams.get('previous') === 'true';
    const file = isPrevious ? container?.previousLog : container?.log;
    if (container === undefined || file === undefined || !existsSync(file)) {
      response.writeHead(404).end('there is no such log');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    const follows = !isPrevious && searchParams.get('follow') === 'true';
    await send(file, Number(searchParams.get('tailLines') ?? Infinity), response, () => {
      return follows && container.pid !== undefined && container.log === file;
    });
  }

  #find(pathname: string): ContainerRun | undefined {
    const [, namespace, name, container] = PATH.exec(pathname) ?? [];
    const run = this.#pods().find(
      ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
    );
    return run?.containers.find(({ spec }) => spec.name === container);
  }
}

/** The last `lines` of a file, and what is added to it for as long as `more` says so and somebody listens. */
async function send(file: string, lines: number, response: ServerResponse, more: () => boolean): Promise<void> {
  const opened = openSync(file, 'r');
  try {
    const first = read(opened).toString().split('\n');
    response.write(first.slice(-lines - 1).join('\n'));
    while (more() && !response.destroyed) {
      await sleep(FOLLOW_MS);
      response.write(read(opened));
    }
    response.end(read(opened));
  } finally {
    closeSync(opened);
  }
}

/** From where the last one ended. */
function read(opened: number): Buffer {
  const chunk = Buffer.alloc(Math.max(fstatSync(opened).size, 1));
  return chunk.subarray(0, readSync(opened, chunk));
}
