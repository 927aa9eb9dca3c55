/** The page of Settings → Data inputs says what the option table says, and nothing else. */
import { XMLParser } from 'fast-xml-parser';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { GROUPS, OPTIONS } from '../../../splunk-app/input/options.ts';
import { renderManager } from '../../../splunk-app/render/input-form.ts';
import { renderOptionsPage } from '../../../splunk-app/render/options-page.ts';
import { renderScheme } from '../../../splunk-app/render/scheme.ts';
import { renderSpec } from '../../../splunk-app/render/spec.ts';
import { snake, type Option } from '../../../base/config.ts';

interface Key {
  readonly name: string;
  readonly '#text'?: string;
}

interface Field {
  readonly name: string;
  readonly type?: string;
  readonly label?: string;
  readonly view?: readonly { readonly name: string }[];
  readonly key?: readonly Key[];
  readonly onChange?: readonly { readonly key: readonly (Key & { readonly key?: readonly Key[] })[] }[];
  readonly options?: readonly { readonly opt: readonly { readonly value: string }[] }[];
  readonly elements?: readonly { readonly element: readonly Field[] }[];
}

const LISTS = new Set(['element', 'elements', 'view', 'key', 'options', 'opt', 'onChange']);
const parse = (xml: string): { endpoint: Field } =>
  new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    isArray: (name) => LISTS.has(name),
  }).parse(xml) as { endpoint: Field };

const page = parse(renderManager()).endpoint;
const below = (field: Field): Field[] =>
  (field.elements ?? []).flatMap(({ element }) => element.flatMap((one) => [one, ...below(one)]));
const all = below(page);
const fields = all.filter(({ type }) => type !== 'fieldset');
const options = Object.entries(OPTIONS).map(([name, option]): [string, Option<unknown>] => [snake(name), option]);
const shownIn = (view: string): string[] =>
  fields.filter((one) => one.view?.some(({ name }) => name === view)).map(({ name }) => name);
const named = (name: string): Field => fields.find((one) => one.name === name)!;

describe('the data-input page', () => {
  it('is well-formed and belongs to the scheme', () => {
    expect(() => new SaxesParser().write(renderManager()).close()).not.toThrow();
    expect(page.name).toBe('data/inputs/kinesis_log');
  });

  it.each(['create', 'edit'])('has one field for every setting where inputs are made and edited: %s', (view) => {
    const names = options.map(([name]) => name);
    expect(shownIn(view).filter((name) => names.includes(name))).toEqual(names);
  });

  it('shows no name twice and gives only the new input a name', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect([shownIn('create').includes('name'), shownIn('edit').includes('name')]).toEqual([true, false]);
  });

  it.each(options)('labels, explains and types %s as the option table does', (name, option) => {
    const field = named(name);
    expect(field.label).toBe(option.title);
    expect(field.key?.find((one) => one.name === 'helpText')?.['#text']).toContain(option.text);
    const choices = field.options?.flatMap(({ opt }) => opt.map(({ value }) => value));
    if (option.secret === true) expect(field.type).toBe('password');
    else if (option.type.choices !== undefined) {
      expect(field.type).toBe('select');
      expect(choices?.[0]).toBe(option.default);
      expect(new Set(choices)).toEqual(new Set(option.type.choices));
    } else expect(field.type).toBe(option.type.kind === 'boolean' ? 'checkbox' : 'textfield');
  });

  it('asks for nothing that sounds secret in a field that shows what is typed', () => {
    const readable = fields.filter(({ type }) => type !== 'password');
    const secrets = readable.filter(({ name }) => /secret|password|token/.test(name));
    expect(secrets).toEqual([]);
  });

  it('groups the settings in the order of the table and folds away those that few need', () => {
    const groups = all.filter(({ type }) => type === 'fieldset');
    const legends = groups.flatMap(({ key }) => key?.find((one) => one.name === 'legend')?.['#text'] ?? []);
    expect(legends.filter((one) => (GROUPS as readonly string[]).includes(one))).toEqual([...GROUPS]);
    const folded = below(groups.find(({ name }) => name === 'advanced')!).map(({ name }) => name);
    expect(folded).toEqual(expect.arrayContaining(['host', 'idle_ms', 'log_level']));
    expect(folded).not.toContain('stream_name');
  });

  it('lists the inputs by what tells them apart', () => {
    expect(shownIn('list')).toEqual(['name', 'stream_name', 'aws_region', 'output', 'index', 'eai:acl.app']);
  });

  it('offers indexes that exist, and source types beside a field that takes any', () => {
    expect(named('index')).toMatchObject({ type: 'select' });
    expect(renderManager()).toContain('<key name="splunkSource">/data/indexes</key>');
    expect(named('sourcetype').type).toBe('textfield');
    const offered = named('spl-ctrl_sourcetype');
    const map = offered.onChange?.[0]?.key.find(({ name }) => name === 'value_map')?.key ?? [];
    // The empty first choice is in no map, so opening the page overwrites nothing.
    expect(['', ...map.map((one) => one['#text'])]).toEqual(offered.options?.[0]?.opt.map(({ value }) => value));
  });

  it('leaves out how often the input is started, which no value but the default serves', () => {
    expect(fields.map(({ name }) => name)).not.toContain('interval');
  });
});

describe('scheme, spec file and docs', () => {
  it.each(options)('all know %s', (name, option) => {
    expect(renderScheme()).toContain(`<arg name="${name}">`);
    expect(renderSpec()).toContain(`\n${name} = <${option.type.kind}>\n`);
    expect(renderOptionsPage()).toContain(`\n### ${name}\n`);
  });
});
