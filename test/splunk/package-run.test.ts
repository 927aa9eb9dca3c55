/** The package where splunkd may put it: under hostile libraries, a foreign user, a tree that nobody may write, odd paths, and on hosts that it is not for. */
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp, itemsXml, packageInto, runXml, SplunkInput, type SplunkApp } from './driver.ts';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const scheme = readFileSync(path.join(import.meta.dirname, '../../splunk-app/scheme.xml'), 'utf8');
let app: SplunkApp;
let slim: string;
beforeAll(() => {
  app = buildApp();
  const folder = app.scratch();
  packageInto(folder, 'slim');
  slim = unpacked(path.join(folder, 'kinloader-slim.tar.gz'), app.scratch());
}, 60_000);
afterAll(() => app.dispose());

/** The app's folder, unpacked by the system's tar. */
function unpacked(archive: string, into: string, umask = 0o022): string {
  const old = process.umask(umask);
  try {
    execFileSync('tar', ['-xzf', archive, '--no-same-permissions', '-C', into]);
  } finally {
    process.umask(old);
  }
  return path.join(into, 'kinloader');
}

/** Of an unpacked app. */
const launcherIn = (folder: string) => path.join(folder, path.relative(app.folder, app.launcher));
const dispatcherIn = (folder: string) => path.join(folder, 'bin/kinesis_log.sh');

interface Host {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly input?: string;
}

/** Runs to its end in a folder that is none of ours, with nothing in the environment but what is given. */
function run(
  program: string,
  args: readonly string[],
  { env = {}, uid, input = '' }: Host = {},
): SpawnSyncReturns<string> {
  const user = uid === undefined ? {} : { uid, gid: uid };
  return spawnSync(program, args, { cwd: '/', env, input, encoding: 'utf8', timeout: 20_000, ...user });
}

function answersScheme({ status, stdout, stderr }: SpawnSyncReturns<string>): void {
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: scheme, stderr: '' });
}

describe('the packaged input answers', () => {
  /** Files that no loader takes for the libraries that their names promise. */
  function hostileLibraries(): string {
    const folder = app.scratch();
    for (const name of ['libdl.so.2', 'libstdc++.so.6', 'libm.so.6', 'libgcc_s.so.1', 'libpthread.so.0'])
      writeFileSync(path.join(folder, name), 'not a library');
    return folder;
  }

  it.runIf(process.platform === 'linux').each([
    ['its launcher', launcherIn],
    ['the common launcher', dispatcherIn],
  ])('through %s where splunkd sets a library path that breaks the runtime', (_, launcher) => {
    const env = { LD_LIBRARY_PATH: hostileLibraries(), NODE_OPTIONS: '--no-such-option', OPENSSL_CONF: '/none' };
    const runtime = path.join(path.dirname(app.launcher), 'node');
    expect(run(runtime, ['-e', '0'], { env }).status).not.toBe(0);
    answersScheme(run(launcher(app.folder), ['--scheme'], { env }));
  });

  it.each([
    ['with an empty environment', {}],
    ['with an empty PATH', { PATH: '' }],
    ['without a home', { PATH: '/usr/bin:/bin' }],
  ])('%s', (_, env) => {
    answersScheme(run(launcherIn(app.folder), ['--scheme'], { env }));
    answersScheme(run(dispatcherIn(app.folder), ['--scheme'], { env }));
  });

  it('from a path with spaces, quotes and letters of every alphabet', () => {
    const folder = path.join(app.scratch(), `Program Files (x) 'a' "b" $c größe 日本`);
    mkdirSync(folder);
    symlinkSync(app.folder, path.join(folder, 'kinloader'));
    answersScheme(run(launcherIn(path.join(folder, 'kinloader')), ['--scheme']));
    answersScheme(run(dispatcherIn(path.join(folder, 'kinloader')), ['--scheme']));
  });

  it('with stdin, and all else, closed', () => {
    const command = `"${app.launcher}" --scheme <&-`;
    answersScheme(run('/bin/sh', ['-c', command]));
  });

  it('out of an archive that was unpacked for one user alone', () => {
    const folder = unpacked(app.archive, app.scratch(), 0o077);
    expect(statSync(launcherIn(folder)).mode & 0o777).toBe(0o700);
    answersScheme(run(launcherIn(folder), ['--scheme']));
  });
});

// Nobody but root may become somebody else.
describe.runIf(isRoot)('as a user without rights, from a tree that it can not write, the packaged input', () => {
  let folder: string;
  beforeAll(() => {
    const scratch = app.scratch();
    // The way there, which mkdtemp makes for its owner alone.
    chmodSync(path.dirname(scratch), 0o711);
    folder = unpacked(app.archive, scratch);
    execFileSync('chmod', ['-R', 'a-w', folder]);
  }, 60_000);

  it('answers and judges a stanza, with no home', () => {
    answersScheme(run(launcherIn(folder), ['--scheme'], { uid: NOBODY }));
    const input = itemsXml({ stream_name: 's', aws_region: 'eu-central-1' });
    const { status, stdout, stderr } = run(launcherIn(folder), ['--validate-arguments'], { uid: NOBODY, input });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('opens its positions and leaves nothing in the tree', async () => {
    const positions = app.scratch();
    chownSync(positions, NOBODY, NOBODY);
    const before = readdirSync(folder, { recursive: true });
    const params = { stream_name: 's', aws_region: 'eu-central-1', kinesis_endpoint: 'http://127.0.0.1:9' };
    const input = new SplunkInput(app, {
      command: ['/bin/sh', '-c', `exec "${launcherIn(folder)}"`],
      xml: runXml(positions, { params }),
      user: NOBODY,
    });
    try {
      await input.until(
        () => readdirSync(positions, { recursive: true }).some((file) => String(file).endsWith('CURRENT')),
        'a position store',
      );
      input.child.kill('SIGTERM');
      expect(await input.ended()).toBe(0);
    } finally {
      input.kill();
    }
    expect(readdirSync(folder, { recursive: true })).toEqual(before);
  });
});

/** A folder with a `uname` that says so, and fails when the library path of splunkd reaches it. */
function hostSays(system: string): Readonly<Record<string, string>> {
  const folder = app.scratch();
  const text = `#!/bin/sh\n[ -z "$LD_LIBRARY_PATH" ] || exit 1\necho ${system}\n`;
  writeFileSync(path.join(folder, 'uname'), text, { mode: 0o755 });
  return { PATH: folder, LD_LIBRARY_PATH: '/splunk/lib' };
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('on a host that the package is not for', () => {
  it.each([
    ['Linux aarch64', 'this host is linux-arm64: install kinloader-linux-arm64.tar.gz'],
    ['Darwin x86_64', 'this host is darwin: install kinloader-darwin.tar.gz'],
    ['Darwin arm64', 'this host is darwin: install kinloader-darwin.tar.gz'],
    ['FreeBSD amd64', 'this host is FreeBSD amd64: there is no package for it'],
  ])('%s, one line says which package is', (system, remedy) => {
    const { status, stdout, stderr } = run(dispatcherIn(app.folder), ['--scheme'], { env: hostSays(system) });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: `ERROR kinloader: this package is for linux-x86_64, ${remedy}\n`,
    });
  });

  it('a run does not end at once, since splunkd would start it again, and ends when it is told', async () => {
    const input = new SplunkInput(app, { command: [dispatcherIn(app.folder)], env: hostSays('Linux aarch64') });
    try {
      await input.until(() => input.stderr.includes('ERROR'), 'the error line');
      expect(input.exited).toBeUndefined();
      input.child.kill('SIGTERM');
      expect(await input.ended()).toBe(1);
      expect(input.stderr.match(/\n/g)).toHaveLength(1);
    } finally {
      input.kill();
    }
  });

  it('the right one starts the program', () => {
    answersScheme(run(dispatcherIn(app.folder), ['--scheme'], { env: hostSays('Linux x86_64') }));
  });
});

describe('the package without a runtime', () => {
  /** A folder for PATH with a `node` that claims a version, for what its arguments ask. */
  function oldNode(version: string): string {
    const folder = app.scratch();
    const preload = path.join(folder, 'version.cjs');
    writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
    writeFileSync(path.join(folder, 'node'), `#!/bin/sh\nexec "${process.execPath}" -r "${preload}" "$@"\n`, {
      mode: 0o755,
    });
    return folder;
  }
  const withNode = (version: string) => ({ PATH: oldNode(version) });

  it.each(['22.19.0', '22.20.1', '23.0.0', '100.1.0'])('runs on the node in PATH when that is %s', (version) => {
    answersScheme(run(dispatcherIn(slim), ['--scheme'], { env: withNode(version) }));
  });

  it('runs on the node that KINLOG_NODE names', () => {
    const env = { ...withNode('8.17.0'), KINLOG_NODE: process.execPath };
    answersScheme(run(dispatcherIn(slim), ['--scheme'], { env }));
    const input = itemsXml({ stream_name: 's' });
    const { status, stdout } = run(dispatcherIn(slim), ['--validate-arguments'], { env, input });
    expect([status, stdout]).toEqual([1, expect.stringContaining('aws_region is missing')]);
  });

  it.each(['0.12.18', '8.17.0', '20.20.2', '22.18.9'])('says in one line that Node.js %s is too old', (version) => {
    const { status, stdout, stderr } = run(dispatcherIn(slim), ['--scheme'], { env: withNode(version) });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(
        `^ERROR kinloader: \\S+ is Node\\.js ${version}, and this package needs 22\\.19 or later: name one with KINLOG_NODE[^\\n]*\\n$`,
      ),
    );
  });

  it.each([
    ['there is no node', {}, 'needs Node.js 22.19 or later, and there is no node in PATH'],
    ['KINLOG_NODE names nothing', { KINLOG_NODE: '/none/node' }, '/none/node is not a program'],
    ['KINLOG_NODE names a folder', { KINLOG_NODE: '/' }, '/ is not a program'],
  ])('says in one line that %s', (_, env, fault) => {
    const { status, stdout, stderr } = run(dispatcherIn(slim), ['--scheme'], { env: { PATH: app.scratch(), ...env } });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^ERROR kinloader: [^\n]*\n$/);
    expect(stderr).toContain(fault);
  });

  it('asks for the Node that package.json asks for', () => {
    const about = readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8');
    expect((JSON.parse(about) as { engines: { node: string } }).engines.node).toBe('>=22.19');
  });
});
