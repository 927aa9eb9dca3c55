/** The commands by their names, and what each prints about itself. */
import { type OptionTable, type OptionValues } from '../base/config.ts';
import { KinlogError } from '../base/errors.ts';
import {
  CONVERT_SPEC,
  EXPORT_SPEC,
  IMPORT_SPEC,
  LIST_SPEC,
  RESET_SPEC,
  SET_SPEC,
  SHOW_SPEC,
} from './checkpoints-options.ts';
import { DECODE_SPEC } from './decode-options.ts';
import { DOCTOR_SPEC } from './doctor-options.ts';
import { DUMP_SPEC } from './dump-options.ts';
import { EXIT, type Surroundings } from './exit.ts';
import { helpText, parseCommandLine, type CommandSpec } from './options.ts';
import { RUN_SPEC } from './run-options.ts';
import { CHECK_SPEC, SEND_SPEC } from './send-options.ts';
import { SHARDS_SPEC } from './shards-options.ts';
import { version } from './version.ts';

type Command = (argv: readonly string[], around: Surroundings) => Promise<number>;

interface Entry {
  readonly run: Command;
  readonly summary: string;
}

/** The work is loaded when it runs: the SDK alone takes longer to load than help takes to print or logdecode to work. */
function command<Table extends OptionTable>(
  spec: CommandSpec<Table>,
  work: (values: OptionValues<Table>, operands: readonly string[], around: Surroundings) => Promise<number>,
): Command {
  return (argv, around) => {
    const line = parseCommandLine(spec, argv, around.env);
    if (line.kind === 'run') return work(line.values, line.operands, around);
    around.stdout.write(line.text);
    return Promise.resolve(EXIT.ok);
  };
}

const send = command(SEND_SPEC, async (...line) => (await import('./send.ts')).send(...line));
const check = command(CHECK_SPEC, async (values, _, around) => (await import('./send.ts')).check(values, around));
const dump = command(DUMP_SPEC, async (values, _, around) => (await import('./dump.ts')).dump(values, around));
const decode = command(DECODE_SPEC, async (...line) => (await import('./decode.ts')).decode(...line));

const run = command(RUN_SPEC, async (values, _, around) => (await import('./run.ts')).run(values, around));
const shards = command(SHARDS_SPEC, async (values, _, around) => (await import('./shards.ts')).shards(values, around));
const list = command(LIST_SPEC, async (values, _, around) => (await import('./checkpoints.ts')).list(values, around));
const show = command(SHOW_SPEC, async (values, _, around) => (await import('./checkpoints.ts')).show(values, around));
const set = command(SET_SPEC, async (values, _, around) => (await import('./checkpoints-edit.ts')).set(values, around));
const reset = command(RESET_SPEC, async (values, _, around) =>
  (await import('./checkpoints-reset.ts')).reset(values, around),
);
const exportRows = command(EXPORT_SPEC, async (values, _, around) =>
  (await import('./checkpoints.ts')).exportRows(values, around),
);
const importRows = command(IMPORT_SPEC, async (values, _, around) =>
  (await import('./checkpoints-import.ts')).importRows(values, around),
);
const convert = command(CONVERT_SPEC, async (values, _, around) =>
  (await import('./checkpoints-import.ts')).convert(values, around),
);

const doctor: Command = async (argv, around) => (await import('./doctor.ts')).doctor(argv, around);

const CHECKPOINTS: Readonly<Record<string, Entry>> = {
  list: { run: list, summary: LIST_SPEC.summary },
  show: { run: show, summary: SHOW_SPEC.summary },
  set: { run: set, summary: SET_SPEC.summary },
  reset: { run: reset, summary: RESET_SPEC.summary },
  export: { run: exportRows, summary: EXPORT_SPEC.summary },
  import: { run: importRows, summary: IMPORT_SPEC.summary },
  convert: { run: convert, summary: CONVERT_SPEC.summary },
};
const checkpoints: Command = (argv, around) => choose('kinlog checkpoints', CHECKPOINTS, argv, around);

const SEND: Readonly<Record<string, Entry>> = {
  send: { run: send, summary: SEND_SPEC.summary },
  check: { run: check, summary: CHECK_SPEC.summary },
};

const ALL: Readonly<Record<string, Entry>> = {
  ...SEND,
  run: { run, summary: RUN_SPEC.summary },
  dump: { run: dump, summary: DUMP_SPEC.summary },
  decode: { run: decode, summary: DECODE_SPEC.summary },
  shards: { run: shards, summary: SHARDS_SPEC.summary },
  checkpoints: { run: checkpoints, summary: 'Shows, changes, saves and moves the stored positions of a stream.' },
  doctor: { run: doctor, summary: DOCTOR_SPEC.summary },
};

export const log2kinesis: Command = (argv, around) => choose('log2kinesis', SEND, argv, around);
export const kinlog: Command = (argv, around) => choose('kinlog', ALL, argv, around);
export const dumpstream: Command = (argv, around) => versionOr(dump, argv, around);
export const logdecode: Command = (argv, around) => versionOr(decode, argv, around);

const SPECS: readonly CommandSpec<OptionTable>[] = [
  ...[SEND_SPEC, CHECK_SPEC, RUN_SPEC, DUMP_SPEC, DECODE_SPEC, SHARDS_SPEC, DOCTOR_SPEC],
  ...[LIST_SPEC, SHOW_SPEC, SET_SPEC, RESET_SPEC, EXPORT_SPEC, IMPORT_SPEC, CONVERT_SPEC],
];

/** Every page of help, by the name of the command; docs/tools.md is compared with it. */
export function helpPages(): ReadonlyMap<string, string> {
  return new Map([
    ['kinlog', overview('kinlog', ALL)],
    ['kinlog checkpoints', overview('kinlog checkpoints', CHECKPOINTS)],
    ['log2kinesis', overview('log2kinesis', SEND)],
    ...SPECS.map((spec) => [spec.name, helpText(spec)] as const),
  ]);
}

async function versionOr(command: Command, argv: readonly string[], around: Surroundings): Promise<number> {
  if (argv[0] !== '--version') return command(argv, around);
  around.stdout.write(`${version()}\n`);
  return EXIT.ok;
}

function choose(
  name: string,
  entries: Readonly<Record<string, Entry>>,
  argv: readonly string[],
  around: Surroundings,
): Promise<number> {
  const [first, ...rest] = argv;
  const entry = first === undefined ? undefined : entries[first];
  if (entry !== undefined) return versionOr(entry.run, rest, around);
  if (first === '--help' || first === '-h' || first === 'help') {
    around.stdout.write(overview(name, entries));
    return Promise.resolve(EXIT.ok);
  }
  if (first === '--version') return versionOr(send, argv, around);
  const known = Object.keys(entries).join(', ');
  const fault =
    first === undefined ? `a command is missing: one of ${known}` : `${first} is not a command; there are ${known}`;
  return Promise.reject(new KinlogError('KINLOG_CONFIG_INVALID', fault, { remedy: `See "${name} --help".` }));
}

function overview(name: string, entries: Readonly<Record<string, Entry>>): string {
  const width = Math.max(...Object.keys(entries).map((command) => command.length)) + 2;
  const list = Object.entries(entries).map(([command, { summary }]) => `  ${command.padEnd(width)}${summary}`);
  return [
    `Usage: ${name} COMMAND [options]`,
    '',
    'Commands:',
    ...list,
    '',
    `"${name} COMMAND --help" lists the options of a command; "${name} --version" prints the version.`,
    '',
  ].join('\n');
}
