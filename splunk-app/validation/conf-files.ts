/** `ksconf check`: settings and stanzas that stand twice, lines that are neither, bytes that are no UTF-8. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { run, type Ended } from './process.ts';
import type { Verdict } from './verdict.ts';

const PARSED = /^Successfully parsed (.+)$/gm;

/** It passes over files that are not there, so the ones that it names are counted. */
export function judgeConfFiles(files: readonly string[], { status, stdout, stderr, failure }: Ended): Verdict {
  const parsed = new Set([...`${stdout}\n${stderr}`.matchAll(PARSED)].map(([, file]) => file!.trim()));
  const said = stderr.split('\n').filter((line) => line.trim() !== '');
  const faults = [
    ...said,
    ...(failure === '' ? [] : [failure]),
    ...files.filter((file) => !parsed.has(file)).map((file) => `${file} was not found to be right`),
    ...(status === 0 || failure !== '' ? [] : [`its exit status is ${String(status)}`]),
    ...(files.length === 0 ? ['there is no conf file'] : []),
  ];
  return {
    tool: 'ksconf',
    found: `${files.length} conf files`,
    faults,
    remedy: 'Splunk would take the last of two settings and pass over other lines: mend the file, or what renders it.',
  };
}

/** `app`: the unpacked app. */
export async function checkConfFiles(python: string, app: string): Promise<Verdict> {
  const files = ['default', 'metadata'].flatMap((folder) =>
    readdirSync(path.join(app, folder))
      .filter((name) => /\.(conf|meta)$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return judgeConfFiles(files, await run(python, ['-I', '-m', 'ksconf', 'check', ...files], { cwd: app }));
}
