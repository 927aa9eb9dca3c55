/** kinlog run into Splunk's HTTP Event Collector: nothing is lost whichever process dies. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { TEST_CA } from '../fakes/certificates.ts';
import { indexedIn } from '../fakes/hec/child.ts';
import { FakeProxy } from '../fakes/proxy.ts';
import { until } from './cli-process.ts';
import { TOKEN, hecIn, indexed, killed, stopped, toHec } from './run-hec-scene.ts';
import { numbered, runScene } from './run-scene.ts';

const scenes = runScene();

it('delivers what was sent, once, with its metadata, over TLS, and knows how it stands', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(2);
  const hec = await hecIn(scene, { tls: true });
  writeFileSync(scene.path('ca.pem'), TEST_CA);
  const output = toHec(scene, hec.url, `, ca: "${scene.path('ca.pem')}", defaults: { index: web, host: nobody }`);
  const reader = scene.start(scene.configure(`logLevel: debug\n${output}\nstreams: [${scene.stream(stream)}]`));
  await scene.send(stream, numbered('a', 500));
  await until(() => indexed(scene).length >= 500, '500 events');
  expect(indexed(scene)).toEqual(numbered('a', 500));
  const [first] = indexedIn(scene.path('indexed'));
  expect(first).toMatchObject({ source: 'web', index: 'web', event: 'a 0' });
  expect(first!.host).not.toBe('nobody');
  const host = new URL(hec.url).host;
  await until(async () => (await reader.get('/readyz')).status === 200, 'readiness');
  expect((await reader.metrics()).get(`kinlog_output_ok{output="hec:${host}"}`)).toBe(1);
  const status = await (await reader.get('/status')).text();
  expect(JSON.parse(status)).toMatchObject({ outputs: [{ name: `hec:${host}`, ok: true }] });
  expect(status).not.toContain(TOKEN);
  await stopped(reader);
});

it('reaches Splunk through a proxy, with the token of the environment', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene, { tls: true });
  writeFileSync(scene.path('ca.pem'), TEST_CA);
  const proxy = await new FakeProxy({ 'splunk.kinlog.test': hec.port }).start();
  try {
    const endpoint = 'endpoints: ["https://splunk.kinlog.test:8088"]';
    const output = `output: { kind: hec, ${endpoint}, ca: "${scene.path('ca.pem')}", proxy: "${proxy.url}" }`;
    const file = scene.configure(`logLevel: debug\n${output}\nstreams: [${scene.stream(stream)}]`);
    const reader = scene.start(file, { KINLOG_HEC_TOKEN: TOKEN });
    await scene.send(stream, numbered('a', 20));
    await until(() => indexed(scene).length === 20, 'the events');
    await stopped(reader);
    expect(proxy.seen.map(({ method, target }) => `${method} ${target}`)).toContain('CONNECT splunk.kinlog.test:8088');
  } finally {
    await proxy.stop();
  }
});

it('killed again and again while answers are lost and Splunk is busy, it loses nothing', async () => {
  const scene = scenes.current;
  const seed = Date.now() % 1e9;
  const random = seededRandom(seed);
  const stream = await scene.newStream(2);
  const hec = await hecIn(scene);
  const file = scene.configure(`${toHec(scene, hec.url)}\nstreams: [${scene.stream(stream)}]`);
  const wanted: string[] = [];
  for (let life = 0; life < 5; life++) {
    const more = numbered(`line${'x'.repeat(200)}`, 3000, wanted.length);
    wanted.push(...more);
    const before = indexed(scene).length;
    await hec.control({ do: 'lose-answers', calls: 1 });
    await hec.control({ do: 'refuse', calls: 1, refusal: { code: 9 } });
    const sending = scene.send(stream, more);
    const reader = scene.start(file);
    const enough = before + random() * 2500;
    await until(() => indexed(scene).length > enough, `some of the events (seed ${seed})`);
    reader.child.kill('SIGKILL');
    await reader.finished();
    await sending;
  }
  const last = scene.start(file);
  await until(() => new Set(indexed(scene)).size === wanted.length, `all events (seed ${seed})`);
  await stopped(last);
  expect([...new Set(indexed(scene))].sort(), `seed ${seed}`).toEqual([...wanted].sort());
});

it('with acknowledgement no position passes what is not indexed: both ends die, and everything arrives', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(2);
  const options = { tokens: { [TOKEN]: { ack: true } }, indexing: { held: true } };
  const hec = await hecIn(scene, options);
  const file = scene.configure(`${toHec(scene, hec.url, ', ack: true')}\nstreams: [${scene.stream(stream)}]`);
  const wanted = numbered('event', 2000);
  await scene.send(stream, wanted);
  const reader = scene.start(file);
  await until(async () => (await hec.state()).waiting > 0, 'accepted events');
  await until(async () => (await hec.state()).calls['ack']! > 2, 'questions for acknowledgements');
  expect(indexed(scene)).toEqual([]);
  expect((await reader.metrics()).get(`kinlog_events_delivered_total{stream="${stream}"}`)).toBe(0);
  await hec.control({ do: 'index', requests: 1 });
  reader.child.kill('SIGKILL');
  await killed(hec);
  await reader.finished();
  const some = indexed(scene).length;
  expect(some).toBeGreaterThan(0);

  const again = await hecIn(scene, { ...options, port: hec.port, indexing: { delayMs: 50 } });
  const next = scene.start(file);
  await until(() => new Set(indexed(scene)).size === wanted.length, 'all events');
  await until(
    async () =>
      (await next.metrics()).get(`kinlog_events_delivered_total{stream="${stream}"}`)! >= wanted.length - some,
    'their acknowledgements',
  );
  expect((await again.state()).waiting).toBe(0);
  await stopped(next);
  expect(new Set(indexed(scene))).toEqual(new Set(wanted));
});

it('with acknowledgement, a HEC that dies with events it had not indexed gets them again when it is back', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const options = { tokens: { [TOKEN]: { ack: true } } };
  const hec = await hecIn(scene, { ...options, indexing: { held: true } });
  const file = scene.configure(`${toHec(scene, hec.url, ', ack: true')}\nstreams: [${scene.stream(stream)}]`);
  const reader = scene.start(file);
  await scene.send(stream, numbered('lost', 20));
  await until(async () => (await hec.state()).waiting > 0, 'accepted events');
  await killed(hec);
  await reader.said('output.resent');
  await hecIn(scene, { ...options, port: hec.port });
  const more = numbered('more', 20);
  await scene.send(stream, more);
  const wanted = [...numbered('lost', 20), ...more];
  await until(() => new Set(indexed(scene)).size === wanted.length, 'all events', 60_000);
  await stopped(reader);
  expect(new Set(indexed(scene))).toEqual(new Set(wanted));
});

it('a stop waits for acknowledgements that come in time, so that nothing is delivered twice', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene, { tokens: { [TOKEN]: { ack: true } }, indexing: { delayMs: 1000 } });
  const file = scene.configure(`${toHec(scene, hec.url, ', ack: true')}\nstreams: [${scene.stream(stream)}]`);
  const first = scene.start(file);
  await scene.send(stream, numbered('a', 40));
  await until(async () => (await hec.state()).waiting > 0, 'accepted events');
  await stopped(first);
  await scene.send(stream, numbered('b', 40));
  const next = scene.start(file);
  await until(() => indexed(scene).includes('b 39'), 'the new events');
  await stopped(next);
  expect(indexed(scene)).toEqual([...numbered('a', 40), ...numbered('b', 40)]);
});

it.each([
  ['nothing', 'health'],
  ['no posts', 'event'],
] as const)(
  'a stop comes to its end while Splunk answers %s, and the next start delivers everything',
  async (_, only) => {
    const scene = scenes.current;
    const stream = await scene.newStream(1);
    const hec = await hecIn(scene);
    await hec.control({ do: 'hold', only });
    const file = scene.configure(`${toHec(scene, hec.url)}\nstreams: [${scene.stream(stream)}]`);
    const first = scene.start(file);
    await scene.send(stream, numbered('a', 40));
    await until(async () => (await hec.state()).calls[only]! > 0, 'a call that is not answered');
    await first.said('reader.started');
    first.child.kill('SIGTERM');
    // Within its time, and not by the hand of this test.
    expect((await first.finished(25_000)).status).not.toBeNull();
    await hec.control({ do: 'release' });
    const next = scene.start(file);
    await until(() => new Set(indexed(scene)).size === 40, 'the events');
    await stopped(next);
  },
);

it('the example of docs/run.md works', async () => {
  const scene = scenes.current;
  const guide = readFileSync(path.join(import.meta.dirname, '../../docs/run.md'), 'utf8');
  const [, yaml] = /```yaml\n([^`]*kind: hec[^`]*)```/.exec(guide)!;
  const hecs = [await hecIn(scene, { tls: true }), await hecIn(scene, { tls: true })];
  writeFileSync(scene.path('token'), TOKEN);
  writeFileSync(scene.path('splunk-ca.pem'), TEST_CA);
  await scene.simulator.control({ do: 'create', stream: 'access-logs', shards: 1 });
  await scene.send('access-logs', numbered('a', 30));
  const here = yaml!
    .replace(/https:\/\/splunk-(\d)[\w.:]+/g, (_, n) => hecs[Number(n) - 1]!.url)
    .replace('/run/secrets/hec-token', scene.path('token'))
    .replace('/etc/kinlog', scene.folder)
    .replaceAll(/: \/var/g, `: ${scene.folder}/var`)
    .replace(':9464', ':0');
  const file = scene.configure('');
  writeFileSync(file, here);
  const reader = scene.start(file, { AWS_ENDPOINT_URL_KINESIS: scene.simulator.url });
  await until(() => indexed(scene).length === 30, 'the events');
  expect(indexedIn(scene.path('indexed'))[0]).toMatchObject({ index: 'web' });
  expect(existsSync(scene.path('var/lib/kinlog/refused.ndjson'))).toBe(true);
  await stopped(reader);
  await scene.simulator.control({ do: 'delete', stream: 'access-logs' });
});
