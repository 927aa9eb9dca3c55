/** What Splunk would make of a line of an access log: our props and transforms, applied in the order of its search-time operations. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { accessLog } from '../fakes/access-log.ts';
import { appConf } from './app-conf.ts';
import { evaluate, parseExpression, type Row, type Value } from './spl-expression.ts';

type Fields = Record<string, Value>;

/** Extractions, then transforms, aliases, calculated fields (which do not see each other), and lookups. */
export function fieldsOfEvent(sourcetype: string, raw: string, host = 'web-1'): Row {
  const settings = [...(appConf('props').get(sourcetype) ?? [])];
  const of = (kind: string) => settings.filter(([key]) => key.startsWith(`${kind}-`)).map(([, value]) => value);
  const fields: Fields = { _raw: raw, host, sourcetype };
  for (const pattern of of('EXTRACT')) extract(fields, '_raw', pattern);
  const transforms = appConf('transforms');
  for (const name of of('REPORT').flatMap((list) => list.split(/, */))) {
    const transform = transforms.get(name)!;
    extract(fields, transform.get('SOURCE_KEY') ?? '_raw', transform.get('REGEX')!);
  }
  for (const [, from, to] of of('FIELDALIAS').flatMap((pairs) => [...pairs.matchAll(/(\S+) AS (\S+)/g)]))
    fields[to!] = fields[from!];
  const before = { ...fields };
  for (const [key, expression] of settings)
    if (key.startsWith('EVAL-')) fields[key.slice(5)] = evaluate(parseExpression(expression), before);
  for (const lookup of of('LOOKUP')) look(fields, lookup);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function extract(fields: Fields, key: string, pattern: string): void {
  const source = fields[key];
  const groups = source === undefined ? undefined : new RegExp(pattern, 'u').exec(String(source))?.groups;
  for (const [name, value] of Object.entries(groups ?? {}))
    // An empty match makes no field in Splunk.
    if ((value as string | undefined) !== undefined && value !== '') fields[name] = value;
}

/** `table field OUTPUTNEW column` */
function look(fields: Fields, lookup: string): void {
  const [, table, input, output] = /^(\S+) (\S+) OUTPUTNEW (\S+)$/.exec(lookup)!;
  const file = appConf('transforms').get(table!)!.get('filename')!;
  const [header, ...rows] = readFileSync(path.join(import.meta.dirname, '../../splunk-app/lookups', file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const row = rows.find((cells) => cells[header!.indexOf(input!)] === String(fields[input!]));
  fields[output!] ??= row?.[header!.indexOf(output!)];
}

let known: readonly string[] | undefined;

/** Every field that access logs have got: of generated lines, also with the time that the answer took. */
export function webFields(): readonly string[] {
  const lines = () => [...accessLog({ seed: 7, lines: 200 })].flatMap((line) => [line, `${line} 1234`]);
  known ??= [...new Set(lines().flatMap((line) => Object.keys(fieldsOfEvent('kinlog:access_combined', line))))];
  return known;
}
