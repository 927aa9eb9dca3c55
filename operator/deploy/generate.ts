/** Writes install.yaml, kustomize/ and chart/; with --check it only says which files are stale or left over, and exits 1. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chartFiles } from './chart.ts';
import { installFile, kustomizeFiles } from './kustomize.ts';
import { rightsPage } from './pages.ts';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

const wanted = new Map<string, string>([
  ['operator/deploy/install.yaml', installFile(version)],
  ...below('operator/deploy/kustomize', kustomizeFiles(version, samples())),
  ...below('operator/deploy/chart', chartFiles(version)),
  ['docs/kubernetes/rights.md', rightsPage()],
]);
const check = process.argv.includes('--check');

for (const [name, content] of wanted) {
  if (content === current(path.join(root, name))) continue;
  if (check) stale(name);
  else write(path.join(root, name), content);
}
for (const name of leftOver()) {
  if (check) stale(name);
  else rmSync(path.join(root, name));
}

function samples(): ReadonlyMap<string, string> {
  const folder = path.join(root, 'crds/examples');
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return new Map(
    names.sort().map((name) => [path.basename(name, '.yaml'), readFileSync(path.join(folder, name), 'utf8')]),
  );
}

/** Files below the generated folders that nothing wants any more. */
function leftOver(): string[] {
  return ['operator/deploy/kustomize', 'operator/deploy/chart'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .filter((name) => !wanted.has(name)),
  );
}

function below(folder: string, files: ReadonlyMap<string, string>): [string, string][] {
  return [...files].map(([name, content]) => [`${folder}/${name}`, content]);
}

function stale(name: string): void {
  process.stderr.write(`${name} is stale; run: make generate\n`);
  process.exitCode = 1;
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
