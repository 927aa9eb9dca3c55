/** Splunk's own Python SDK as an independent reader of what the packaged input says, reads and writes. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SCHEME } from '../input/options.ts';
import { documentCases, eventStream, EVENTS_SHOWN, type DocumentCase, type EventCase } from './oracle-cases.ts';
import { lastWords, run } from './process.ts';
import type { Verdict } from './verdict.ts';

const SCRIPT = path.join(import.meta.dirname, 'oracle.py');
const TOOL = 'splunklib';
const REMEDY = "Splunk's SDK is what most inputs are built on: what it reads or writes otherwise, splunkd may as well.";
/** What splunkd's own folder of libraries puts before the system's: a Node that takes one of these does not start. Not libc, without which no shell does. */
const LIBRARIES = ['libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'libstdc++.so.6'];

/** What is compared in one go. */
interface Cases {
  readonly app: string;
  /** By the path of the launcher below the app. */
  readonly schemes: Readonly<Record<string, string>>;
  readonly documents: readonly DocumentCase[];
  readonly events: { readonly xml: string; readonly expected: readonly EventCase[] };
}

/** `app`: the unpacked app; `python`: the interpreter that has the SDK; `scratch`: a folder for what is handed to it. */
export async function askOracle(app: string, where: { python: string; scratch: string }): Promise<Verdict> {
  const { schemes, faults } = await schemesOf(app, where.scratch);
  if (faults.length > 0) return { tool: TOOL, found: 'launchers', faults, remedy: REMEDY };
  const events = { xml: await eventStream(EVENTS_SHOWN), expected: EVENTS_SHOWN };
  const cases: Cases = { app, schemes, documents: documentCases(), events };
  const controls = brokenCases(cases);
  const file = path.join(where.scratch, 'oracle-cases.json');
  writeFileSync(file, JSON.stringify([cases, ...controls.values()]));
  const ended = await run(where.python, ['-I', SCRIPT, file]);
  return {
    tool: TOOL,
    found: `${Object.keys(schemes).length} launchers, ${cases.documents.length} documents, ${EVENTS_SHOWN.length} events; spec, defaults, form`,
    faults: ended.status === 0 ? judge(ended.stdout, [...controls.keys()]) : [`it failed:\n${lastWords(ended)}`],
    remedy: REMEDY,
  };
}

/** `answer`: lists of differences, the first of what is true and one for each control. */
function judge(answer: string, controls: readonly string[]): string[] {
  const [differences = [], ...ofControls] = JSON.parse(answer) as string[][];
  const unseen = controls.filter((_, k) => (ofControls[k] ?? []).length === 0);
  return [...differences, ...unseen.map((name) => `the comparison itself is broken: it does not see ${name}`)];
}

/** What is wrong in one way each: a comparison that never finds a difference proves nothing. */
function brokenCases(cases: Cases): ReadonlyMap<string, Cases> {
  const [launcher = '', scheme = ''] = Object.entries(cases.schemes)[0] ?? [];
  const none: Cases = { app: cases.app, schemes: {}, documents: [], events: { xml: '<stream/>', expected: [] } };
  const withScheme = (text: string) => ({ ...none, schemes: { [launcher]: text } });
  const withDocument = (index: number, change: Partial<DocumentCase>) => ({
    ...none,
    documents: [{ ...cases.documents[index]!, ...change }],
  });
  const withEvents = (xml: string) => ({ ...none, events: { xml, expected: cases.events.expected } });
  return new Map([
    ['an element that no scheme has', withScheme(scheme.replace('<endpoint>', '<endpoint><more>1</more>'))],
    ['another name of a setting', withScheme(scheme.replace('name="stream_name"', 'name="stream"'))],
    ['a document that was refused', withDocument(0, { read: null })],
    ['a parameter that was read otherwise', withDocument(0, { xml: cases.documents[0]!.xml.replace('>s<', '>t<') })],
    ['a lost event', withEvents(cases.events.xml.replace(/<event.*\n/, ''))],
    ['another text', withEvents(cases.events.xml.replace('plain', 'plane'))],
    ['another time', withEvents(cases.events.xml.replace('.12345<', '.12346<'))],
    ['a carriage return that became a line feed', withEvents(cases.events.xml.replaceAll('&#13;', '\n'))],
    ['a border within an unbroken stream', withEvents(cases.events.xml.replace('<data>half of </data>', '$&<done/>'))],
  ]);
}

interface Schemes {
  readonly schemes: Record<string, string>;
  readonly faults: string[];
}

/** What each launcher for this platform answers to `--scheme` when it is started as splunkd does: its libraries first, in a folder of its own. */
async function schemesOf(app: string, scratch: string): Promise<Schemes> {
  const libraries = path.join(scratch, 'libraries');
  mkdirSync(libraries);
  for (const name of LIBRARIES) writeFileSync(path.join(libraries, name), 'not a library');
  // The slim package takes a Node of the host.
  const env = { PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: libraries, KINLOG_NODE: process.execPath };
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
