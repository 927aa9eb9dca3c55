/** `make test-interop`: builds what is missing, then runs the suite; says so when it can not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { build, missingTools } from './build.ts';

const root = path.join(import.meta.dirname, '../..');
const LIMIT_MS = 15 * 60_000;
const say = (line: string) => void process.stderr.write(`interop: ${line}\n`);

async function main(): Promise<number> {
  const missing = missingTools();
  if (missing.length > 0) {
    say(
      `NOT RUN: ${missing.join(', ')} missing. Install a JDK of version 17 or later and Maven (Debian: apt-get install openjdk-17-jdk-headless maven), then make test-interop.`,
    );
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  const built = build(say);
  say(`using ${built}`);
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const args = [
    vitest,
    'run',
    '--config',
    path.join(import.meta.dirname, 'vitest.config.ts'),
    ...process.argv.slice(2),
  ];
  const suite = spawn(process.execPath, args, {
    cwd: root,
    timeout: LIMIT_MS,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, KINLOG_INTEROP: built, KINLOG_DYNAMODB_LOCAL: path.join(built, 'dynamodb-local') },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => suite.kill(signal));
  const [status] = (await once(suite, 'exit')) as [number | null];
  return status ?? 1;
}

process.exitCode = await main();
