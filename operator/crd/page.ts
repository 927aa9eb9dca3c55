/** The reference page of the resource: every field, its bounds, its default, its rules. */
import { GROUP, KIND, VERSION } from '../logstream.ts';
import type { Field, FieldType, Rule } from './field.ts';
import { spec } from './spec.ts';
import { status } from './status.ts';

export function referencePage(): string {
  return `# ${KIND}: every field

\`apiVersion: ${GROUP}/${VERSION}\`, \`kind: ${KIND}\`. \`kubectl explain logstreams.spec.source\` shows the same. Examples are in [crds/examples](../../crds/examples).

A field that the schema does not know is refused by \`kubectl apply\`. References to Secrets and ConfigMaps are to objects in the namespace of the LogStream. \`metadata.name\` may have at most 48 characters.

Kubernetes 1.29 or later is needed, because the rules below are checked by the API server itself ([CEL](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules)); tests run on 1.36.4.

${[...sections('spec', spec), ...sections('status', status)].join('\n')}`;
}

function sections(path: string, type: FieldType<unknown>): string[] {
  const fields = Object.entries(type.fields ?? {});
  const inner = fields
    .filter(([, field]) => field.type.fields !== undefined)
    .flatMap(([name, field]) => sections(pathIn(path, name, field.type), field.type));
  const rows = fields.map(([name, field]) => row(path, name, field));
  const rules = (type.rules ?? []).map(ruleLine).join('');
  const table = `| field | default | must be | |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  return [`## ${path}\n\n${table}${rules === '' ? '' : `\n${rules}`}`, ...inner];
}

const pathIn = (path: string, name: string, { schema }: FieldType<unknown>) =>
  `${path}.${name}${schema['type'] === 'array' ? '[]' : ''}`;

function row(path: string, name: string, { type, text, required, default: preset }: Field): string {
  const shown = type.fields === undefined ? `\`${name}\`` : `[\`${name}\`](#${anchor(pathIn(path, name, type))})`;
  const given = required === true ? 'required' : preset === undefined ? '' : `\`${JSON.stringify(preset)}\``;
  return `| ${shown} | ${given} | ${type.expects} | ${text} |`;
}

/** As GitHub makes them of headings. */
const anchor = (heading: string) => heading.toLowerCase().replaceAll(/[^a-z0-9-]/g, '');

const ruleLine = ({ message }: Rule) => `- ${message}\n`;
