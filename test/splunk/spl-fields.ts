/** Follows the fields through a search: which it reads, which it makes, and what it reads that nobody made. Commands that are not here are slips, or belong here first. */
import { fieldsIn, parseExpression } from './spl-expression.ts';

/** What is known of the results at a place of the pipeline. */
export interface Fields {
  readonly names: ReadonlySet<string>;
  /** Columns named by values, as `timechart … BY` makes them. */
  readonly more: boolean;
}

export interface Followed {
  readonly fields: Fields;
  readonly faults: readonly string[];
}

/** What every event has; the last two choose events by when they were indexed. */
const ALWAYS = [
  '_time',
  '_raw',
  'host',
  'source',
  'sourcetype',
  'index',
  'eventtype',
  '_index_earliest',
  '_index_latest',
];
const AGGREGATES = 'count sum max min avg dc latest values perc95 per_second'.split(' ');
const WORD = /"(?:[^"\\]|\\.)*"|[^\s,"]+/g;

export const fieldsOf = (names: Iterable<string>): Fields => ({ names: new Set([...ALWAYS, ...names]), more: false });

/** With every `macro` replaced; throws at an unknown one. */
export function expandMacros(query: string, macros: ReadonlyMap<string, string>): string {
  return query.replaceAll(/`([^`]*)`/g, (_, name: string) => {
    const definition = macros.get(name);
    if (definition === undefined) throw new Error(`there is no macro ${name}`);
    return definition;
  });
}

/** The commands of a search without macros: parted at bars that stand in no quotes and no brackets. */
export function commandsOf(query: string): string[] {
  const commands = [''];
  let depth = 0;
  for (const piece of query.match(/"(?:[^"\\]|\\.)*"|[[\]|]|[^"[\]|]+|"/g) ?? []) {
    if (piece === '[') depth++;
    if (piece === ']') depth--;
    if (piece === '|' && depth === 0) commands.push('');
    else commands.push(commands.pop()! + piece);
  }
  // Without a bar in front the first command is `search`.
  if (commands[0]!.trim() === '') commands.shift();
  else commands[0] = `search ${commands[0]!}`;
  return commands.map((command) => command.trim());
}

/** `events`: fields of the events that the first command finds; of a search that goes on behind another, the fields of that. */
export function followFields(query: string, events: Fields): Followed {
  return commandsOf(query).reduce(followCommand, { fields: events, faults: [] });
}

function followCommand({ fields, faults }: Followed, command: string): Followed {
  const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(command) ?? [];
  try {
    const handler = COMMANDS[name];
    if (handler === undefined) throw new Error('no command that is known here');
    const { reads, after } = handler(rest, fields);
    const missing = reads.filter((read) => !fields.names.has(read) && !fields.more);
    return { fields: after, faults: [...faults, ...missing.map((read) => `${name}: nothing makes the field ${read}`)] };
  } catch (error) {
    return { fields, faults: [...faults, `${command}: ${(error as Error).message}`] };
  }
}

interface Step {
  readonly reads: readonly string[];
  readonly after: Fields;
}

type Command = (rest: string, before: Fields) => Step;

const plus = ({ names, more }: Fields, added: readonly string[]): Fields => ({
  names: new Set([...names, ...added]),
  more,
});
export const wordsOf = (text: string): string[] => text.match(WORD) ?? [];
const plain = (word: string): string => word.replaceAll(/^"|"$/g, '');
const only = (names: readonly string[], more = false): Fields => ({ names: new Set(names), more });
const reading =
  (of: (rest: string) => readonly string[]): Command =>
  (rest, before) => ({
    reads: of(rest),
    after: before,
  });

const COMMANDS: Readonly<Record<string, Command>> = {
  search: reading((rest) =>
    [...rest.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').matchAll(/([\w.:]+)\s*(?:[=<>]|!=|\bIN\b)/g)].map(
      ([, field]) => field!,
    ),
  ),
  where: reading((rest) => fieldsIn(parseExpression(rest))),
  eval: evalCommand,
  stats: (rest) => {
    const { reads, makes, by } = aggregates(rest);
    return { reads, after: only([...makes, ...by]) };
  },
  timechart: (rest) => {
    const { reads, makes, by } = aggregates(rest.replaceAll(/\b(limit|useother|span|bins)=\S+\s*/g, ''));
    return { reads: ['_time', ...reads], after: only(['_time', ...makes], by.length > 0) };
  },
  bin: (rest, before) => {
    const { of, to } = binning(rest);
    return { reads: [of], after: plus(before, [to]) };
  },
  sort: reading((rest) => wordsOf(rest).filter((word) => !/^(\d+|[-+])$/.test(word))),
  head: reading(() => []),
  table: (rest) => ({ reads: wordsOf(rest), after: only(wordsOf(rest)) }),
  fields: (rest, before) => {
    const [first, ...names] = wordsOf(rest).map(plain);
    if (first !== '-') return { reads: [first!, ...names], after: only([first!, ...names]) };
    return { reads: names, after: only([...before.names].filter((name) => !names.includes(name))) };
  },
  rename: (rest, before) => {
    const pairs = [...rest.matchAll(/(\S+) AS (\S+)/g)].map(([, from, to]) => [from!, to!] as const);
    const gone = pairs.map(([from]) => from);
    const kept = [...before.names].filter((name) => !gone.includes(name));
    return { reads: gone, after: only([...kept, ...pairs.map(([, to]) => to)]) };
  },
  fillnull: (rest, before) => {
    const names = wordsOf(rest.replace(/^value=("[^"]*"|\S+)\s*/, ''));
    return { reads: names, after: plus(before, names) };
  },
  rex: (rest, before) => {
    const pattern = new RegExp(/"((?:[^"\\]|\\.)*)"$/.exec(rest)![1]!.replaceAll('\\"', '"'));
    return { reads: ['_raw'], after: plus(before, groupsOf(pattern.source)) };
  },
  iplocation: (rest, before) => ({
    reads: [rest.trim()],
    after: plus(before, ['City', 'Country', 'Region', 'lat', 'lon']),
  }),
  appendpipe: (rest, before) => {
    const inner = followFields(`| ${rest.replace(/^\[/, '').replace(/\]$/, '')}`, before);
    if (inner.faults.length > 0) throw new Error(inner.faults.join('; '));
    const strange = [...inner.fields.names].filter((name) => !before.names.has(name));
    if (strange.length > 0) throw new Error(`it adds the column ${strange.join(', ')}`);
    return { reads: [], after: before };
  },
};

/** `bins=100 _time AS slot` */
export function binning(text: string): { readonly of: string; readonly to: string } {
  const [, of = '', to = of] = /^(?:bins=\d+ )?(\w+)(?: AS (\w+))?$/.exec(text)!;
  return { of, to };
}

/** Several assignments see what those before them made. */
function evalCommand(rest: string, before: Fields): Step {
  const reads: string[] = [];
  let after = before;
  for (const [, name, expression] of assignmentsOf(rest)) {
    reads.push(...fieldsIn(parseExpression(expression)).filter((field) => !after.names.has(field)));
    after = plus(after, [name]);
  }
  return { reads, after };
}

/** Parted at commas that stand in no quotes and no parentheses. */
export function assignmentsOf(text: string): (readonly [whole: string, name: string, expression: string])[] {
  const parts = [''];
  let depth = 0;
  for (const piece of text.match(/"(?:[^"\\]|\\.)*"|[(),]|[^"(),]+/g) ?? []) {
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    if (piece === ',' && depth === 0) parts.push('');
    else parts.push(parts.pop()! + piece);
  }
  return parts.map((part) => {
    const [whole, name, expression] = /^\s*("[^"]+"|\w+)\s*=([\s\S]+)$/.exec(part) ?? [];
    if (whole === undefined) throw new Error(`no assignment: ${part}`);
    return [whole, plain(name!), expression!] as const;
  });
}

interface Aggregates {
  readonly found: readonly Aggregate[];
  readonly reads: readonly string[];
  readonly makes: readonly string[];
  readonly by: readonly string[];
}

/** `sum(a) AS b max(eval(…)) AS c count BY d e` */
export function aggregates(text: string): Aggregates {
  const [, list = '', grouping = ''] = /^([\s\S]*?)(?:\bBY\b([\s\S]*))?$/.exec(text)!;
  const by = wordsOf(grouping);
  const found: Aggregate[] = [];
  for (let rest = list.trim(); rest !== ''; rest = found.at(-1)!.rest) found.push(firstAggregate(rest));
  return { by, found, reads: [...by, ...found.flatMap(({ reads }) => reads)], makes: found.map(({ makes }) => makes) };
}

interface Aggregate {
  readonly name: string;
  readonly argument: string | undefined;
  readonly reads: readonly string[];
  readonly makes: string;
  readonly rest: string;
}

function firstAggregate(text: string): Aggregate {
  const [name = text] = /^\w+/.exec(text) ?? [];
  if (!AGGREGATES.includes(name)) throw new Error(`${name} is no aggregate that is known here`);
  const argument = parenthesised(text.slice(name.length));
  const called = argument === undefined ? name : `${name}(${argument})`;
  const behind = text.slice(called.length).trim();
  const [whole = '', as = called] = /^AS\s+("[^"]+"|\w+)\s*/.exec(behind) ?? [];
  const reads = argument === undefined ? [] : argumentFields(argument);
  return { name, argument, reads, makes: plain(as), rest: behind.slice(whole.length).trim() };
}

function argumentFields(argument: string): string[] {
  const [, inner] = /^eval\(([\s\S]*)\)$/.exec(argument) ?? [];
  return inner === undefined ? [argument.trim()] : fieldsIn(parseExpression(inner));
}

/** What stands between the parenthesis that the text begins with and its partner; undefined without one. */
function parenthesised(text: string): string | undefined {
  if (!text.startsWith('(')) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')') depth--;
    if (depth === 0) return text.slice(1, at);
  }
  throw new Error(`a parenthesis is not closed: ${text}`);
}

/** Names of the named groups. */
export const groupsOf = (pattern: string): string[] => [...pattern.matchAll(/\(\?<(\w+)>/g)].map(([, name]) => name!);
