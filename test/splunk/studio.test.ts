/** Dashboards of Dashboard Studio by Splunk's own schemas: the ones of the app are right, and what is broken in one way is found. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dashboardTools } from '../../splunk-app/validation/environment.ts';
import { loadStudioTools, type StudioTools } from '../../splunk-app/validation/studio.ts';
import { judgeViews, readViews } from '../../splunk-app/validation/views.ts';

let tools: StudioTools;
beforeAll(async () => {
  tools = loadStudioTools(await dashboardTools());
}, 300_000);

const APP = path.join(import.meta.dirname, '../../splunk-app');

const time = { queryParameters: { earliest: '$time.earliest$', latest: '$time.latest$' } };
const block = (item: string, x: number) => ({ item, type: 'block', position: { x, y: 0, w: 600, h: 300 } });

const GOOD = {
  title: 'Health',
  description: 'A dashboard',
  dataSources: {
    base: { type: 'ds.search', name: 'base', options: { query: 'index=_internal stream=$stream|s$', ...time } },
    lag: { type: 'ds.chain', options: { extend: 'base', query: 'timechart max(lag)' } },
    now: { type: 'ds.savedSearch', options: { ref: 'Kinesis - lag' } },
  },
  visualizations: {
    chart: {
      type: 'splunk.line',
      title: 'Lag of $shard$',
      dataSources: { primary: 'lag' },
      options: { xAxisTitleVisibility: 'hide' },
      eventHandlers: [
        { type: 'drilldown.setToken', options: { tokens: [{ token: 'shard', key: 'row.shard.value' }] } },
      ],
    },
    figure: { type: 'splunk.singlevalue', dataSources: { primary: 'now' }, options: { majorFontSize: 20, unit: 's' } },
  },
  inputs: {
    time: { type: 'input.timerange', title: 'Time', options: { token: 'time', defaultValue: '-24h@h,now' } },
    stream: {
      type: 'input.dropdown',
      title: 'Stream',
      options: { token: 'stream', items: [{ label: 'All', value: '*' }], defaultValue: '*' },
    },
  },
  layout: {
    type: 'grid',
    options: {},
    globalInputs: ['time', 'stream'],
    structure: [block('chart', 0), block('figure', 600)],
  },
};

const view = (definition: string) =>
  `<dashboard version="2" theme="light"><label>Health</label><definition><![CDATA[${definition}]]></definition></dashboard>`;
const faultsOf = (xml: string) => judgeViews(new Map([['health.xml', xml]]), tools).faults;

/** The good one with another value at `place`, keys joined by slashes. */
function broken(place: string, value: unknown): string {
  const dashboard = structuredClone(GOOD) as unknown as Record<string, unknown>;
  const keys = place.split('/');
  const last = keys.pop()!;
  let holder = dashboard;
  for (const key of keys) holder = holder[key] as Record<string, unknown>;
  holder[last] = value;
  return view(JSON.stringify(dashboard));
}

describe('the views of the app', () => {
  it('are right', () => {
    expect(judgeViews(readViews(APP), tools).faults).toEqual([]);
  });
});

describe('a dashboard of Dashboard Studio', () => {
  it('that is right has no fault, with tabs as without', () => {
    expect(faultsOf(view(JSON.stringify(GOOD)))).toEqual([]);
    const { globalInputs, ...only } = GOOD.layout;
    const layout = {
      globalInputs,
      tabs: { items: [{ layoutId: 'one', label: 'One' }] },
      layoutDefinitions: { one: only },
    };
    expect(faultsOf(view(JSON.stringify({ ...GOOD, layout })))).toEqual([]);
  });

  it.each<[fault: string, place: string, value: unknown, expected: RegExp]>([
    ['an unknown visualization', 'visualizations/chart/type', 'splunk.lines', /chart\/type: must be equal/],
    ['a misspelt option', 'visualizations/chart/options/xAxisTitel', 'x', /\("xAxisTitel"\)/],
    [
      'an option of a wrong type',
      'visualizations/figure/options/majorFontSize',
      '20px',
      /majorFontSize: must be number/,
    ],
    ['an unknown layout', 'layout/type', 'flow', /type: must be equal/],
    ['a layout that is none', 'layout', 'grid', /layout: must be object/],
    ['an unknown kind of data source', 'dataSources/base/type', 'ds.serch', /base\/type: must be equal/],
    ['an unknown option of a data source', 'dataSources/base/options/earliest', '-1d', /\("earliest"\)/],
    ['a data source without a query', 'dataSources/base/options', {}, /base\/options: must have .*query/],
    ['an unknown kind of input', 'inputs/stream/type', 'input.select', /stream\/type: must be equal/],
    ['an item in the layout that is not there', 'layout/structure/0/item', 'chrt', /"chrt" that does not exist/],
    ['a visualization that no layout shows', 'layout/structure', [block('chart', 0)], /"figure" is not present/],
    ['a global input that is not there', 'layout/globalInputs/2', 'host', /"host" that does not exist/],
    ['a misspelt section', 'visualisations', {}, /\("visualisations"\)/],
    [
      'a data source that is not there',
      'visualizations/chart/dataSources/primary',
      'lagg',
      /there is no data source lagg/,
    ],
    ['a chain from nothing', 'dataSources/lag/options/extend', 'bas', /lag: there is no data source bas/],
    ['a data source that nothing shows', 'dataSources/idle', GOOD.dataSources.base, /idle: nothing shows it/],
    ['a token that nothing sets', 'dataSources/base/options/query', 'host=$hst$', /nothing sets the token \$hst\$/],
    [
      'a misspelt end of a time range',
      'dataSources/base/options/queryParameters/latest',
      '$time.lates$',
      /\$time\.lates\$/,
    ],
  ])('with %s is refused', (_fault, place, value, expected) => {
    expect(faultsOf(broken(place, value))).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });

  it.each([
    ['JSON that is cut off', view(JSON.stringify(GOOD).slice(0, -1)), /its definition is not JSON/],
    ['a list', view('[]'), /not a JSON object/],
    ['no definition', '<dashboard version="2"><label>x</label></dashboard>', /0 <definition>/],
    ['XML that is cut off', view(JSON.stringify(GOOD)).slice(0, -1), /health\.xml: /],
  ])('that holds %s is refused', (_fault, xml, expected) => {
    expect(faultsOf(xml)).toEqual([expect.stringMatching(expected)]);
  });
});
