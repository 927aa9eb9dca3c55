/** kinlog run while Splunk's HTTP Event Collector refuses what it is given, or is not there: a person is told what to mend, and nothing is lost meanwhile. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from './cli-process.ts';
import { TOKEN, hecIn, indexed, killed, secrets, stopped, toHec } from './run-hec-scene.ts';
import { numbered, runScene } from './run-scene.ts';

const scenes = runScene();

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
  expect(reader.stderr).toMatch(/output\.refused: .*error="127\.0\.0\.1:\d+ .*Invalid token \(HEC code 21\)/);
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

it('without dead letters a stream ends before the event that Splunk refuses, names it, and the others go on', async () => {
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
  expect(await reader.finished()).toMatchObject({
    status: 100,
    stderr: expect.stringMatching(new RegExp(`kinlog: ${stream} could not be read any more: .*KINLOG_EVENTS_REFUSED`)),
  });
  expect(indexed(scene)).toEqual(['of the other stream']);
});
