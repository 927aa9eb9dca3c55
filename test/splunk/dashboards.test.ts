/** What the dashboards and the alerts search for exists: every field in the lines that the input writes, every event, code, macro and column. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../base/errors.ts';
import { EVENTS } from '../../base/events.ts';
import { METRICS_FIELDS, type LineKind } from '../../splunk-app/input/metrics-fields.ts';
import { appConf } from './app-conf.ts';
import { definitionOf, withTokens, type Definition } from './dashboard-definition.ts';
import { expandMacros, fieldsOf, followFields, type Fields, type Followed } from './spl-fields.ts';
import { webFields } from './web-fields.ts';

const VIEWS = ['pipeline_health', 'web_access'] as const;

const definitions = Object.fromEntries(VIEWS.map((view) => [view, definitionOf(view)])) as Record<
  (typeof VIEWS)[number],
  Definition
>;

const macros = new Map([...appConf('macros')].map(([name, settings]) => [name, settings.get('definition')!]));
const alerts = [...appConf('savedsearches')].map(([name, settings]) => [name, settings.get('search')!] as const);
const eventTypes = [...appConf('eventtypes')].map(([name, settings]) => [name, settings.get('search')!] as const);
const queries = [
  ...VIEWS.flatMap((view) => Object.values(definitions[view].dataSources).map(({ options }) => options.query)),
  ...alerts.map(([, search]) => search),
  ...eventTypes.map(([, search]) => search),
  ...macros.values(),
].join('\n');

/** Fields that Splunk itself finds in its own log (props.conf of every installation, source type splunkd). */
const SPLUNKD = ['log_level', 'component'];

/** The events that the first command of a search finds. */
function eventsOf(query: string): Fields {
  if (/sourcetype=kinlog:metrics\b/.test(query)) {
    const kind = /\bkind=(\w+)/.exec(query)?.[1] as LineKind;
    expect(['stream', 'shard', 'event']).toContain(kind);
    return fieldsOf(Object.entries(METRICS_FIELDS).flatMap(([name, field]) => (isIn(field, kind) ? [name] : [])));
  }
  if (/sourcetype=splunkd\b/.test(query)) return fieldsOf(SPLUNKD);
  expect(query).toMatch(/eventtype=kinlog_web\b/);
  return fieldsOf(webFields());
}

const isIn = (field: { readonly in: readonly LineKind[] }, kind: LineKind) => field.in.includes(kind);

function follow(view: Definition, name: string): Followed {
  const { options } = view.dataSources[name]!;
  const query = withTokens(expandMacros(options.query, macros));
  if (options.extend === undefined) return followFields(query, eventsOf(query));
  return followFields(query, follow(view, options.extend).fields);
}

const sources = VIEWS.flatMap((view) =>
  Object.keys(definitions[view].dataSources).map((name) => [view, name] as const),
);

describe('every search of a dashboard', () => {
  it.each(sources)('of %s: %s reads only fields that are there', (view, name) => {
    expect(follow(definitions[view], name).faults).toEqual([]);
  });

  it.each(VIEWS)('of %s takes what a person types or clicks as a value, and as nothing else', (view) => {
    const bare = Object.values(definitions[view].dataSources).flatMap(
      ({ options }) => options.query.replaceAll('$$', '').match(/\$\w+\$/g) ?? [],
    );
    expect(bare).toEqual([]);
  });

  it.each(VIEWS)('of %s ends in results, not in events, so that others can go on behind it', (view) => {
    const raw = Object.entries(definitions[view].dataSources).filter(
      ([, { type, options }]) => type === 'ds.search' && !/\| stats /.test(options.query),
    );
    expect(raw).toEqual([]);
  });
});

describe('the panel splunkd.log', () => {
  const { query } = definitions.pipeline_health.dataSources['ds_messages']!.options;
  const pattern = new RegExp(/\| rex "((?:[^"\\]|\\.)*)"/.exec(query)![1]!.replaceAll('\\"', '"'));

  it.each([
    'message from "/opt/splunk/etc/apps/kinloader/linux_x86_64/bin/kinesis_log.sh" ',
    // So splunkd quotes a program on Windows.
    String.raw`message from ""C:\Program Files\Splunk\etc\apps\kinloader\windows_x86_64\bin\kinesis_log.cmd"" `,
  ])('finds what an input said behind: %s', (front) => {
    const line = `11-21-2026 12:00:00.000 +0000 ERROR ExecProcessor [99 ExecProcessor] - ${front}reader.failed "quoted" text`;
    expect(pattern.exec(line)?.groups).toMatchObject({ message: 'reader.failed "quoted" text' });
  });
});

describe('every panel', () => {
  const parts = VIEWS.flatMap((view) => {
    const { visualizations, inputs } = definitions[view];
    return [...Object.entries(visualizations), ...Object.entries(inputs)].map(([name, part]) => ({ view, name, part }));
  });
  const fed = parts.filter(({ part }) => part.dataSources !== undefined);

  it.each(fed)('$view $name shows columns that its search makes', ({ view, part }) => {
    const { fields } = follow(definitions[view], part.dataSources!['primary']!);
    const named = JSON.stringify(part);
    const columns = [
      ...[...named.matchAll(/seriesByName\(\\?"(.+?)\\?"\)/g)].map(([, field]) => field!),
      ...[...named.matchAll(/"row\.([^"]+)\.value"/g)].map(([, field]) => field!),
      ...Object.keys(part.options?.['columnFormat'] ?? {}),
    ];
    expect(columns.filter((column) => !fields.names.has(column))).toEqual([]);
  });

  it.each(parts)('$view $name says what it is', ({ name, part }) => {
    expect(part.title).toMatch(/\S/);
    if (name.startsWith('viz_')) expect(part.description).toMatch(/\.$/);
  });

  it.each(fed.filter(({ part }) => part.options?.['columnFormat'] !== undefined || part.title === 'Top pages'))(
    '$view $name has a row that says so when there is nothing to show',
    ({ view, part }) => {
      const { options } = definitions[view].dataSources[part.dataSources!['primary']!]!;
      expect(options.query).toMatch(/\| appendpipe \[ stats count \| where count=0 \| eval \w+="[^"]{20,}" /);
    },
  );
});

describe('every alert', () => {
  const conf = appConf('savedsearches');

  it.each(alerts)('%s reads only fields that are there', (_, search) => {
    const query = expandMacros(search, macros);
    expect(followFields(query, eventsOf(query)).faults).toEqual([]);
  });

  it.each([...conf.keys()])('%s is disabled, described, mails nobody, and runs on a schedule once enabled', (name) => {
    const settings = conf.get(name)!;
    expect(settings.get('disabled')).toBe('1');
    expect(settings.get('enableSched')).toBe('1');
    expect(settings.get('cron_schedule')).toMatch(/^(\S+ ){4}\S+$/);
    expect(settings.get('description')).toMatch(/\.$/);
    expect([...settings.keys()].filter((key) => key.startsWith('action'))).toEqual([]);
    const suppressed = settings.get('alert.suppress.fields')?.split(',') ?? [];
    const query = expandMacros(settings.get('search')!, macros);
    const { names } = followFields(query, eventsOf(query)).fields;
    expect(suppressed.filter((field) => !names.has(field))).toEqual([]);
  });

  it('looks at what was indexed in every minute once where it looks back as far as it runs apart, however late it came', () => {
    const ofEvents = [...conf.values()].filter((settings) => settings.get('dispatch.latest_time') !== 'now');
    expect(ofEvents.length).toBeGreaterThan(2);
    for (const settings of ofEvents) {
      expect(settings.get('cron_schedule')).toBe('*/5 * * * *');
      expect(settings.get('search')).toMatch(/^`\w+` _index_earliest=-6m@m _index_latest=-1m@m /);
      expect([settings.get('dispatch.earliest_time'), settings.get('dispatch.latest_time')]).toEqual(['-24h', '+1d']);
    }
  });
});

describe('names in searches', () => {
  it('are events that are declared', () => {
    const named = [...queries.matchAll(/\bevent(?:=| IN \()([\w.\-, ]+)/g)].flatMap(([, list]) => list!.split(/, ?/));
    const events = named.map((name) => name.trim().split(' ')[0]!);
    expect(events.length).toBeGreaterThan(2);
    expect(events.filter((name) => !(name in EVENTS))).toEqual([]);
  });

  it('are error codes that are declared', () => {
    const codes = [...queries.matchAll(/\bKINLOG_[A-Z_]+/g)].map(([code]) => code);
    expect(codes.length).toBeGreaterThan(4);
    expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
  });

  it('are macros that are used', () => {
    expect([...macros.keys()].filter((name) => !queries.includes(`\`${name}\``))).toEqual([]);
  });

  it('are source types of our own, or those of Splunk’s own logs', () => {
    const named = [...queries.matchAll(/\bsourcetype=([\w:]+)/g)].map(([, name]) => name!);
    const known = [...appConf('props').keys(), 'splunkd'];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('docs/splunk/dashboards.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/splunk/dashboards.md'), 'utf8');
  const rows = (heading: string) => {
    const [, section = ''] = new RegExp(`^## ${heading}\\n([^]*?)(?=^## |(?![^]))`, 'm').exec(page) ?? [];
    return [...section.matchAll(/^\| `?([^|`]+?)`? \|/gm)].map(([, name]) => name!).slice(1);
  };

  it('tells of every alert', () => {
    expect(rows('Alerts')).toEqual(alerts.map(([name]) => name.replace('Kinesis Log Loader - ', '')));
  });

  it('tells of every macro', () => {
    expect(rows('Macros')).toEqual([...macros.keys()]);
  });
});

describe('following fields through a search', () => {
  const events = fieldsOf(['a', 'b']);
  it.each([
    ['a=1 c=2', 'search: nothing makes the field c'],
    ['a=1 | stats sum(x) AS y BY b', 'stats: nothing makes the field x'],
    ['a=1 | stats sum(a) AS y BY b | eval z=a+y', 'eval: nothing makes the field a'],
    ['a=1 | eval z=y, y=1', 'eval: nothing makes the field y'],
    ['a=1 | stats count(eval(q>1)) AS n', 'stats: nothing makes the field q'],
    ['a=1 | timechart max(a) AS m | where n>1', 'where: nothing makes the field n'],
    ['a=1 | table a | sort 0 - b', 'sort: nothing makes the field b'],
    ['a=1 | rename a AS c | where a=1', 'where: nothing makes the field a'],
    ['a=1 | eval z=lenght(a)', 'eval z=lenght(a): lenght() is no function of eval that is known here'],
    ['a=1 | stats summ(a) AS b', 'stats summ(a) AS b: summ is no aggregate that is known here'],
    ['a=1 | tabel a', 'tabel a: no command that is known here'],
  ])('finds what is wrong in: %s', (query, fault) => {
    expect(followFields(query, events).faults).toEqual([fault]);
  });
});
