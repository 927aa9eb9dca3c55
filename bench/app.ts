/** The Splunk app out of its package, as it is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { CACHE } from './data/corpus.ts';

const PACKAGE = path.join(import.meta.dirname, '../dist/kinloader.tar.gz');

export interface App {
  /** What splunkd starts. */
  readonly input: string;
  /** The runtime beside it. */
  readonly node: string;
}

/** Unpacked once for each package, of which only the latest is kept; `make splunkapp` makes it. */
export function unpackedApp(): App {
  if (!existsSync(PACKAGE)) throw new Error('dist/kinloader.tar.gz is missing: make splunkapp');
  const { mtimeMs, size } = statSync(PACKAGE);
  const folder = path.join(CACHE, `app-${Math.round(mtimeMs)}-${size}`);
  if (!existsSync(folder)) {
    for (const name of existsSync(CACHE) ? readdirSync(CACHE) : [])
      if (/^app-\d+-\d+$/.test(name)) rmSync(path.join(CACHE, name), { recursive: true });
    mkdirSync(folder, { recursive: true });
    try {
      execFileSync('tar', ['-xzf', PACKAGE, '-C', folder]);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }
  const files = readdirSync(folder, { recursive: true }).map(String);
  const input = files.find((file) => path.basename(file) === 'kinesis_log.sh');
  if (input === undefined) throw new Error('the package holds no kinesis_log.sh');
  const bin = path.join(folder, path.dirname(input));
  return { input: path.join(folder, input), node: path.join(bin, 'node') };
}
