/** Runs a search over events in memory, as far as the searches of this app go; not over charts, whose spans Splunk chooses. */
import { evaluate, parseExpression, type Row, type Value } from './spl-expression.ts';
import { aggregates, assignmentsOf, binning, commandsOf, wordsOf } from './spl-fields.ts';

type Rows = readonly Row[];

/** Without macros. `rows`: events, or the results of the search that it goes on behind. */
export function runSearch(query: string, rows: Rows): Rows {
  return commandsOf(query).reduce((before, command) => {
    const [, name, rest] = /^(\w+)\s*([\s\S]*)$/.exec(command)!;
    const work = COMMANDS[name!];
    if (work === undefined) throw new Error(`${name!} can not be run here`);
    return work(rest!, before);
  }, rows);
}

const COMMANDS: Readonly<Record<string, (rest: string, rows: Rows) => Rows>> = {
  search: (rest, rows) => rows.filter(matches(rest)),
  where: (rest, rows) => {
    const condition = parseExpression(rest);
    return rows.filter((row) => evaluate(condition, row) === true);
  },
  eval: (rest, rows) =>
    assignmentsOf(rest)
      .map(([, name, expression]) => [name, parseExpression(expression)] as const)
      .reduce((all, [name, expression]) => all.map((row) => ({ ...row, [name]: evaluate(expression, row) })), rows),
  stats,
  // By ten minutes, which is as good as any span.
  bin: (rest, rows) => {
    const { to } = binning(rest);
    return rows.map((row) => ({ ...row, [to]: Math.floor(Number(row['_time']) / 600) * 600 }));
  },
  rename: (rest, rows) => {
    const [, from = '', to = ''] = /^(\w+) AS (\w+)$/.exec(rest)!;
    return rows.map(({ [from]: value, ...row }) => ({ ...row, [to]: value }));
  },
  sort: (rest, rows) => {
    const [, , field = ''] = /^(\d+)? ?-? ?(\w+)$/.exec(rest)!;
    const sign = rest.includes('-') ? -1 : 1;
    const size = (row: Row) => (row[field] === undefined ? -Infinity : Number(row[field]));
    return [...rows].sort((a, b) => sign * (size(a) - size(b)));
  },
  head: (rest, rows) => rows.slice(0, Number(rest)),
  table: (rest, rows) => rows.map((row) => Object.fromEntries(wordsOf(rest).map((name) => [name, row[name]]))),
  fillnull: (rest, rows) => {
    const [, value, names] = /^value="([^"]*)" (.*)$/.exec(rest)!;
    const fill = (row: Row) => wordsOf(names!).map((name) => [name, row[name] ?? value]);
    return rows.map((row) => ({ ...row, ...(Object.fromEntries(fill(row)) as Row) }));
  },
  fields: (rest, rows) => {
    const gone = wordsOf(rest.replace(/^- /, ''));
    return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !gone.includes(name))));
  },
  appendpipe: (rest, rows) => [...rows, ...runSearch(`| ${rest.slice(1, -1)}`, rows)],
};

/** Terms side by side, all of which must hold: `a=b*`, `a!=1`, `a>0`, `a IN (b, c*)`. */
function matches(terms: string): (row: Row) => boolean {
  const found = [...terms.matchAll(/([\w.]+)\s*(?:(!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|\S+)|IN \(([^)]*)\))/g)];
  // Whatever is here was indexed in time.
  const ofEvents = found.filter(([, field]) => !field?.startsWith('_index_'));
  const tests = ofEvents.map(([, field, sign, value, list]) => {
    const wanted = (list?.split(/, */) ?? [value!]).map(unquoted);
    return (row: Row) => holds(row[field!], sign ?? '=', wanted);
  });
  return (row) => tests.every((test) => test(row));
}

const unquoted = (word: string) => (word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word);

function holds(value: Value, sign: string, wanted: readonly string[]): boolean {
  if (value === undefined) return false;
  const likely = (pattern: string) => {
    const literal = pattern.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'));
    return new RegExp(`^${literal.join('.*')}$`, 'i').test(String(value));
  };
  if (sign === '=') return wanted.some(likely);
  if (sign === '!=') return !wanted.some(likely);
  const [a, b] = [Number(value), Number(wanted[0])];
  return sign === '>' ? a > b : sign === '<' ? a < b : sign === '>=' ? a >= b : a <= b;
}

function stats(rest: string, rows: Rows): Rows {
  const { by, found } = aggregates(rest);
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    // A row without one of the fields belongs to no group.
    if (by.some((name) => row[name] === undefined)) continue;
    const key = JSON.stringify(by.map((name) => row[name]));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  if (by.length === 0 && groups.size === 0) groups.set('', []);
  return [...groups.values()].map((group) => ({
    ...Object.fromEntries(by.map((name) => [name, group[0]![name]])),
    ...Object.fromEntries(found.map((one) => [one.makes, aggregate(one.name, one.argument, group)])),
  }));
}

function aggregate(name: string, argument: string | undefined, group: Rows): Value {
  if (argument === undefined) return group.length;
  const [, expression = argument] = /^eval\(([\s\S]*)\)$/.exec(argument) ?? [];
  const parsed = parseExpression(expression);
  // Of several at one time Splunk promises none: the first stands last.
  const byTime = group.toReversed().sort((a, b) => Number(a['_time']) - Number(b['_time']));
  const values = byTime.map((row) => evaluate(parsed, row)).filter((value) => value !== undefined);
  if (name === 'count') return values.filter((value) => value !== false).length;
  if (name === 'dc') return new Set(values).size;
  if (values.length === 0) return undefined;
  return OF_VALUES[name]!(values);
}

const OF_VALUES: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  sum: (values) => values.reduce<number>((sum, value) => sum + Number(value), 0),
  max: (values) => Math.max(...values.map(Number)),
  min: (values) => Math.min(...values.map(Number)),
  avg: (values) => values.reduce<number>((sum, value) => sum + Number(value), 0) / values.length,
  latest: (values) => values.at(-1),
  perc95: (values) => {
    const sorted = values.map(Number).sort((a, b) => a - b);
    return sorted[Math.floor(0.95 * (sorted.length - 1))];
  },
};
