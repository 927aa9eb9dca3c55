/** Calls to services that are not AWS: each ends in time, by its caller or by itself, and leaves nothing behind on what it was given. */
import { getEventListeners } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HttpClient, type HttpOptions } from '../../../base/http.ts';

const servers: Server[] = [];
const clients: HttpClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function clientOf(listener: RequestListener, options: Partial<HttpOptions> = {}): Promise<HttpClient> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new HttpClient({ url: new URL(`http://127.0.0.1:${port}`), ...options });
  clients.push(client);
  return client;
}

const GET = { method: 'GET', path: '/', headers: {} } as const;

test('a caller that lives for long keeps nothing of the calls that have ended, however they ended', async () => {
  let calls = 0;
  const answer: RequestListener = (request, response) =>
    ++calls % 3 === 0 ? request.socket.destroy() : response.end('{}');
  const client = await clientOf(answer);
  const { signal } = new AbortController();
  await Promise.allSettled(Array.from({ length: 60 }, () => client.call(GET, signal)));
  expect(calls).toBe(60);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  // What AbortSignal.any leaves there is never freed in Node 22.
  expect(Object.getOwnPropertySymbols(signal).map(String)).not.toContain('Symbol(kDependantSignals)');
});

test.each(['before its head', 'in the middle of its body'])('an answer that stops %s ends in time', async (place) => {
  const half: RequestListener = (_, response) => void response.writeHead(200).write('half');
  const client = await clientOf(place === 'before its head' ? () => undefined : half, { timeoutMs: 50 });
  await expect(client.call(GET, new AbortController().signal)).rejects.toMatchObject({
    code: 'KINLOG_SERVICE_UNAVAILABLE',
  });
});

test('a caller that stops gets its own reason at once, not that of a lost connection', async () => {
  const arrived = Promise.withResolvers<undefined>();
  const client = await clientOf(() => arrived.resolve(undefined));
  const stop = new AbortController();
  const call = client.call(GET, stop.signal);
  await arrived.promise;
  const reason = new Error('enough');
  stop.abort(reason);
  await expect(call).rejects.toBe(reason);
  await expect(client.call(GET, stop.signal)).rejects.toBe(reason);
});

test('a redirect is an answer like another, because following it would carry the secrets elsewhere', async () => {
  const asked: (string | undefined)[] = [];
  const client = await clientOf((request, response) => {
    asked.push(request.url);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect(await client.call(GET)).toMatchObject({ status: 302 });
  expect(asked).toEqual(['/']);
});

test('bytes arrive as they are, and the headers of the answer are told', async () => {
  const arrived: Buffer[] = [];
  const client = await clientOf((request, response) => {
    request.on('data', (chunk: Buffer) => arrived.push(chunk));
    request.on('end', () => response.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('Retry-After', '7').end());
  });
  const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const { headers } = await client.call({ method: 'POST', path: '/', headers: {}, body });
  expect(new Uint8Array(Buffer.concat(arrived))).toEqual(body);
  expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'retry-after': '7' });
});

test('there are no more connections than asked for', async () => {
  let most = 0;
  let open = 0;
  const client = await clientOf(
    (_, response) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        response.end();
      });
    },
    { connections: 1 },
  );
  await Promise.all(Array.from({ length: 5 }, () => client.call(GET)));
  expect(most).toBe(1);
});

test('a connection that nobody uses is closed after the time that was asked for', async () => {
  const closed = Promise.withResolvers<undefined>();
  const answer: RequestListener = ({ socket }, response) => {
    socket.on('close', () => closed.resolve(undefined));
    response.end('{}');
  };
  const client = await clientOf(answer, { keepAliveMs: 20 });
  // Then it names no time of its own.
  servers[0]!.keepAliveTimeout = 0;
  await client.call(GET);
  await closed.promise;
});

test('an answer that is longer than allowed is an error', async () => {
  const client = await clientOf((_, response) => response.end('x'.repeat(2000)), { maxAnswerBytes: 1000 });
  await expect(client.call(GET)).rejects.toMatchObject({ code: 'KINLOG_UNEXPECTED' });
});
