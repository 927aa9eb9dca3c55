/** What the tables of the schema promise without an API server; what only a server knows is in test/kubernetes/13-crd.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { choice, integer, text } from '../../../../base/config.ts';
import { DEFINITION } from '../../../../operator/crd/definition.ts';
import type { Field, FieldType, Schema } from '../../../../operator/crd/field.ts';
import { referencePage } from '../../../../operator/crd/page.ts';
import { spec } from '../../../../operator/crd/spec.ts';
import { status } from '../../../../operator/crd/status.ts';
import { choiceOf, numberOf, textOf } from '../../../../operator/crd/types.ts';

const fieldsOf = (path: string, { fields = {} }: FieldType<unknown>): [string, Field][] =>
  Object.entries(fields).flatMap(([name, field]) => [
    [`${path}.${name}`, field] as [string, Field],
    ...fieldsOf(`${path}.${name}`, field.type),
  ]);
const ALL = [...fieldsOf('spec', spec), ...fieldsOf('status', status)];

/** What a schema must say besides the keyword. */
const BOUNDS = { string: ['maxLength', 'enum'], integer: ['maximum'], array: ['maxItems'] };

function unbounded(at: string, schema: Schema): string[] {
  const { type, properties, items, additionalProperties: values } = schema as Record<string, Schema | undefined>;
  const needed =
    values === undefined ? (BOUNDS[type as unknown as keyof typeof BOUNDS] as string[] | undefined) : ['maxProperties'];
  const inner = Object.entries<Schema | undefined>({ ...properties, '[]': items, '{}': values });
  return [
    ...(needed?.every((bound) => schema[bound] === undefined) === true ? [at] : []),
    ...inner.flatMap(([name, member]) => (member === undefined ? [] : unbounded(`${at}.${name}`, member))),
  ];
}

describe('the definition of LogStream', () => {
  it('bounds every text, number, list and map, because the cost of a rule is counted by the largest value', () => {
    expect(
      unbounded('one', { type: 'object', properties: { two: { type: 'array', items: { type: 'string' } } } }),
    ).toEqual(['one.two', 'one.two.[]']);
    expect([...unbounded('spec', spec.schema), ...unbounded('status', status.schema)]).toEqual([]);
  });

  it('tells about every field in a sentence', () => {
    expect(ALL.filter(([, { text: said }]) => !/^[A-Za-z0-9].*\.$/.test(said)).map(([name]) => name)).toEqual([]);
  });

  it('has every field on its reference page', () => {
    const page = referencePage();
    expect(ALL.filter(([, { text: said }]) => !page.includes(said)).map(([name]) => name)).toEqual([]);
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^a-z]/g, ''),
    );
    for (const [, anchor] of page.matchAll(/\]\(#([a-z]+)\)/g)) expect(headings).toContain(anchor);
  });

  it('has nothing that Kubernetes 1.29 would refuse, which kubectl apply asks for', () => {
    // From 1.30: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
    expect(JSON.stringify(DEFINITION)).not.toMatch(/"(selectableFields|optionalOldSelf)":/);
  });

  it('writes each of its rules for the group that it belongs to', () => {
    const rules = JSON.stringify(DEFINITION).match(/"rule":"(?!self\.matches\()/g)!.length;
    const tables = [spec, status, ...ALL.map(([, { type }]) => type)];
    expect(rules).toBe(1 + tables.reduce((sum, table) => sum + (table.rules?.length ?? 0), 0));
  });
});

describe('bounds of the file of kinlog run', () => {
  it('are narrowed to whole units of the resource', () => {
    const { schema } = numberOf(integer(1500, 86_400_999), 1000);
    expect([schema['minimum'], schema['maximum'], schema['format']]).toEqual([2, 86_400, 'int32']);
  });

  it('are not made up for an option that has none', () => {
    expect(() => numberOf({ ...integer(1, 2), min: undefined as never })).toThrow('no bounds');
    expect(() => textOf(text('anything'), 10)).toThrow('no pattern');
  });

  it('are seen to be incomplete when an option has a choice that the resource lacks', () => {
    const option = choice(['auto', 'json']);
    expect(choiceOf(option, { Auto: 'auto', Json: 'json' }).schema['enum']).toEqual(['Auto', 'Json']);
    expect(() => choiceOf(option as never, { Auto: 'auto' } as const)).toThrow('one of auto, json');
  });
});

describe('crds/examples', () => {
  const folder = path.join(import.meta.dirname, '../../../../crds/examples');

  it.each(readdirSync(folder))('%s is a LogStream with a name of its own', (file) => {
    const others = readdirSync(folder).map(
      (name) => parse(readFileSync(path.join(folder, name), 'utf8')) as { kind: string; metadata: { name: string } },
    );
    const own = parse(readFileSync(path.join(folder, file), 'utf8')) as { kind: string; metadata: { name: string } };
    expect(own.kind).toBe('LogStream');
    expect(others.filter(({ metadata }) => metadata.name === own.metadata.name)).toHaveLength(1);
  });
});
