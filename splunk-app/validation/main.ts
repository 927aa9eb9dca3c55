/** Checks the packaged app with the tools of others: `main.ts ARCHIVE`, with the Python of $PYTHON. One line for each; exits 1 when one of them finds a fault. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { INSPECTIONS, inspect } from './appinspect.ts';
import { checkConfFiles } from './conf-files.ts';
import { dashboardTools, pythonTools } from './environment.ts';
import { askOracle } from './oracle.ts';
import { lastWords, run } from './process.ts';
import { loadStudioTools } from './studio.ts';
import { showVerdict } from './verdict.ts';
import { judgeViews, readViews } from './views.ts';

const cache = path.join(import.meta.dirname, '../../.cache');

try {
  const archive = process.argv[2];
  if (archive === undefined) throw new Error('say which archive: main.ts dist/kinloader.tar.gz');
  process.exitCode = await validate(path.resolve(archive));
} catch (error) {
  process.stderr.write(`appinspect: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** Exit status. All tools are asked, whatever one of them says. */
async function validate(archive: string): Promise<number> {
  const python = await pythonTools(process.env['PYTHON'] ?? 'python3');
  const schemas = loadStudioTools(await dashboardTools());
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(path.join(cache, 'validation-'));
  try {
    const app = await unpacked(archive, scratch);
    const where = { python, scratch };
    const confFiles = [...inFolder(app, 'default', '.conf'), ...inFolder(app, 'metadata', '.meta')];
    const views = judgeViews(readViews(app), schemas);
    const others = await Promise.all([
      checkConfFiles(python, confFiles),
      askOracle(app, where),
      ...INSPECTIONS.map((inspection) => inspect(inspection, archive, where)),
    ]);
    const verdicts = [views, ...others];
    process.stdout.write(verdicts.map(showVerdict).join(''));
    return verdicts.every(({ faults }) => faults.length === 0) ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** By the system's tar, which knows nothing of our writer. */
async function unpacked(archive: string, scratch: string): Promise<string> {
  const ended = await run('tar', ['-xzf', archive, '-C', scratch]);
  if (ended.status !== 0) throw new Error(`${archive} can not be unpacked:\n${lastWords(ended)}`);
  return path.join(scratch, readdirSync(scratch)[0]!);
}

function inFolder(app: string, folder: string, end: string): string[] {
  return readdirSync(path.join(app, folder))
    .filter((name) => name.endsWith(end))
    .map((name) => path.join(app, folder, name));
}
