/** What the guides for Splunk name exists: settings, codes, events, actions of AWS, archives, fields of searches, headings that are linked. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { snake } from '../../base/config.ts';
import { ERRORS } from '../../base/errors.ts';
import { EVENTS } from '../../base/events.ts';
import { METRICS_FIELDS } from '../../splunk-app/input/metrics-fields.ts';
import { OPTIONS } from '../../splunk-app/input/options.ts';
import { parseStanzaOptions } from '../../splunk-app/input/stanza.ts';
import { PACKAGES } from '../../splunk-app/package-platforms.ts';
import { appConf } from '../splunk/app-conf.ts';
import { expandMacros, fieldsOf, followFields } from '../splunk/spl-fields.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const guides = readdirSync(path.join(root, 'docs/splunk'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/splunk/${file}`);
const docs = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`);
const blocks = (language: string, files: readonly string[] = guides): [file: string, text: string][] =>
  files.flatMap((file) =>
    [...read(file).matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
      ([, text]): [string, string] => [file, text!],
    ),
  );
/** Text between backticks, but for blocks. */
const spans = (file: string): string[] =>
  [
    ...read(file)
      .replaceAll(/^ *```[^]*?^ *```$/gm, '')
      .matchAll(/``\s(.+?)\s``|`([^`\n]+)`/g),
  ].map(([, long, short]) => long ?? short!);

/** As GitHub makes them of headings. */
const anchors = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('every link of the docs', () => {
  it.each([...docs, 'CHANGELOG.md', 'README.md'])('in %s leads to a file and a heading that are there', (file) => {
    const known = new Set([...docs, 'CHANGELOG.md', 'README.md', 'LICENSE']);
    const broken = [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
      ([link, target, anchor]) => {
        const to = target === '' ? file : path.normalize(path.join(path.dirname(file), target!));
        if (!known.has(to)) return exists(to) ? [] : [link];
        return anchor === undefined || anchors(to).includes(anchor) ? [] : [link];
      },
    );
    expect(broken).toEqual([]);
  });
});

function exists(file: string): boolean {
  try {
    return readFileSync(path.join(root, file)).length >= 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

describe('every stanza', () => {
  it.each(blocks('ini'))('in %s is one that the input takes', (_, text) => {
    const [head, ...lines] = text.trim().split('\n');
    expect(head).toMatch(/^\[kinesis_log:\/\/[\w-]+\]$/);
    const params = lines.map((line) => line.split(/ = (.*)/, 2) as [string, string]);
    expect(() => parseStanzaOptions(new Map(params))).not.toThrow();
  });
});

describe('every guide', () => {
  const settings = new Set(Object.keys(OPTIONS).map(snake));
  /** What Splunk gives every input, and settings of other files. */
  const others = ['index', 'sourcetype', 'restartSplunkd'];

  it.each(guides)('%s gives settings values that they take', (file) => {
    const given = spans(file).flatMap((span) => {
      const [, name, value] = /^(\w+) = (\S+)$/.exec(span) ?? [];
      return name === undefined || others.includes(name) ? [] : [[name, value!] as const];
    });
    const wrong = given.filter(([name, value]) => !settings.has(name) || !takes(name, value));
    expect(wrong).toEqual([]);
  });

  it.each(guides)('%s names error codes and events that there are', (file) => {
    const text = read(file);
    const codes = [...text.matchAll(/KINLOG_[A-Z]+(?:_[A-Z]+)+/g)].map(([code]) => code);
    expect(codes.filter((code) => !Object.hasOwn(ERRORS, code))).toEqual([]);
    const kinds = new Set(Object.keys(EVENTS).map((name) => name.split('.')[0]!));
    const files = /\.(conf|log|md|json|ndjson|sh|ts)$/;
    const events = spans(file).filter((span) => /^[a-z]+\.[a-z-]+$/.test(span) && !files.test(span));
    expect(events.filter((name) => kinds.has(name.split('.')[0]!) && !Object.hasOwn(EVENTS, name))).toEqual([]);
  });

  it.each(guides)('%s calls kinlog with flags that it has', (file) => {
    const calls = [...spans(file), ...blocks('sh', [file]).map(([, text]) => text)].filter((text) =>
      text.startsWith('kinlog '),
    );
    const flags = new Set([...read('docs/tools.md').matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag]) => flag!));
    const used = calls.flatMap((call) => [...call.matchAll(/(?<=\s)--[\w-]+/g)].map(([flag]) => flag));
    expect(used.filter((flag) => !flags.has(flag))).toEqual([]);
  });

  it.each(guides)('%s names archives that are built', (file) => {
    const named = [...read(file).matchAll(/kinloader-([\w-]+)\.tar\.gz/g)].map(([, name]) => name!);
    expect(named.filter((name) => !Object.hasOwn(PACKAGES, name))).toEqual([]);
  });
});

function takes(name: string, value: string): boolean {
  const option = Object.entries(OPTIONS).find(([key]) => snake(key) === name)?.[1];
  return option?.type.schema.safeParse(value).success === true;
}

describe('docs/splunk/install.md', () => {
  it('lists every archive, and no other', () => {
    const table = /^## Which archive$([^]*?)^## /m.exec(read('docs/splunk/install.md'))![1]!;
    const listed = [...table.matchAll(/^\| `kinloader-([\w-]+)\.tar\.gz`/gm)].map(([, name]) => name);
    expect(listed).toEqual(Object.keys(PACKAGES));
  });
});

describe('every search', () => {
  const macros = new Map([...appConf('macros')].map(([name, settings]) => [name, settings.get('definition')!]));
  const known = [...Object.keys(METRICS_FIELDS), 'log_level', 'component'];

  it.each(blocks('spl'))('in %s reads fields that are there: %s', (_, text) => {
    const query = expandMacros(text.trim().replaceAll('\n', ' '), macros);
    expect(followFields(query, fieldsOf(known)).faults).toEqual([]);
  });
});

describe('docs/splunk/iam.md', () => {
  const policies = blocks('json', ['docs/splunk/iam.md']).map(
    ([, text]) => JSON.parse(text) as { Statement: { Action: string | string[] }[] },
  );
  const allowed = new Set(policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)));

  /** Commands that files of the reader and of the input make. */
  function called(): Set<string> {
    const sources = ['base', 'reader', 'splunk-app'].flatMap((part) =>
      readdirSync(path.join(root, part), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => read(path.join(part, file))),
    );
    const imports = sources.flatMap((text) => [
      ...text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-(kinesis|dynamodb)'/g),
    ]);
    return new Set(
      imports.flatMap(([, names, service]) =>
        [...names!.matchAll(/\b(\w+)Command\b/g)].map(([, action]) => `${service!}:${action!}`),
      ),
    );
  }

  it('allows what the input calls, and nothing else', () => {
    const wanted = [...called(), 'kms:Decrypt', 'sts:AssumeRole'];
    expect(wanted).toContain('kinesis:GetRecords');
    expect([...allowed].sort()).toEqual(wanted.sort());
  });
});

describe('docs/splunk/troubleshooting.md', () => {
  /** Of what sends, of commands, of the operator, and what never leaves the reader. */
  const NOT_OF_AN_INPUT = [
    'KINLOG_CHECKPOINT_IN_USE',
    'KINLOG_RECORD_TOO_LARGE',
    'KINLOG_BUFFER_FULL',
    'KINLOG_SEND_FAILED',
    'KINLOG_COMMAND_FAILED',
    'KINLOG_LEADERSHIP_LOST',
  ];
  const ENDS = { soon: ['heals'], slow: ['waits'], never: ['ends', 'shard'] };
  const rows = [
    ...read('docs/splunk/troubleshooting.md')
      .split('## By code\n')[1]!
      .matchAll(/^\| (`KINLOG_[^|]+) \| (\w+) \|/gm),
  ].flatMap(([, codes, what]) => [...codes!.matchAll(/KINLOG_\w+/g)].map(([code]) => [code, what!] as const));

  it('has a row for each code that an input can meet, once', () => {
    expect([...rows.map(([code]) => code), ...NOT_OF_AN_INPUT].sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('names the failures that stop one shard alone', () => {
    const [, list] = /^const SHARD_ONLY[^=]*= \[([^\]]*)\]/m.exec(read('reader/runs.ts'))!;
    const alone = [...list!.matchAll(/KINLOG_\w+/g)].map(([code]) => code);
    // Another reader has the shard then.
    const lost = 'KINLOG_LEASE_LOST';
    const named = rows.filter(([, what]) => what === 'shard').map(([code]) => code);
    expect(named.sort()).toEqual([...alone, lost].sort());
  });

  it.each(rows)('says of %s whether it is tried again: %s', (code, what) => {
    expect(ENDS[ERRORS[code as keyof typeof ERRORS].retry]).toContain(what);
  });
});
