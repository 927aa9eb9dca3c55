/** The way to HEC: certificates that are checked, proxies, and no secret in anything that is said. */
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CA, TOKEN, type Port } from '../fakes/hec/hec.ts';
import { FakeProxy } from '../fakes/proxy.ts';
import { batchOf, HecScene, never } from './hec-scene.ts';

let scene: HecScene;
let port: Port;

beforeEach(async () => {
  scene = await HecScene.open(0);
  port = await scene.hec.open({ tls: true });
});
afterEach(() => scene.close());

const refused = () => scene.named('output.refused');

it('a certificate of the authority that is named is trusted', async () => {
  await scene.settled(scene.output({ endpoints: [port.url], ca: CA }).write(batchOf('a'), never));
  expect(scene.texts).toEqual(['a']);
});

it('a certificate of no known authority is not, and it is told loudly; nothing is sent', async () => {
  const stop = new AbortController();
  const write = scene.output({ endpoints: [port.url] }).write(batchOf('a'), stop.signal);
  await scene.until(() => refused().length > 0);
  expect(refused()[0]!.fields['error']).toContain('KINLOG_TLS_UNTRUSTED');
  expect(port.calls).toEqual([]);
  stop.abort();
  await expect(write).rejects.toMatchObject({ name: 'AbortError' });
});

it('a proxy tunnels to it, with its own password, and a tunnel that it refuses is waited for', async () => {
  const proxy = await new FakeProxy({ 'hec.kinlog.test': Number(new URL(port.url).port) }).start();
  try {
    proxy.password = 'user:hunter2';
    proxy.refusing = 502;
    const options = { endpoints: ['https://hec.kinlog.test:8088'], ca: CA };
    const way = proxy.url.replace('//', '//user:hunter2@');
    const write = scene.output({ ...options, proxy: way }).write(batchOf('a'), never);
    await scene.until(() => scene.log.total('output_retries') > 0);
    proxy.refusing = undefined;
    await scene.settled(write);
    expect(scene.texts).toEqual(['a']);
    expect(proxy.seen[0]).toEqual({ method: 'CONNECT', target: 'hec.kinlog.test:8088' });
    expect(inspect(scene.lines, { depth: 9 })).not.toContain('hunter2');
  } finally {
    await Promise.all(scene.outputs.map((output) => output.close()));
    await proxy.stop();
  }
});

it('what runs on this host is not asked for at a proxy', async () => {
  const output = scene.output({ endpoints: [port.url], ca: CA, proxy: 'http://127.0.0.1:9' });
  await scene.settled(output.write(batchOf('a'), never));
  expect(scene.texts).toEqual(['a']);
});

it('a redirect is not followed, because it would carry the token elsewhere', async () => {
  const elsewhere = await scene.hec.open();
  port.faults.refuse(1, { status: 307, headers: { location: `${elsewhere.url}/services/collector/event` }, body: '' });
  await scene.settled(scene.output({ endpoints: [port.url], ca: CA }).write(batchOf('a'), never), 10_000);
  expect(elsewhere.calls).toEqual([]);
  expect(refused()).toHaveLength(1);
});

it('no token is in any line, whatever goes wrong', async () => {
  const tokens = ['wrong-hunter2', 'not a\nheader hunter2', '', TOKEN];
  const output = scene.output({ endpoints: [port.url], ca: CA, token: () => Promise.resolve(tokens.shift() ?? TOKEN) });
  const write = output.write(batchOf('a'), never);
  port.faults.cutAfter(40, 'answer');
  await scene.settled(write, 10_000);
  expect(refused().length).toBeGreaterThan(0);
  expect(inspect(scene.lines, { depth: 9 })).not.toMatch(/hunter2|6a1c6d3e/);
});

it('every call says who calls: to others Splunk speaks HTTP/1.0, and closes the connection with every answer', async () => {
  scene.hec.tokens.set(TOKEN, { ack: true });
  const output = scene.output({ endpoints: [port.url], ca: CA, ack: true });
  await scene.settled(output.write(batchOf('a'), never));
  expect(new Set(port.calls.map(({ endpoint }) => endpoint))).toEqual(new Set(['health', 'ack', 'event']));
  expect(port.calls.map(({ headers }) => headers['user-agent'])).toEqual(port.calls.map(() => 'kinlog'));
});
