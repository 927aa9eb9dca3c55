/** data/ui/manager/kinesis_log.xml: the page of Settings → Data inputs, with one field for every setting. */
import type { Option } from '../../base/config.ts';
import { GROUPS, SCHEME, SCHEME_TEXT, SCHEME_TITLE } from '../input/options.ts';
import { escapeXml, GROUPED, type Setting } from './settings.ts';

/** Columns of the list besides name, index, app and the status that Splunk adds. */
const LISTED = new Set(['stream_name', 'aws_region', 'output']);
/** Few inputs need them: folded away. */
const FOLDED: readonly string[] = GROUPS.slice(GROUPS.indexOf('Pace and limits'));

const EXAMPLES: Readonly<Record<string, string>> = {
  stream_name: 'access-logs or arn:aws:kinesis:eu-central-1:123456789012:stream/access-logs',
  aws_region: 'eu-central-1',
  initial_position: 'LATEST, TRIM_HORIZON or 2026-01-31T13:00:00Z',
  on_lost_position: 'STOP, TRIM_HORIZON or 2026-01-31T13:00:00Z',
  aws_role_arn: 'arn:aws:iam::123456789012:role/read-logs',
  proxy: 'http://proxy.example.com:3128 or the name of a stored proxy',
  ca_file: '/etc/ssl/private-ca.pem',
  kinesis_endpoint: 'https://vpce-1a2b3c.kinesis.eu-central-1.vpce.amazonaws.com',
  hec_url: 'https://collector.example.com:8088',
};

/** Offered beside the field, which takes any other name too: a list of all that this host knows would lose the rest on saving. */
const SOURCE_TYPES = [SCHEME, 'kinlog:access_combined', 'access_combined', '_json', 'syslog', 'log4j'];

export function renderManager(): string {
  const [open, folded] = [false, true].map((wanted) =>
    GROUPED.filter(([group]) => FOLDED.includes(group) === wanted).map(([group, settings]) =>
      fieldset(group, settings.map(element)),
    ),
  );
  return `${[
    `<endpoint name="data/inputs/${SCHEME}">`,
    `<header>${SCHEME_TITLE}</header>`,
    `<breadcrumb><parent hidecurrent="False">datainputstats</parent><name>${SCHEME_TITLE}</name></breadcrumb>`,
    '<elements>',
    ...NAME,
    ...open!.flat(),
    ...EVENTS,
    ...MORE,
    '<element name="advanced" type="fieldset" class="spl-mgr-advanced-options">',
    ...views('create', 'edit'),
    '<elements>',
    ...HOST,
    ...folded!.flat(),
    '</elements>',
    '</element>',
    ...APP,
    '</elements>',
    '</endpoint>',
  ].join('\n')}\n`;
}

type View = 'list' | 'create' | 'edit';

const views = (...names: readonly View[]): string[] => names.map((name) => `<view name="${name}"/>`);
const key = (name: string, text: string): string => `<key name="${name}">${escapeXml(text)}</key>`;

function fieldset(legend: string, elements: readonly (readonly string[])[], help?: string): string[] {
  const id = `${legend.toLowerCase().replaceAll(/[^a-z]+/g, '_')}_fields`;
  return [
    `<element name="${id}" type="fieldset">`,
    key('legend', legend),
    ...(help === undefined ? [] : [key('helpText', help)]),
    ...views('list', 'create', 'edit'),
    '<elements>',
    ...elements.flat(),
    '</elements>',
    '</element>',
  ];
}

function element([name, option]: Setting): string[] {
  const kind = kindOf(option);
  return [
    `<element name="${name}" type="${kind}" label="${escapeXml(option.title)}">`,
    ...views(...(LISTED.has(name) ? (['list'] as const) : []), 'create', 'edit'),
    ...(EXAMPLES[name] === undefined ? [] : [key('exampleText', `Example: ${EXAMPLES[name]}`)]),
    key('helpText', helpOf(option)),
    ...(kind === 'select' ? choices(option) : []),
    '</element>',
  ];
}

function kindOf(option: Option<unknown>): 'password' | 'select' | 'checkbox' | 'textfield' {
  if (option.secret === true) return 'password';
  if (option.type.choices !== undefined) return 'select';
  return option.type.kind === 'boolean' ? 'checkbox' : 'textfield';
}

function helpOf({ text, default: value, type }: Option<unknown>): string {
  const range = type.kind === 'number' ? ` ${capital(type.expects)}.` : '';
  return `${text}${range}${value === undefined || type.kind === 'boolean' ? '' : ` Default: ${value}.`}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The default stands first, where a browser looks when nothing is chosen. */
function choices({ type, default: value }: Option<unknown>): string[] {
  const all = type.choices ?? [];
  const ordered = value === undefined ? ['', ...all] : [value, ...all.filter((one) => one !== value)];
  return ['<options>', ...ordered.map((one) => `<opt value="${one}" label="${one}"/>`), '</options>'];
}

const NAME = fieldset(
  'Input',
  [
    [
      '<element name="name" label="Name">',
      ...views('list', 'create'),
      key('exampleText', 'Example: access-logs'),
      key('helpText', 'Name of this input. Positions are kept under it, so it can not be changed later.'),
      '</element>',
    ],
  ],
  SCHEME_TEXT,
);

const EVENTS = fieldset('Events', [
  [
    '<element name="index" type="select" label="Index">',
    ...views('list', 'create', 'edit'),
    key(
      'helpText',
      'For events that do not name an index themselves. The indexes of this host are offered: make one here of the same name where only your indexers have it.',
    ),
    '<key name="dynamicOptions" type="dict">',
    key('keyName', 'title'),
    key('keyValue', 'title'),
    key('splunkSource', '/data/indexes'),
    '<key name="splunkSourceParams" type="dict">',
    key('search', "'isInternal=false disabled=false'"),
    key('count', '-1'),
    '</key>',
    '</key>',
    '</element>',
  ],
  [
    '<element name="spl-ctrl_sourcetype" type="select" label="Usual source types">',
    ...views('create', 'edit'),
    key('helpText', 'Writes the chosen one into the next field.'),
    '<onChange>',
    key('_action', 'setElementValue'),
    key('target', 'sourcetype'),
    '<key name="value_map" type="dict">',
    ...SOURCE_TYPES.map((name) => key(name, name)),
    '</key>',
    '</onChange>',
    '<options>',
    '<opt value="" label=""/>',
    ...SOURCE_TYPES.map((name) => `<opt value="${name}" label="${name}"/>`),
    '</options>',
    '</element>',
  ],
  [
    '<element name="sourcetype" type="textfield" label="Source type">',
    ...views('create', 'edit'),
    key('exampleText', `Example: ${SCHEME}`),
    key('helpText', `For events that do not name a source type themselves. Default: ${SCHEME}.`),
    '</element>',
  ],
]);

const HOST = fieldset('Host', [
  [
    '<element name="host" type="textfield" label="Host field value">',
    ...views('create', 'edit'),
    key('helpText', 'For events that do not name a host themselves.'),
    '</element>',
  ],
]);

const MORE = [
  '<element name="spl-ctrl_EnableAdvanced" type="checkbox" label="More settings" class="spl-mgr-advanced-switch">',
  ...views('create', 'edit'),
  '<onChange>',
  key('_action', 'showonly'),
  key('0', 'NONE'),
  key('1', 'ALL'),
  '<group_set><group name="advanced"/></group_set>',
  '</onChange>',
  '</element>',
];

const APP = [
  '<element name="eai:acl.app" label="App">',
  ...views('list'),
  `<key name="processValueList">entity['eai:acl']['app'] or ""</key>`,
  '</element>',
];
