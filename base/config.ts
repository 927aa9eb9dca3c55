/** Option tables: name, type, default, text and secrecy are written once; parser, messages, --help, Splunk's scheme and the docs are read from them. */
import * as z from 'zod';
import { KinlogError } from './errors.ts';

/** One option. Every value arrives as text (argv, environment, XML, conf file) and leaves parsed. */
export interface Option<T> {
  readonly type: OptionType<T>;
  /** Short label for forms. */
  readonly title: string;
  /** What it does, as a user reads it in --help, the spec file and the docs. */
  readonly text: string;
  /** Text form of the value when the option is absent or empty. */
  readonly default?: string;
  readonly required?: boolean;
  /** Never shown in a message or a log. */
  readonly secret?: boolean;
  /** A secret is easily typed here by mistake: what is wrong is not shown. */
  readonly besideSecret?: boolean;
  /** Taken as it is given: blanks at its ends belong to it, and empty text is a value and not an absent one. */
  readonly verbatim?: boolean;
  /** Environment names that set it, first wins; the command line wins over all. */
  readonly env?: readonly string[];
  readonly group?: string;
}

export interface OptionType<T> {
  /** As forms and schemes call it. */
  readonly kind: 'string' | 'number' | 'boolean';
  readonly schema: z.ZodType<T, string>;
  /** What a valid value looks like, after "must be". */
  readonly expects: string;
  /** Every value there is, when they can be listed. */
  readonly choices?: readonly string[];
  /** Of a number, both included. */
  readonly min?: number;
  readonly max?: number;
  /** Of a text. */
  readonly pattern?: RegExp;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
type ValueOf<O> = O extends { type: OptionType<infer T> }
  ? O extends { required: true } | { default: string }
    ? T
    : T | undefined
  : never;
export type OptionValues<Table> = { readonly [K in keyof Table]: ValueOf<Table[K]> };

export const text = (expects = 'text', pattern?: RegExp): OptionType<string> => ({
  kind: 'string',
  expects,
  schema: pattern === undefined ? z.string() : z.string().regex(pattern),
  ...(pattern === undefined ? {} : { pattern }),
});

export const choice = <const T extends readonly [string, ...string[]]>(values: T): OptionType<T[number]> => ({
  kind: 'string',
  expects: `one of ${values.join(', ')}`,
  choices: values,
  schema: z
    .string()
    .transform((value) => values.find((known) => known.toLowerCase() === value.toLowerCase()) ?? value)
    .pipe(z.enum(values)),
});

export const integer = (min: number, max: number): OptionType<number> => ({
  kind: 'number',
  expects: `a whole number from ${min} to ${max}`,
  min,
  max,
  schema: z
    .string()
    .regex(/^[+-]?\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max)),
});

export const decimal = (min: number, max: number): OptionType<number> => ({
  kind: 'number',
  expects: `a number from ${min} to ${max}`,
  min,
  max,
  schema: z
    .string()
    .regex(/^[+-]?\d{1,15}(\.\d{1,15})?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max)),
});

const TRUE = ['1', 'true', 'yes', 'y', 't', 'on'];
const FALSE = ['0', 'false', 'no', 'n', 'f', 'off'];

export const flag = (): OptionType<boolean> => ({
  kind: 'boolean',
  expects: 'true or false',
  schema: z
    .string()
    .transform((value) => value.toLowerCase())
    .refine((value) => TRUE.includes(value) || FALSE.includes(value))
    .transform((value) => TRUE.includes(value)),
});

export const url = (): OptionType<string> => ({
  kind: 'string',
  expects: 'a URL such as https://host:port',
  schema: z.string().refine((value) => {
    const parsed = URL.parse(value);
    return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
  }),
});

/** `streamName` → `stream_name`, as Splunk's confs and the environment write it. */
export const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** `streamName` → `stream-name`, as flags are written. */
export const kebab = (name: string): string => snake(name).replaceAll('_', '-');

export interface ParseStyle {
  /** How the user writes an option's name, for lookup and for messages. */
  readonly spell: (name: string) => string;
  /** Names that are legal though the table does not know them. */
  readonly ignore?: readonly string[];
}

/** Text values, by the names that users write, to parsed values; all faults at once in one KINLOG_CONFIG_INVALID. */
export function parseOptions<const Table extends OptionTable>(
  table: Table,
  raw: Readonly<Record<string, string | undefined>>,
  style: ParseStyle,
): OptionValues<Table> {
  const faults: string[] = unknownNames(table, raw, style);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const spelled = style.spell(name);
    const value = givenValue(option, raw[spelled]) ?? option.default;
    if (value === undefined) {
      if (option.required === true) faults.push(`${spelled} is missing: ${option.text}`);
      continue;
    }
    const parsed = option.type.schema.safeParse(value);
    if (parsed.success) values[name] = parsed.data;
    else faults.push(`${spelled}${shown(option, value)} must be ${option.type.expects}`);
  }
  if (faults.length > 0) throw configFaults(faults);
  return values as OptionValues<Table>;
}

function givenValue(option: Option<unknown>, given: string | undefined): string | undefined {
  if (option.verbatim === true) return given;
  const trimmed = given?.trim();
  return trimmed === '' ? undefined : trimmed;
}

export function configFaults(faults: readonly string[]): KinlogError {
  return new KinlogError('KINLOG_CONFIG_INVALID', faults.join('; '));
}

/** The values that environment names of the table give, by the spelled names. */
export function fromEnvironment(
  table: OptionTable,
  environment: Readonly<Record<string, string | undefined>>,
  style: ParseStyle,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, option] of Object.entries(table)) {
    const value = option.env?.map((key) => environment[key]).find((candidate) => candidate !== undefined);
    if (value !== undefined) found[style.spell(name)] = value;
  }
  return found;
}

function unknownNames(table: OptionTable, raw: Readonly<Record<string, unknown>>, style: ParseStyle): string[] {
  const known = new Set([...Object.keys(table).map(style.spell), ...(style.ignore ?? [])]);
  return Object.keys(raw)
    .filter((name) => !known.has(name))
    .map((name) => `${name} is not an option${suggestion(name, known)}`);
}

function suggestion(name: string, known: ReadonlySet<string>): string {
  const plain = (word: string) => word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const near = [...known].find(
    (candidate) => plain(candidate) === plain(name) || plain(candidate).startsWith(plain(name)),
  );
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function shown(option: Option<unknown>, value: string): string {
  if (option.secret === true || option.besideSecret === true) return '';
  // A password that somebody wrote into a URL is a secret in any option.
  const safe = value.replace(/\/\/[^/\s]*@/, '//***@');
  return ` is ${JSON.stringify(safe.length > 100 ? `${safe.slice(0, 100)}…` : safe)} but`;
}
