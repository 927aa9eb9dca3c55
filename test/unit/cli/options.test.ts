/** What people type becomes values, or one list of everything that is wrong. */
import { expect, it } from 'vitest';
import { parseCommandLine } from '../../../cli/options.ts';
import { DUMP_SPEC } from '../../../cli/dump-options.ts';
import { SEND_SPEC } from '../../../cli/send-options.ts';

const NEEDED = ['--stream-name=s', '--source=x'];

function send(argv: readonly string[], env: Record<string, string> = {}) {
  return ran(parseCommandLine(SEND_SPEC, argv, env));
}

function ran<Line extends { kind: string }>(line: Line): Extract<Line, { kind: 'run' }> {
  if (line.kind !== 'run') throw new Error('help was asked for');
  return line as Extract<Line, { kind: 'run' }>;
}

it.each([
  [
    ['df', '--', '-H'],
    ['df', '-H'],
  ],
  [
    ['--', 'df', '-H'],
    ['df', '-H'],
  ],
  [
    ['df', '-H'],
    ['df', '-H'],
  ],
  [
    ['--', 'git', 'log', '--', 'file'],
    ['git', 'log', '--', 'file'],
  ],
  [
    ['sh', '-c', 'exit 0', '--verbose=true'],
    ['sh', '-c', 'exit 0', '--verbose=true'],
  ],
  [[], []],
])('the command line %j behind the options runs %j', (typed, expected) => {
  const { operands, values } = send([...NEEDED, ...typed]);
  expect(operands).toEqual(expected);
  expect(values.verbose).toBe(false);
});

it('every environment name of the original tools counts, the misspelt ones too, and flags win', () => {
  const sent = send(['--sourcetype=flag'], {
    ...{ LOG_KINESIS_STREAM: 's', LOG_SOURCE: 'src', LOG_SOURCETYPE: 'env', LOG_HOST: 'h', LOG_INDEX: 'i' },
    ...{ TIMESTAMP_FMT: '', CMD_CAPTURE: 'stderr', SPLIT_MODE: 'regex', SPLIT_REGEX: '^ x', MAX_EVENT_LINES: '7' },
  });
  expect(sent.values).toMatchObject({
    ...{ streamName: 's', source: 'src', sourcetype: 'flag', host: 'h', index: 'i', timestamp: '' },
    ...{ capture: 'stderr', splitMode: 'regex', splitRegex: /^ x/, maxLines: 7 },
  });
  const env = { LOG_KINESIS_STREAM: 's', 'MAX-RATE': '1.5', DEFAULT_TO_HORIZION: 'true', CHECKPOINT_FILE: 'c' };
  const more = { DATA_FORMAT: 'RAW', TARGET_FILENAME: 't' };
  expect(ran(parseCommandLine(DUMP_SPEC, [], { ...env, ...more })).values).toMatchObject({
    ...{ maxRate: 1.5, defaultToHorizon: true, checkpointFile: 'c', dataFormat: 'raw', filename: 't' },
  });
  expect(ran(parseCommandLine(DUMP_SPEC, ['--default-to-horizon=false'], env)).values.defaultToHorizon).toBe(false);
});

it('the defaults are those of the original tools', () => {
  expect(send(NEEDED).values).toMatchObject({
    ...{ sourcetype: 'generic', timestamp: '2006-01-02T15:04:05Z07:00', capture: 'stdout', splitMode: 'newline' },
    ...{ maxLines: 1000, splitRegex: /^\d{4}[/-]\d{2}[/-]\d{2}/, recordFormat: 'kinlog', compression: 'gzip' },
  });
  const dump = ran(parseCommandLine(DUMP_SPEC, ['--stream-name=s'], {})).values;
  expect(dump).toMatchObject({ dataFormat: 'json', maxRate: 3, defaultToHorizon: false });
});

it('one error names every fault: unknown, missing and malformed options', () => {
  const line = [
    '--surce=x',
    '--max-lines=0',
    '--split-regex=(',
    '--partition-key=no',
    '--fail-after=soon',
    '--verbose=maybe',
  ];
  const faults = (() => {
    try {
      return send(line).kind;
    } catch (error) {
      return error as { code: string; message: string };
    }
  })();
  expect(faults).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  for (const flag of ['--surce', '--stream-name', '--source', ...line.slice(1).map((text) => text.split('=')[0]!)])
    expect((faults as { message: string }).message).toContain(`${flag} `);
});

it.each([
  ['horizon', { kind: 'horizon' }],
  ['LATEST', { kind: 'tip' }],
  ['2026-01-31T10:00:00Z', { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 10) }],
  ['2026-01-31T10:00:00+01:00', { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 9) }],
])('--start %s', (text, expected) => {
  expect(ran(parseCommandLine(DUMP_SPEC, ['--stream-name=s', `--start=${text}`], {})).values.start).toEqual(expected);
});

it('--start -1h30m is that long ago', () => {
  const before = Date.now() - 90 * 60_000;
  const { start } = ran(parseCommandLine(DUMP_SPEC, ['--stream-name=s', '--start=-1h30m'], {})).values;
  expect(start).toMatchObject({ kind: 'timestamp' });
  expect((start as { ms: number }).ms - before).toBeLessThan(10_000);
});
