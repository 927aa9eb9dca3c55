/** kinlog run as an operator has it: real processes, signals, files, probes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { run, until } from './cli-process.ts';
import { RunScene } from './run-scene.ts';

let simulator: SimulatorProcess;
let scene: RunScene;
let streams = 0;
const FILES = 'output: { kind: ndjson, file: "FILE" }';

beforeAll(async () => {
  simulator = await startSimulatorProcess({ settings: { readLimits: false } });
});
afterAll(() => simulator.close());
beforeEach(() => {
  scene = new RunScene(simulator);
});
afterEach(() => scene.close());

async function newStream(shards = 2): Promise<string> {
  const stream = `run-${++streams}`;
  await simulator.control({ do: 'create', stream, shards });
  return stream;
}

const numbered = (name: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${name} ${from + n}`);
const toFile = (name = 'events') => FILES.replace('FILE', scene.path(name));

it('reads two streams onto stdout, a line for each event, and after a stop goes on where it was', async () => {
  const [a, b] = [await newStream(), await newStream()];
  const file = scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(a)}, ${scene.stream(b)}]`);
  await scene.send(a, numbered('a', 300));
  await scene.send(b, numbered('b', 300));
  const first = scene.start(file);
  await until(() => first.events.length === 600, '600 events');
  first.child.kill('SIGTERM');
  expect(await first.finished()).toMatchObject({ status: 0 });
  expect(first.events.filter((text) => text.startsWith('a'))).toEqual(numbered('a', 300));
  expect(first.events.filter((text) => text.startsWith('b'))).toEqual(numbered('b', 300));
  const [line] = first.bytes.toString().split('\n');
  expect(Object.keys(JSON.parse(line!) as object)).toEqual(['host', 'source', 'sourcetype', 'event']);

  await scene.send(a, ['a new']);
  const second = scene.start(file);
  await until(() => second.events.length > 0, 'the new event');
  second.child.kill('SIGINT');
  expect(await second.finished()).toMatchObject({ status: 0 });
  expect(second.events).toEqual(['a new']);
});

it('killed again and again under load, with files that rotate, it loses nothing and cuts no line', async () => {
  const seed = Date.now() % 1e9;
  const random = seededRandom(seed);
  const stream = await newStream(1);
  const rotated = `output: { kind: ndjson, file: "${scene.path('events')}", rotate: { maxMb: 1, keep: 100 } }`;
  const file = scene.configure(`${rotated}\nstreams: [${scene.stream(stream)}]`);
  const wanted: string[] = [];
  for (let life = 0; life < 5; life++) {
    const more = numbered(`line${'x'.repeat(200)}`, 3000, wanted.length);
    wanted.push(...more);
    const sending = scene.send(stream, more);
    const reader = scene.start(file);
    await reader.said('reader.started');
    await new Promise((resolve) => setTimeout(resolve, random() * 400));
    reader.child.kill('SIGKILL');
    await reader.finished();
    await sending;
  }
  const last = scene.start(file);
  await until(() => scene.eventsIn('events').at(-1) === wanted.at(-1), `the last event (seed ${seed})`);
  await last.said('reader.started');
  last.child.kill('SIGTERM');
  expect(await last.finished(), `seed ${seed}`).toMatchObject({ status: 0 });
  const events = scene.eventsIn('events');
  expect([...new Set(events)], `seed ${seed}`).toEqual(wanted);
  expect(readFileSync(scene.path('events.1')).length).toBeGreaterThan(1_000_000);
});

it('a limit on the size of files ends it without half a line that stays, and the next one delivers the rest', async () => {
  const stream = await newStream(1);
  const wanted = numbered(`line${'x'.repeat(200)}`, 4000);
  await scene.send(stream, wanted);
  const file = scene.configure(`${toFile()}\nstreams: [${scene.stream(stream)}]`);
  const program = path.join(import.meta.dirname, '../../cli/main.ts');
  const limited = spawn(
    'sh',
    ['-c', 'ulimit -f 500; exec "$@"', 'sh', process.execPath, program, 'run', '--config', file],
    {
      env: { PATH: process.env['PATH'] ?? '', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 30_000,
    },
  );
  let said = '';
  limited.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect((await once(limited, 'close'))[0]).toBe(100);
  expect(said).toMatch(/could not be written: EFBIG.*KINLOG_OUTPUT_FAILED/);
  const next = scene.start(file);
  await until(() => scene.eventsIn('events').at(-1) === wanted.at(-1), 'the last event');
  next.child.kill('SIGTERM');
  await next.finished();
  expect([...new Set(scene.eventsIn('events'))]).toEqual(wanted);
});

it('a stream that can not be read leaves the others alone, is named by /readyz and by the end', async () => {
  const stream = await newStream();
  const file = scene.configure(`${toFile()}\nstreams: [${scene.stream('nowhere')}, ${scene.stream(stream)}]`);
  const reader = scene.start(file);
  await reader.said('reader.failed');
  await scene.send(stream, ['delivered']);
  await until(() => scene.eventsIn('events').length === 1, 'the event of the other stream');
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
  const reader = scene.start(
    scene.configure(`${toFile()}\nstreams: [${scene.stream('nowhere')}, ${scene.stream('nor-here')}]`),
  );
  const { status, stderr } = await reader.finished();
  expect(status).toBe(100);
  expect(stderr).toMatch(/kinlog: nowhere could not be read.*\nkinlog: nor-here could not be read/);
});

it('answers probes, status and metrics, and nothing else', async () => {
  const stream = await newStream(3);
  await scene.send(stream, numbered('a', 50));
  const reader = scene.start(scene.configure(`name: reader-1\n${toFile()}\nstreams: [${scene.stream(stream)}]`));
  await until(() => scene.eventsIn('events').length === 50, '50 events');
  await until(async () => (await reader.get('/readyz')).status === 200, 'readiness');
  await until(async () => (await reader.metrics()).get(`kinlog_behind_seconds{stream="${stream}"}`) === 0, 'the tip');
  const metrics = await reader.metrics();
  expect(metrics.get(`kinlog_events_delivered_total{stream="${stream}"}`)).toBe(50);
  expect(metrics.get(`kinlog_shards{stream="${stream}",state="reading"}`)).toBe(3);
  expect([...metrics.keys()].filter((name) => name.startsWith('kinlog_shard_behind_seconds'))).toHaveLength(3);
  expect(metrics.get(`kinlog_store_ok{stream="${stream}"}`)).toBe(1);
  expect(metrics.get(`kinlog_output_ok{output="ndjson:${scene.path('events')}"}`)).toBe(1);
  expect(metrics.get(`kinlog_position_stored_timestamp_seconds{stream="${stream}"}`)).toBeGreaterThan(1.7e9);
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
  const stream = await newStream(1);
  const settings = (more: string) => `${toFile()}\n${more}\nstreams: [${scene.stream(stream)}]`;
  const reader = scene.start(scene.configure(settings('logLevel: info')));
  await reader.said('reader.started');
  await scene.send(stream, ['one']);
  await until(() => scene.eventsIn('events').length === 1, 'the first event');

  scene.configure(settings('logLevel: debug').replace('idleMs: 250', 'idleMs: 300'));
  reader.child.kill('SIGHUP');
  await reader.said('config.applied');
  expect(reader.stderr).toContain('keys="logLevel, streams[0].idleMs"');
  await scene.send(stream, ['two']);
  await until(() => scene.eventsIn('events').length === 2, 'the second event, of the reader begun anew');
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
  await until(() => scene.eventsIn('events').length === 3, 'the third event');
  reader.child.kill('SIGTERM');
  expect(await reader.finished()).toMatchObject({ status: 0 });
  expect(scene.eventsIn('events')).toEqual(['one', 'two', 'three']);
});

it('SIGHUP keeps positions that live in memory', async () => {
  const stream = await newStream(1);
  const memory = ', store: { kind: memory }';
  const settings = (idleMs: number) =>
    `${toFile()}\nstreams: [${scene.stream(stream, memory).replace('idleMs: 250', `idleMs: ${idleMs}`)}]`;
  const reader = scene.start(scene.configure(settings(250)));
  await scene.send(stream, ['one']);
  await until(() => scene.eventsIn('events').length === 1, 'the first event');
  scene.configure(settings(300));
  reader.child.kill('SIGHUP');
  await reader.said('config.applied');
  await scene.send(stream, ['two']);
  await until(() => scene.eventsIn('events').length === 2, 'the second event');
  reader.child.kill('SIGTERM');
  await reader.finished();
  expect(scene.eventsIn('events')).toEqual(['one', 'two']);
});

it('a file with faults ends it at once, each fault on a line of its own with its place', async () => {
  const keys = Array.from({ length: 20 }, (_, n) => `streems${n}: secret`).join('\n');
  const { status, stdout, stderr } = await run('main', ['run', '--config', scene.configure(keys)]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(22);
  expect(lines[1]).toMatch(/^kinlog: .*reader.yaml:3: streems0 is not an option/);
  expect(lines.at(-1)).toMatch(/^kinlog: there are 21 faults in .*reader.yaml \(KINLOG_CONFIG_INVALID\)/);
  expect(stderr).not.toContain('secret');
});

it('a stdout that nobody reads any more ends its streams with an error, and nothing counts as delivered', async () => {
  const stream = await newStream(1);
  const file = scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(stream)}]`);
  const cut = scene.start(file);
  cut.child.stdout.destroy();
  await cut.said('reader.started');
  await scene.send(stream, numbered('a', 10));
  expect(await cut.finished()).toMatchObject({ status: 100, stderr: expect.stringMatching(/KINLOG_OUTPUT_CLOSED/) });
  const next = scene.start(file);
  await until(() => next.events.length === 10, 'the events');
  next.child.kill('SIGTERM');
  expect(await next.finished()).toMatchObject({ status: 0 });
});

it('a full disk behind stdout is no success', async () => {
  const stream = await newStream(1);
  await scene.send(stream, numbered('a', 10));
  const file = scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(stream)}]`);
  const full = openSync('/dev/full', 'w');
  const program = path.join(import.meta.dirname, '../../cli/main.ts');
  const child = spawn(process.execPath, [program, 'run', '--config', file], {
    env: { PATH: process.env['PATH'] ?? '', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    stdio: ['ignore', full, 'pipe'],
    timeout: 30_000,
  });
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect((await once(child, 'close'))[0]).toBe(100);
  closeSync(full);
  expect(said).toContain('KINLOG_OUTPUT_CLOSED');
});

it('while stdout takes nothing the probes answer, a stop comes to its end, and the next start delivers everything', async () => {
  const stream = await newStream(1);
  const wanted = numbered(`line${'x'.repeat(500)}`, 4000);
  await scene.send(stream, wanted);
  const file = scene.configure(`output: { kind: ndjson }\nstreams: [${scene.stream(stream)}]`);
  const stalled = scene.start(file);
  stalled.child.stdout.pause();
  await until(async () => (await stalled.metrics()).get('kinlog_in_flight_bytes')! > 0, 'bytes in flight');
  expect((await stalled.get('/healthz')).status).toBe(200);
  stalled.child.kill('SIGTERM');
  const ended = stalled.finished(25_000);
  await once(stalled.child, 'exit');
  stalled.child.stdout.resume();
  // Within its time, and not by the hand of this test.
  expect((await ended).status).not.toBeNull();
  const next = scene.start(file);
  await until(() => next.events.at(-1) === wanted.at(-1), 'the last event');
  next.child.kill('SIGTERM');
  expect(await next.finished()).toMatchObject({ status: 0 });
  const first = stalled.bytes.toString();
  const whole = first.slice(0, first.lastIndexOf('\n') + 1);
  const events = [
    ...whole
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { event: string }).event),
    ...next.events,
  ];
  expect([...new Set(events)]).toEqual(wanted);
});

it('refuses an address that is taken, and one that is no address of this host', async () => {
  const { port } = new URL(simulator.url);
  const refused = (listen: string) => {
    const file = scene.configure(`${toFile()}\nstreams: [${scene.stream('x')}]`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:0', listen));
    return run('main', ['run', '--config', file]);
  };
  for (const listen of [`127.0.0.1:${port}`, '192.0.2.1:9464'])
    expect(await refused(listen)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`status.listen is ${listen}`),
    });
});
