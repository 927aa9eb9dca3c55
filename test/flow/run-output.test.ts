/** What kinlog run has written, whatever happened to it or to whoever takes its lines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { until } from './cli-process.ts';
import { numbered, runScene } from './run-scene.ts';

const scenes = runScene();

it('killed again and again under load, with files that rotate, it loses nothing and cuts no line', async () => {
  const scene = scenes.current;
  const seed = Date.now() % 1e9;
  const random = seededRandom(seed);
  const stream = await scene.newStream(1);
  const rotated = `output: { kind: ndjson, file: "${scene.path('events')}", rotate: { maxMb: 1, keep: 100 } }`;
  const file = scene.configure(`${rotated}\nstreams: [${scene.stream(stream)}]`);
  const wanted: string[] = [];
  for (let life = 0; life < 5; life++) {
    const more = numbered(`line${'x'.repeat(200)}`, 3000, wanted.length);
    wanted.push(...more);
    const sending = scene.send(stream, more);
    const reader = scene.start(file);
    const enough = scene.arrivedIn('events').length + random() * 2500;
    await until(() => scene.arrivedIn('events').length > enough, 'some of the events');
    reader.child.kill('SIGKILL');
    await reader.finished();
    await sending;
  }
  const last = scene.start(file);
  await until(() => scene.arrivedIn('events').at(-1) === wanted.at(-1), `the last event (seed ${seed})`);
  await last.said('reader.started');
  last.child.kill('SIGTERM');
  expect(await last.finished(), `seed ${seed}`).toMatchObject({ status: 0 });
  const events = scene.eventsIn('events');
  expect([...new Set(events)], `seed ${seed}`).toEqual(wanted);
  expect(readFileSync(scene.path('events.1')).length).toBeGreaterThan(1_000_000);
});

it('a limit on the size of files ends it without half a line that stays, and the next one delivers the rest', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const wanted = numbered(`line${'x'.repeat(200)}`, 4000);
  await scene.send(stream, wanted);
  const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream(stream)}]`);
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
  await until(() => scene.arrivedIn('events').at(-1) === wanted.at(-1), 'the last event');
  next.child.kill('SIGTERM');
  await next.finished();
  expect([...new Set(scene.eventsIn('events'))]).toEqual(wanted);
});

it('a stdout that nobody reads any more ends its streams with an error, and nothing counts as delivered', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
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
  const scene = scenes.current;
  const stream = await scene.newStream(1);
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
  const scene = scenes.current;
  const stream = await scene.newStream(1);
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
  // What the pipe held of a line when the process left may be half of one.
  expect([...new Set([...stalled.events, ...next.events])]).toEqual(wanted);
});

it('a file that can not be one ends the streams that would write there, and only those', async () => {
  const scene = scenes.current;
  const [bad, good] = [await scene.newStream(1), await scene.newStream(1)];
  await scene.send(good, ['delivered']);
  const folder = `, output: { kind: ndjson, file: "${scene.folder}" }`;
  const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream(bad, folder)}, ${scene.stream(good)}]`);
  const reader = scene.start(file);
  await until(() => scene.arrivedIn('events').length === 1, 'the event of the other stream');
  await reader.said('KINLOG_OUTPUT_FAILED');
  reader.child.kill('SIGTERM');
  const { status, stderr } = await reader.finished();
  expect(status).toBe(100);
  expect(stderr).toMatch(new RegExp(`kinlog: ${bad} could not be read any more: .*KINLOG_OUTPUT_FAILED.*\n$`));
});
