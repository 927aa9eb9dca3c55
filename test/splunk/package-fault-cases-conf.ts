/** Ways to break configuration and pages, each with the fault that must be told. */
import type { Case } from './package-fault-cases.ts';
import { add, append, drop, replace } from './package-members.ts';

export const CONF_FAULTS: readonly Case[] = [
  [
    'an unknown option of the input',
    append('default/inputs.conf', 'initial_postion = LATEST\n'),
    /sets initial_postion, which/,
  ],
  [
    'an enabled input',
    append('default/inputs.conf', '[kinesis_log://prod]\nstream_name = s\n'),
    /\[kinesis_log:\/\/prod\], an input/,
  ],
  [
    'an input over HTTP',
    append('default/inputs.conf', '[http://token]\nstream_name = s\n'),
    /\[http:\/\/token\], an input/,
  ],
  ['an index of its own', append('default/inputs.conf', 'index = main\n'), /chooses an index/],
  ['inputs that are switched on', append('default/inputs.conf', 'disabled = 0\n'), /enables or disables/],
  ['no interval', replace('default/inputs.conf', /interval = 0\n/, ''), /has not interval = 0/],
  [
    'a start by a shell',
    replace('default/inputs.conf', 'start_by_shell = false', 'start_by_shell = true'),
    /start_by_shell/,
  ],
  [
    'a specification without a stanza',
    replace('README/inputs.conf.spec', '[kinesis_log://<name>]', ''),
    /not exactly the one stanza/,
  ],
  [
    'a specification with its stanza twice',
    append('README/inputs.conf.spec', '[kinesis_log://<name>]\n'),
    /not exactly the one stanza/,
  ],
  [
    'an option that is described twice',
    append('README/inputs.conf.spec', 'stream_name = <string>\n'),
    /has stream_name twice/,
  ],
  ['an option that the form lacks', append('README/inputs.conf.spec', 'more = <string>\n'), /scheme\.xml lacks more/],
  [
    'an option that is not described',
    replace('README/inputs.conf.spec', 'stream_name = ', 'stream = '),
    /spec lacks stream_name/,
  ],
  ['a line of garbage', append('default/props.conf', 'garbage\n'), /is no setting: garbage/],
  ['a setting before its stanza', replace('default/props.conf', /^/, 'TRUNCATE = 0\n'), /is no setting: TRUNCATE/],
  ['a broken stanza', append('default/props.conf', '[broken\n'), /is no setting: \[broken/],
  ['a setting twice', append('default/app.conf', 'name = kinloader\n'), /has name twice/],
  ['a stanza twice', append('default/app.conf', '[id]\n'), /has the stanza \[id\] twice/],
  ['a byte order mark', replace('default/app.conf', /^/, '\ufeff'), /byte order mark/],
  ['CRLF', replace('default/app.conf', /\n/g, '\r\n'), /app\.conf has carriage returns/],
  [
    'a setting that Splunk does not know',
    append('default/props.conf', '[kinlog:x]\nTRUNCAT = 0\n'),
    /TRUNCAT .* not among/,
  ],
  ['a configuration of its own', add('default/kinlog.conf', '[x]\na = b\n'), /kinlog\.conf is a configuration/],
  ['an index to be made', add('default/indexes.conf', '[kinlog]\nhomePath = x\n'), /indexes\.conf does not belong/],
  ['a role', add('default/authorize.conf', '[role_x]\nimportRoles = admin\n'), /authorize\.conf is a configuration/],
  [
    'a reload of what is not ours',
    append('default/app.conf', '[triggers]\nreload.inputs = simple\n'),
    /reload\.inputs .* not among/,
  ],
  [
    'settings of another source type',
    append('default/props.conf', '[access_combined]\nTRUNCATE = 0\n'),
    /not a source type of ours/,
  ],
  ['a transform that is missing', append('default/props.conf', '[kinlog:x]\nREPORT-a = none\n'), /has no \[none\]/],
  [
    'a lookup that is missing',
    append('default/props.conf', '[kinlog:x]\nLOOKUP-a = none status\n'),
    /no lookup \[none\]/,
  ],
  [
    'a lookup without its table',
    append('default/transforms.conf', '[x]\nfilename = none.csv\n'),
    /none\.csv is missing/,
  ],
  ['an alert that is on', append('default/savedsearches.conf', '[x]\nsearch = index=x\n'), /"x" is not disabled/],
  ['an alert without a search', append('default/savedsearches.conf', '[x]\ndisabled = 1\n'), /"x" has no search/],
  ['a tag of nothing', append('default/tags.conf', '[eventtype=none]\nweb = enabled\n'), /tags \[eventtype=none\]/],
  [
    'a collection with a field of no type',
    append('default/collections.conf', '[x]\nfield.a = cidr\n'),
    /\[x\] field\.a has no type/,
  ],
  [
    'a build that is no number',
    replace('default/app.conf', /build = .*/, 'build = 1.0'),
    /build is not a whole number/,
  ],
  ['another name', replace('default/app.conf', /^id = .*$/m, 'id = kinlog'), /\[package\] id is not/],
  [
    'another version',
    replace('default/app.conf', /\[launcher\][^[]*version = /, '[launcher]\nversion = 9'),
    /\[launcher\] version/,
  ],
  [
    'another version of the package',
    replace('default/app.conf', /\[id\]\nname = .*\nversion = /, '[id]\nname = kinloader\nversion = 9'),
    /\[id\] version/,
  ],
  [
    'a set-up that seems done',
    replace('default/app.conf', 'is_configured = false', 'is_configured = true'),
    /is_configured is not false/,
  ],
  [
    'a checksum of an installation',
    append('default/app.conf', '[install2]\ninstall_source_checksum = 1\n'),
    /not among our settings/,
  ],
  [
    'a restart after every change',
    replace('default/app.conf', 'state =', 'state_change_requires_restart = true\nstate ='),
    /not among our settings/,
  ],
  [
    'a search for updates',
    replace('default/app.conf', 'check_for_updates = false', 'check_for_updates = true'),
    /check_for_updates/,
  ],
  ['a short label', replace('default/app.conf', /label = .*/, 'label = KL'), /5 to 80 characters/],
  [
    'a label that names Splunk',
    replace('default/app.conf', /label = .*/, 'label = Kinesis for Splunk'),
    /names Splunk/,
  ],
  ['a theme that is missing', replace('default/app.conf', 'light, dark', 'dark'), /supported_themes/],
  ['a runtime for indexers', drop('default/distsearch.conf'), /sends linux_x86_64\/bin\/node to indexers/],
  ['no settings for indexers', replace('default/distsearch.conf', '...bin/', ''), /does not send default\/props\.conf/],
  ['rights that are not said', drop('metadata/default.meta'), /who may do what/],
  ['rights for everybody', replace('metadata/default.meta', 'admin, sc_admin', '*'), /lets others than admin/],
  [
    'rights that leave sc_admin out',
    replace('metadata/default.meta', 'admin, sc_admin', 'admin'),
    /lets others than admin/,
  ],
  ['a manifest that is no JSON', replace('app.manifest', '{', ''), /manifest: is no JSON/],
  ['a manifest of another schema', replace('app.manifest', '2.0.0', '1.0.0'), /schemaVersion/],
  [
    'a manifest with another name',
    replace('app.manifest', '"name": "kinloader"', '"name": "kinlog"'),
    /info\.id\.name/,
  ],
  [
    'a manifest with another version',
    replace('app.manifest', /"version": ".*"/, '"version": "9.0.0"'),
    /info\.id\.version/,
  ],
  ['a manifest with a group', replace('app.manifest', '"group": null', '"group": "kinlog"'), /info\.id\.group/],
  ['a manifest without its licence', replace('app.manifest', 'LICENSE.txt', 'LICENCE.txt'), /names no file/],
  ['a manifest with a key of nobody', replace('app.manifest', '"tasks"', '"task"'), /task is not in the schema/],
];

const VIEW = 'default/data/ui/views/extra.xml';
const view = (inside: string, attributes = 'version="1.1"', root = 'dashboard') =>
  add(VIEW, `<${root} ${attributes}><label>Extra</label>${inside}</${root}>`);
const studio = (definition: string) => view(`<definition><![CDATA[${definition}]]></definition>`, 'version="2"');
const NAV = 'default/data/ui/nav/default.xml';
const FORM = 'default/data/ui/manager/kinesis_log.xml';
const ICONS = ['appIcon', 'appIcon_2x', 'appIconAlt', 'appIconAlt_2x', 'appLogo', 'appLogo_2x'];

export const UI_FAULTS: readonly Case[] = [
  ['no navigation', drop(NAV), /default\.xml is missing/],
  [
    'navigation to a view that is missing',
    replace(NAV, '</nav>', '<view name="none"/></nav>'),
    /leads to the view none/,
  ],
  ['a view that nothing leads to', view(''), /does not lead to the view extra/],
  ['navigation without a first view', replace(NAV, ' default="true"', ''), /exactly one view to begin with/],
  ['navigation that is not well-formed', replace(NAV, '</nav>', ''), /nav\/default\.xml is not well-formed/],
  [
    'a set-up page that is missing',
    replace('default/app.conf', /setup_view = .*/, 'setup_view = none'),
    /setup_view names no view/,
  ],
  ['an app that nobody sees', replace('default/app.conf', 'is_visible = true', 'is_visible = false'), /not visible/],
  ['an app without a view', (all) => all.filter(({ path }) => !path.includes('/views/')), /has no view/],
  ['a view that is not well-formed', add(VIEW, '<dashboard>'), /extra\.xml is not well-formed/],
  ['a view of another kind', view('', 'version="1.1"', 'view'), /is no dashboard or form/],
  ['a view of no version', view('', ''), /has not version 1\.1 or 2/],
  ['a view without a label', add(VIEW, '<dashboard version="1.1"/>'), /has no label/],
  ['a script in a view', view('<row><panel><html><script>1</script></html></panel></row>'), /has a script in its text/],
  [
    'a script in an attribute',
    view('<row><panel><html><a onclick="x()"/></html></panel></row>'),
    /has a script in its text/,
  ],
  ['a link without TLS', view('<a href="http://example.com/"/>'), /link without TLS/],
  ['a script that is missing', view('', 'version="1.1" script="none.js"'), /loads none\.js/],
  ['a style that is missing', view('', 'version="1.1" stylesheet="none.css"'), /loads none\.css/],
  ['a script that nothing loads', add('appserver/static/lost.js', ''), /lost\.js is loaded by no view/],
  ['a dashboard that is no JSON', studio('{'), /holds no definition/],
  ['an unknown visualization', studio('{"visualizations":{"v":{"type":"splunk.pies"}}}'), /unknown type splunk\.pies/],
  [
    'a search that is missing',
    studio('{"visualizations":{"v":{"type":"splunk.pie","dataSources":{"primary":"none"}}}}'),
    /shows none/,
  ],
  ['no form', drop(FORM), /kinesis_log\.xml is missing/],
  ['a form of another input', replace(FORM, 'data/inputs/kinesis_log', 'data/inputs/kinesis'), /is not the page of/],
  ['an option that the form lacks', replace(FORM, 'name="stream_name"', 'name="stream"'), /does not offer stream_name/],
  ['a field of nobody', replace(FORM, 'name="stream_name"', 'name="stream"'), /offers stream, which/],
  ['a field twice', replace(FORM, 'name="aws_region"', 'name="stream_name"'), /offers stream_name twice/],
  [
    'a secret in plain sight',
    replace(FORM, 'name="hec_token" type="password"', 'name="hec_token" type="textfield"'),
    /shows hec_token as it is typed/,
  ],
  ...ICONS.map((icon): Case => [`no ${icon}`, drop(`static/${icon}.png`), new RegExp(`${icon}\\.png is missing`)]),
  ['an icon of another size', add('static/appIcon.png', png(72, 72)), /is 72x72, not 36x36/],
  ['an icon that is no PNG', add('static/appLogo.png', 'GIF89a'.padEnd(40)), /is no PNG/],
];

function png(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(33);
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}
