/** kinlog run as an operator has it: real processes, signals, files, probes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { run, ToolProcess, until } from './cli-process.ts';
import { numbered, runScene } from './run-scene.ts';

const scenes = runScene();
const textIn = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

it('reads two streams onto stdout, a line for each event, and after a stop goes on where it was', async () => {
  const scene = scenes.current;
  const [a, b] = [await scene.newStream(), await scene.newStream()];
  const file = scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(a)}, ${scene.stream(b)}]`);
  await scene.send(a, numbered('a', 300));
  await scene.send(b, numbered('b', 300));
  const first = scene.start(file);
  await until(() => first.events.length === 600, '600 events');
  first.child.kill('SIGTERM');
  expect(await first.finished()).toMatchObject({ status: 0 });
  expect(first.events.filter((text) => text.startsWith('a'))).toEqual(numbered('a', 300));
  expect(first.events.filter((text) => text.startsWith('b'))).toEqual(numbered('b', 300));
  expect(first.bytes.at(-1)).toBe(10);
  const [line] = first.bytes.toString().split('\n');
  expect(Object.keys(JSON.parse(line!) as object)).toEqual(['host', 'source', 'sourcetype', 'event']);

  await scene.send(a, ['a new']);
  const second = scene.start(file);
  await until(() => second.events.length > 0, 'the new event');
  second.child.kill('SIGINT');
  expect(await second.finished()).toMatchObject({ status: 0 });
  expect(second.events).toEqual(['a new']);
});

it('a stream that can not be read leaves the others alone, is named by /readyz and by the end', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream();
  const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream('nowhere')}, ${scene.stream(stream)}]`);
  const reader = scene.start(file);
  await reader.said('reader.failed');
  await scene.send(stream, ['delivered']);
  await until(() => scene.arrivedIn('events').length === 1, 'the event of the other stream');
  const ready = await reader.get('/readyz');
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(/^nowhere: .*KINLOG_STREAM_NOT_FOUND.*\n$/);
  expect((await reader.get('/healthz')).status).toBe(200);
  expect((await reader.metrics()).get('kinlog_stream_failed{stream="nowhere"}')).toBe(1);
  reader.child.kill('SIGTERM');
  const { status, stderr } = await reader.finished();
  expect(status).toBe(100);
  expect(stderr).toMatch(/\nkinlog: nowhere could not be read any more: .*KINLOG_STREAM_NOT_FOUND.*\n$/);
});

it('ends by itself once no stream is left', async () => {
  const scene = scenes.current;
  const reader = scene.start(
    scene.configure(`${scene.toFile}\nstreams: [${scene.stream('nowhere')}, ${scene.stream('nor-here')}]`),
  );
  const { status, stderr } = await reader.finished();
  expect(status).toBe(100);
  expect(stderr).toMatch(/kinlog: nowhere could not be read.*\nkinlog: nor-here could not be read/);
});

it('answers probes, status and metrics, and nothing else', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(3);
  await scene.send(stream, numbered('a', 50));
  const reader = scene.start(scene.configure(`name: reader-1\n${scene.toFile}\nstreams: [${scene.stream(stream)}]`));
  await until(() => scene.arrivedIn('events').length === 50, '50 events');
  await until(async () => (await reader.get('/readyz')).status === 200, 'readiness');
  await until(async () => (await reader.metrics()).get(`kinlog_behind_seconds{stream="${stream}"}`) === 0, 'the tip');
  const stored = `kinlog_position_stored_timestamp_seconds{stream="${stream}"}`;
  await until(async () => ((await reader.metrics()).get(stored) ?? 0) > 1.7e9, 'a stored position');
  const metrics = await reader.metrics();
  expect(metrics.get(`kinlog_events_delivered_total{stream="${stream}"}`)).toBe(50);
  expect(metrics.get(`kinlog_shards{stream="${stream}",state="reading"}`)).toBe(3);
  expect([...metrics.keys()].filter((name) => name.startsWith('kinlog_shard_behind_seconds'))).toHaveLength(3);
  expect(metrics.get(`kinlog_store_ok{stream="${stream}"}`)).toBe(1);
  expect(metrics.get(`kinlog_output_ok{output="ndjson:${scene.path('events')}"}`)).toBe(1);
  expect(metrics.has('process_resident_memory_bytes')).toBe(true);
  const status = await (await reader.get('/status')).json();
  expect(status).toMatchObject({
    name: 'reader-1',
    version: expect.stringMatching(/^\d+\./),
    streams: [{ id: stream, ready: true, totals: { events_delivered: 50 }, reader: { state: 'reading' } }],
  });
  const { shards } = (status as { streams: { reader: { shards: object[] } }[] }).streams[0]!.reader;
  expect(shards).toHaveLength(3);
  expect(shards[0]).toMatchObject({ state: 'reading', position: expect.any(String), behindMs: 0 });
  expect((await reader.get('/metrics', 'HEAD')).status).toBe(200);
  expect(await (await reader.get('/metrics', 'HEAD')).text()).toBe('');
  const refused = await reader.get('/status', 'POST');
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect((await reader.get('/constructor')).status).toBe(404);
  reader.child.kill('SIGTERM');
  expect(await reader.finished()).toMatchObject({ status: 0, stdout: '' });
});

it('SIGHUP takes what is harmless, names what is not, and a file with faults changes nothing', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const settings = (more: string) => `${scene.toFile}\n${more}\nstreams: [${scene.stream(stream)}]`;
  const reader = scene.start(scene.configure(settings('logLevel: info')));
  await reader.said('reader.started');
  await scene.send(stream, ['one']);
  await until(() => scene.arrivedIn('events').length === 1, 'the first event');

  scene.configure(settings('logLevel: debug').replace('idleMs: 250', 'idleMs: 300'));
  reader.child.kill('SIGHUP');
  await reader.said('config.applied');
  expect(reader.stderr).toContain('keys="logLevel, streams[0].idleMs"');
  await scene.send(stream, ['two']);
  await until(() => scene.arrivedIn('events').length === 2, 'the second event, of the reader begun anew');
  await reader.said('DEBUG batch.written');

  scene.configure(settings('logLevel: error\nmaxMbInFlight: 7').replace('start: horizon', 'start: tip'));
  reader.child.kill('SIGHUP');
  await reader.said('config.restart-needed');
  expect(reader.stderr).toContain('keys="maxMbInFlight, streams[0].start"');

  scene.configure('logLevl: error\nstreams: [{ strea: x }]');
  reader.child.kill('SIGHUP');
  await reader.said('config.refused');
  expect(reader.stderr).toMatch(
    /config.refused.*logLevl is not an option \(did you mean logLevel\?\).*streams\[0\].stream is missing/,
  );
  await scene.send(stream, ['three']);
  await until(() => scene.arrivedIn('events').length === 3, 'the third event');
  reader.child.kill('SIGTERM');
  expect(await reader.finished()).toMatchObject({ status: 0 });
  expect(scene.eventsIn('events')).toEqual(['one', 'two', 'three']);
});

it('SIGHUP keeps positions that live in memory', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const memory = ', store: { kind: memory }';
  const settings = (idleMs: number) =>
    `${scene.toFile}\nstreams: [${scene.stream(stream, memory).replace('idleMs: 250', `idleMs: ${idleMs}`)}]`;
  const reader = scene.start(scene.configure(settings(250)));
  await scene.send(stream, ['one']);
  await until(() => scene.arrivedIn('events').length === 1, 'the first event');
  scene.configure(settings(300));
  reader.child.kill('SIGHUP');
  await reader.said('config.applied');
  await scene.send(stream, ['two']);
  await until(() => scene.arrivedIn('events').length === 2, 'the second event');
  reader.child.kill('SIGTERM');
  await reader.finished();
  expect(scene.eventsIn('events')).toEqual(['one', 'two']);
});

it('a file with faults ends it at once, each fault on a line of its own with its place', async () => {
  const scene = scenes.current;
  const keys = Array.from({ length: 20 }, (_, n) => `streems${n}: secret`).join('\n');
  const { status, stdout, stderr } = await run('main', ['run', '--config', scene.configure(keys)]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(22);
  expect(lines[1]).toMatch(/^kinlog: .*reader.yaml:3: streems0 is not an option/);
  expect(lines.at(-1)).toMatch(/^kinlog: there are 21 faults in .*reader.yaml \(KINLOG_CONFIG_INVALID\)/);
  expect(stderr).not.toContain('secret');
});

it.each(['examples/reader.yaml', 'docs/run.md'])('%s shows a file that works', async (shown) => {
  const scene = scenes.current;
  const text = readFileSync(path.join(import.meta.dirname, '../..', shown), 'utf8');
  const yaml = shown.endsWith('.md') ? /```yaml\n([^]*?)```/.exec(text)![1]! : text;
  const names = [...yaml.matchAll(/- stream: (\S+)/g)].map(([, name]) => name!);
  const here = yaml.replaceAll(/(directory|file): \/var/g, `$1: ${scene.folder}/var`).replace(':9464', ':0');
  for (const name of names) {
    await scene.simulator.control({ do: 'create', stream: name, shards: 1 });
    // Reading begins at the tip unless the example says otherwise.
    await scene.simulator.control({ do: 'put', stream: name, key: 'k', data: `before of ${name}` });
  }
  const file = scene.configure('');
  writeFileSync(file, here);
  const reader = new ToolProcess('main', ['run', '--config', file], { AWS_ENDPOINT_URL_KINESIS: scene.simulator.url });
  await until(() => reader.stderr.split('reader.started').length > names.length, 'all readers');
  for (const name of names)
    await scene.simulator.control({ do: 'put', stream: name, key: 'k', data: `after of ${name}` });
  const written = () => `${textIn(scene.path('var/log/kinlog/events.ndjson'))}${reader.bytes.toString()}`;
  await until(() => names.every((name) => written().includes(`after of ${name}`)), 'an event of every stream');
  expect(written()).toContain('before of access-logs');
  reader.child.kill('SIGTERM');
  expect(await reader.finished()).toMatchObject({ status: 0 });
  for (const name of names) await scene.simulator.control({ do: 'delete', stream: name });
});

it('refuses an address that is taken, and one that is no address of this host', async () => {
  const scene = scenes.current;
  const { port } = new URL(scene.simulator.url);
  const refused = (listen: string) => {
    const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream('x')}]`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:0', listen));
    return run('main', ['run', '--config', file]);
  };
  for (const listen of [`127.0.0.1:${port}`, '192.0.2.1:9464'])
    expect(await refused(listen)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`status.listen is ${listen}`),
    });
});
