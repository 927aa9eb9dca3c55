/** `kinlog doctor --splunk` as a process, from the sources and out of the packaged app: what it prints, how it ends, and that it changes nothing. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { CA, FakeSplunkd } from '../fakes/splunkd/splunkd.ts';
import { buildApp, packageInto, runXml, type SplunkApp } from '../splunk/driver.ts';
import { run, until, type Finished } from './cli-process.ts';

const TOKEN = 'token-of-a-user';

let app: SplunkApp;
let kinesis: RunningSimulator;
let splunkd: FakeSplunkd;
let home: string;
let settings: Record<string, string>;
const running: ChildProcess[] = [];

beforeAll(() => {
  app = buildApp();
}, 60_000);
afterAll(() => app.dispose());
beforeEach(async () => {
  const fake = new FakeKinesis();
  fake.createStream('logs', 1);
  kinesis = await startSimulator(fake);
  splunkd = new FakeSplunkd();
  const { url } = await splunkd.open();
  home = mkdtempSync(path.join(tmpdir(), 'kinlog-doctor-'));
  write('etc/system/local/web.conf', `[settings]\nmgmtHostPort = ${new URL(url).host}\n`);
  write('etc/auth/cacert.pem', CA);
  write('var/log/splunk/splunkd.log', '');
  cpSync(app.folder, path.join(home, 'etc/apps/kinloader'), { recursive: true });
  settings = { stream_name: 'logs', aws_region: 'us-east-1', kinesis_endpoint: kinesis.url };
  stanza(settings);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(ended));
  await Promise.all([kinesis.close(), splunkd.close()]);
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

/** What plays splunkd takes its input along when its stdin ends. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  if (child.stdin === null) child.kill('SIGKILL');
  else child.stdin.end();
  await exit;
}

function write(name: string, text: string): void {
  const file = path.join(home, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function stanza(values: Record<string, string>): void {
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${value}`);
  write('etc/apps/search/local/inputs.conf', ['[kinesis_log://prod]', ...lines, ''].join('\n'));
}

const launcher = () => path.join(home, 'etc/apps/kinloader/bin/kinlog_doctor.sh');

/** Without any environment, from the root folder. */
const packaged = (...args: string[]): Promise<Finished> => packagedIn({}, ...args);

async function packagedIn(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Finished> {
  const child = spawn(launcher(), args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  return { status: child.exitCode, stdout, stderr };
}

/** A parent that calls itself splunkd, with one input as its child. */
async function startSplunk(): Promise<void> {
  const program = `
    const { spawn } = require('node:child_process');
    const input = spawn(process.argv[1], { stdio: ['pipe', 'ignore', 'ignore'] });
    input.stdin.write(process.argv[2]);
    process.stdin.on('end', () => input.kill('SIGKILL') && process.exit()).resume();`;
  const xml = runXml(path.join(home, 'var/lib/splunk/modinputs/kinesis_log'), { params: settings });
  const env = {
    PATH: '/usr/bin:/bin',
    SPLUNK_HOME: home,
    AWS_ACCESS_KEY_ID: 'AKIATESTTESTTEST',
    AWS_SECRET_ACCESS_KEY: 'topsecrettopsecret',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const start = path.join(home, 'etc/apps/kinloader', path.relative(app.folder, app.launcher));
  const child = spawn(process.execPath, ['-e', program, start, xml], {
    argv0: 'splunkd',
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  running.push(child);
  write('var/run/splunk/splunkd.pid', `${child.pid}\n`);
  const metrics = path.join(home, 'var/log/splunk/kinloader_metrics_prod.log');
  await until(() => {
    try {
      return readFileSync(metrics, 'utf8').includes('"kind":"stream"');
    } catch {
      return false;
    }
  }, 'the input writes its metrics');
}

interface Report {
  readonly splunkHome: string;
  readonly findings: readonly { level: string; check: string; text: string; remedy?: string }[];
}

/** Troubles but for the disk of the machine that the tests run on. */
function troublesIn(stdout: string): string[] {
  const { findings } = JSON.parse(stdout) as Report;
  const bad = findings.filter(({ level }) => level === 'warning' || level === 'fault');
  return bad.filter(({ text }) => !text.includes('MB are free')).map(({ check, text }) => `${check}: ${text}`);
}

describe('the packaged launcher', () => {
  it('finds a running host well, without any environment', async () => {
    await startSplunk();
    const { status, stdout, stderr } = await packaged('--json');
    expect(stderr).toBe('');
    expect(troublesIn(stdout)).toEqual([]);
    const report = JSON.parse(stdout) as Report;
    expect(report.splunkHome).toBe(home);
    expect(status).toBe(stdout.includes('"level": "warning"') ? 1 : 0);
    const texts = report.findings.map(({ text }) => text).join('\n');
    expect(texts).toMatch(/kinesis_log:\/\/prod: a sound database, last change .* ago, open in process \d+/);
    expect(texts).toContain('1 of 1 enabled inputs run');
  });

  it('tells an input whose splunkd was killed, and ends with 1', async () => {
    await startSplunk();
    const input = Number(/open in process (\d+)/.exec((await packaged()).stdout)?.[1]);
    process.kill(input, 'SIGSTOP');
    try {
      running[0]!.kill('SIGKILL');
      await once(running[0]!, 'exit');
      const { status, stdout } = await packaged();
      expect(status).toBe(1);
      expect(stdout).toContain(`process ${input} of an input`);
      expect(stdout).toContain(`→ End it: kill ${input}.`);
    } finally {
      process.kill(input, 'SIGKILL');
    }
  });

  it('changes nothing on the host', async () => {
    const before = contentOf(home);
    expect((await packaged()).status).toBe(1);
    expect(contentOf(home)).toEqual(before);
  });

  it('prints control characters of logs as text', async () => {
    write(
      'var/log/splunk/splunkd.log',
      `${splunkTime()} ERROR ExecProcessor [1 x] - kinesis_log \x1b[2J\u202e\u009b1m bad\n`,
    );
    for (const format of [[], ['--json']]) {
      const { stdout } = await packaged(...format);
      expect(stdout).toContain('\\u001b[2J\\u202e\\u009b1m bad');
    }
  });

  it('says with another status that it could not look', async () => {
    for (const args of [['--splunk-home', '/none'], ['--nonsense'], ['--token-file', '/none']]) {
      const { status, stdout, stderr } = await packaged(...args);
      expect([status, stdout]).toEqual([100, '']);
      expect(stderr).toMatch(/^kinlog: .*\(KINLOG_\w+\)\. .+\n$/);
    }
  });

  it('without a runtime runs on the Node.js it is told of, and refuses what is none', async () => {
    const slim = app.scratch();
    packageInto(slim, 'slim');
    rmSync(path.join(home, 'etc/apps/kinloader'), { recursive: true });
    execFileSync('tar', ['-xzf', path.join(slim, 'kinloader-slim.tar.gz'), '-C', path.join(home, 'etc/apps')]);
    const look = (node: string) => packagedIn({ KINLOG_NODE: node });
    expect(await look(process.execPath)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('brings no runtime'),
    });
    for (const node of ['/none/node', '/bin/false'])
      expect(await look(node)).toMatchObject({
        status: 100,
        stderr: expect.stringContaining(`kinlog_doctor: ${node} is no Node.js, or too old: name one of version 22.19`),
      });
  });

  it('names the package when the runtime of this host is missing', async () => {
    rmSync(path.join(home, 'etc/apps/kinloader', path.relative(app.folder, path.dirname(app.launcher))), {
      recursive: true,
    });
    const { status, stderr } = await packaged();
    expect(status).toBe(100);
    expect(stderr).toMatch(/^kinlog_doctor: this package is for .* and does not run on this host/);
  });
});

describe('kinlog doctor', () => {
  it('looks at the Splunk that it is told of, and asks its KV store with a token from a file', async () => {
    stanza({ ...settings, checkpoint_store: 'kvstore' });
    write('token', `${TOKEN}\n`);
    const args = ['doctor', '--splunk', '--splunk-home', home, '--token-file', path.join(home, 'token')];
    const { status, stdout } = await run('main', args);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ok +splunkd +the KV store is ready$/m);
    expect(stdout).toMatch(/^fault +processes +splunkd of .* does not run\n +→ Start it: splunk start\./m);
    expect(stdout).toMatch(/^\d+ faults, \d+ warnings, 0 not looked at, \d+ well\n$/m);
    expect(stdout).not.toContain(TOKEN);
  });

  it('finds Splunk by SPLUNK_HOME, and asks what to look at', async () => {
    const found = await run('main', ['doctor', '--splunk', '--json'], { env: { SPLUNK_HOME: home } });
    expect((JSON.parse(found.stdout) as Report).splunkHome).toBe(home);
    expect(await run('main', ['doctor'])).toMatchObject({ status: 100, stderr: expect.stringContaining('--splunk') });
    expect(await run('main', ['doctor', '--splunk'])).toMatchObject({
      status: 100,
      stderr: expect.stringContaining('--splunk-home'),
    });
  });
});

function splunkTime(): string {
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T(.*)Z$/.exec(new Date().toISOString())!;
  return `${month}-${day}-${year} ${time} +0000`;
}

/** Names, sizes, times of change, and a digest of what is small. */
function contentOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const file = path.join(folder, name);
      const { size, mtimeMs, mode } = lstatSync(file);
      const small = lstatSync(file).isFile() && size < 1e6;
      const digest = small ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
      return `${name} ${size} ${mtimeMs} ${mode} ${digest}`;
    });
}
