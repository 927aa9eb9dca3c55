/** log2kinesis, dumpstream and logdecode as processes, against a stream over HTTP. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessLog } from '../fakes/access-log.ts';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { run, ToolProcess, until, type Finished } from './cli-process.ts';

let simulator: SimulatorProcess;
let folder: string;
let streams = 0;

beforeAll(async () => {
  simulator = await startSimulatorProcess();
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-cli-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await simulator.close();
});

async function newStream(shards = 2): Promise<string[]> {
  const stream = `logs-${++streams}`;
  await simulator.control({ do: 'create', stream, shards });
  return [`--stream-name=${stream}`, '--endpoint-url', simulator.url];
}

async function dump(to: readonly string[], ...more: string[]): Promise<Finished> {
  const dumped = await run('dumpstream', [...to, '--default-to-horizon', '--exit-at-tip', ...more]);
  expect(dumped).toMatchObject({ status: 0, stderr: '' });
  return dumped;
}

it('what log2kinesis sends, dumpstream dumps and logdecode decodes: 5,000 access log lines, none lost, none changed', async () => {
  const to = await newStream();
  const lines = [...accessLog({ seed: 11, lines: 5000 })];
  const sent = await run('log2kinesis', ['send', ...to, '--source=web', '--timestamp=', '--verbose'], {
    input: lines.join('\n'),
  });
  expect(sent).toMatchObject({ status: 0, stdout: '' });
  expect(sent.stderr).toMatch(/log2kinesis: sent 5000 events in \d+ records?\n$/);
  const dumped = await dump(to);
  const decoded = await run('logdecode', [], { input: dumped.stdout });
  expect(decoded).toMatchObject({ status: 0, stderr: '' });
  expect(decoded.stdout.trimEnd().split('\n').sort()).toEqual([...lines].sort());
});

it('events of a fixed partition key come out in the order of the input, also when Kinesis refuses some', async () => {
  const to = await newStream();
  await simulator.control({
    do: 'next',
    operation: 'PutRecords',
    fault: { kind: 'reject-entries', entries: [0] },
    times: 3,
  });
  await simulator.control({
    do: 'next',
    operation: 'PutRecords',
    fault: { kind: 'error', type: 'InternalFailure', status: 500 },
  });
  const lines = [...accessLog({ seed: 12, lines: 4000 })];
  const sent = await run('log2kinesis', ['send', ...to, '--source=web', '--timestamp=', '--partition-key=source'], {
    input: `${lines.join('\n')}\n`,
  });
  expect(sent.status).toBe(0);
  const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
  expect(decoded.stdout.trimEnd().split('\n')).toEqual(lines);
});

it('metadata, event time and prefix arrive as the options say, by flag and by environment', async () => {
  const to = await newStream(1);
  const env = { LOG_SOURCE: 'env-source', LOG_HOST: 'env-host', LOG_INDEX: 'main', SPLIT_MODE: 'none' };
  const args = ['send', ...to, '--sourcetype=flagged', '--timestamp=%Y', '--time-from=now'];
  expect(await run('log2kinesis', args, { input: 'two\nlines', env })).toMatchObject({ status: 0 });
  const [record, ...rest] = (await dump(to)).stdout.trimEnd().split('\n');
  expect(rest).toEqual([]);
  expect(JSON.parse(record!)).toEqual({
    arrival_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    partition_key: expect.stringMatching(/^broken-\d+$/),
    seq: expect.stringMatching(/^\d+$/),
    data: expect.any(String),
  });
  const decoded = await run('logdecode', ['--format=json', '--indent-json'], { input: `${record!}\n` });
  expect(decoded.stdout.split('\n').length).toBeGreaterThan(5);
  const event = JSON.parse(decoded.stdout) as Record<string, unknown>;
  expect(Object.keys(event)).toEqual([
    ...['unbroken', 'source', 'sourcetype', 'host', 'index', 'enc_id', 'block_id', 'log_timestamp', 'event'],
    ...['approx_arrival_time', 'partition_key', 'seq'],
  ]);
  expect(event).toMatchObject({
    source: 'env-source',
    sourcetype: 'flagged',
    host: 'env-host',
    index: 'main',
    event: expect.stringMatching(/^\d{4} two\nlines$/),
    log_timestamp: expect.stringMatching(/^\d{4}-/),
  });
});

it('the output of a command is sent, the rest passes through, and its exit status becomes ours', async () => {
  const to = await newStream(1);
  const script = 'echo out; echo err >&2; exit 7';
  const args = ['send', ...to, '--source=cmd', '--timestamp=', 'sh', '--', '-c', script];
  expect(await run('log2kinesis', args)).toMatchObject({ status: 7, stdout: '', stderr: 'err\n' });
  const both = [
    'send',
    ...to,
    '--source=cmd',
    '--timestamp=',
    '--capture=both',
    '--',
    'sh',
    '-c',
    'echo a; echo b >&2',
  ];
  expect(await run('log2kinesis', both)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
  expect(decoded.stdout.trimEnd().split('\n').sort()).toEqual(['a', 'b', 'out']);
});

it('SIGTERM ends log2kinesis after everything it read was sent', async () => {
  const to = await newStream(1);
  const sender = new ToolProcess('log2kinesis', ['send', ...to, '--source=slow', '--timestamp=', '--verbose']);
  sender.child.stdin.write('first\nsecond\nhalf a li');
  await until(async () => (await dump(to)).stdout !== '', 'the first line in the stream');
  sender.child.stdin.write('ne');
  sender.child.kill('SIGTERM');
  expect((await sender.finished()).status).toBe(130);
  const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
  expect(decoded.stdout.startsWith('first\nsecond\nhalf a li')).toBe(true);
});

it('SIGTERM reaches the command, and what it still writes is sent', async () => {
  const to = await newStream(1);
  const script = 'trap "echo bye; exit 4" TERM; echo ready; while :; do sleep 0.05; done';
  const sender = new ToolProcess('log2kinesis', [
    'send',
    ...to,
    '--source=c',
    '--timestamp=',
    '--',
    'sh',
    '-c',
    script,
  ]);
  await until(async () => (await dump(to)).stdout !== '', 'the first line in the stream');
  sender.child.kill('SIGTERM');
  expect((await sender.finished()).status).toBe(4);
  expect((await run('logdecode', [], { input: (await dump(to)).stdout })).stdout).toBe('ready\nbye\n');
});

it.each([
  ['an unknown stream', ['--stream-name=nowhere'], /knows no such stream .*\(KINLOG_STREAM_NOT_FOUND\)/, 100],
  [
    'no answer for too long',
    ['--stream-name=x', '--endpoint-url=http://127.0.0.1:9', '--fail-after=1s'],
    /\(KINLOG_SEND_FAILED\)/,
    75,
  ],
])('%s is one line with its code, and its exit status', async (_what, where, line, status) => {
  const args = ['send', '--endpoint-url', simulator.url, ...where, '--source=s', '--timestamp='];
  const sent = await run('log2kinesis', args, { input: 'lost?\n' });
  expect(sent).toMatchObject({ status, stdout: '' });
  expect(sent.stderr).toMatch(line);
  expect(sent.stderr).toMatch(/kinlog: not sent: 1 event\n$/);
});

it('a refused permission names the action to allow', async () => {
  const to = await newStream(1);
  await simulator.control({
    do: 'next',
    operation: 'PutRecords',
    fault: { kind: 'error', type: 'AccessDeniedException', message: 'no' },
  });
  const sent = await run('log2kinesis', ['send', ...to, '--source=s'], { input: 'x\n' });
  expect(sent.status).toBe(100);
  expect(sent.stderr).toMatch(/kinesis:PutRecords .*\(KINLOG_PERMISSION_REFUSED\)/);
});

it('a stream that takes nothing holds back the writer and keeps memory bounded', async () => {
  const args = ['send', '--stream-name=x', '--endpoint-url=http://127.0.0.1:9', '--source=s'];
  const sender = new ToolProcess('log2kinesis', args);
  const line = 'the same line for ever\n'.repeat(3000);
  let written = 0;
  const write = () => {
    do written += line.length;
    while (sender.child.stdin.write(line));
  };
  sender.child.stdin.on('drain', write);
  write();
  let rssMiB = 0;
  const status = () => readFileSync(`/proc/${sender.child.pid!}/status`, 'utf8');
  const stalled = async () => {
    const before = written;
    if (process.platform === 'linux') rssMiB = Number(/VmHWM:\s+(\d+)/.exec(status())![1]) / 1024;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return before > 2_000_000 && written === before;
  };
  await until(stalled, 'the writer has to wait');
  sender.child.kill('SIGKILL');
  await sender.finished();
  expect(rssMiB).toBeLessThan(450);
});

it('an event that fits into no record does not keep the others, and the exit status tells', async () => {
  const to = await newStream(1);
  const big = Buffer.alloc(1_100_000, 'x').toString();
  const args = ['send', ...to, '--source=s', '--timestamp=', '--compression=none', '--max-line-bytes=2000000'];
  const sent = await run('log2kinesis', args, { input: `before\n${big}\nafter\n` });
  expect(sent.status).toBe(2);
  expect(sent.stderr).toMatch(/\(KINLOG_RECORD_TOO_LARGE\).*\nkinlog: not sent: 1 event\n$/s);
  const decoded = await run('logdecode', [], { input: (await dump(to)).stdout });
  expect(decoded.stdout.trimEnd().split('\n').sort()).toEqual(['after', 'before']);
});

it('check puts a record without an event and says where it went, or why not', async () => {
  const to = await newStream(1);
  const good = await run('log2kinesis', ['check', ...to, '--json']);
  expect(good.status).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, shard: 'shardId-000000000000' });
  const bad = await run('main', ['check', '--stream-name=nowhere', '--endpoint-url', simulator.url, '--json']);
  expect(bad.status).toBe(100);
  expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, code: 'KINLOG_STREAM_NOT_FOUND' });
  expect(await run('logdecode', [], { input: (await dump(to)).stdout })).toMatchObject({ status: 0, stdout: '' });
});

it('dumpstream goes on where it stopped when positions are kept, and raw records decode too', async () => {
  const to = await newStream(1);
  const kept = [`--checkpoint-file=${path.join(folder, 'positions')}`, '--data-format=raw'];
  for (const word of ['one', 'two', 'three']) {
    await run('log2kinesis', ['send', ...to, '--source=s', '--timestamp='], { input: `${word}\n` });
    const raw = new ToolProcess('dumpstream', [...to, '--default-to-horizon', '--exit-at-tip', ...kept]);
    expect((await raw.finished()).status).toBe(0);
    expect(await run('logdecode', [], { input: raw.bytes })).toMatchObject({ status: 0, stdout: `${word}\n` });
  }
});

it('dumpstream reads across a split and ends at the tip of every shard; --count ends it sooner', async () => {
  const to = await newStream(1);
  const send = (text: string) =>
    run('log2kinesis', ['send', ...to, '--source=s', '--timestamp=', '--record-format=raw', '--compression=none'], {
      input: text,
    });
  await send('before\n');
  await simulator.control({ do: 'split', stream: `logs-${streams}`, shardId: 'shardId-000000000000' });
  await send('after\n');
  expect((await dump(to, '--data-format=raw')).stdout).toBe('before\nafter\n');
  const counted = await run('dumpstream', [...to, '--start=horizon', '--count=1', '--data-format=raw']);
  expect(counted).toMatchObject({ status: 0, stdout: 'before\n' });
});

it('a checkpoint file of the original tool is refused and stays as it is', async () => {
  const file = path.join(import.meta.dirname, 'cli.test.ts');
  const refused = await run('dumpstream', [
    '--stream-name=x',
    `--checkpoint-file=${file}`,
    '--endpoint-url',
    simulator.url,
  ]);
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toMatch(/is a file.*\(KINLOG_CONFIG_INVALID\)/);
  expect(readFileSync(file, 'utf8')).toContain('stays as it is');
});

it('logdecode sorts events into files named after them, appends, and never leaves the folder', async () => {
  const to = await newStream(1);
  const target = path.join(folder, 'sorted');
  for (const [source, text] of [
    ['web', 'a'],
    ['../../escape', 'b'],
    ['..', 'c'],
    ['web', 'd'],
  ] as const)
    await run('log2kinesis', ['send', ...to, `--source=${source}`, '--host=h', '--timestamp='], { input: text });
  const input = (await dump(to)).stdout;
  const args = ['-f', path.join(target, '%source%', '%host%.log'), '--max-open-files=1'];
  expect(await run('logdecode', args, { input })).toMatchObject({ status: 0, stdout: '', stderr: '' });
  await run('logdecode', args, { input });
  expect(readdirSync(folder).sort()).toEqual(['positions', 'sorted']);
  expect(readdirSync(target).sort()).toEqual(['.._.._escape', '__', 'web']);
  expect(readFileSync(path.join(target, 'web', 'h.log'), 'utf8')).toBe('a\nd\na\nd\n');
});

it('a reader that has enough, such as head, ends the tools quietly', async () => {
  const to = await newStream(1);
  await run('log2kinesis', ['send', ...to, '--source=s'], { input: 'x\n'.repeat(10) });
  const dumping = new ToolProcess('dumpstream', [...to, '--default-to-horizon']);
  dumping.child.stdout.destroy();
  expect(await dumping.finished()).toMatchObject({ status: 0, stderr: '' });
});
