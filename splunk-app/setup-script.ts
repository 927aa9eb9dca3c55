/** appserver/static/setup.js: the set-up page as one script that a view can load, readable and without a library. */
import path from 'node:path';
import { buildSync } from 'esbuild';

const BANNER = '/* The set-up page of the app, joined from splunk-app/setup of its sources. */';

export function setupScript(): string {
  const { outputFiles } = buildSync({
    entryPoints: [path.join(import.meta.dirname, 'setup/page.js')],
    absWorkingDir: path.join(import.meta.dirname, '..'),
    bundle: true,
    format: 'iife',
    target: 'es2020',
    charset: 'utf8',
    banner: { js: BANNER },
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}
