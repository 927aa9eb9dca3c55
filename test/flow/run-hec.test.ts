/** kinlog run into Splunk's HTTP Event Collector: nothing is lost whichever process dies, and a person is told what to mend. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { TEST_CA } from '../fakes/certificates.ts';
import { FakeProxy } from '../fakes/proxy.ts';
import { indexedIn, startHecProcess, type HecProcess } from '../fakes/hec/child.ts';
import type { HecProcessOptions } from '../fakes/hec/control.ts';
import { until } from './cli-process.ts';
import { numbered, runScene, type RunScene } from './run-scene.ts';

const scenes = runScene();
const TOKEN = '6a1c6d3e-0000-4000-8000-00000000feed';
const secrets: string[] = [TOKEN];

const running = new Set<HecProcess>();
afterEach(async () => {
  await Promise.all([...running].map((hec) => hec.kill()));
  running.clear();
});

async function hecIn(scene: RunScene, options: HecProcessOptions = {}): Promise<HecProcess> {
  const hec = await startHecProcess({ tokens: { [TOKEN]: {} }, file: scene.path('indexed'), ...options });
  running.add(hec);
  return hec;
}

async function killed(hec: HecProcess): Promise<void> {
  running.delete(hec);
  await hec.kill();
}

/** The token in its file, and the output that uses it. */
function toHec(scene: RunScene, url: string, more = ''): string {
  const tokenFile = scene.path('token');
  if (!existsSync(tokenFile)) writeFileSync(tokenFile, `${TOKEN}\n`);
  return `output: { kind: hec, endpoints: ["${url}"], tokenFile: "${tokenFile}"${more} }`;
}

const indexed = (scene: RunScene) => indexedIn(scene.path('indexed')).map(({ event }) => event as string);

async function stopped(reader: ReturnType<RunScene['start']>): Promise<void> {
  await reader.said('reader.started');
  reader.child.kill('SIGTERM');
  const { status, stderr, stdout } = await reader.finished();
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  for (const secret of secrets) expect(stderr).not.toContain(secret);
}

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

it('a stop comes to its end while Splunk answers nothing, and the next start delivers everything', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene);
  await hec.control({ do: 'hold' });
  const file = scene.configure(`${toHec(scene, hec.url)}\nstreams: [${scene.stream(stream)}]`);
  const first = scene.start(file);
  await scene.send(stream, numbered('a', 40));
  await until(async () => (await hec.state()).calls['event']! > 0, 'a post');
  first.child.kill('SIGTERM');
  // Within its time, and not by the hand of this test.
  expect((await first.finished(25_000)).status).not.toBeNull();
  await hec.control({ do: 'release' });
  const next = scene.start(file);
  await until(() => new Set(indexed(scene)).size === 40, 'the events');
  await stopped(next);
});

it('an event that Splunk will never take ends among the dead letters, and everything around it arrives', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene, { maxEventBytes: 5000 });
  const letters = scene.path('refused', 'letters.ndjson');
  const file = scene.configure(
    `${toHec(scene, hec.url)}\ndeadLetters: { file: "${letters}" }\nstreams: [${scene.stream(stream)}]`,
  );
  const large = `large ${'x'.repeat(6000)}`;
  await scene.send(stream, [...numbered('a', 50), large, ...numbered('b', 50)]);
  const reader = scene.start(file);
  await until(() => new Set(indexed(scene)).size === 100, 'the other events');
  await until(() => existsSync(letters) && readFileSync(letters, 'utf8').endsWith('\n'), 'the dead letter');
  await scene.send(stream, ['behind it']);
  await until(() => indexed(scene).includes('behind it'), 'the event behind it');
  const lines = readFileSync(letters, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ stream, text: large, reason: expect.stringContaining('HEC code 6') });
  expect((await reader.metrics()).get(`kinlog_events_dead_lettered_total{stream="${stream}"}`)).toBe(1);
  expect(reader.stderr).toContain('events.dead-lettered');
  await stopped(reader);
  expect(new Set(indexed(scene))).toEqual(new Set([...numbered('a', 50), ...numbered('b', 50), 'behind it']));
});

it('a token that Splunk refuses is named and waited for; a new one in its file is taken without a restart', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene);
  const wrong = 'deadbeef-0000-4000-8000-000000000bad';
  secrets.push(wrong);
  writeFileSync(scene.path('token'), wrong);
  const reader = scene.start(scene.configure(`${toHec(scene, hec.url)}\nstreams: [${scene.stream(stream)}]`));
  await scene.send(stream, numbered('a', 20));
  await reader.said('output.refused');
  expect(reader.stderr).toMatch(/output\.refused: .*error="127\.0\.0\.1:\d+ .*Invalid token \(HEC code 4\)/);
  writeFileSync(scene.path('token'), TOKEN);
  await until(() => indexed(scene).length === 20, 'the events', 90_000);
  await stopped(reader);
});

it('without a token it says at once what is missing, and ends', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const output = (more: string) => `output: { kind: hec, endpoints: ["http://127.0.0.1:1"]${more} }`;
  const bare = scene.start(scene.configure(`${output('')}\nstreams: [${scene.stream(stream)}]`));
  expect(await bare.finished()).toMatchObject({
    status: 100,
    stderr: expect.stringMatching(/could not be read any more: there is no token .*KINLOG_HEC_TOKEN/),
  });
  const absent = `, tokenFile: "${scene.path('absent')}"`;
  const lost = scene.start(scene.configure(`${output(absent)}\nstreams: [${scene.stream(stream)}]`));
  expect(await lost.finished()).toMatchObject({
    status: 100,
    stderr: expect.stringMatching(/the token file .*absent can not be read: ENOENT/),
  });
});

it('while Splunk can not be reached the probes say so and why', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const gone = await hecIn(scene);
  await killed(gone);
  const host = new URL(gone.url).host;
  const reader = scene.start(scene.configure(`${toHec(scene, gone.url)}\nstreams: [${scene.stream(stream)}]`));
  await scene.send(stream, numbered('a', 20));
  const ok = `kinlog_output_ok{output="hec:${host}"}`;
  await until(async () => (await reader.metrics()).get(ok) === 0, 'the stall', 60_000);
  const ready = await reader.get('/readyz');
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(new RegExp(`^hec:${host} takes nothing: .*ECONNREFUSED`));
  expect((await reader.get('/healthz')).status).toBe(200);
  expect(reader.stderr).toMatch(/output\.stalled: .*error=".*ECONNREFUSED/);
});

it('without dead letters a shard stops before the event that Splunk refuses, names it, and the others go on', async () => {
  const scene = scenes.current;
  const [stream, other] = [await scene.newStream(1), await scene.newStream(1)];
  const hec = await hecIn(scene, { maxEventBytes: 5000 });
  const streams = `streams: [${scene.stream(stream)}, ${scene.stream(other)}]`;
  const reader = scene.start(scene.configure(`${toHec(scene, hec.url)}\n${streams}`));
  await scene.send(stream, ['x'.repeat(6000)]);
  await reader.said('KINLOG_EVENTS_REFUSED');
  await scene.send(other, ['of the other stream']);
  await until(() => indexed(scene).includes('of the other stream'), 'the event of the other stream');
  const ready = await reader.get('/readyz');
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/KINLOG_EVENTS_REFUSED/)]);
  reader.child.kill('SIGTERM');
  expect((await reader.finished()).status).not.toBeNull();
  expect(indexed(scene)).toEqual(['of the other stream']);
});

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
