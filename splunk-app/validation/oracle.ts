/** Splunk's own Python SDK as an independent reader of what the packaged input says, reads and writes. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SCHEME } from '../input/options.ts';
import { documentCases, eventStream, EVENTS_SHOWN } from './oracle-cases.ts';
import { lastWords, run } from './process.ts';
import type { Verdict } from './verdict.ts';

const SCRIPT = path.join(import.meta.dirname, 'oracle.py');
/** What splunkd's own folder of libraries puts before the system's: a Node that takes one of these does not start. Not libc, without which no shell does. */
const LIBRARIES = ['libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'libstdc++.so.6'];

/** `app`: the unpacked app; `python`: the interpreter that has the SDK; `scratch`: a folder for what is handed to it. */
export async function askOracle(app: string, where: { python: string; scratch: string }): Promise<Verdict> {
  const answers = await schemesOf(app, where.scratch);
  const documents = documentCases();
  const events = { xml: await eventStream(EVENTS_SHOWN), expected: EVENTS_SHOWN };
  const cases = path.join(where.scratch, 'oracle-cases.json');
  writeFileSync(cases, JSON.stringify({ app, schemes: answers.schemes, documents, events }));
  const ended = await run(where.python, ['-I', SCRIPT, cases]);
  const differences = ended.status === 0 ? (JSON.parse(ended.stdout) as string[]) : [`it failed:\n${lastWords(ended)}`];
  return {
    tool: 'splunklib',
    found: `${Object.keys(answers.schemes).length} launchers, ${documents.length} documents, ${EVENTS_SHOWN.length} events, spec, defaults`,
    faults: [...answers.faults, ...differences],
    remedy: "Splunk's SDK is what most inputs are built on: what it reads or writes otherwise, splunkd may as well.",
  };
}

interface Schemes {
  /** By the path of the launcher below the app. */
  readonly schemes: Record<string, string>;
  readonly faults: string[];
}

/** What each launcher for this platform answers to `--scheme` when it is started as splunkd does: its libraries first, in a folder of its own. */
async function schemesOf(app: string, scratch: string): Promise<Schemes> {
  const libraries = path.join(scratch, 'libraries');
  mkdirSync(libraries);
  for (const name of LIBRARIES) writeFileSync(path.join(libraries, name), 'not a library');
  const env = { PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: libraries };
  const own = `${process.platform}_${process.arch === 'x64' ? 'x86_64' : process.arch}`;
  const launchers = ['bin', `${own}/bin`]
    .map((folder) => `${folder}/${SCHEME}.sh`)
    .filter((name) => existsSync(path.join(app, name)));
  const found: Schemes = { schemes: {}, faults: launchers.length === 0 ? [`no ${SCHEME}.sh for ${own}`] : [] };
  for (const launcher of launchers) {
    const ended = await run(path.join(app, launcher), ['--scheme'], { cwd: scratch, env, limitMs: 10_000 });
    if (ended.status === 0) found.schemes[launcher] = ended.stdout;
    else found.faults.push(`${launcher} --scheme failed:\n${lastWords(ended)}`);
  }
  return found;
}
