/** The tools of others, at pinned versions, in environments of their own below .cache: made once, kept by a hash of what they are made of. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lastWords, run, type Ended } from './process.ts';

const tools = path.join(import.meta.dirname, 'tools');
const cache = path.join(import.meta.dirname, '../../.cache');

/** Python versions that the pinned packages run on: all three were tried, older and newer ones find no package of some. */
const PYTHONS = ['3.11', '3.12', '3.13'];
/** Published without a built package; everything else must be one, so that nothing is compiled here. */
const SOURCE_ONLY = ['painter', 'splunk-sdk'];
const INSTALL_LIMIT_MS = 300_000;

const INSTALL_PYTHON = `install Python ${PYTHONS.join(' or ')} with its venv module (Debian: apt-get install python3-venv), or name one: make appinspect PYTHON=python${PYTHONS[0]!}`;
const INSTALL_LIBMAGIC =
  'libmagic can not be loaded, AppInspect needs it: install it (Debian: apt-get install libmagic1; macOS: brew install libmagic)';

/** Path of the interpreter that has AppInspect, ksconf and Splunk's SDK. Throws, with what to install, when there can be none. */
export async function pythonTools(python: string): Promise<string> {
  const version = await pythonVersion(python);
  const files = ['requirements-build.txt', 'requirements.txt'].map((name) => path.join(tools, name));
  const folder = await made('splunk-python', [version, ...files.map(read)], async (target) => {
    mustSucceed(await run(python, ['-I', '-m', 'venv', target]), `${python} made no environment: ${INSTALL_PYTHON}`);
    const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--require-hashes', '--no-deps', '--only-binary', ':all:'];
    const more = [[], [...SOURCE_ONLY.flatMap((name) => ['--no-binary', name]), '--no-build-isolation']];
    for (const [k, file] of files.entries()) {
      const args = [...pip, ...more[k]!, '--requirement', file];
      const ended = await run(path.join(target, 'bin/python'), args, { limitMs: INSTALL_LIMIT_MS });
      mustSucceed(ended, `the packages of ${path.relative(process.cwd(), file)} can not be installed:`);
    }
  });
  const interpreter = path.join(folder, 'bin/python');
  const magic = await run(interpreter, ['-I', '-c', 'import magic']);
  if (magic.stderr.includes('failed to find libmagic')) throw new Error(INSTALL_LIBMAGIC);
  mustSucceed(magic, `${path.relative(process.cwd(), folder)} can not be used, remove it:`);
  return interpreter;
}

async function pythonVersion(python: string): Promise<string> {
  const script = 'import ensurepip, platform, sys; print(platform.machine(), sys.version)';
  const { status, stdout } = await run(python, ['-I', '-c', script]);
  if (status !== 0) throw new Error(`${python} with venv is not there: ${INSTALL_PYTHON}`);
  const short = /^\S+ (\d+\.\d+)\./.exec(stdout)?.[1] ?? '';
  if (!PYTHONS.includes(short)) throw new Error(`${python} is Python ${short}: ${INSTALL_PYTHON}`);
  return stdout;
}

/** The folder whose node_modules has the schemas of Dashboard Studio. */
export async function dashboardTools(): Promise<string> {
  const names = ['package.json', 'package-lock.json', '.npmrc'];
  const files = names.map((name) => path.join(tools, name));
  return made('splunk-dashboards', files.map(read), async (target) => {
    mkdirSync(target, { recursive: true });
    for (const [k, file] of files.entries()) cpSync(file, path.join(target, names[k]!));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const ended = await run('npm', args, { cwd: target, limitMs: INSTALL_LIMIT_MS });
    mustSucceed(ended, 'the schemas of Dashboard Studio can not be installed:');
  });
}

/** Marked when it is complete: what an interrupted run left is made anew. */
async function made(
  name: string,
  ingredients: readonly string[],
  make: (target: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(ingredients)).digest('hex').slice(0, 12);
  const target = path.join(cache, `${name}-${digest}`);
  const mark = path.join(target, '.complete');
  if (existsSync(mark)) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  process.stderr.write(`installing ${path.basename(target)} (once)\n`);
  await make(target);
  writeFileSync(mark, '');
  return target;
}

function mustSucceed(ended: Ended, otherwise: string): void {
  if (ended.status !== 0) throw new Error(`${otherwise}\n${lastWords(ended)}`);
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}
