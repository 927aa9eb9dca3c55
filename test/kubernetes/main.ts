/** `make test-kubernetes`: builds what is missing, then runs the suites against a real control plane; says so when it can not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { build, HELM, missingTool } from './build.ts';

const root = path.join(import.meta.dirname, '../..');
const LIMIT_MS = 40 * 60_000;
const say = (line: string) => void process.stderr.write(`kubernetes: ${line}\n`);

/** What this machine lacks, and where it comes from. */
function missing(): string | undefined {
  if (process.platform !== 'linux') return 'Linux is missing: pods run in namespaces of its kernel';
  const tool = missingTool();
  return tool === undefined ? undefined : `${tool}. Install it from https://go.dev/dl/, then make test-kubernetes`;
}

async function main(): Promise<number> {
  const lack = missing();
  if (lack !== undefined) {
    say(`NOT RUN: ${lack}.`);
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  say(`using ${build(say)} and ${build(say, HELM)}`);
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const config = path.join(import.meta.dirname, 'vitest.config.ts');
  const suite = spawn(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], {
    cwd: root,
    timeout: LIMIT_MS,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => suite.kill(signal));
  const [status] = (await once(suite, 'exit')) as [number | null];
  return status ?? 1;
}

process.exitCode = await main();
