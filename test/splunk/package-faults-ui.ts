/** Faults of what Splunk Web shows: navigation, views, the form of the input, scripts and icons. */
import { descendants, parseXml, type Element } from '../../splunk-app/validation/view-xml.ts';
import { parseConf } from './package-faults-conf.ts';
import type { PackageContent } from './package-faults.ts';

const UI = 'default/data/ui';
/** Views that every app has. */
const SPLUNKS_VIEWS = ['search', 'reports', 'alerts', 'dashboards', 'datasets'];
/** Shown on pages of Splunk Web, in points that a PNG has once or twice. */
const ICONS: Readonly<Record<string, readonly [width: number, height: number]>> = {
  appIcon: [36, 36],
  appIcon_2x: [72, 72],
  appIconAlt: [36, 36],
  appIconAlt_2x: [72, 72],
  appLogo: [160, 40],
  appLogo_2x: [320, 80],
};
/** Types of Dashboard Studio, from its reference of visualizations and inputs. */
const STUDIO_TYPES =
  /^(splunk\.(area|bar|bubble|choropleth\.map|choropleth\.svg|column|ellipse|events|fillergauge|image|line|linkgraph|map|markdown|markergauge|parallelcoordinates|pie|punchcard|rectangle|sankey|scatter|singlevalue|singlevalueicon|singlevalueradial|table|timeline)|abslayout\.line)$/;

export function uiFaults(content: PackageContent): string[] {
  return [
    ...wellFormedFaults(content),
    ...navFaults(content),
    ...content.below(`${UI}/views`).flatMap((path) => viewFaults(path, content)),
    ...managerFaults(content),
    ...staticFaults(content),
    ...iconFaults(content),
  ];
}

/** Undefined for what is missing or broken, which is told elsewhere. */
function xml(content: PackageContent, path: string): Element | undefined {
  try {
    return parseXml(content.text(path));
  } catch {
    return undefined;
  }
}

function wellFormedFaults(content: PackageContent): string[] {
  return content.paths
    .filter((path) => path.endsWith('.xml') && xml(content, path) === undefined)
    .map((path) => `${path} is not well-formed`);
}

const named = (root: Element | undefined, name: string) =>
  root === undefined ? [] : [...descendants(root)].filter((element) => element.name === name);

const viewNames = (content: PackageContent) =>
  content.below(`${UI}/views`).map((path) => path.replace(/^.*\/|\.xml$/g, ''));

function navFaults(content: PackageContent): string[] {
  const path = `${UI}/nav/default.xml`;
  const known = [...SPLUNKS_VIEWS, ...viewNames(content)];
  const entries = named(xml(content, path), 'view');
  const ui = parseConf('app.conf', content.text('default/app.conf')).stanzas.get('ui');
  const setUp = ui?.get('setup_view');
  return [
    ...(ui?.get('is_visible') === 'true'
      ? []
      : ['default/app.conf: the app is not visible, so its pages can not be opened']),
    ...(content.files.has(path) ? [] : [`${path} is missing`]),
    ...(viewNames(content).length > 0 ? [] : [`${UI}/views has no view`]),
    ...(setUp !== undefined && viewNames(content).includes(setUp)
      ? []
      : ['default/app.conf: setup_view names no view of the app']),
    ...entries
      .map(({ attributes }) => attributes['name'] ?? '')
      .filter((name) => !known.includes(name))
      .map((name) => `${path} leads to the view ${name}, which does not exist`),
    ...viewNames(content)
      .filter((name) => !entries.some(({ attributes }) => attributes['name'] === name))
      .map((name) => `${path} does not lead to the view ${name}`),
    ...(entries.filter(({ attributes }) => attributes['default'] === 'true').length === 1
      ? []
      : [`${path} has not exactly one view to begin with`]),
  ];
}

function viewFaults(path: string, content: PackageContent): string[] {
  const view = xml(content, path);
  if (view === undefined) return [];
  const text = content.text(path);
  const studio = view.attributes['version'] === '2';
  const wanted: [string, boolean][] = [
    ['is no dashboard or form', !['dashboard', 'form'].includes(view.name)],
    ['has not version 1.1 or 2', !['1.1', '2'].includes(view.attributes['version'] ?? '')],
    ['has no label', named(view, 'label').every((label) => label.text.trim() === '')],
    ['has a script in its text', /<script\b|\bon(click|load|error|submit)\s*=|javascript:/i.test(text)],
    ['has a link without TLS', /http:\/\//.test(text)],
  ];
  return [
    ...wanted.filter(([, bad]) => bad).map(([fault]) => `${path} ${fault}`),
    ...['script', 'stylesheet']
      .flatMap((kind) => (view.attributes[kind] ?? '').split(/\s*,\s*/).filter(Boolean))
      .filter((file) => !content.files.has(`appserver/static/${file}`))
      .map((file) => `${path} loads ${file}, which appserver/static does not have`),
    ...(studio ? studioFaults(path, view) : []),
  ];
}

interface Studio {
  readonly visualizations?: Readonly<
    Record<string, { readonly type: string; readonly dataSources?: Readonly<Record<string, string>> }>
  >;
  readonly dataSources?: Readonly<Record<string, unknown>>;
}

function studioFaults(path: string, view: Element): string[] {
  let definition: Studio;
  try {
    definition = JSON.parse(named(view, 'definition')[0]?.text ?? '') as Studio;
  } catch {
    return [`${path} holds no definition in JSON`];
  }
  const { visualizations = {}, dataSources = {} } = definition;
  return Object.entries(visualizations).flatMap(([name, { type, dataSources: used = {} }]) => [
    ...(STUDIO_TYPES.test(type) ? [] : [`${path}: ${name} is of the unknown type ${type}`]),
    ...Object.values(used)
      .filter((source) => !Object.hasOwn(dataSources, source))
      .map((source) => `${path}: ${name} shows ${source}, which does not exist`),
  ]);
}

/** The page of the input under Settings → Data inputs. */
function managerFaults(content: PackageContent): string[] {
  const path = `${UI}/manager/kinesis_log.xml`;
  if (!content.files.has(path)) return [`${path} is missing`];
  const form = xml(content, path);
  const fields = named(form, 'element').filter(({ attributes }) => attributes['type'] !== 'fieldset');
  const names = fields.map(({ attributes }) => attributes['name'] ?? '');
  const offered = [...content.text('bin/scheme.xml').matchAll(/<arg name="(\w+)"/g)].map(([, name]) => name!);
  // Splunk's own settings of every input, and the controls with which its pages choose them.
  const builtIn = /^(name|index|sourcetype|host|source|interval|eai:acl\.app|spl-ctrl_\w+)$/;
  const isSecret = (name: string) => /secret|password|token/.test(name);
  return [
    ...(form?.attributes['name'] === 'data/inputs/kinesis_log'
      ? []
      : [`${path} is not the page of data/inputs/kinesis_log`]),
    ...offered.filter((name) => !names.includes(name)).map((name) => `${path} does not offer ${name}`),
    ...names
      .filter((name) => !offered.includes(name) && !builtIn.test(name))
      .map((name) => `${path} offers ${name}, which the input does not know`),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `${path} offers ${name} twice`),
    ...fields
      .filter(({ attributes }) => isSecret(attributes['name'] ?? '') && attributes['type'] !== 'password')
      .map(({ attributes }) => `${path} shows ${attributes['name']} as it is typed`),
  ];
}

/** Scripts and styles: those that views load, and no others. */
function staticFaults(content: PackageContent): string[] {
  const views = content.below(`${UI}/views`).map((path) => xml(content, path));
  const loaded = views.flatMap((view) =>
    [view?.attributes['script'], view?.attributes['stylesheet']].flatMap((files) => files?.split(/\s*,\s*/) ?? []),
  );
  return content
    .below('appserver/static')
    .filter((path) => /\.(js|css)$/.test(path) && !loaded.includes(path.replace('appserver/static/', '')))
    .map((path) => `${path} is loaded by no view`);
}

function iconFaults(content: PackageContent): string[] {
  return Object.entries(ICONS).flatMap(([name, [width, height]]) => {
    const path = `static/${name}.png`;
    const bytes = Buffer.from(content.files.get(path)?.bytes ?? []);
    if (bytes.length === 0) return [`${path} is missing`];
    // PNG: eight bytes of signature, then the header chunk with width and height.
    const isPng =
      bytes.length > 24 && bytes.toString('latin1', 1, 4) === 'PNG' && bytes.toString('latin1', 12, 16) === 'IHDR';
    const size = isPng ? `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}` : 'no PNG';
    return size === `${width}x${height}` ? [] : [`${path} is ${size}, not ${width}x${height}`];
  });
}
