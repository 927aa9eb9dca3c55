/** Pages of the documentation that are rendered from the tables of the manifests. */
import { rightsTable } from './rights.ts';
import { VALUES, type Value } from './values.ts';

/** docs/kubernetes/rights.md */
export function rightsPage(): string {
  const rows = rightsTable().map(([name, ...cells]) => [code(name!), ...cells]);
  return [
    '# Rights of the operator',
    'Rendered from `operator/deploy/rights.ts`. Readers have no rights at the API server, and no token for it.',
    table(['resource', 'verbs', 'where', 'why'], rows),
    'With `secretWatch: false` in the chart the operator may only `get` Secrets. With `watchNamespaces` every right of the first kind is a Role in each of them, and the operator has no ClusterRole. Two ClusterRoles are made for people, whatever is watched: whoever may view or edit a namespace may view or edit the LogStreams in it, unless `rbac.aggregate` is off.\n',
  ].join('\n\n');
}

/** README.md of the chart. */
export function chartPage(): string {
  const rows = Object.entries<Value>(VALUES).map(([name, value]) => [
    code(name),
    code(JSON.stringify(value.default)),
    described(value),
  ]);
  return [
    '# kinlog-operator',
    'Keeps a reader for every LogStream: an Amazon Kinesis data stream into Splunk.',
    `${table(['value', 'default', ''], rows)}\n`,
  ].join('\n\n');
}

function described({ description, schema }: Value): string {
  const { enum: names = [] } = schema as { enum?: readonly string[] };
  return [description, names.map(code).join(', ')].filter((part) => part !== '').join(' ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;
