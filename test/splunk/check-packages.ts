/** Looks into archives as they were built, `kinloader-<name>.tar.gz` or the one of this platform: prints every fault and exits 1 when there is any. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isPackageName, ownPackage } from '../../splunk-app/package-platforms.ts';
import { untar } from '../../packaging/tar.ts';
import { packageFaults } from './package-faults.ts';

const about = readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8');
const { version } = JSON.parse(about) as { version: string };

for (const file of process.argv.slice(2)) {
  const faults = faultsOf(file);
  for (const fault of faults) process.stderr.write(`${path.basename(file)}: ${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

function faultsOf(file: string): string[] {
  const name = /kinloader-([\w-]+)\.tar\.gz$/.exec(file)?.[1] ?? ownPackage() ?? '';
  if (!isPackageName(name)) return [`there is no package ${name}`];
  return packageFaults(untar(gunzipSync(readFileSync(file))), { name, version });
}
