/** The metrics log as the packaged input writes it, and as Splunk would take it in. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { METRICS_FIELDS, type LineKind } from '../../splunk-app/input/metrics-fields.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { accessDenied, throttled } from '../fakes/kinesis/faults.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { appConf } from './app-conf.ts';
import { buildApp, runXml, SESSION_KEY, SplunkInput, type SplunkApp } from './driver.ts';

type Line = Readonly<Record<string, string | number>>;

let app: SplunkApp;
let fake: FakeKinesis;
let simulator: RunningSimulator;
let home: string;
let file: string;
let started: SplunkInput[] = [];

beforeAll(() => {
  app = buildApp();
}, 60_000);
afterAll(() => app.dispose());
beforeEach(async () => {
  fake = new FakeKinesis({ readLimits: false });
  fake.createStream('logs', 2);
  simulator = await startSimulator(fake);
  home = app.scratch();
  mkdirSync(path.join(home, 'var/log/splunk'), { recursive: true });
  file = path.join(home, 'var/log/splunk/kinloader_metrics_prod.log');
});
afterEach(async () => {
  for (const input of started) input.kill();
  started = [];
  await simulator.close();
});

function start(more: Readonly<Record<string, string>> = {}): SplunkInput {
  const params = {
    ...{ stream_name: 'logs', aws_region: 'us-east-1', kinesis_endpoint: simulator.url, idle_ms: '250' },
    ...{ initial_position: 'TRIM_HORIZON', metrics_interval_s: '1', ...more },
  };
  const xml = runXml(path.join(home, 'modinputs/kinesis_log'), { params });
  const input = new SplunkInput(app, { xml, env: { SPLUNK_HOME: home } });
  started.push(input);
  return input;
}

/** Whole lines so far. */
function lines(kind?: LineKind): Line[] {
  if (!existsSync(file)) return [];
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const parsed = whole.map((line) => JSON.parse(line) as Line);
  return kind === undefined ? parsed : parsed.filter((line) => line['kind'] === kind);
}

const sum = (of: readonly Line[], field: string) => of.reduce((total, line) => total + Number(line[field]), 0);

async function ended(input: SplunkInput): Promise<void> {
  input.child.kill('SIGTERM');
  expect(await input.ended()).toBe(0);
}

describe('the metrics log of the packaged input', () => {
  it('counts what was read and delivered, by stream and by shard, and tells the end', async () => {
    for (let n = 0; n < 60; n++) fake.put('logs', { data: `event ${n}`, key: `key ${n}` });
    fake.put('logs', { data: Buffer.from([0xff, 0xfe, 0x00, 0x01]), key: 'binary' });
    fake.next('GetRecords', throttled());
    const input = start();
    await input.until(() => sum(lines('stream'), 'events_delivered') >= 61, 'all events in the metrics');
    await ended(input);
    const [streams, shards] = [lines('stream'), lines('shard')];
    for (const field of ['records_read', 'events_delivered', 'bytes_read'])
      expect(sum(shards, field)).toBe(sum(streams, field));
    expect(sum(streams, 'records_read')).toBe(61);
    expect(sum(streams, 'records_undecoded')).toBe(1);
    expect(sum(shards, 'throttles')).toBe(1);
    expect(new Set(shards.map((line) => line['shard'])).size).toBe(2);
    expect(streams.at(-1)).toMatchObject({ state: 'stopped', stanza: 'kinesis_log://prod', checkpoint_age_ms: 0 });
    expect(lines('event').map((line) => line['event'])).toEqual(
      expect.arrayContaining(['reader.started', 'record.undecoded', 'reader.stopped']),
    );
  });

  it('names a refused permission with its code at once, and every run by its start', async () => {
    fake.next('GetRecords', accessDenied('kinesis:GetRecords'), { times: 1000 });
    const first = start({ metrics_interval_s: '3600' });
    await first.until(() => lines('event').some((line) => line['event'] === 'shard.stalled'), 'the stall');
    await ended(first);
    const stall = lines('event').find((line) => line['event'] === 'shard.stalled');
    expect(stall).toMatchObject({ level: 'warn', code: 'KINLOG_PERMISSION_REFUSED' });
    await ended(await startedAgain());
    expect(new Set(lines().map((line) => line['started'])).size).toBe(2);
  });

  it('tells what went wrong before anything could be read', async () => {
    const positions = path.join(home, 'modinputs/kinesis_log');
    mkdirSync(positions, { recursive: true });
    writeFileSync(path.join(positions, 'prod'), 'in the place of the folder for positions');
    const input = start();
    await input.until(() => lines('event').some((line) => line['event'] === 'reader.failed'), 'the failure');
    expect(lines('event').at(-1)).toMatchObject({ level: 'error', code: 'KINLOG_CHECKPOINT_UNREADABLE' });
    expect(lines('stream')[0]).toMatchObject({ state: 'starting' });
  });

  it('tells what an input waits for that can not begin', async () => {
    const input = start({ aws_credential: 'prod' });
    await input.until(() => lines('event').some((line) => line['event'] === 'splunkd.waited'), 'the wait for splunkd');
    await ended(input);
  });

  it('has only the fields that are declared, and no secret', async () => {
    fake.next('GetRecords', accessDenied('kinesis:GetRecords'), { times: 20, shardId: 'shardId-000000000000' });
    const input = start();
    await input.until(() => lines('shard').some((line) => line['error'] !== undefined), 'a shard that stands still');
    await ended(input);
    for (const line of lines())
      for (const name of Object.keys(line))
        expect(METRICS_FIELDS[name as keyof typeof METRICS_FIELDS].in, name).toContain(line['kind']);
    expect(readFileSync(file, 'utf8')).not.toMatch(new RegExp(`${SESSION_KEY}|topsecret`));
  });

  it('is not written when it is switched off', async () => {
    fake.put('logs', { data: 'x' });
    const input = start({ metrics_interval_s: '0' });
    await input.until(() => input.events >= 1, 'an event');
    await ended(input);
    expect(existsSync(file)).toBe(false);
  });

  it('is taken in by Splunk with its time and its source type', async () => {
    const input = start();
    await input.until(() => lines('stream').length > 0, 'a line');
    await ended(input);
    const props = appConf('props');
    const [stanza] = [...props.keys()].filter((name) => name.startsWith('source::'));
    const pattern = stanza!.slice('source::'.length);
    // Of props.conf: three dots are any text, a star any text without a separator.
    const source = pattern
      .replaceAll('.', '\\.')
      .replaceAll('\\.\\.\\.', '.*')
      .replaceAll(/(?<!\.)\*/g, '[^/]*');
    for (const name of [file, `${file}.1`]) expect(name).toMatch(new RegExp(`^${source}$`));
    expect(path.join(home, 'var/log/splunk/splunkd.log')).not.toMatch(new RegExp(`^${source}$`));
    const settings = props.get(props.get(stanza!)!.get('sourcetype')!)!;
    expect(settings.get('KV_MODE')).toBe('json');
    const [line] = readFileSync(file, 'utf8').split('\n');
    const prefix = new RegExp(settings.get('TIME_PREFIX')!).exec(line!)![0];
    const time = line!.slice(prefix.length).slice(0, Number(settings.get('MAX_TIMESTAMP_LOOKAHEAD')));
    expect(settings.get('TIME_FORMAT')).toBe('%Y-%m-%dT%H:%M:%S.%3NZ');
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });
});

async function startedAgain(): Promise<SplunkInput> {
  const before = lines().length;
  const input = start({ metrics_interval_s: '3600' });
  await input.until(() => lines().length > before, 'a line of the second run');
  return input;
}

describe('what an input says on stderr', () => {
  it('is found in splunkd.log by the dashboard', () => {
    const definition = readFileSync(
      path.join(import.meta.dirname, '../../splunk-app/default/data/ui/views/pipeline_health.xml'),
      'utf8',
    );
    const pattern = /rex \\"((?:[^"\\]|\\\\\\"|\\.)*?)\\" \|/.exec(definition)![1]!.replaceAll('\\\\\\"', '"');
    // As splunkd writes what a child says at a level (ExecProcessor).
    const line =
      '11-21-2026 12:00:00.000 +0000 WARN  ExecProcessor [4711 ExecProcessor] - message from "/opt/splunk/etc/apps/kinloader/linux_x86_64/bin/kinesis_log.sh" shard.stalled: a shard can not be read (shard=s0 error="not \\"allowed\\"")';
    expect(new RegExp(pattern).exec(line)?.groups?.['message']).toMatch(
      /^shard\.stalled: .* error="not \\"allowed\\""\)$/,
    );
  });
});
