/** What of an answer is taken for a reader's /status, over real sockets: all of it or nothing. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { statusText } from '../../../../operator/readers/ask.ts';

const TEXT = JSON.stringify({ notReady: 'Größe' });

async function ask(answer: RequestListener, host = '127.0.0.1'): Promise<string | undefined> {
  const server = createServer(answer).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const text = await statusText(host, port, new AbortController().signal);
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  return text;
}

it.each(['127.0.0.1', '::1'])('one of %s is asked as HTTP/1.1 has it, on a connection of its own', async (host) => {
  const seen: unknown[] = [];
  const text = await ask((request, response) => {
    const { method, url, httpVersion, headers } = request;
    seen.push(method, url, httpVersion, headers);
    response.writeHead(200, { 'content-length': Buffer.byteLength(TEXT) }).end(TEXT);
  }, host);
  const named = host === '::1' ? /^\[::1\]:\d+$/ : /^127\.0\.0\.1:\d+$/;
  const headers = { host: expect.stringMatching(named) as string, connection: 'close' };
  expect([text, ...seen]).toEqual([TEXT, 'GET', '/status', '1.1', headers]);
});

it('chunks are put together, though one ends within a letter', async () => {
  const bytes = Buffer.from(TEXT);
  const middle = bytes.indexOf(0xc3) + 1;
  const text = await ask((_, response) => {
    response.write(bytes.subarray(0, middle));
    response.end(bytes.subarray(middle));
  });
  expect(text).toBe(TEXT);
});

it('many pieces are put together', async () => {
  const large = 'x'.repeat(1_000_000);
  expect(await ask((_, response) => void response.end(large))).toBe(large);
});

const raw =
  (answer: string): RequestListener =>
  ({ socket }) =>
    void socket.end(answer);

it('without a length it ends with the connection', async () => {
  expect(await ask(raw(`HTTP/1.0 200 OK\r\n\r\n${TEXT}`))).toBe(TEXT);
});

it.each<[string, RequestListener]>([
  ['is shorter than it says', raw(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}`)],
  ['ends behind a chunk that is not the last', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n')],
  ['ends within a chunk', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}\r\n0\r\n\r\n')],
  ['has a chunk without a size', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n')],
  ['has no head', raw('{}')],
  ['ends within its head', raw('HTTP/1.1 200 OK\r\nContent-Le')],
  ['is no HTTP', raw('220 mail\r\n\r\n{}')],
  ['is an error', raw('HTTP/1.1 503 Away\r\nContent-Length: 2\r\n\r\n{}')],
  ['is nothing', raw('')],
  ['is too large', (_, response) => void response.end('x'.repeat(2 << 20))],
])('one that %s is none', async (_, answer) => {
  expect(await ask(answer)).toBeUndefined();
});

it('nobody there, and nobody asking any more, are no answers', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await statusText('127.0.0.1', port, AbortSignal.abort())).toBeUndefined();
  const stop = new AbortController();
  server.on('request', () => stop.abort());
  expect(await statusText('127.0.0.1', port, stop.signal)).toBeUndefined();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  expect(await statusText('127.0.0.1', port, new AbortController().signal)).toBeUndefined();
});
