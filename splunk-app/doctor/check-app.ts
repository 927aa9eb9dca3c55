/** The app as it is installed: there, switched on, for this host, startable, and as it was packaged. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { SCHEME } from '../input/options.ts';
import { isEnabled, parseConf, readBounded } from '../conf.ts';
import { fault, ok, skipped, type Finding } from './finding.ts';
import type { Host } from './host.ts';

/** Where the runtime of a host lies; the same names as the launcher knows. */
const FOLDERS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux_x86_64',
  'linux-arm64': 'linux_arm64',
  'darwin-x64': 'darwin_x86_64',
  'darwin-arm64': 'darwin_arm64',
  'win32-x64': 'windows_x86_64',
};
const REINSTALL = 'Install the package again, as the user that splunkd runs as, and restart Splunk.';

export async function checkApp(host: Host): Promise<Finding[]> {
  const conf = await readBounded(path.join(host.app, 'default/app.conf'));
  if (conf === undefined)
    return [fault(`${host.app} is not there: the app is not installed`, 'Install kinloader.tar.gz on this host.')];
  if (typeof conf === 'string')
    return [
      fault(`${host.app}/default/app.conf can not be read (${conf})`, 'Run this as root or as the user of splunkd.'),
    ];
  const version = parseConf(conf).get('launcher')?.get('version') ?? 'of unknown version';
  if (!(await isEnabled(host.app)))
    return [fault(`kinloader ${version} is installed but disabled`, 'Enable it: splunk enable app kinloader.')];
  return [ok(`kinloader ${version} is installed and enabled`), ...(await programFindings(host))];
}

async function programFindings({ app }: Host): Promise<Finding[]> {
  const own = FOLDERS[`${process.platform}-${process.arch}`];
  if (own !== undefined && (await permits(path.join(app, own), constants.R_OK))) {
    const windows = process.platform === 'win32';
    const names = windows ? [`${SCHEME}.cmd`, 'node.exe'] : [`${SCHEME}.sh`, 'node'];
    const files = names.map((name) => path.join(app, own, 'bin', name));
    const able = await Promise.all(files.map((file) => permits(file, windows ? constants.R_OK : constants.X_OK)));
    const broken = files.filter((_, at) => !able[at]);
    return broken.length === 0
      ? [ok(`the package is for this host: ${own}`)]
      : broken.map((file) => fault(`${file} is missing or can not be executed`, REINSTALL));
  }
  if (await permits(path.join(app, 'bin', 'slim.cjs'), constants.R_OK))
    return [ok('the package brings no runtime: inputs run on the Node.js of this host')];
  return [
    fault(
      `the package is not for this host (${process.platform}-${process.arch})`,
      'Install the package for this platform; splunkd.log names it.',
    ),
  ];
}

const permits = (file: string, mode: number): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false,
  );

/** As splunkd asks at its start. */
export async function checkScheme({ app, launch }: Host, signal: AbortSignal): Promise<Finding[]> {
  if (process.platform === 'win32') return [skipped('the launcher is not started on Windows')];
  const launcher = path.join(app, 'bin', `${SCHEME}.sh`);
  if (!(await permits(launcher, constants.F_OK))) return [];
  // Nothing of ours, which may hold a session key; a package without a runtime is told there which Node to take.
  const node = launch.get('KINLOG_NODE');
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...(node === undefined ? {} : { KINLOG_NODE: node }) };
  const started = performance.now();
  try {
    const { stdout } = await promisify(execFile)(launcher, ['--scheme'], { signal, env, cwd: '/' });
    if (stdout.includes('<scheme>')) return [ok(`the input describes itself (${since(started)} ms)`)];
    return [fault(`${launcher} --scheme prints no scheme, so splunkd does not know the input`, REINSTALL)];
  } catch (error) {
    signal.throwIfAborted();
    const { stderr = '', code } = error as { stderr?: string; code?: unknown };
    const said = stderr.trim().split('\n')[0] ?? '';
    const text = `${launcher} --scheme fails, so splunkd does not know the input`;
    if (said === '') return [fault(`${text}: ${String(code)}`, REINSTALL)];
    return [fault(`${text}: ${said}`, 'Do what it says, and restart Splunk.')];
  }
}

const since = (started: number): number => Math.round(performance.now() - started);

/** Programs and native code against the inventory that came with them. */
export async function checkFiles({ app }: Host, signal: AbortSignal): Promise<Finding[]> {
  const inventory = await readBounded(path.join(app, 'sbom.cdx.json'));
  if (!(inventory instanceof Buffer)) return [skipped('there is no sbom.cdx.json to compare the files with')];
  const files = checksums(inventory);
  const changed: string[] = [];
  for (const [name, wanted] of files) {
    const found = await sha256(path.join(app, name), signal);
    if (found !== wanted)
      changed.push(`${name} ${found === undefined ? 'is missing or can not be read' : 'was changed'}`);
  }
  if (changed.length > 0) return changed.map((text) => fault(`${text} since the app was packaged`, REINSTALL));
  return [ok(`runtime and native code are as they were packaged (${files.size} files)`)];
}

/** SHA-256 by path below the app; empty when the inventory is none. */
function checksums(inventory: Buffer): Map<string, string> {
  interface Component {
    readonly type?: unknown;
    readonly name?: unknown;
    readonly hashes?: readonly { readonly content?: unknown }[];
  }
  try {
    const { components = [] } = JSON.parse(inventory.toString()) as { components?: readonly Component[] };
    const files = components.filter(({ type }) => type === 'file');
    // A name that leads out of the app is no file of it.
    const inside = files.filter(({ name }) => typeof name === 'string' && !/(^|\/)\.\.(\/|$)|^\//.test(name));
    return new Map(inside.map(({ name, hashes }) => [String(name), String(hashes?.[0]?.content)]));
  } catch {
    return new Map();
  }
}

async function sha256(file: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file, { signal }), hash);
    return hash.digest('hex');
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
