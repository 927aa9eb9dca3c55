/** Calls and watches over real connections, to a server that does what a test wants. */
import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../../../base/events.ts';
import type { ApiCall, KubeApi, WatchEvent } from '../../../../operator/kube/api.ts';
import { kubeClient, type KubeClientOptions } from '../../../../operator/kube/client.ts';
import type { Connection } from '../../../../operator/kube/connection.ts';

const servers: Server[] = [];
const clients: KubeApi[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function scene(listener: RequestListener, options: Partial<KubeClientOptions> = {}, prefix = '') {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let token = 'first';
  let renewals = 0;
  const tls = {};
  const connection: Connection = {
    server: new URL(`http://127.0.0.1:${port}${prefix}`),
    namespace: undefined,
    access: () => Promise.resolve({ headers: { authorization: `Bearer ${token}` }, tls }),
    renew: () => {
      token = 'second';
      renewals++;
    },
  };
  const api = kubeClient(connection, { log: silentLog(), ...options });
  clients.push(api);
  return { api, renewals: () => renewals };
}

const json = (response: ServerResponse, code: number, body: unknown, headers = {}) =>
  void response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const GET: ApiCall = { method: 'GET', path: '/api/v1/configmaps' };
const WATCH: ApiCall = { ...GET, query: { watch: true, timeoutSeconds: 300 } };

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

async function all(events: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const list: WatchEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

test('a call arrives with its query, its body, its types and the credentials, below the path of the server', async () => {
  const { api } = await scene(
    (request, response) =>
      void textOf(request).then((text) => json(response, 200, { url: request.url, headers: request.headers, text })),
    {},
    '/k8s/clusters/c1',
  );
  const query = { force: true, dryRun: undefined, labelSelector: 'a=b,c' };
  const contentType = 'application/apply-patch+yaml';
  const seen = await api.call({ method: 'PATCH', path: '/api/v1/x', query, body: { a: 1 }, contentType });
  expect(seen).toMatchObject({
    url: '/k8s/clusters/c1/api/v1/x?force=true&labelSelector=a%3Db%2Cc',
    headers: { authorization: 'Bearer first', 'content-type': contentType, accept: 'application/json' },
    text: '{"a":1}',
  });
});

test('after a 401 everything is read again and the call made once more, not oftener', async () => {
  const listener: RequestListener = ({ headers }, response) =>
    json(response, headers.authorization === 'Bearer second' ? 200 : 401, { kind: 'Status', reason: 'Unauthorized' });
  const { api, renewals } = await scene(listener);
  await api.call(GET);
  expect(renewals()).toBe(1);
  let asked = 0;
  const other = await scene((_, response) => {
    asked++;
    json(response, 401, { kind: 'Status', reason: 'Unauthorized' });
  });
  await expect(other.api.call(GET)).rejects.toMatchObject({ sort: 'unauthorized' });
  await expect(all(other.api.watch(WATCH, new AbortController().signal))).rejects.toMatchObject({
    sort: 'unauthorized',
  });
  expect(asked).toBe(4);
});

test.each([
  ['does not answer', () => undefined],
  ['stops in the middle', (_: IncomingMessage, response: ServerResponse) => void response.write('{"half')],
])('a server that %s costs the deadline, not more', async (_, listener) => {
  const { api } = await scene(listener, { limits: { callMs: 60 } });
  await expect(api.call(GET)).rejects.toMatchObject({ sort: 'transport', status: 0, message: /within 60 ms/ });
});

test('credentials that can not be read are told without the words of whoever failed to give them', async () => {
  const connection: Connection = {
    server: new URL('http://127.0.0.1:1'),
    namespace: undefined,
    access: () => Promise.reject(new Error('hidden')),
    renew: () => undefined,
  };
  const api = kubeClient(connection, { log: silentLog() });
  const error: unknown = await api.call(GET).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ sort: 'transport', message: /the credentials can not be read: Error$/ });
  await api.close();
});

test('listings have a longer deadline', async () => {
  const limits = { callMs: 20, listMs: 10_000 };
  const { api } = await scene((_, response) => void setTimeout(() => json(response, 200, { ok: true }), 100), {
    limits,
  });
  await expect(api.call({ ...GET, query: { limit: 500 } })).resolves.toEqual({ ok: true });
});

test('a write waits as long as the server may wait for a webhook', async () => {
  const limits = { callMs: 20, writeMs: 10_000 };
  const { api } = await scene((_, response) => void setTimeout(() => json(response, 200, { ok: true }), 100), {
    limits,
  });
  await expect(api.call({ ...GET, method: 'PATCH', body: {} })).resolves.toEqual({ ok: true });
  await expect(api.call(GET)).rejects.toMatchObject({ message: /within 20 ms/ });
});

test.each([
  ['closes the connection', (request: IncomingMessage) => void request.socket.destroy()],
  ['resets it', (request: IncomingMessage) => void request.socket.resetAndDestroy()],
  ['sends what is not JSON', (_: IncomingMessage, response: ServerResponse) => void response.end('ok')],
])('a server that %s is a failure of the transport', async (_, listener) => {
  const { api } = await scene(listener);
  await expect(api.call(GET)).rejects.toMatchObject({ name: 'KubeError', sort: 'transport' });
});

test('a refusal says when to come back', async () => {
  const { api } = await scene((_, response) =>
    json(response, 429, { kind: 'Status', reason: 'TooManyRequests' }, { 'retry-after': '2' }),
  );
  const refused = { sort: 'transport', retryAfterMs: 2_000 };
  await expect(api.call(GET)).rejects.toMatchObject(refused);
  await expect(all(api.watch(WATCH, new AbortController().signal))).rejects.toMatchObject(refused);
});

test('an answer of more than 16 MiB is refused', async () => {
  const { api } = await scene((_, response) => {
    const part = Buffer.alloc(1 << 20, ' ');
    const write = (left: number): void => {
      if (left === 0) response.end();
      else response.write(part, () => write(left - 1));
    };
    write(18);
  });
  await expect(api.call(GET)).rejects.toMatchObject({ sort: 'too-large', status: 0 });
});

test('a caller that stops gets its own reason, and keeps nothing of calls that have ended', async () => {
  const arrived = Promise.withResolvers<undefined>();
  let answers = 0;
  const { api } = await scene((_, response) => {
    if (answers++ < 5) json(response, 200, {});
    else arrived.resolve(undefined);
  });
  const stop = new AbortController();
  for (let i = 0; i < 5; i++) await api.call(GET, stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  const call = api.call(GET, stop.signal);
  await arrived.promise;
  stop.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
});

test('requests are told for metrics, with their status or 0', async () => {
  const seen: [string, number][] = [];
  let asked = 0;
  const onRequest = ({ method, status }: { method: string; status: number }) => void seen.push([method, status]);
  const { api } = await scene(
    (request, response) => (asked++ === 0 ? json(response, 409, {}) : void request.socket.destroy()),
    { onRequest },
  );
  await Promise.allSettled([api.call({ ...GET, method: 'DELETE' })]);
  await Promise.allSettled([api.call(GET)]);
  expect(seen).toEqual([
    ['DELETE', 409],
    ['GET', 0],
  ]);
});

test('events of a watch come as they are sent, whatever pieces they come in', async () => {
  const events = ['é', '😀', 'x'.repeat(300_000)].map((name) => ({ type: 'ADDED', object: { name } }));
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const { api } = await scene((_, response) => {
    // Byte by byte over the characters of more than one, so that each is split somewhere.
    const write = (at: number): void => {
      if (at === 90) response.end(bytes.subarray(90));
      else response.write(bytes.subarray(at, at + 1), () => setImmediate(write, at + 1));
    };
    write(0);
  });
  expect(await all(api.watch(WATCH, new AbortController().signal))).toEqual(events);
});

test.each([
  ['breaks within a line', (response: ServerResponse) => void response.socket!.resetAndDestroy()],
  ['ends within a line', (response: ServerResponse) => void response.end()],
])('a watch that %s gives what was whole, then fails', async (_, end) => {
  const first = Promise.withResolvers<undefined>();
  const { api } = await scene((_request, response) => {
    response.write('{"type":"ADDED","object":{}}\n{"type":"DEL');
    void first.promise.then(() => end(response));
  });
  const events: WatchEvent[] = [];
  const watched = (async () => {
    for await (const event of api.watch(WATCH, new AbortController().signal)) {
      events.push(event);
      first.resolve(undefined);
    }
  })();
  await expect(watched).rejects.toMatchObject({ sort: 'transport' });
  expect(events).toHaveLength(1);
});

test('a watch that stays silent for too long is broken off, and one that says something is not', async () => {
  const { api } = await scene(
    (_, response) => {
      let left = 10;
      const timer = setInterval(() => {
        if (left-- > 0) response.write('{"type":"BOOKMARK","object":{}}\n');
        else clearInterval(timer);
      }, 150);
    },
    { limits: { watchIdleMs: 1_000 } },
  );
  const events: WatchEvent[] = [];
  const watched = (async () => {
    for await (const event of api.watch(WATCH, new AbortController().signal)) events.push(event);
  })();
  await expect(watched).rejects.toMatchObject({ sort: 'transport', message: /within 1000 ms/ });
  expect(events).toHaveLength(10);
});

test('a line of more than 16 MiB is refused before it fills the memory', async () => {
  let sent = 0;
  const { api } = await scene((_, response) => {
    const part = Buffer.alloc(1 << 20, 'x');
    const write = (): void => {
      sent++;
      if (!response.destroyed) response.write(part, write);
    };
    write();
  });
  const watched = all(api.watch(WATCH, new AbortController().signal));
  await expect(watched).rejects.toMatchObject({ sort: 'transport', message: /a line of more than 16777216 bytes/ });
  expect(sent).toBeLessThan(64);
});

test('a stopped watch ends with the reason of the stop, and its connection is closed', async () => {
  const gone = Promise.withResolvers<undefined>();
  const { api } = await scene((_, response) => {
    response.on('close', () => gone.resolve(undefined));
    response.write('{"type":"BOOKMARK","object":{}}\n');
  });
  const stop = new AbortController();
  const watched = (async () => {
    for await (const _event of api.watch(WATCH, stop.signal)) stop.abort(new Error('enough'));
  })();
  await expect(watched).rejects.toThrow('enough');
  await gone.promise;
});

test('many watches do not keep calls waiting', async () => {
  const { api } = await scene((request, response) => {
    if (request.url!.includes('watch')) response.write('{"type":"BOOKMARK","object":{}}\n');
    else json(response, 200, {});
  });
  const stop = new AbortController();
  const watches = Array.from({ length: 100 }, () => api.watch(WATCH, stop.signal)[Symbol.asyncIterator]());
  await Promise.all(watches.map((watch) => watch.next()));
  await api.call(GET);
  const ends = Promise.allSettled(watches.map((watch) => watch.next()));
  stop.abort();
  await ends;
});
