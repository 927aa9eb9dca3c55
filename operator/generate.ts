/** Writes the files that are rendered from the tables of crd/; with --check it only says which are stale and exits 1. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { DEFINITION } from './crd/definition.ts';
import { referencePage } from './crd/page.ts';

const root = join(import.meta.dirname, '..');

const DEFINITION_FILE = `# Rendered from operator/crd by \`make generate\`.
${stringify(DEFINITION, { lineWidth: 0, singleQuote: true, version: '1.1', aliasDuplicateObjects: false })}`;

const WANTED: Readonly<Record<string, string>> = {
  'crds/logstreams.yaml': DEFINITION_FILE,
  'docs/kubernetes/api.md': referencePage(),
};

const check = process.argv.includes('--check');
for (const [name, content] of Object.entries(WANTED)) {
  const file = join(root, name);
  if (content === current(file)) continue;
  if (check) {
    process.stderr.write(`${name} is stale; run: make generate\n`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
