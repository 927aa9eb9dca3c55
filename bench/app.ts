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
  const node = readdirSync(folder, { recursive: true })
    .map((file) => path.join(folder, String(file)))
    .find((file) => path.basename(file) === 'node');
  if (node === undefined) throw new Error('the package holds no runtime');
  return { input: path.join(path.dirname(node), 'kinesis_log.sh'), node };
}
