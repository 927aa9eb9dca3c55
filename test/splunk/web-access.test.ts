/** What the dashboard Web access shows of access logs: its searches are run over lines with the fields that our source types give them. */
import { describe, expect, it } from 'vitest';
import { accessLog } from '../fakes/access-log.ts';
import { appConf } from './app-conf.ts';
import { definitionOf, withTokens } from './dashboard-definition.ts';
import type { Row } from './spl-expression.ts';
import { expandMacros } from './spl-fields.ts';
import { runSearch } from './spl-run.ts';
import { fieldsOfEvent } from './web-fields.ts';

const macros = new Map([...appConf('macros')].map(([name, settings]) => [name, settings.get('definition')!]));
const { dataSources } = definitionOf('web_access');

const event = (line: string, n: number): Row => ({
  ...fieldsOfEvent('kinlog:access_combined', line),
  ...{ index: 'web', eventtype: 'kinlog_web', _time: 1_790_000_000 + n },
});

/** `chosen`: tokens that are not left at `*`. */
function panel(source: string, events: readonly Row[], chosen: Readonly<Record<string, string>> = {}): readonly Row[] {
  const { query, extend } = dataSources[source]!.options;
  const all = withTokens(expandMacros(query, macros), { class: '^.', ...chosen });
  return runSearch(all, extend === undefined ? events : panel(extend, events, chosen));
}

const line = (
  path: string,
  status: number,
  { bytes = 100, agent = 'Mozilla/5.0', src = '203.0.113.1', us = 1000 } = {},
) => `${src} - - [10/Oct/2026:13:55:36 +0000] "GET ${path} HTTP/1.1" ${status} ${bytes} "-" "${agent}" ${us}`;

const EVENTS = [
  line('/a', 200, { us: 2_000_000 }),
  line('/a?x=1', 200, { bytes: 1_048_576 }),
  line('/a', 404),
  line('/b', 500, { src: '203.0.113.2' }),
  line('/b', 200, { agent: 'Googlebot/2.1', src: '203.0.113.3' }),
  '203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "\\x16\\x03" 400 0 "-" "-"',
].map(event);

describe('Web access', () => {
  it('sums up requests and the shares of errors', () => {
    expect(panel('ds_totals', EVENTS)).toMatchObject([
      { requests: 6, server_error_percent: 16.67, client_error_percent: 33.33, gb: 0 },
    ]);
  });

  it('shows pages without their queries, and what was no request as -', () => {
    expect(panel('ds_top_pages', EVENTS)).toMatchObject([
      { uri_path: '/a', requests: 3, mb: 1, client_errors: 1, server_errors: 0 },
      { uri_path: '/b', requests: 2, client_errors: 0, server_errors: 1 },
      { uri_path: '-', requests: 1, client_errors: 1 },
    ]);
  });

  it('shows slow pages in milliseconds, and says what is missing where no line tells the time', () => {
    expect(panel('ds_slow_pages', EVENTS)[0]).toMatchObject({ uri_path: '/a', longest_ms: 2000 });
    const without = EVENTS.map(({ response_time: _, ...row }) => row);
    expect(panel('ds_slow_pages', without)).toMatchObject([{ uri_path: expect.stringMatching(/%D or/) }]);
  });

  it('shows errors by status, and the requests behind the one that was clicked', () => {
    expect(panel('ds_error_table', EVENTS).map((row) => [row['status'], row['status_description']])).toEqual(
      expect.arrayContaining([
        ['404', 'Not Found'],
        ['500', 'Internal Server Error'],
        ['400', 'Bad Request'],
      ]),
    );
    expect(panel('ds_error_request_table', EVENTS, { status: '500' })).toMatchObject([
      { status: '500', uri_path: '/b', src: '203.0.113.2', requests: 1 },
    ]);
  });

  it('knows robots by their name', () => {
    expect(panel('ds_robots', EVENTS)).toMatchObject([{ http_user_agent: 'Googlebot/2.1', requests: 1, addresses: 1 }]);
    expect(panel('ds_client_count', EVENTS)).toMatchObject([{ clients: 4, robot_percent: 16.7 }]);
  });

  it.each([
    [{ page: '/a' }, 3],
    [{ client: '203.0.113.3' }, 1],
    [{ class: '^[45]' }, 3],
    [{ dest: 'web-*' }, 6],
    [{ dest: 'elsewhere' }, 0],
  ])('shows only what was chosen: %o', (chosen, requests) => {
    expect(panel('ds_totals', EVENTS, chosen)).toMatchObject([{ requests }]);
  });

  it('shows one page by a click, whatever its name would mean in a search', () => {
    const hostile = ['/x" OR uri_path="*', '/a\\', '/a\\"|delete'].map((uri_path) => ({ ...EVENTS[0]!, uri_path }));
    for (const { uri_path } of hostile)
      expect(panel('ds_totals', [...EVENTS, ...hostile], { page: uri_path }), uri_path).toMatchObject([
        { requests: 1 },
      ]);
  });

  it('counts every line of a real log once', () => {
    const seed = 11;
    const lines = [...accessLog({ seed, lines: 1000 })];
    const events = lines.map(event);
    const failed = (first: string) => lines.filter((text) => new RegExp(`" ${first}\\d\\d `).test(text)).length;
    expect(panel('ds_totals', events), `seed ${seed}`).toMatchObject([
      { requests: 1000, client_errors: failed('4'), server_errors: failed('5') },
    ]);
    const pages = panel('ds_pages', events);
    expect(pages.reduce((sum, row) => sum + Number(row['requests']), 0)).toBe(1000);
  });
});
