/** Writes the generated files of the app and of its docs; with --check it only compares, names what differs, and exits 1. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { renderOptionsPage } from './render/options-page.ts';
import { renderAll } from './render.ts';

const here = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(here, '../package.json'), 'utf8')) as { version: string };

const wanted = new Map([...renderAll(version), ['../docs/splunk/options.md', renderOptionsPage()]]);
const stale = [...wanted].filter(([path, content]) => content !== current(join(here, path)));
if (process.argv.includes('--check')) {
  for (const [path] of stale)
    process.stderr.write(`${normalize(`splunk-app/${path}`)} is stale: toolchain/node splunk-app/generate.ts\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [path, content] of stale) {
    mkdirSync(dirname(join(here, path)), { recursive: true });
    writeFileSync(join(here, path), content);
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
