/** `make test-interop` where Java or Maven is missing. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

function runWithoutTools(more: Readonly<Record<string, string>>) {
  const main = path.join(import.meta.dirname, 'main.ts');
  const nowhere = path.join(import.meta.dirname, 'nothing-here');
  const env = { PATH: nowhere, XDG_CACHE_HOME: nowhere, ...more };
  return spawnSync(process.execPath, [main], { env, encoding: 'utf8', timeout: 20_000 });
}

it('says in one line that nothing ran and what to install', () => {
  const { status, stdout, stderr } = runWithoutTools({});
  expect(stderr).toMatch(/^interop: NOT RUN: java, javac, mvn missing\. Install [^\n]+\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

it('is an error there when CI is true', () => {
  expect(runWithoutTools({ CI: 'true' }).status).toBe(1);
});
