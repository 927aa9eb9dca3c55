/** Source types, extractions, event types and tags: what Splunk makes of access logs and of the metrics log. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { accessLog, accessLogId } from '../fakes/access-log.ts';
import { appConf } from './app-conf.ts';
import { fieldsOfEvent } from './web-fields.ts';

const LINE = 'kinlog:access_combined';
const JSON_LINE = 'kinlog:access_json';

/** Of the dataset Web in the Common Information Model (help.splunk.com, Common Information Model Add-on, "Web"), as far as access logs know them. */
const WEB =
  `action bytes bytes_out dest http_method http_referrer http_referrer_domain http_user_agent http_user_agent_length src status uri_path
  uri_query url url_length user`.split(/\s+/);

const COMBINED = `203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] "GET /cart?id=7&x=1#top HTTP/1.1" 404 2326 "https://www.example.com:8443/start?a=1" "Mozilla/5.0 (X11)"`;

describe('a line of an access log', () => {
  it('has the fields of the Web model', () => {
    expect(fieldsOfEvent(LINE, COMBINED)).toMatchObject({
      ...{ action: 'failure', bytes: 2326, bytes_out: 2326, dest: 'web-1', http_method: 'GET', src: '203.0.113.9' },
      ...{ http_referrer: 'https://www.example.com:8443/start?a=1', http_referrer_domain: 'www.example.com:8443' },
      ...{ http_user_agent: 'Mozilla/5.0 (X11)', http_user_agent_length: 17, user: 'frank', url_length: 18 },
      ...{ status: '404', status_class: '4xx', status_description: 'Not Found' },
      ...{ url: '/cart?id=7&x=1#top', uri_path: '/cart', uri_query: 'id=7&x=1', http_protocol: 'HTTP/1.1' },
    });
    expect(Object.keys(fieldsOfEvent(LINE, COMBINED))).toEqual(expect.arrayContaining(WEB));
  });

  it.each([
    [
      'the common format, without referrer and agent',
      '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 -',
      { status: '200', bytes: 0, uri_path: '/a.gif', action: 'success' },
      ['user', 'http_referrer', 'http_user_agent', 'response_time'],
    ],
    [
      'a virtual host in front',
      'shop.example.com:443 10.1.2.3 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-"',
      { dest: 'shop.example.com', site: 'shop.example.com', dest_port: '443', src: '10.1.2.3' },
      ['http_referrer', 'http_user_agent'],
    ],
    [
      'an address of IPv6',
      '2001:db8::5 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "" ""',
      { src: '2001:db8::5', dest: 'web-1' },
      ['site', 'dest_port', 'http_referrer', 'http_user_agent'],
    ],
    ['microseconds behind it', `${COMBINED} 1500`, { response_time: 1.5 }, []],
    ['seconds with decimals behind it', `${COMBINED} 0.250`, { response_time: 250 }, []],
    ['something else behind it', `${COMBINED} "x-forwarded-for"`, { status: '404' }, ['response_time']],
    [
      'escaped quotes and a backslash at the end',
      String.raw`10.0.0.1 - o\"brien [10/Oct/2000:13:55:36 -0700] "GET /q?name=\"quoted\"&v=1\\ HTTP/1.1" 200 7 "-" "Probe \"x\" \\"`,
      { uri_query: String.raw`name=\"quoted\"&v=1\\`, http_user_agent: String.raw`Probe \"x\" \\`, user: 'o\\"brien' },
      [],
    ],
    [
      'a user with a blank',
      '10.0.0.1 - Anna Lee [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 7 "-" "-"',
      { user: 'Anna Lee' },
      [],
    ],
    [
      'what is not HTTP at all',
      String.raw`10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "\x16\x03\x01\x00" 400 226 "-" "-"`,
      { status: '400', uri_path: '-', status_class: '4xx' },
      ['http_method', 'uri_query', 'url'],
    ],
    [
      'no request',
      '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "-" 408 - "-" "-"',
      { status: '408', uri_path: '-' },
      ['http_method'],
    ],
    [
      'a whole address as target, as proxies get it',
      '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET http://example.com/a?b HTTP/1.1" 200 1 "-" "-"',
      { url_domain: 'example.com', uri_path: '/a', uri_query: 'b' },
      [],
    ],
    [
      'blanks within the target',
      '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a b?c=d e HTTP/1.1" 200 1 "-" "-"',
      { uri_path: '/a b', uri_query: 'c=d e', http_protocol: 'HTTP/1.1' },
      [],
    ],
    [
      'a status that nobody knows',
      '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 799 1 "-" "-"',
      { status: '799', status_class: '7xx', action: 'failure' },
      ['status_description'],
    ],
  ] as const)('may have %s', (_, line, expected, absent) => {
    const fields = fieldsOfEvent(LINE, line);
    expect(fields).toMatchObject(expected);
    expect(absent.filter((name) => name in fields)).toEqual([]);
  });

  it('is understood whatever a server writes, to the last character of its id', () => {
    const seed = 20_261;
    for (const line of accessLog({ seed, lines: 5000 })) {
      const fields = fieldsOfEvent(LINE, line);
      expect(fields, `seed ${seed}: ${line}`).toMatchObject({
        status: /" (\d{3}) /.exec(line)![1],
        src: line.split(' ')[0],
        http_method: /"([A-Z]+) /.exec(line)![1],
        request_time: /\[(.*?)\]/.exec(line)![1],
      });
      expect(String(fields['url']), line).toMatch(new RegExp(`id=${accessLogId(line)!}$`));
      expect(fields['uri_path']).toMatch(/^\//);
    }
  });

  it('gives its time within what Splunk looks at', () => {
    const props = appConf('props').get(LINE)!;
    expect(props.get('TIME_FORMAT')).toBe('%d/%b/%Y:%H:%M:%S %z');
    for (const line of accessLog({ seed: 3, lines: 200 })) {
      const prefix = new RegExp(props.get('TIME_PREFIX')!).exec(line)!;
      const window = line.slice(prefix.index + prefix[0].length).slice(0, Number(props.get('MAX_TIMESTAMP_LOOKAHEAD')));
      expect(window).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}/);
    }
  });
});

describe('a line that the Kinesis Agent made JSON of', () => {
  const LINES = [
    '{"host":"123.45.67.89","ident":null,"authuser":null,"datetime":"27/Oct/2000:09:27:09 -0400","request":"GET /java/javaResources.html?x=1 HTTP/1.0","response":"200","bytes":"10450","referer":"http://a.example/b","agent":"Mozilla/4.6 [en] (X11; \\"U\\")"}',
    '{"host":"10.0.0.1","authuser":"frank","datetime":"27/Oct/2000:09:27:09 -0400","request":"-","response":408,"bytes":"-","referrer":"-","agent":"\\"response\\":\\"999\\""}',
  ] as const;

  it('has the same fields', () => {
    expect(fieldsOfEvent(JSON_LINE, LINES[0])).toMatchObject({
      ...{ src: '123.45.67.89', dest: 'web-1', host: 'web-1', status: '200', bytes: 10_450, http_method: 'GET' },
      ...{ uri_path: '/java/javaResources.html', uri_query: 'x=1', http_referrer_domain: 'a.example' },
      ...{ action: 'success', status_class: '2xx', status_description: 'OK' },
    });
    const { user } = fieldsOfEvent(JSON_LINE, LINES[0]);
    expect(user).toBeUndefined();
    expect(fieldsOfEvent(JSON_LINE, LINES[1])).toMatchObject({ status: '408', bytes: 0, user: 'frank', uri_path: '-' });
  });
});

describe('an extraction', () => {
  const patterns = [
    ...[...appConf('transforms').values()].flatMap((settings) => settings.get('REGEX') ?? []),
    ...[...appConf('props').values()].flatMap((settings) =>
      [...settings].filter(([key]) => /^EXTRACT-|^TIME_PREFIX$/.test(key)).map(([, value]) => value),
    ),
  ];
  const head = '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "';
  const long = 100_000;
  const hostile = [
    'a'.repeat(long),
    ' '.repeat(long),
    '"'.repeat(long),
    '\\'.repeat(long),
    `${head}${'\\"'.repeat(long)}`,
    `${head}GET ${'/a?b#c '.repeat(long)}`,
    `${head}GET /" 200 1 "${'\\\\'.repeat(long)}`,
    `${head}GET /" 200 1 "${'a" "'.repeat(long)}`,
    `10.0.0.1 - ${'x ['.repeat(long)}`,
    `${'a.'.repeat(long)}:80 `,
    `"agent":${' '.repeat(long)}`.repeat(2),
    '"request":"'.repeat(long),
    `GET ${' HTTP/1.1'.repeat(long / 10)} `,
    `a://${'/?#'.repeat(long)}`,
  ];

  it.each([...new Set(patterns)])('ends on hostile text: %s', (pattern) => {
    const context = createContext({ pattern, hostile });
    // Not how fast, but that it ends: what backtracks without end would never.
    runInContext('for (const text of hostile) new RegExp(pattern, "u").exec(text)', context, { timeout: 15_000 });
  });

  it('repeats no group that could give back what it took, which long lines would exceed the depth of', () => {
    // Within quotes: plain characters in one run, and one step of the group for an escaped one.
    const repeated = patterns.flatMap((pattern) => [...pattern.matchAll(/\((?:\?:)?((?:[^()\\]|\\.)*)\)[*+]/g)]);
    expect(new Set(repeated.map(([, group]) => group))).toEqual(new Set([String.raw`\\.[^"\\]*`]));
  });
});

describe('knowledge objects', () => {
  it('put access logs, and nothing else, into the Web model', () => {
    expect(appConf('eventtypes').get('kinlog_web')?.get('search')).toBe(
      `sourcetype=${LINE} OR sourcetype=${JSON_LINE}`,
    );
    expect([...appConf('tags').keys()]).toEqual(['eventtype=kinlog_web']);
    expect([...appConf('tags').get('eventtype=kinlog_web')!]).toEqual([['web', 'enabled']]);
  });

  it('name what is there', () => {
    const transforms = appConf('transforms');
    const settings = [...appConf('props').values()].flatMap((stanza) => [...stanza]);
    const values = (kind: string) => settings.filter(([key]) => key.startsWith(kind)).map(([, value]) => value);
    const reports = values('REPORT-').flatMap((list) => list.split(', '));
    expect(reports.filter((name) => transforms.get(name)?.get('REGEX') === undefined)).toEqual([]);
    const lookups = values('LOOKUP-').map((value) => value.split(' ')[0]!);
    expect(lookups.filter((name) => transforms.get(name)?.get('filename') === undefined)).toEqual([]);
  });

  it('know every status that servers of the access logs answer, each once', () => {
    const rows = lookup('kinlog_http_status.csv').map(([status]) => Number(status));
    expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
    const answered = [...accessLog({ seed: 1, lines: 2000 })].map((line) => Number(/" (\d{3}) /.exec(line)![1]));
    expect(answered.filter((status) => !rows.includes(status))).toEqual([]);
  });

  it('are the app’s own where they speak of the app, and everybody’s where they explain events', () => {
    const meta = appConf('metadata/default.meta');
    for (const kind of ['views', 'nav', 'savedsearches', 'macros']) expect(meta.get(kind)?.get('export')).toBe('none');
    expect(meta.get('')?.get('export')).toBe('system');
  });

  it('show stored secrets, and the page that lists them, to administrators alone', () => {
    const meta = appConf('metadata/default.meta');
    for (const kind of ['passwords', 'views/setup'])
      expect(meta.get(kind)?.get('access')).toBe('read : [ admin, sc_admin ], write : [ admin, sc_admin ]');
    expect(meta.get('passwords')?.get('export')).toBe('none');
  });
});

describe('the two source types of access logs', () => {
  it('calculate alike', () => {
    const calculated = (sourcetype: string) =>
      new Map([...appConf('props').get(sourcetype)!].filter(([key]) => /^(EVAL|LOOKUP|FIELDALIAS)-/.test(key)));
    const [line, json] = [calculated(LINE), calculated(JSON_LINE)];
    // The agent tells neither the virtual host nor how long an answer took.
    for (const key of ['EVAL-response_time', 'EVAL-dest']) {
      line.delete(key);
      json.delete(key);
    }
    expect(line).toEqual(json);
  });
});

function lookup(file: string): string[][] {
  const text = readFileSync(path.join(import.meta.dirname, '../../splunk-app/lookups', file), 'utf8');
  const [header, ...rows] = text.trim().split('\n');
  expect(header).toBe('status,status_description');
  return rows.map((row) => row.split(','));
}
