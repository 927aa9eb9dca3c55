/** What the pages for Kubernetes name exists: fields and values of a LogStream, reasons, options, values of the chart, alerts, metrics, actions of AWS. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DEFINITION } from '../../operator/crd/definition.ts';
import { ALERT_GROUPS } from '../../operator/deploy/alerts.ts';
import { VALUES } from '../../operator/deploy/values.ts';
import { REASONS } from '../../operator/reconcile/reasons.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const pages = readdirSync(path.join(root, 'docs/kubernetes')).map((file) => `docs/kubernetes/${file}`);
const blocks = (file: string, language: string): string[] =>
  [...read(file).matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'))].map(([, text]) => text!);
/** Text between backticks, but for blocks. */
const spans = (file: string): string[] =>
  [
    ...read(file)
      .replaceAll(/^ *```[^]*?^ *```$/gm, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, span]) => span!);

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}
const SCHEMA = DEFINITION.spec.versions[0].schema.openAPIV3Schema as Schema;

/** Paths of what the schema does not take. Rules over several fields are held by a server, in test/kubernetes. */
function faults(value: unknown, schema: Schema, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => faults(one, schema.items ?? {}, `${at}[${index}]`));
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, member]) => {
      const known = schema.properties?.[name] ?? schema.additionalProperties;
      const isFree = schema['x-kubernetes-preserve-unknown-fields'] === true;
      if (known !== undefined) return faults(member, known, `${at}.${name}`);
      return isFree || (schema.type === 'object' && schema.properties === undefined) ? [] : [`${at}.${name}`];
    });
  const { enum: names, pattern } = schema;
  const wrong = names?.includes(value as string) === false || (pattern && !new RegExp(pattern).test(String(value)));
  return wrong ? [`${at}: ${String(value)}`] : [];
}

/** Names of all fields, and all values of choices. */
function everything(schema: Schema, at: string): { readonly paths: string[]; readonly choices: string[] } {
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(([name, one]) =>
      everything(one, at === '' ? name : `${at}.${name}`),
    ),
    ...(schema.items === undefined ? [] : [everything(schema.items, at)]),
  ];
  return {
    paths: [at, ...inner.flatMap(({ paths }) => paths)],
    choices: [...(schema.enum ?? []), ...inner.flatMap(({ choices }) => choices)],
  };
}
const known = everything(SCHEMA, '');
/** `spec.source.auth` by its whole path, by its end, or by a single name. */
const isField = (name: string): boolean => {
  const plain = name.replaceAll('[]', '');
  return known.paths.some((one) => one === plain || one.endsWith(`.${plain}`));
};

describe('every LogStream', () => {
  const examples = [...pages, 'README.md'].flatMap((file) =>
    blocks(file, 'yaml').flatMap((text) =>
      parseAllDocuments(text).map((document) => [file, document.toJS() as Record<string, unknown>] as const),
    ),
  );
  const streams = examples.filter(
    ([, { kind, spec }]) => kind === 'LogStream' || (kind === undefined && spec !== undefined),
  );

  it.each(streams)('in %s has fields and values that the definition knows', (_, object) => {
    expect(faults(object, SCHEMA, '')).toEqual([]);
  });

  it('is looked at closely', () => {
    const wrong = { spec: { source: { streamname: 'a', mode: 'Push' }, outputs: [{ name: 'Not A Label' }] } };
    expect(faults(wrong, SCHEMA, '')).toEqual([
      '.spec.source.streamname',
      '.spec.source.mode: Push',
      '.spec.outputs[0].name: Not A Label',
    ]);
    expect(streams.length).toBeGreaterThan(3);
  });
});

/** Of Kubernetes, and of tools that the pages speak of. */
const OTHERS = [
  ...[
    'LogStream',
    'ConfigMap',
    'ServiceAccount',
    'PodMonitor',
    'PodDisruptionBudget',
    'PrometheusRule',
    'StorageClass',
  ],
  ...['NetworkPolicy', 'StatefulSet', 'ClusterRole', 'ReadWriteOncePod', 'ServerSideApply', 'InProgress'],
];

describe('every page', () => {
  const alerts = ALERT_GROUPS.flatMap(({ rules }) => rules.map(({ alert }) => alert as string));
  const conditions = ['conditions', 'part-conditions'].flatMap((file) =>
    [...read(`operator/reconcile/${file}.ts`).matchAll(/'([A-Z]\w+)'/g)].map(([, name]) => name!),
  );
  const words = new Set([...Object.keys(REASONS), ...known.choices, ...alerts, ...conditions, ...OTHERS]);

  it.each(pages)('%s names fields of a LogStream that there are', (file) => {
    const named = spans(file).flatMap((span) => /^((?:spec|status)\.[\w.[\]]+)/.exec(span)?.[1] ?? []);
    expect(named.filter((name) => !isField(name) && !/^(status\.podIP|spec\.nodeName)$/.test(name))).toEqual([]);
  });

  it.each(pages)('%s gives fields values that they take', (file) => {
    const given = spans(file).flatMap((span) => {
      const [, name, value] = /^([a-z][\w.]+): ([A-Z]\w+)$/.exec(span) ?? [];
      return name === undefined || name === 'kind' ? [] : [{ name, value: value! }];
    });
    expect(given.filter(({ name, value }) => !isField(name) || !known.choices.includes(value))).toEqual([]);
  });

  it.each(pages.filter((file) => !file.endsWith('/testing.md')))(
    '%s names reasons, conditions, choices and alerts that there are',
    (file) => {
      const named = spans(file).filter((span) => /^[A-Z][a-z]+(?:[A-Z][A-Za-z]+)+$/.test(span));
      expect(named.filter((word) => !words.has(word))).toEqual([]);
    },
  );

  it.each(pages)('%s names annotations and finalizers of ours that the operator knows', (file) => {
    const sources = ['deletion', 'finalizer', 'reconcile', 'drift'].map((name) =>
      read(`operator/reconcile/${name}.ts`),
    );
    const code = [...sources, read('operator/desired/names.ts'), read('operator/desired/deployment.ts')].join('\n');
    const named = [...read(file).matchAll(/(?<![\w.])kinlog\.io\/([a-z][a-z-]+)(?=[=\-`:\s])/g)].map(([, name]) =>
      name!.replace(/-$/, ''),
    );
    expect(named.filter((name) => !code.includes(`kinlog.io/${name}`) && !/^(v1|logstream)/.test(name))).toEqual([]);
  });

  it.each(pages)('%s sets values of the chart that there are', (file) => {
    const text = read(file);
    const set = [...text.matchAll(/--set ([\w.]+)=/g)].map(([, name]) => name!);
    expect(set.filter((name) => !Object.hasOwn(VALUES, name))).toEqual([]);
  });
});

describe('docs/kubernetes/monitoring.md', () => {
  it('says of each alert what to do', () => {
    const listed = [...read('docs/kubernetes/monitoring.md').matchAll(/^\| `(Kinlog\w+)` \|/gm)].map(
      ([, name]) => name,
    );
    expect(listed).toEqual(ALERT_GROUPS.flatMap(({ rules }) => rules.map(({ alert }) => alert)));
  });
});

describe('docs/kubernetes/gitops.md', () => {
  interface Flux {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: {
      readonly dependsOn?: readonly { readonly name: string }[];
      readonly wait?: boolean;
      readonly prune?: boolean;
      readonly chart: { readonly spec: { readonly chart: string } };
      readonly values: object;
    };
  }
  const objects = blocks('docs/kubernetes/gitops.md', 'yaml').flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as Flux),
  );
  const ofKind = (wanted: string) => objects.filter(({ kind }) => kind === wanted);

  it('has LogStreams wait for a Kustomization that is there, waits for the operator and never removes the definition', () => {
    const [operator, streams, ...more] = ofKind('Kustomization');
    expect(more).toEqual([]);
    expect(streams!.spec.dependsOn).toEqual([{ name: operator!.metadata.name }]);
    expect(streams!.metadata.namespace).toBe(operator!.metadata.namespace);
    expect(operator!.spec).toMatchObject({ wait: true, prune: false });
  });

  it('installs a chart of the tree, with values that it has', () => {
    const [release] = ofKind('HelmRelease');
    const { chart, values } = release!.spec;
    expect(read(`${chart.spec.chart}/Chart.yaml`)).toContain('name: kinlog-operator');
    const paths = Object.entries(values).flatMap(([group, inner]) =>
      Object.keys(inner as object).map((name) => `${group}.${name}`),
    );
    expect(paths.filter((name) => !Object.hasOwn(VALUES, name))).toEqual([]);
  });
});

describe('docs/kubernetes/iam.md', () => {
  it('allows a LogStream with the defaults what docs/aws.md asks for, and nothing else', () => {
    const rows = [...read('docs/aws.md').matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$/gm)];
    const asked = (feature: string) =>
      [...rows.find(([, name]) => name === feature)![2]!.matchAll(/`(\w+:\w+)`/g)].map(([, action]) => action!);
    const [policy] = blocks('docs/kubernetes/iam.md', 'json').map(
      (text) => JSON.parse(text) as { Statement: { Action: string[] }[] },
    );
    expect(policy!.Statement.flatMap(({ Action }) => Action).sort()).toEqual(
      [
        ...asked('reading'),
        ...asked('noticing a stream that was created again, and records that aged out unread'),
        ...asked('positions in DynamoDB'),
        'dynamodb:CreateTable',
      ].sort(),
    );
  });

  it('lets a pod with session tags assume a second role from both sides', () => {
    const statements = blocks('docs/kubernetes/iam.md', 'json').flatMap(
      (text) => (JSON.parse(text) as { Statement: { Action: string | string[]; Principal?: object }[] }).Statement,
    );
    const tagged = statements.filter(({ Action }) => [Action].flat().includes('sts:TagSession'));
    expect(tagged.map(({ Principal }) => Object.keys(Principal ?? {}))).toEqual([['Service'], ['AWS'], []]);
  });
});
