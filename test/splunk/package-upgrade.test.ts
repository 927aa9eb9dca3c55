/** The app is upgraded while its input runs: the files of the running version go away, and it must not need them any more. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { buildApp, parseEvents, runXml, SplunkInput, type SplunkApp } from './driver.ts';

let app: SplunkApp;
let fake: FakeKinesis;
let simulator: RunningSimulator;
const started: SplunkInput[] = [];
beforeAll(() => {
  app = buildApp();
}, 60_000);
afterAll(() => app.dispose());
beforeEach(async () => {
  fake = new FakeKinesis({ readLimits: false });
  fake.createStream('logs', 2);
  simulator = await startSimulator(fake);
});
afterEach(async () => {
  for (const input of started.splice(0)) input.kill();
  await simulator.close();
});

const launcherIn = (folder: string) => path.join(folder, path.relative(app.folder, app.launcher));

function start(folder: string, positions: string): SplunkInput {
  const params = {
    stream_name: 'logs',
    aws_region: 'us-east-1',
    kinesis_endpoint: simulator.url,
    initial_position: 'TRIM_HORIZON',
    idle_ms: '250',
  };
  const input = new SplunkInput(app, { command: [launcherIn(folder)], xml: runXml(positions, { params }) });
  started.push(input);
  return input;
}

function put(from: number, to: number): string[] {
  const texts = Array.from({ length: to - from }, (_, i) => `event ${from + i}`);
  for (const text of texts) fake.put('logs', { data: text, key: text });
  return texts;
}

const texts = (input: SplunkInput) =>
  parseEvents(input.stdout)
    .events.map(({ fields }) => fields['data']!)
    .sort();

function unpack(into: string): string {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', app.archive, '-C', into]);
  return path.join(into, 'kinloader');
}

/** An app of the same files that nothing of the old version could use: whoever loads one of them fails. */
function newVersion(into: string): string {
  const folder = path.join(into, 'kinloader');
  for (const entry of readdirSync(app.folder, { recursive: true, withFileTypes: true })) {
    const place = path.join(folder, path.relative(app.folder, entry.parentPath));
    mkdirSync(place, { recursive: true });
    if (entry.isFile()) writeFileSync(path.join(place, entry.name), 'throw new Error("a file of another version")');
  }
  return folder;
}

const UPGRADES: readonly (readonly [string, (folder: string) => void])[] = [
  [
    'another folder takes its place and the old one is removed',
    (folder) => {
      const old = `${folder}-old`;
      const next = newVersion(app.scratch());
      renameSync(folder, old);
      renameSync(next, folder);
      rmSync(old, { recursive: true });
    },
  ],
  [
    'a newer archive is unpacked over it',
    (folder) => {
      const next = newVersion(app.scratch());
      const archive = path.join(app.scratch(), 'newer.tar.gz');
      execFileSync('tar', ['-czf', archive, '-C', path.dirname(next), 'kinloader']);
      execFileSync('tar', ['-xzf', archive, '-C', path.dirname(folder)]);
    },
  ],
  ['it is removed', (folder) => rmSync(folder, { recursive: true })],
];

it.each(UPGRADES)('an input goes on, stores and ends well when %s', async (_, upgrade) => {
  const folder = unpack(app.scratch());
  const positions = path.join(app.scratch(), 'modinputs', 'kinesis_log');
  const before = put(0, 20);
  const input = start(folder, positions);
  await input.until(() => input.events >= 20, 'the events before');
  upgrade(folder);
  const during = put(20, 40);
  // Trouble and resharding, too, are dealt with by code that must be there already.
  fake.next('GetRecords', { kind: 'error', type: 'ProvisionedThroughputExceededException' });
  fake.split('logs', 'shardId-000000000000');
  await input.until(() => input.events >= 40, 'the events during the upgrade');
  input.child.kill('SIGTERM');
  expect(await input.ended()).toBe(0);
  expect(texts(input)).toEqual([...before, ...during].sort());
  expect(input.stderr).not.toMatch(/^(ERROR|WARN)/m);

  const after = put(40, 50);
  const next = start(app.folder, positions);
  await next.until(() => next.events >= 10, 'the events after');
  next.child.kill('SIGTERM');
  expect(await next.ended()).toBe(0);
  expect(texts(next)).toEqual(after);
});
