/** What the option table and the version say, in the files that Splunk reads: pure, so that a check can compare them with what is checked in. */
import { snake, type Option } from '../base/config.ts';
import { OPTIONS, SCHEME, SCHEME_TEXT, SCHEME_TITLE } from './input/options.ts';

export const APP_ID = 'kinloader';
const APP_LABEL = 'Kinesis Log Loader';
const AUTHOR = 'kinlog contributors';

const options = Object.entries(OPTIONS).map(([name, option]): [string, Option<unknown>] => [snake(name), option]);
const required = (option: Option<unknown>) => option.required === true;

/** Path below splunk-app/ → content, for everything that is generated. */
export function renderAll(version: string): ReadonlyMap<string, string> {
  return new Map([
    ['scheme.xml', renderScheme()],
    ['README/inputs.conf.spec', renderSpec()],
    ['default/inputs.conf', renderInputs()],
    ['default/app.conf', renderApp(version)],
    ['app.manifest', renderManifest(version)],
  ]);
}

/** The answer to `--scheme`. */
export function renderScheme(): string {
  const args = options.map(
    ([name, option]) =>
      `<arg name="${name}"><title>${escape(option.title)}</title><description>${escape(option.text)}</description>` +
      `<data_type>${option.type.kind}</data_type><required_on_edit>false</required_on_edit>` +
      `<required_on_create>${required(option)}</required_on_create></arg>`,
  );
  return [
    `<scheme><title>${escape(SCHEME_TITLE)}</title><description>${escape(SCHEME_TEXT)}</description>`,
    '<use_external_validation>true</use_external_validation>',
    '<use_single_instance>false</use_single_instance><streaming_mode>xml</streaming_mode><endpoint><args>',
    ...args,
    '</args></endpoint></scheme>\n',
  ].join('\n');
}

function renderSpec(): string {
  const settings = options.map(([name, option]) =>
    [
      `${name} = <${option.type.kind}>`,
      `* ${option.text}`,
      `* Must be ${option.type.expects}.`,
      ...(required(option) ? ['* Required.'] : []),
      ...(option.default === undefined ? [] : [`* Default: ${option.default}`]),
    ].join('\n'),
  );
  return `[${SCHEME}://<name>]\n* ${SCHEME_TEXT}\n\n${settings.join('\n\n')}\n`;
}

/** Defaults of all stanzas. One that always runs, is started without a shell (whose death would orphan us), and has a sourcetype of its own. */
function renderInputs(): string {
  const defaults = options.flatMap(([name, { default: value }]) => (value === undefined ? [] : [`${name} = ${value}`]));
  const lines = ['start_by_shell = false', 'interval = 0', `sourcetype = ${SCHEME}`, ...defaults];
  return `[${SCHEME}]\n${lines.join('\n')}\n`;
}

function renderApp(version: string): string {
  const stanzas = {
    install: { state: 'enabled', build: buildNumber(version), is_configured: 'false' },
    ui: { is_visible: 'false', label: APP_LABEL, supported_themes: 'light, dark' },
    launcher: { author: AUTHOR, description: SCHEME_TEXT, version },
    package: { id: APP_ID, check_for_updates: 'false' },
    id: { name: APP_ID, version },
  };
  return Object.entries(stanzas)
    .map(([stanza, settings]) => `[${stanza}]\n${conf(settings)}`)
    .join('\n');
}

function conf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}

/** Splunk wants an integer that grows with the version. */
function buildNumber(version: string): string {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  return String(major * 1_000_000 + minor * 1000 + patch);
}

function renderManifest(version: string): string {
  const manifest = {
    schemaVersion: '2.0.0',
    info: {
      title: APP_LABEL,
      id: { group: null, name: APP_ID, version },
      author: [{ name: AUTHOR, email: null, company: null }],
      releaseDate: null,
      description: SCHEME_TEXT,
      classification: { intendedAudience: null, categories: [], developmentStatus: null },
      commonInformationModels: null,
      license: { name: 'Apache-2.0', text: 'LICENSE.txt', uri: null },
      privacyPolicy: { name: null, text: null, uri: null },
      releaseNotes: { name: null, text: null, uri: null },
    },
    dependencies: null,
    tasks: null,
    inputGroups: null,
    incompatibleApps: null,
    platformRequirements: null,
    supportedDeployments: ['_standalone', '_distributed', '_search_head_clustering'],
    targetWorkloads: ['_search_heads', '_forwarders'],
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
