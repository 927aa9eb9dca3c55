/** The simulator over HTTP/1.1 and HTTP/2 without TLS (prior knowledge) on one loopback port, with a control endpoint for tests in other processes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer as createNetServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { control } from './control.ts';
import { ConnectionReset } from './failure.ts';
import type { FakeKinesis } from './fake.ts';
import { pushedBody } from './handler.ts';
import { readRequest, type WireAnswer } from './wire.ts';

export interface RunningSimulator {
  /** http://127.0.0.1:port */
  readonly url: string;
  close(): Promise<void>;
}

/** Port 0, the default, takes a free one. */
export async function startSimulator(
  fake: FakeKinesis,
  { port = 0 }: { port?: number } = {},
): Promise<RunningSimulator> {
  const http1 = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(fake, request, response);
  });
  const http2 = createHttp2Server();
  http2.on('stream', (stream, headers) => void serveStream(fake, stream, headers));
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('error', ignore).on('close', () => sockets.delete(socket));
    socket.once('data', (first) => {
      socket.pause();
      socket.unshift(first);
      (first.subarray(0, 4).toString() === 'PRI ' ? http2 : http1).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function ignore(): void {
  // A client that leaves is no fault of the simulator.
}

async function serve(fake: FakeKinesis, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  try {
    const body = await text(request);
    if (request.url === '/_control') sendControl(response, control(fake, body));
    else await send(response, await fake.answer(readRequest(request.headers, body), gone.signal));
  } catch (error) {
    if (error instanceof ConnectionReset) request.socket.resetAndDestroy();
    else request.socket.destroy();
    if (!(error instanceof ConnectionReset || gone.signal.aborted)) throw error;
  }
}

async function serveStream(fake: FakeKinesis, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const gone = new AbortController();
  stream.on('error', ignore).on('close', () => {
    gone.abort();
  });
  try {
    const request = readRequest(headers, await text(stream));
    const { status, headers: answered, chunks, pushed } = await fake.answer(request, gone.signal);
    stream.respond({ ':status': status, ...answered });
    if (pushed === undefined) stream.end(Buffer.concat(chunks));
    else await pipeline(pushedBody(pushed), stream);
  } catch (error) {
    const broken = gone.signal.aborted || error instanceof ConnectionReset;
    stream.session?.destroy();
    if (!broken) throw error;
  }
}

async function text(request: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function send(response: ServerResponse, { status, headers, chunks, cut, pushed }: WireAnswer): Promise<void> {
  response.sendDate = false;
  response.writeHead(status, headers);
  if (pushed !== undefined) {
    await pipeline(pushedBody(pushed), response);
    return;
  }
  if (cut) {
    const whole = Buffer.concat(chunks);
    response.write(whole.subarray(0, whole.length >> 1), () => response.socket?.resetAndDestroy());
    return;
  }
  response.cork();
  for (const chunk of chunks) response.write(chunk);
  response.uncork();
  response.end();
}

function sendControl(response: ServerResponse, { status, body }: { status: number; body: unknown }): void {
  const rendered = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(rendered) });
  response.end(rendered);
}
