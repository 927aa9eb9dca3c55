/** The simulator over HTTP/1.1 on loopback, with a control endpoint for tests in other processes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { control } from './control.ts';
import { ConnectionReset, type FakeKinesis } from './fake.ts';
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
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(fake, request, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(fake: FakeKinesis, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  try {
    const body = await text(request);
    if (request.url === '/_control') sendControl(response, control(fake, body));
    else send(response, await fake.answer(readRequest(request.headers, body), gone.signal));
  } catch (error) {
    if (error instanceof ConnectionReset) request.socket.resetAndDestroy();
    else request.socket.destroy();
    if (!(error instanceof ConnectionReset || gone.signal.aborted)) throw error;
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { status, headers, chunks, cut }: WireAnswer): void {
  response.sendDate = false;
  response.writeHead(status, headers);
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
