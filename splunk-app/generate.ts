/** Writes the generated files of the app; with --check it only compares, names what differs, and exits 1. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAll } from './render.ts';

const here = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(here, '../package.json'), 'utf8')) as { version: string };

const stale = [...renderAll(version)].filter(([path, content]) => content !== current(join(here, path)));
if (process.argv.includes('--check')) {
  for (const [path] of stale)
    process.stderr.write(`splunk-app/${path} is stale: toolchain/node splunk-app/generate.ts\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [path, content] of stale) writeFileSync(join(here, path), content);
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
