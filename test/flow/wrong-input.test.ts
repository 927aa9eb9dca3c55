/** What a user can get wrong, with real processes: one line with code, what, which and remedy, the documented status, and nothing lost. */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { buildApp, parseEvents, runXml, SplunkInput, type SplunkApp } from '../splunk/driver.ts';
import { run, ToolProcess, until, type Finished } from './cli-process.ts';

const READS = ['DescribeStreamSummary', 'ListShards', 'GetShardIterator', 'GetRecords'];
const CLOSED_PORT = 'http://127.0.0.1:9';

let fake: FakeKinesis;
let simulator: RunningSimulator;
let folder: string;
let to: string[];

beforeEach(async () => {
  fake = new FakeKinesis({ readLimits: false });
  fake.createStream('logs', 1);
  simulator = await startSimulator(fake);
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-wrong-'));
  to = ['--stream-name=logs', '--endpoint-url', simulator.url];
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await simulator.close();
});

const SEND = ['--source=s', '--timestamp='];
const DUMP = ['--default-to-horizon', '--exit-at-tip'];
type Environment = Readonly<Record<string, string>>;
const send = (args: readonly string[], env: Environment = {}) =>
  run('log2kinesis', ['send', ...args, ...SEND], { input: 'kept\n', env });
const check = (args: readonly string[], env: Environment = {}) => run('log2kinesis', ['check', ...args], { env });
const dump = (args: readonly string[], env: Environment = {}) => run('dumpstream', [...args, ...DUMP], { env });

/** Exactly one failure line, in words, with its code and a remedy; a sender adds how much it did not send. */
function expectOneError({ status, stdout, stderr }: Finished, exit: number, code: string, ...words: string[]): void {
  expect(stderr).toMatch(
    new RegExp(String.raw`^kinlog: [^\n]+ \(${code}\)\. [A-Z][^\n]+\.\n(kinlog: not sent: 1 event\n)?$`),
  );
  for (const word of words) expect(stderr).toContain(word);
  expect({ status, stdout }).toEqual({ status: exit, stdout: '' });
}

describe('a command that can not reach its stream', () => {
  it('without credentials says where they are looked for', async () => {
    const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', HOME: folder };
    for (const result of await Promise.all([send(to, none), check(to, none), dump(to, none)]))
      expectOneError(result, 100, 'KINLOG_CREDENTIALS_MISSING', 'AWS_PROFILE');
  });

  it('without a region is told to set it', async () => {
    const none = { AWS_REGION: '', HOME: folder };
    for (const result of await Promise.all([send(to, none), dump(to, none)]))
      expectOneError(result, 1, 'KINLOG_CONFIG_INVALID', 'region');
  });

  it('in the wrong region names the region, also when the environment gave it', async () => {
    fake.settings.checkRegion = true;
    const wrong = { AWS_REGION: 'eu-west-1' };
    for (const result of await Promise.all([send(to, wrong), dump(to, wrong)]))
      expectOneError(result, 100, 'KINLOG_STREAM_NOT_FOUND', 'that it is in eu-west-1');
  });

  it('by a wrong name says which', async () => {
    const nowhere = ['--stream-name=Logs', '--endpoint-url', simulator.url];
    for (const result of await Promise.all([send(nowhere), dump(nowhere)]))
      expectOneError(result, 100, 'KINLOG_STREAM_NOT_FOUND', ' on Logs in us-east-1', 'case matters');
  });

  it.each(['ListShards', 'GetShardIterator', 'GetRecords'])('and is refused %s names the action', async (action) => {
    fake.settings.allow = new Set(READS.filter((read) => read !== action));
    expectOneError(await dump(to), 100, 'KINLOG_PERMISSION_REFUSED', `Allow the IAM action kinesis:${action} on `);
  });

  it('and is refused PutRecords names the action and promises nothing else', async () => {
    fake.settings.allow = new Set(READS);
    for (const result of await Promise.all([send(to), check(to)])) {
      expectOneError(result, 100, 'KINLOG_PERMISSION_REFUSED', 'Allow the IAM action kinesis:PutRecords on ');
      expect(result.stderr).not.toContain('reading');
    }
  });

  it('does without a description of the stream', async () => {
    fake.settings.allow = new Set([...READS.slice(1), 'PutRecords']);
    expect(await send(to)).toMatchObject({ status: 0, stderr: '' });
    const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
    expect(decoded).toMatchObject({ status: 0, stdout: 'kept\n', stderr: '' });
  });

  it('because nobody listens there ends', async () => {
    const closed = ['--stream-name=logs', '--endpoint-url', CLOSED_PORT];
    for (const result of await Promise.all([check(closed), dump(closed)]))
      expectOneError(result, 100, 'KINLOG_SERVICE_UNAVAILABLE', 'ECONNREFUSED', 'endpoint');
  });

  it('because nobody answers there ends at a signal, which is no failure', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    let connected = 0;
    silent.on('connection', (socket) => {
      connected++;
      socket.on('error', () => undefined);
    });
    const there = ['--stream-name=logs', `--endpoint-url=http://127.0.0.1:${(silent.address() as AddressInfo).port}`];
    const waiting = [new ToolProcess('log2kinesis', ['check', ...there]), new ToolProcess('dumpstream', there)];
    await until(() => connected === waiting.length, 'both commands wait for an answer');
    for (const { child } of waiting) child.kill('SIGTERM');
    for (const tool of waiting) expect(await tool.finished()).toEqual({ status: 130, stdout: '', stderr: '' });
    silent.close();
  });
});

describe('positions of dumpstream', () => {
  const files = (positions: string) => readdirSync(positions).map((name) => path.join(positions, name));
  const matching = (positions: string, pattern: RegExp) => files(positions).filter((file) => pattern.test(file));

  it('that are damaged or half-written are never read as none', async () => {
    await send(to);
    const sound = path.join(folder, 'sound');
    expect(await dump([...to, '--checkpoint-file', sound])).toMatchObject({ status: 0, stderr: '' });
    const damages: Readonly<Record<string, (positions: string) => void>> = {
      'without CURRENT': (positions) => unlinkSync(path.join(positions, 'CURRENT')),
      'half a manifest': (positions) => matching(positions, /MANIFEST/).forEach((file) => truncateSync(file, 10)),
      'without its rows': (positions) => matching(positions, /\d+\.log$/).forEach((file) => unlinkSync(file)),
      'garbage for rows': (positions) =>
        matching(positions, /\d+\.log$/).forEach((file) => writeFileSync(file, 'x'.repeat(4000))),
    };
    await Promise.all(
      Object.entries(damages).map(async ([name, damage]) => {
        const positions = path.join(folder, name);
        cpSync(sound, positions, { recursive: true });
        damage(positions);
        const result = await dump([...to, '--checkpoint-file', positions]);
        expectOneError(result, 100, 'KINLOG_CHECKPOINT_UNREADABLE', positions, 'Restore');
      }),
    );
  });

  it('belong to one process at a time', async () => {
    await send(to);
    const shared = [...to, '--checkpoint-file', path.join(folder, 'shared')];
    const first = new ToolProcess('dumpstream', [...shared, '--default-to-horizon']);
    await until(() => first.bytes.length > 0, 'the first process reads');
    expectOneError(await dump(shared), 100, 'KINLOG_CHECKPOINT_LOCKED', 'shared', 'Stop the other process');
    first.child.kill('SIGTERM');
    expect(await first.finished()).toMatchObject({ status: 130, stderr: '' });
    expect(await dump(shared)).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('a target that can not be written', () => {
  const FULL = '/dev/full';
  const targets = ['.', 'file/below', ...(existsSync(FULL) ? [FULL] : [])];
  beforeEach(() => writeFileSync(path.join(folder, 'file'), ''));

  it('is one error of dumpstream, and what it did not write is read again', async () => {
    await send(to);
    const kept = [...to, '--checkpoint-file', path.join(folder, 'positions')];
    for (const target of targets) {
      const file = path.resolve(folder, target);
      expectOneError(await dump([...kept, '--filename', file]), 100, 'KINLOG_OUTPUT_FAILED', file);
    }
    const decoded = await run('logdecode', [], { input: (await dump(kept)).stdout });
    expect(decoded).toMatchObject({ status: 0, stdout: 'kept\n' });
  });

  it('is one error of logdecode', async () => {
    await send(to);
    const input = (await dump(to)).stdout;
    for (const target of targets) {
      const file = path.resolve(folder, target);
      expectOneError(await run('logdecode', ['-f', file], { input }), 100, 'KINLOG_OUTPUT_FAILED', file);
    }
  });

  it('is one error when it is stdout', async () => {
    if (!existsSync(FULL)) return;
    const program = path.join(import.meta.dirname, '../../cli/main.ts');
    const shell = ['-c', `exec "$0" "$1" --help > ${FULL}`, process.execPath, program];
    const sent = await run('log2kinesis', ['send', ...to, ...SEND, '--capture=stderr', '--', 'sh', ...shell]);
    expect(sent.status).toBe(100);
    const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
    expect(decoded.stdout).toMatch(
      /^kinlog: stdout could not be written: ENOSPC[^\n]+\(KINLOG_OUTPUT_FAILED\)[^\n]+\n$/,
    );
  });

  it('is no reason to stop sending when it is stderr', async () => {
    const sender = new ToolProcess('log2kinesis', ['send', ...to, ...SEND, '--verbose']);
    sender.child.stderr.destroy();
    sender.child.stdin.write('first\n');
    await until(() => fake.calls.some(({ operation }) => operation === 'PutRecords'), 'the first line is sent');
    sender.child.stdin.end('second\n');
    expect((await sender.finished()).status).toBe(0);
    const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
    expect(decoded.stdout).toBe('first\nsecond\n');
  });
});

describe('records that nobody expects', () => {
  const BIG = randomBytes(10 * 1024 * 1024 - 16);
  const EVENTS = 100_000;
  const many = gzipSync(Array.from({ length: EVENTS }, (_, i) => JSON.stringify({ event: `event ${i}` })).join('\n'));
  const broken = Buffer.concat([gzipSync('x').subarray(0, 4), Buffer.from('no gzip')]);

  it('come through dumpstream and logdecode: 10 MiB, 100,000 events, and what no format explains', async () => {
    for (const data of [broken, many, BIG]) fake.put('logs', { data });
    const dumped = await dump(to);
    expect(dumped).toMatchObject({ status: 0, stderr: '' });
    const file = path.join(folder, 'dumped');
    writeFileSync(file, dumped.stdout);
    const decoding = new ToolProcess('logdecode', [file]);
    const decoded = await decoding.finished();
    expect(decoded.status).toBe(2);
    expect(decoded.stderr).toMatch(
      /^(kinlog: record \d+ could not be decoded and is written as it is: [^\n]+\n){2}kinlog: 2 undecoded events/,
    );
    const lines = decoding.bytes.subarray(broken.length + 1, decoding.bytes.length - BIG.length - 1);
    expect(decoding.bytes.subarray(0, broken.length)).toEqual(broken);
    expect(lines.toString().trimEnd().split('\n')).toEqual(Array.from({ length: EVENTS }, (_, i) => `event ${i}`));
    expect(decoding.bytes.subarray(-BIG.length - 1, -1).equals(BIG)).toBe(true);
  });
});

describe('the packaged input', () => {
  let app: SplunkApp;
  const inputs: SplunkInput[] = [];
  beforeAll(() => {
    app = buildApp();
  }, 60_000);
  afterEach(() => {
    for (const input of inputs.splice(0)) input.kill();
  });
  afterAll(() => app.dispose());

  function start(more: Environment = {}, env: Environment = {}): SplunkInput {
    const params = {
      stream_name: 'logs',
      aws_region: 'us-east-1',
      kinesis_endpoint: simulator.url,
      initial_position: 'TRIM_HORIZON',
      idle_ms: '250',
      ...more,
    };
    const input = new SplunkInput(app, { xml: runXml(path.join(app.scratch(), 'positions'), { params }), env });
    inputs.push(input);
    return input;
  }

  const said = (input: SplunkInput, line: RegExp) => input.until(() => line.test(input.stderr), line.source);

  it('says what hinders it: credentials, region, permission, settings', async () => {
    const none = start({}, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    const malformed = start({ stream_nam: 'x', idle_ms: 'soon', record_format: 'xml', aws_region: 'Frankfurt' });
    await said(none, /^ERROR reader\.failed: .*\(KINLOG_CREDENTIALS_MISSING\)/m);
    await said(
      malformed,
      /^ERROR reader\.failed: .*stream_nam is not.*Frankfurt.*record_format.*idle_ms.*\(KINLOG_CONFIG_INVALID\)/m,
    );
    fake.settings.checkRegion = true;
    await said(start({ aws_region: 'eu-west-1' }), /^ERROR reader\.failed: .*\(KINLOG_STREAM_NOT_FOUND\).*eu-west-1/m);
    fake.settings.checkRegion = false;
    fake.settings.allow = new Set(READS.filter((read) => read !== 'ListShards'));
    await said(start(), /^ERROR reader\.failed: .*Allow the IAM action kinesis:ListShards on /m);
    for (const input of inputs) expect(input.stderr.match(/^(ERROR|WARN)/gm)).toHaveLength(1);
  });

  it.each(['GetShardIterator', 'GetRecords'])('waits for the permission %s, and says which', async (action) => {
    fake.put('logs', { data: 'kept' });
    fake.settings.allow = new Set(READS.filter((read) => read !== action));
    const input = start();
    await said(input, new RegExp(`^WARN shard\\.stalled: .*Allow the IAM action kinesis:${action} on `, 'm'));
    expect(input.exited).toBeUndefined();
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(0);
    expect(input.stdout).toBe('');
  });

  it('does not wait in silence for an endpoint that refuses it', async () => {
    const input = start({ kinesis_endpoint: CLOSED_PORT });
    await said(input, /^WARN reader\.stalled: .*ECONNREFUSED.*\(KINLOG_SERVICE_UNAVAILABLE\)/m);
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(0);
  });

  it('delivers 10 MiB, 100,000 events, and what no format explains, marked', async () => {
    fake.put('logs', { data: randomBytes(10 * 1024 * 1024 - 16) });
    const event = (_: unknown, i: number) => JSON.stringify({ event: `event ${i}` });
    fake.put('logs', { data: gzipSync(Array.from({ length: 100_000 }, event).join('\n')) });
    const input = start();
    await input.until(() => input.events === 100_001, 'all events');
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(0);
    const { events, whole } = parseEvents(input.stdout);
    expect(whole).toBe(true);
    expect(events[0]!.fields['sourcetype']).toBe('kinlog:undecoded');
    expect(events.slice(1).map(({ fields }) => fields['data'])).toEqual(
      Array.from({ length: 100_000 }, (_, i) => `event ${i}`),
    );
  });
});
