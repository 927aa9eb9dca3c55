/** kinlog run in a pod: its name and address come from outside, and what stands in its way is told to whoever asks, or by its last line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { factsIn } from '../../operator/readers/answer.ts';
import { run, ToolProcess, until } from './cli-process.ts';
import { hecIn, secrets, stopped, toHec, TOKEN } from './run-hec-scene.ts';
import { numbered, runScene, type RunProcess } from './run-scene.ts';

const scenes = runScene();

interface Told {
  readonly name: string;
  readonly outputs: readonly { readonly ok: boolean; readonly error?: string }[];
  readonly streams: readonly { readonly errors: readonly Record<string, string>[] }[];
}
const statusOf = async (reader: RunProcess) => (await (await reader.get('/status')).json()) as Told;
const errorsOf = async (reader: RunProcess) => (await statusOf(reader)).streams[0]!.errors;

it('takes its name and the host of its status server from the environment, and keeps them when the file is read again', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const file = scene.configure(`name: of-the-file\n${scene.toFile}\nstreams: [${scene.stream(stream)}]`);
  writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:0', '192.0.2.1:0'));
  const env = { KINLOG_NAME: 'logs-reader-5d8c7b', KINLOG_STATUS_HOST: '127.0.0.1' };
  const reader = scene.start(file, env);
  expect((await statusOf(reader)).name).toBe(env.KINLOG_NAME);
  await reader.said(`reader=${env.KINLOG_NAME}`);
  reader.child.kill('SIGHUP');
  await reader.said('config.applied');
  await stopped(reader);
});

it('listens on an address of IPv6', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream(stream)}]`);
  const reader = new ToolProcess('main', ['run', '--config', file, '--status-host', '::1']);
  await until(() => reader.stderr.includes('status.listening'), 'the status server');
  const [, port] = /address="?\[::1\]:(\d+)/.exec(reader.stderr)!;
  expect((await fetch(`http://[::1]:${port!}/healthz`)).status).toBe(200);
  reader.child.kill('SIGTERM');
  await reader.finished();
});

it('a host without a port to go with is refused, not ignored', async () => {
  const scene = scenes.current;
  const file = scene.configure(`${scene.toFile}\nstreams: [${scene.stream('x')}]`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^status.*\n/, ''));
  const { status, stderr } = await run('main', ['run', '--config', file, '--status-host', '127.0.0.1']);
  expect([status, stderr.trimEnd().split('\n').at(-1)]).toEqual([
    1,
    expect.stringMatching(/\(KINLOG_CONFIG_INVALID\)\. /),
  ]);
});

it('a token that Splunk refuses is an error of the output, with its remedy, before there is an event and until Splunk knows it', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene);
  const wrong = 'deadbeef-0000-4000-8000-00000000bad1';
  secrets.push(wrong);
  const output = toHec(scene, hec.url);
  writeFileSync(scene.path('token'), wrong);
  const reader = scene.start(scene.configure(`${output}\nstreams: [${scene.stream(stream)}]`));
  await until(async () => (await errorsOf(reader)).length > 0, 'the error');
  expect(await errorsOf(reader)).toEqual([
    {
      part: 'output',
      code: 'KINLOG_SPLUNK_REFUSED',
      message: expect.stringMatching(/does not take events: Invalid token/),
      remedy: expect.stringContaining('HEC token'),
      since: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  ]);
  expect(await (await reader.get('/status')).text()).not.toContain(wrong);
  expect((await statusOf(reader)).outputs).toEqual([expect.objectContaining({ ok: false })]);
  expect((await reader.get('/readyz')).status).toBe(503);
  writeFileSync(scene.path('token'), TOKEN);
  await until(async () => (await reader.get('/readyz')).status === 200, 'a reader that is ready', 90_000);
  expect(await errorsOf(reader)).toEqual([]);
  expect((await statusOf(reader)).outputs).toEqual([expect.objectContaining({ ok: true })]);
  await stopped(reader);
});

it('an index that Splunk refuses is an error of the output from the first event to the one that is taken, and no longer', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const hec = await hecIn(scene, { tokens: { [TOKEN]: { indexes: ['main'] } } });
  const output = toHec(scene, hec.url, ', defaults: { index: web }');
  const reader = scene.start(scene.configure(`${output}\nstreams: [${scene.stream(stream)}]`));
  await until(async () => (await reader.get('/readyz')).status === 200, 'a reader that is ready');
  await scene.send(stream, ['one']);
  await until(async () => (await reader.get('/readyz')).status === 503, 'a reader that is not');
  expect(await errorsOf(reader)).toEqual([expect.objectContaining({ code: 'KINLOG_SPLUNK_REFUSED' })]);
  await hec.control({ do: 'token', token: TOKEN, settings: { indexes: ['web'] } });
  await until(async () => (await hec.state()).indexed === 1, 'the event', 90_000);
  await until(async () => (await reader.get('/readyz')).status === 200, 'a reader that is ready again');
  expect(await errorsOf(reader)).toEqual([]);
  await stopped(reader);
});

it('a stream that is gone while it is read is the last line of the process, with code and remedy', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(1);
  const reader = scene.start(scene.configure(`${scene.toFile}\nstreams: [${scene.stream(stream)}]`));
  await scene.send(stream, ['one']);
  await until(() => scene.arrivedIn('events').length === 1, 'the event');
  await scene.simulator.control({ do: 'delete', stream });
  const { status, stderr } = await reader.finished(120_000);
  expect(status).toBe(100);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^kinlog: .* \(KINLOG_STREAM_DELETED\)\. \S/);
});

it('what it tells is what the operator understands', async () => {
  const scene = scenes.current;
  const stream = await scene.newStream(3);
  await scene.send(stream, numbered('a', 10));
  const reader = scene.start(scene.configure(`${scene.toFile}\nstreams: [${scene.stream(stream)}]`));
  const facts = async () => factsIn(await (await reader.get('/status')).text(), 'a-pod', 0);
  await until(async () => {
    const told = await facts();
    return told?.ready === true && told.behindMs === 0 && told.eventsDelivered !== undefined;
  }, 'the tip');
  expect(await facts()).toMatchObject({
    podName: 'a-pod',
    version: expect.stringMatching(/^\d+\./),
    openShards: 3,
    closedShardsPending: 0,
    positionStored: expect.stringMatching(/Z$/),
    errors: [],
  });
  await stopped(reader);
});
