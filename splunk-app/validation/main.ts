/** Checks the packaged app with the tools of others: `main.ts ARCHIVE…`, with the Python of $PYTHON. One line for each tool; exits 1 when one of them finds a fault. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isPackageName, ownPackage, type PackageName } from '../package-platforms.ts';
import { APP_ID } from '../render.ts';
import { INSPECTIONS, inspect, type Archive } from './appinspect.ts';
import { checkConfFiles } from './conf-files.ts';
import { dashboardTools, pythonTools } from './environment.ts';
import { askOracle } from './oracle.ts';
import { lastWords, run } from './process.ts';
import { loadStudioTools, type StudioTools } from './studio.ts';
import { showVerdict, type Verdict } from './verdict.ts';
import { judgeViews, readViews } from './views.ts';

const cache = path.join(import.meta.dirname, '../../.cache');

try {
  const archives = process.argv.slice(2).map(archiveAt);
  if (archives.length === 0) throw new Error(`say which archives: main.ts dist/${APP_ID}.tar.gz`);
  const python = await pythonTools(process.env['PYTHON'] ?? 'python3');
  const schemas = loadStudioTools(await dashboardTools());
  for (const archive of archives) {
    process.stdout.write(`${path.basename(archive.file)}, ${archive.of}\n`);
    const verdicts = await validate(archive, python, schemas);
    process.stdout.write(verdicts.map(showVerdict).join(''));
    if (!runsHere(archive.of)) process.stdout.write(`splunklib: not asked, ${archive.of} can not run here\n`);
    if (verdicts.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`appinspect: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** Which package it is, by its name. */
function archiveAt(file: string): Archive {
  const name = path.basename(file, '.tar.gz');
  const of = name === APP_ID ? ownPackage() : name.slice(APP_ID.length + 1);
  if (of === undefined || !isPackageName(of)) throw new Error(`${file} is no package of the app`);
  return { file: path.resolve(file), of };
}

/** All tools are asked, whatever one of them says. */
async function validate(archive: Archive, python: string, schemas: StudioTools): Promise<Verdict[]> {
  const scratch = mkdtempSync(path.join(cache, 'validation-'));
  try {
    const app = await unpacked(archive.file, scratch);
    const where = { python, scratch };
    const views = judgeViews(readViews(app), schemas);
    const others = await Promise.all([
      checkConfFiles(python, app),
      ...(runsHere(archive.of) ? [askOracle(app, where)] : []),
      ...INSPECTIONS.map((inspection) => inspect(inspection, archive, where)),
    ]);
    return [views, ...others];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function runsHere(name: PackageName): boolean {
  return name === ownPackage() || name === 'slim';
}

/** By the system's tar, which knows nothing of our writer. */
async function unpacked(archive: string, scratch: string): Promise<string> {
  const ended = await run('tar', ['-xzf', archive, '-C', scratch]);
  if (ended.status !== 0) throw new Error(`${archive} can not be unpacked:\n${lastWords(ended)}`);
  return path.join(scratch, readdirSync(scratch)[0]!);
}
