/** Command lines from option tables: flags, environment names, help, and all faults at once. */
import { Command, CommanderError, Option as Flag } from 'commander';
import {
  configFaults,
  fromEnvironment,
  kebab,
  parseOptions,
  type Option,
  type OptionTable,
  type OptionValues,
} from '../base/config.ts';

/** An option as a command line shows it. */
export interface CliOption<T> extends Option<T> {
  /** One letter. */
  readonly short?: string;
  /** Stands for the value in help. */
  readonly value?: string;
}

export interface CommandSpec<Table extends OptionTable> {
  /** As it is typed: `log2kinesis send`. */
  readonly name: string;
  readonly summary: string;
  /** What may follow the options, such as `[CMD [ARGS...]]`; absent: nothing. */
  readonly operands?: string;
  readonly table: Table;
  /** Printed below the options. */
  readonly notes?: string;
}

export type CommandLine<Table extends OptionTable> =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly values: OptionValues<Table>; readonly operands: readonly string[] };

const spell = (name: string): string => `--${kebab(name)}`;

/** Throws one KINLOG_CONFIG_INVALID that names every fault. */
export function parseCommandLine<const Table extends OptionTable>(
  spec: CommandSpec<Table>,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CommandLine<Table> {
  const command = commandOf(spec);
  const { operands, unknown } = readFlags(command, spec.table, argv);
  const given = command.opts<Record<string, string | boolean>>();
  if (given['help'] === true) return { kind: 'help', text: helpText(spec) };
  const raw: Record<string, string | undefined> = fromEnvironment(spec.table, environment, { spell });
  for (const [name, value] of Object.entries(given)) raw[spell(name)] = String(value);
  for (const flag of unknown) raw[flag] = '';
  const extra =
    spec.operands === undefined && operands.length > 0 ? [`${operands.join(' ')} is not expected here`] : [];
  return { kind: 'run', values: parseAll(spec.table, raw, extra), operands: withoutSeparator(argv, operands) };
}

export function helpText(spec: CommandSpec<OptionTable>): string {
  const help = commandOf(spec).helpInformation();
  return spec.notes === undefined ? help : `${help}\n${spec.notes}\n`;
}

function commandOf(spec: CommandSpec<OptionTable>): Command {
  const command = new Command(spec.name)
    .description(spec.summary)
    .usage(`[options]${spec.operands === undefined ? '' : ` ${spec.operands}`}`)
    .helpOption(false)
    .exitOverride()
    .allowUnknownOption()
    .configureOutput({ writeErr: () => undefined })
    .configureHelp({ helpWidth: 120 });
  if (spec.operands !== undefined) command.enablePositionalOptions().passThroughOptions();
  for (const [name, option] of Object.entries(spec.table)) command.addOption(flagOf(name, option));
  command.addOption(new Flag('--help', 'show this help'));
  return command;
}

function flagOf(name: string, option: CliOption<unknown>): Flag {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.type.kind === 'boolean' ? '' : ` <${option.value ?? option.type.kind}>`;
  return new Flag(`${short}${spell(name)}${value}`, `${option.text}${remarks(option)}`);
}

function remarks(option: CliOption<unknown>): string {
  const parts: string[] = [];
  if (option.required === true) parts.push('required');
  if (option.default !== undefined && option.type.kind !== 'boolean')
    parts.push(`default: ${shownDefault(option.default)}`);
  if (option.env !== undefined && option.env.length > 0)
    parts.push(`env: ${option.env.map((name) => `$${name}`).join(', ')}`);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

const shownDefault = (text: string): string => (text === '' ? 'empty' : text);

/** What the options leave over. A flag that commander does not know ends its reading where a command line may follow, so the loop goes on behind it. */
function readFlags(
  command: Command,
  table: OptionTable,
  argv: readonly string[],
): { operands: string[]; unknown: string[] } {
  const operands: string[] = [];
  const unknown: string[] = [];
  try {
    for (let rest = [...argv]; ;) {
      const left = command.parseOptions(rest);
      operands.push(...left.operands);
      const [flag] = left.unknown;
      if (flag === undefined) return { operands, unknown };
      if (!readSwitch(command, table, flag)) unknown.push(flag.replace(/=.*/s, ''));
      rest = left.unknown.slice(1);
    }
  } catch (error) {
    if (error instanceof CommanderError) throw configFaults([error.message.replace(/^error: /, '')]);
    throw error;
  }
}

/** `--flag=false`, as the original tools take it. */
function readSwitch(command: Command, table: OptionTable, argument: string): boolean {
  const [, flag, value] = /^(--[a-z-]+)=(.*)$/s.exec(argument) ?? [];
  const name = Object.keys(table).find((key) => spell(key) === flag && table[key]!.type.kind === 'boolean');
  if (name === undefined) return false;
  command.setOptionValue(name, value);
  return true;
}

function parseAll<const Table extends OptionTable>(
  table: Table,
  raw: Readonly<Record<string, string | undefined>>,
  extra: readonly string[],
): OptionValues<Table> {
  try {
    const values = parseOptions(table, raw, { spell });
    if (extra.length === 0) return values;
  } catch (error) {
    if (extra.length === 0 || !(error instanceof Error)) throw error;
    throw configFaults([error.message, ...extra]);
  }
  throw configFaults(extra);
}

/** The first `--` ends the options wherever it stands, as in `log2kinesis send df -- -H`; later ones belong to the command. */
function withoutSeparator(argv: readonly string[], operands: readonly string[]): readonly string[] {
  const count = (list: readonly string[]) => list.filter((argument) => argument === '--').length;
  const consumed = count(argv) > count(operands);
  const at = operands.indexOf('--');
  return consumed || at < 0 ? operands : operands.toSpliced(at, 1);
}
