/** The laws of the source tree that a machine can enforce. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../base/errors.ts';
import { EVENTS } from '../../base/events.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '');
const sources = tracked.filter((file) =>
  /^(base|record|reader|sender|cli|packaging|splunk-app|operator)\/.*\.ts$/.test(file),
);

describe('every source file', () => {
  it.each(sources)('%s says its one reason to exist in its first line', (file) => {
    const lines = read(file).split('\n');
    expect(lines[lines[0]?.startsWith('#!') === true ? 1 : 0]).toMatch(/^\/\*\* \S/);
  });

  it('has a name that tells what it is', () => {
    const vague = sources.filter((file) =>
      /(^|\/)(utils?|helpers?|common|misc|manager|handler|data|info)\.ts$/i.test(file),
    );
    expect(vague).toEqual([]);
  });
});

/** What a part, or a stage of the reader, may import of ours besides itself; the orchestrators know all stages. */
const BORDERS: readonly (readonly [of: RegExp, may: RegExp])[] = [
  [/^base\//, /^base\//],
  [/^record\//, /^(base|record)\//],
  [/^reader\/(shards|fetch|checkpoint)\//, /^(base|record)\/|^reader\/(shards|fetch|checkpoint)\//],
  [/^reader\/output\//, /^(base|record)\/|^reader\/output\//],
  [/^reader\/[^/]+$/, /^(base|record|reader)\//],
  [/^sender\//, /^(base|record|sender)\//],
  // `kinlog doctor` knows the app: its stanzas, where its positions lie, what its logs say.
  [/^cli\/doctor/, /^(base|record|reader|sender|cli|splunk-app\/doctor)\//],
  [/^cli\//, /^(base|record|reader|sender|cli)\//],
  [/^packaging\//, /^packaging\//],
  [/^splunk-app\//, /^(base|record|reader|packaging|splunk-app)\//],
  // How a program is started and told, and what the file of `kinlog run` may hold; nothing of reading.
  [/^operator\/[^/]+\.ts$/, /^(base|operator)\/|^cli\/(exit|options|status-server|version)\.ts$/],
  [/^operator\/(crd|desired)\//, /^(base|operator)\/|^cli\/run-schema\.ts$/],
  [/^operator\/(image|deploy)\//, /^(base|packaging|operator)\//],
  [/^operator\//, /^(base|operator)\//],
];

describe('imports', () => {
  it('never cross a border of a part or a stage', () => {
    const crossings = sources.flatMap((file) => {
      const border = BORDERS.find(([of]) => of.test(file));
      return [...read(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
        .map(([, target]) => path.normalize(path.join(path.dirname(file), target!)))
        .filter((target) => border?.[1].test(target) !== true)
        .map((target) => `${file} -> ${target}`);
    });
    expect(crossings).toEqual([]);
  });
});

describe('declarations', () => {
  const code = tracked
    .filter((file) => /\.(ts|js)$/.test(file) && !/^(base\/(errors|events)\.ts|docs|test\/tree)/.test(file))
    .map(read)
    .join('\n');

  it('every error code is documented', () => {
    const page = read('docs/errors.md');
    expect(Object.keys(ERRORS).filter((code) => !page.includes(`## ${code}\n`))).toEqual([]);
  });

  it('every error code is raised or asserted somewhere', () => {
    expect(Object.keys(ERRORS).filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });

  it('every log event is emitted somewhere', () => {
    expect(Object.keys(EVENTS).filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });
});

describe('seams', () => {
  const suites: readonly (readonly [seam: string, implementation: RegExp, suite: string])[] = [
    ['CheckpointStore', /implements CheckpointStore\b/, 'test/contract/checkpoint-store.test.ts'],
    ['RecordSource', /implements RecordSource\b/, 'test/contract/record-source.test.ts'],
    ['Output', /implements Output\b/, 'test/contract/output.test.ts'],
    ['RecordFormat', /: RecordFormat = |\): RecordFormat \{/, 'test/contract/record-format.test.ts'],
  ];

  it.each(suites)('every %s runs its contract suite', (_seam, implementation, suite) => {
    const members = sources.filter((file) => implementation.test(read(file)));
    expect(members).not.toEqual([]);
    const imports = read(suite);
    expect(members.filter((file) => !imports.includes(`/${file}'`))).toEqual([]);
  });
});

describe('what is published', () => {
  it('names no machine and no download address', () => {
    const lines = tracked
      .filter((file) => !/\.(png|gz|bin|ico)$/.test(file))
      .flatMap((file) =>
        read(file)
          .split('\n')
          .filter((line) => /"resolved":\s*"http|(?:^|[^A-Za-z0-9_.-])\/(?:work|farm|root)\//.test(line))
          .map((line) => `${file}: ${line.slice(0, 80)}`),
      );
    expect(lines).toEqual([]);
  });
});
