/** Unpacks the Chromium of this folder's lock file into .cache/, with the libraries that a bare machine lacks. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CHROMIUM_FOLDER, RUNS_HERE } from './chromium.ts';

interface Packed {
  readonly inflate: (file: string) => Promise<string>;
}

if (RUNS_HERE && !existsSync(CHROMIUM_FOLDER)) {
  const require = createRequire(import.meta.url);
  const { inflate } = require('@sparticuz/chromium') as Packed;
  const packed = path.join(path.dirname(require.resolve('@sparticuz/chromium')), '../bin');
  mkdirSync(path.dirname(CHROMIUM_FOLDER), { recursive: true });
  const work = mkdtempSync(`${CHROMIUM_FOLDER}-`);
  // Where `inflate` unpacks to.
  process.env['TMPDIR'] = work;
  try {
    for (const name of ['chromium.br', 'fonts.tar.br', 'al2023.tar.br']) await inflate(path.join(packed, name));
    renameSync(work, CHROMIUM_FOLDER);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(CHROMIUM_FOLDER)) throw error;
  }
}
