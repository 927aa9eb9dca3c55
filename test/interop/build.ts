/** Builds once what the suite needs beyond Node (DynamoDB Local, two KCLs and a worker for them) into a cache outside the checkout. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const SOURCES = path.join(import.meta.dirname, 'java');
/** Each folder of jars is a profile of pom.xml; beside it lies the one class that is ours. */
const PARTS = { 'dynamodb-local': 'DynamoLocal.java', kcl2: 'KclWorker.java', kcl3: 'KclWorker.java' };
const COPY_JARS = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const RELEASE = '17';
const STEP_MS = 10 * 60_000;

/** Named by what it was built from: whatever changes in the sources is built anew, and an old checkout finds its own. */
export function builtDirectory(): string {
  const sources = createHash('sha256');
  for (const name of readdirSync(SOURCES).sort()) sources.update(name).update(readFileSync(path.join(SOURCES, name)));
  sources.update(readFileSync(import.meta.filename));
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  return path.join(cache, 'kinlog', `interop-${sources.digest('hex').slice(0, 16)}`);
}

/** Programs that are not there, or too old; what is built already needs neither compiler nor Maven. */
export function missingTools(): string[] {
  const version = /version "(?:1\.)?(\d+)/.exec(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr)?.[1];
  const missing = Number(version ?? 0) >= Number(RELEASE) ? [] : ['java'];
  if (existsSync(builtDirectory())) return missing;
  const absent = (program: string) => spawnSync(program, ['-version'], { stdio: 'ignore' }).error !== undefined;
  return [...missing, ...['javac', 'mvn'].filter(absent)];
}

/** The only step that needs a network. Two at once do no harm: the later one throws its own away. */
export function build(say: (line: string) => void): string {
  const target = builtDirectory();
  if (existsSync(target)) return target;
  const draft = `${target}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    for (const [part, source] of Object.entries(PARTS)) {
      say(`building ${part}: jars from Maven Central, then ${source}`);
      buildPart(path.join(draft, part), part, source);
    }
    if (!existsSync(target)) renameSync(draft, target);
    return target;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function buildPart(folder: string, profile: string, source: string): void {
  const jars = path.join(folder, 'lib');
  const options = ['-q', '-B', '-Dstyle.color=never', '-f', path.join(SOURCES, 'pom.xml'), `-P${profile}`];
  run('mvn', [...options, COPY_JARS, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`]);
  const classes = path.join(folder, 'classes');
  run('javac', ['--release', RELEASE, '-cp', `${jars}/*`, '-d', classes, path.join(SOURCES, source)]);
}

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 2, 2], timeout: STEP_MS });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status ?? 'a signal'}: ${args.join(' ')}`);
}
