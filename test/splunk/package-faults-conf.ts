/** Faults of the configuration: what Splunk would not read as it is meant, and settings that are not ours to make. */
import { isAllowed, SOURCES, SPECS, type ConfFile } from './package-settings.ts';
import type { PackageContent } from './package-faults.ts';

const APP = 'kinloader';
const SCHEME = 'kinesis_log';
/** Settings of an input that splunkd knows by itself. */
const BUILT_IN = [
  'start_by_shell',
  'interval',
  'sourcetype',
  'host',
  'index',
  'source',
  'disabled',
  'persistentQueueSize',
];

export type Stanzas = ReadonlyMap<string, ReadonlyMap<string, string>>;

export function confFaults(content: PackageContent): string[] {
  const files = content.paths.filter((path) => /^(default\/\w+\.conf|metadata\/default\.meta)$/.test(path));
  const parsed = new Map(files.map((path) => [path, parseConf(path, content.text(path))]));
  const conf = (name: string): Stanzas => parsed.get(`default/${name}.conf`)?.stanzas ?? new Map();
  return [
    ...[...parsed.values()].flatMap(({ faults }) => faults),
    ...[...parsed].flatMap(([path, { stanzas }]) => settingFaults(path, stanzas)),
    ...appFaults(conf('app'), content),
    ...manifestFaults(content),
    ...inputFaults(conf('inputs'), content),
    ...sourceTypeFaults(conf('props'), conf('transforms'), content),
    ...knowledgeFaults(conf),
    ...bundleFaults(conf('distsearch'), content),
    ...metaFaults(parsed.get('metadata/default.meta')?.stanzas ?? new Map()),
  ];
}

/** Grammar of .conf files: comments, `[stanza]`, `key = value`, and a value that goes on after a backslash at the very end of its line. */
export function parseConf(path: string, text: string): { stanzas: Stanzas; faults: string[] } {
  const stanzas = new Map<string, Map<string, string>>();
  const faults: string[] = [];
  let current: Map<string, string> | undefined;
  for (const line of text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((one) => !/^(#.*)?$/.test(one))) {
    const header = /^\[([^\]]*)\]$/.exec(line)?.[1];
    const [, key, value = ''] = /^([\w.:-]+) = (\S.*)$/.exec(line) ?? [];
    if (header !== undefined) {
      if (stanzas.has(header)) faults.push(`${path} has the stanza [${header}] twice`);
      stanzas.set(header, (current = new Map<string, string>()));
    } else if (key === undefined || current === undefined) {
      faults.push(`${path} has a line that is no setting: ${line}`);
    } else if (current.has(key)) {
      faults.push(`${path} has ${key} twice`);
    } else current.set(key, value.trim());
  }
  return { stanzas, faults };
}

function settingFaults(path: string, stanzas: Stanzas): string[] {
  const spec = SPECS[path.replace(/^.*\//, '').replace(/\.conf$/, '') as ConfFile] as
    (typeof SPECS)[ConfFile] | undefined;
  if (spec === undefined) return [`${path} is a configuration that this app does not use`];
  return [...stanzas].flatMap(([stanza, settings]) =>
    [...settings.keys()]
      .filter((key) => !isAllowed(spec, stanza, key))
      .map((key) => `${path} sets ${key} in [${stanza}], which is not among our settings of ${spec.source}`),
  );
}

function appFaults(app: Stanzas, content: PackageContent): string[] {
  const get = (stanza: string, key: string) => app.get(stanza)?.get(key);
  const label = get('ui', 'label') ?? '';
  const wanted: [string, boolean][] = [
    ['[package] id is not the name of the folder', get('package', 'id') !== APP],
    ['[id] name is not the name of the folder', get('id', 'name') !== APP],
    ['[id] version is not the version', get('id', 'version') !== content.version],
    ['[launcher] version is not the version', get('launcher', 'version') !== content.version],
    ['the version is not semantic', !/^\d+\.\d+\.\d+(-[\w.]+)?(\+[\w.]+)?$/.test(content.version)],
    ['[install] build is not a whole number', !/^\d+$/.test(get('install', 'build') ?? '')],
    ['[install] state is not enabled', get('install', 'state') !== 'enabled'],
    ['[install] is_configured is not false', get('install', 'is_configured') !== 'false'],
    ['[package] check_for_updates is not false', get('package', 'check_for_updates') !== 'false'],
    ['[ui] label has not 5 to 80 characters', label.length < 5 || label.length > 80],
    ['[ui] label names Splunk', /splunk/i.test(label)],
    ['[ui] supported_themes lacks light or dark', get('ui', 'supported_themes') !== 'light, dark'],
    ['[launcher] has no description or author', !get('launcher', 'description') || !get('launcher', 'author')],
  ];
  return wanted.filter(([, bad]) => bad).map(([fault]) => `default/app.conf: ${fault}`);
}

function manifestFaults(content: PackageContent): string[] {
  let manifest: object;
  try {
    manifest = JSON.parse(content.text('app.manifest')) as object;
  } catch {
    return ['app.manifest: is no JSON'];
  }
  const at = (place: string) =>
    place.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], manifest);
  const wanted: [string, boolean][] = [
    ['has not schemaVersion 2.0.0', at('schemaVersion') !== '2.0.0'],
    ['info.id.name is not the name of the folder', at('info.id.name') !== APP],
    ['info.id.version is not the version', at('info.id.version') !== content.version],
    ['info.id.group is set, so the folder would have to be named after it', at('info.id.group') !== null],
    ['info.license.text names no file', !content.files.has(String(at('info.license.text')))],
  ];
  return [
    ...wanted.filter(([, bad]) => bad).map(([fault]) => `app.manifest: ${fault}`),
    ...Object.keys(manifest)
      .filter((key) => !MANIFEST_KEYS.includes(key))
      .map((key) => `app.manifest: ${key} is not in the schema`),
  ];
}

/** Of schema 2.0.0, as the Packaging Toolkit writes it. */
const MANIFEST_KEYS = [
  'schemaVersion',
  'info',
  'dependencies',
  'tasks',
  'inputGroups',
  'incompatibleApps',
  'platformRequirements',
  'supportedDeployments',
  'targetWorkloads',
];

function inputFaults(inputs: Stanzas, content: PackageContent): string[] {
  const spec = content.text('README/inputs.conf.spec');
  const described = [...spec.matchAll(/^(\w+) = /gm)].map(([, key]) => key!);
  const offered = [...content.text('bin/scheme.xml').matchAll(/<arg name="(\w+)"/g)].map(([, key]) => key!);
  const defaults = inputs.get(SCHEME) ?? new Map<string, string>();
  const headers = spec.match(/^\[.*\]$/gm) ?? [];
  return [
    ...(headers.join() === `[${SCHEME}://<name>]`
      ? []
      : ['README/inputs.conf.spec has not exactly the one stanza of the scheme']),
    ...described
      .filter((key, at) => described.indexOf(key) !== at)
      .map((key) => `README/inputs.conf.spec has ${key} twice`),
    ...described.filter((key) => !offered.includes(key)).map((key) => `bin/scheme.xml lacks ${key}`),
    ...offered.filter((key) => !described.includes(key)).map((key) => `README/inputs.conf.spec lacks ${key}`),
    ...(offered.length === 0 ? ['bin/scheme.xml offers nothing'] : []),
    ...[...inputs.keys()]
      .filter((stanza) => stanza !== SCHEME)
      .map((stanza) => `default/inputs.conf has [${stanza}], an input that nobody asked for`),
    ...[...defaults.keys()]
      .filter((key) => ![...described, ...BUILT_IN].includes(key))
      .map((key) => `default/inputs.conf sets ${key}, which README/inputs.conf.spec does not describe`),
    ...(defaults.get('start_by_shell') === 'false' ? [] : ['default/inputs.conf has not start_by_shell = false']),
    ...(defaults.get('interval') === '0' ? [] : ['default/inputs.conf has not interval = 0']),
    ...((defaults.get('index') ?? 'default') === 'default' ? [] : ['default/inputs.conf chooses an index']),
    ...(defaults.has('disabled') ? ['default/inputs.conf enables or disables inputs'] : []),
  ];
}

function sourceTypeFaults(props: Stanzas, transforms: Stanzas, content: PackageContent): string[] {
  const targets = [...props].flatMap(([stanza, settings]) =>
    [...settings].flatMap(([key, value]) =>
      /^(TRANSFORMS|REPORT)-/.test(key) ? value.split(/\s*,\s*/).map((target) => ({ stanza, target })) : [],
    ),
  );
  const lookups = [...props.values()].flatMap((settings) =>
    [...settings].flatMap(([key, value]) => (/^LOOKUP-/.test(key) ? [value.split(/\s+/)[0]!] : [])),
  );
  return [
    ...[...props.keys()]
      .filter((stanza) => !SOURCES.test(stanza))
      .map((stanza) => `default/props.conf has [${stanza}], which is not a source type of ours`),
    ...targets
      .filter(({ target }) => !transforms.has(target))
      .map(({ target }) => `default/transforms.conf has no [${target}]`),
    ...lookups
      .filter((target) => !transforms.has(target))
      .map((target) => `default/transforms.conf has no lookup [${target}]`),
    ...[...transforms.values()]
      .flatMap((settings) => settings.get('filename') ?? [])
      .filter((file) => !content.files.has(`lookups/${file}`))
      .map((file) => `lookups/${file} is missing`),
  ];
}

/** Searches that nobody switched on, event types that tags and other places name, and fields of a type that the KV store has. */
function knowledgeFaults(conf: (name: string) => Stanzas): string[] {
  const types = [...conf('eventtypes').keys()];
  return [
    ...[...conf('savedsearches')]
      .filter(([, settings]) => settings.get('disabled') !== '1' && settings.get('disabled') !== 'true')
      .map(([name]) => `default/savedsearches.conf: "${name}" is not disabled`),
    ...[...conf('savedsearches')].flatMap(([name, settings]) =>
      settings.has('search') ? [] : [`default/savedsearches.conf: "${name}" has no search`],
    ),
    ...[...conf('tags').keys()]
      .filter((stanza) => !types.includes(stanza.replace(/^eventtype=/, '')))
      .map((stanza) => `default/tags.conf tags [${stanza}], which eventtypes.conf does not have`),
    ...[...conf('collections')].flatMap(([name, settings]) =>
      [...settings]
        .filter(([key, value]) => key.startsWith('field.') && !/^(number|bool|string|time)$/.test(value))
        .map(([key]) => `default/collections.conf: [${name}] ${key} has no type of the KV store`),
    ),
  ];
}

/** What search heads send to indexers: all that searches need, and nothing of the program. */
function bundleFaults(distsearch: Stanzas, { paths }: PackageContent): string[] {
  const denied = [...(distsearch.get('replicationDenylist')?.values() ?? [])].map((pattern) => {
    // Splunk's patterns: `...` is anything, `*` anything within a folder, and a dot a dot.
    const expression = pattern
      .replaceAll('...', '\0')
      .replaceAll('.', '\\.')
      .replaceAll('*', '[^/]*')
      .replaceAll('\0', '.*');
    return new RegExp(`^${expression}$`);
  });
  return paths
    .filter((path) => /(^|\/)bin\//.test(path) !== denied.some((pattern) => pattern.test(`apps/${APP}/${path}`)))
    .map((path) => `default/distsearch.conf ${/bin\//.test(path) ? 'sends' : 'does not send'} ${path} to indexers`);
}

function metaFaults(meta: Stanzas): string[] {
  const access = [...meta].flatMap(([stanza, settings]) => {
    const text = settings.get('access');
    return text === undefined ? [] : [{ stanza, writers: /write : \[ ([^\]]*) \]/.exec(text)?.[1]?.split(', ') ?? [] }];
  });
  return [
    ...(meta.get('')?.has('access') === true ? [] : ['metadata/default.meta says not who may do what']),
    ...access
      .filter(({ writers }) => writers.join() !== 'admin,sc_admin')
      .map(({ stanza }) => `metadata/default.meta lets others than admin and sc_admin write [${stanza}]`),
  ];
}
