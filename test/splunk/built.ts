/** The packaged app, unpacked: made once for each state of the sources and shared by all suites, which must not change it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');
const CACHE = path.join(root, '.cache/splunk-app');
/** What the package is made of. */
const SOURCES = [
  'splunk-app',
  'base',
  'record',
  'reader',
  'cli',
  'toolchain',
  'package.json',
  'package-lock.json',
  'LICENSE',
];
const NOT_PACKAGED = /(^|\/)(node_modules|validation)$/;
/** Nobody uses what was not asked for during so long. */
const STALE_MS = 10 * 60_000;

/** Folder with kinloader.tar.gz and, unpacked by the system's tar, which knows nothing of our writer, kinloader/. `pack` writes the archive into a folder. */
export function builtApp(pack: (folder: string) => void): string {
  mkdirSync(CACHE, { recursive: true });
  removeStale();
  const state = stateOfSources();
  const folder = path.join(CACHE, state);
  if (!existsSync(folder)) {
    const made = build(pack);
    // Somebody edits the sources: what was made meanwhile is good for this run, and for no state of theirs.
    if (stateOfSources() !== state) return made;
    keep(made, folder);
  }
  utimesSync(folder, new Date(), new Date());
  return folder;
}

function build(pack: (folder: string) => void): string {
  const work = mkdtempSync(path.join(CACHE, 'made-'));
  try {
    pack(work);
    execFileSync('tar', ['-xzf', path.join(work, 'kinloader.tar.gz'), '-C', work]);
    return work;
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

/** Several suites may build at once: the first one wins. */
function keep(made: string, folder: string): void {
  try {
    renameSync(made, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(made, { recursive: true, force: true });
  }
}

function removeStale(): void {
  for (const name of readdirSync(CACHE)) {
    const folder = path.join(CACHE, name);
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_MS) rmSync(folder, { recursive: true, force: true });
  }
}

function stateOfSources(): string {
  const hash = createHash('sha256').update(`${process.version} ${process.platform}-${process.arch}\n`);
  for (const source of SOURCES)
    for (const file of filesBelow(source))
      hash
        .update(`${file}\0`)
        .update(readFileSync(path.join(root, file)))
        .update('\0');
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(name: string): string[] {
  if (NOT_PACKAGED.test(name)) return [];
  const found = path.join(root, name);
  if (!statSync(found).isDirectory()) return [name];
  return readdirSync(found)
    .sort()
    .flatMap((entry) => filesBelow(`${name}/${entry}`));
}
