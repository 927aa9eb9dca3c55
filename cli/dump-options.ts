/** What dumpstream can be told. */
import { choice, decimal, flag, integer, text, type OptionValues } from '../base/config.ts';
import { CONNECTION, streamName, VERBOSE } from './connection-options.ts';
import type { CliOption, CommandSpec } from './options.ts';
import { startOption } from './start.ts';

const DUMP = {
  streamName: streamName('stream to read'),
  checkpointFile: {
    type: text(),
    title: 'Positions',
    value: 'path',
    text: 'directory that keeps the positions, so that the next run goes on where this one stopped; kept in memory when absent',
    env: ['CHECKPOINT_FILE'],
  },
  dataFormat: {
    type: choice(['json', 'raw']),
    title: 'Format',
    value: 'json|raw',
    text: 'json: a line for each record with arrival_time, partition_key, seq and data in base64; raw: the bytes of the records and nothing between them',
    default: 'json',
    env: ['DATA_FORMAT'],
  },
  filename: {
    type: text(),
    title: 'File',
    value: 'path',
    text: 'file to append to; stdout when absent',
    env: ['TARGET_FILENAME'],
  },
  maxRate: {
    type: decimal(0.01, 5),
    title: 'Rate',
    value: 'number',
    text: 'most reads of a shard in a second; Kinesis allows 5 for all readers together',
    default: '3',
    env: ['MAX-RATE', 'MAX_RATE'],
  },
  defaultToHorizon: {
    type: flag(),
    title: 'Horizon',
    text: 'begin at the oldest record instead of the latest where no position is kept; the same as --start horizon',
    default: 'false',
    env: ['DEFAULT_TO_HORIZION', 'DEFAULT_TO_HORIZON'],
  },
  start: {
    type: startOption(() => Date.now()),
    title: 'Start',
    value: 'where',
    text: 'where to begin where no position is kept: latest, horizon, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m; latest when absent',
  },
  exitAtTip: {
    type: flag(),
    title: 'Exit at tip',
    text: 'end once everything in the stream was read',
    default: 'false',
  },
  count: {
    type: integer(1, 1_000_000_000),
    title: 'Count',
    value: 'records',
    text: 'end after so many records',
    short: 'n',
  },
  verbose: VERBOSE,
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

export type DumpValues = OptionValues<typeof DUMP>;

export const DUMP_SPEC: CommandSpec<typeof DUMP> = {
  name: 'dumpstream',
  summary: 'Dumps the records of a Kinesis stream.',
  table: DUMP,
  notes: `Reading goes on until a signal stops it; --exit-at-tip and --count end it sooner. A refusal ends it, and so do three
calls without an answer at the start; later ones are repeated, with a warning.
Exit status: 0 done; 1 usage; 100 failure; 130 interrupted, after everything written was counted as read.`,
};
