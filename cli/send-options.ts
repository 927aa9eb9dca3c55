/** What `log2kinesis send` and `check` can be told. */
import { z } from 'zod';
import { choice, flag, integer, text, type OptionType, type OptionValues } from '../base/config.ts';
import type { PartitionKey } from '../sender/index.ts';
import { CONNECTION, streamName, VERBOSE } from './connection-options.ts';
import type { CliOption, CommandSpec } from './options.ts';
import { durationMs } from './start.ts';

/** The pattern of a line; `(?i)` at its start, as Go writes it, ignores case. */
const pattern = (): OptionType<RegExp> => ({
  kind: 'string',
  expects: 'a regular expression',
  schema: z.string().transform((source, context) => {
    const folded = source.startsWith('(?i)');
    try {
      return new RegExp(folded ? source.slice(4) : source, folded ? 'i' : '');
    } catch {
      context.addIssue({ code: 'custom', message: 'not a regular expression' });
      return z.NEVER;
    }
  }),
});

const partitionKey = (): OptionType<PartitionKey> => ({
  kind: 'string',
  expects: 'random, source, host or fixed:TEXT',
  schema: z
    .string()
    .regex(/^(random|source|host|fixed:.+)$/)
    .transform((value): PartitionKey => {
      if (value === 'random') return 'random';
      if (value === 'source') return (_event, meta) => meta.source ?? '';
      if (value === 'host') return (_event, meta) => meta.host ?? '';
      return { fixed: value.slice('fixed:'.length) };
    }),
});

const duration = (): OptionType<number> => ({
  kind: 'string',
  expects: 'a duration such as 90s, 10m or 1h30m',
  schema: z.string().transform((value, context) => {
    const ms = durationMs(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'not a duration' });
    return z.NEVER;
  }),
});

const SEND = {
  streamName: streamName('stream to send to; "testsplit" prints the events to stdout and sends nothing'),
  source: {
    type: text(),
    title: 'Source',
    value: 'name',
    text: 'source of the events',
    required: true,
    env: ['LOG_SOURCE'],
  },
  sourcetype: {
    type: text(),
    title: 'Source type',
    value: 'name',
    text: 'source type of the events',
    default: 'generic',
    env: ['LOG_SOURCETYPE'],
  },
  host: {
    type: text(),
    title: 'Host',
    value: 'name',
    text: 'host of the events; the name of this host when absent',
    env: ['LOG_HOST'],
  },
  index: {
    type: text(),
    title: 'Index',
    value: 'name',
    text: "index for the events; the receiver's default when absent",
    env: ['LOG_INDEX'],
  },
  timestamp: {
    type: text(),
    title: 'Timestamp',
    value: 'format',
    text: 'prefix each event with the time in this format: a Go layout, strftime (%Y-%m-%d …), or a name such as rfc3339; empty text: no prefix',
    default: '2006-01-02T15:04:05Z07:00',
    verbatim: true,
    env: ['TIMESTAMP_FMT'],
  },
  timeFrom: {
    type: choice(['none', 'now']),
    title: 'Event time',
    value: 'none|now',
    text: 'time that the event itself carries; none: the receiver finds it in the text',
    default: 'none',
  },
  capture: {
    type: choice(['stdout', 'stderr', 'both']),
    title: 'Capture',
    value: 'stdout|stderr|both',
    text: 'which output of CMD to send; the other one passes through',
    default: 'stdout',
    env: ['CMD_CAPTURE'],
  },
  splitMode: {
    type: choice(['newline', 'none', 'regex']),
    title: 'Split mode',
    value: 'newline|none|regex',
    text: 'newline: each line that is not empty is an event; none: the whole input is one; regex: a matching line starts one',
    default: 'newline',
    env: ['SPLIT_MODE'],
  },
  splitRegex: {
    type: pattern(),
    title: 'Split pattern',
    value: 'regex',
    text: 'pattern for --split-mode regex (JavaScript syntax)',
    default: String.raw`^\d{4}[/-]\d{2}[/-]\d{2}`,
    verbatim: true,
    env: ['SPLIT_REGEX'],
  },
  maxLines: {
    type: integer(1, 1_000_000),
    title: 'Lines per event',
    value: 'count',
    text: 'most lines of one event in the split modes none and regex',
    default: '1000',
    env: ['MAX_EVENT_LINES'],
  },
  maxLineBytes: {
    type: integer(1024, 10_485_760),
    title: 'Bytes per line',
    value: 'bytes',
    text: 'a longer line is cut into events of this size, and an event of several lines ends before it grows beyond it',
    default: '1048576',
  },
  recordFormat: {
    type: choice(['kinlog', 'hec', 'json', 'raw']),
    title: 'Record format',
    value: 'kinlog|hec|json|raw',
    text: 'how events lie in a record: kinlog (every reader of this family), hec (HTTP Event Collector objects), json (a JSON object a line), raw (lines without metadata)',
    default: 'kinlog',
  },
  compression: {
    type: choice(['gzip', 'zstd', 'none']),
    title: 'Compression',
    value: 'gzip|zstd|none',
    text: 'compression of each record',
    default: 'gzip',
  },
  partitionKey: {
    type: partitionKey(),
    title: 'Partition key',
    value: 'random|source|host|fixed:TEXT',
    text: 'random spreads records over all shards; the others keep the order of events, on one shard',
    default: 'random',
  },
  failAfter: {
    type: duration(),
    title: 'Give up',
    value: 'duration',
    text: 'give up on events that Kinesis did not take for so long; never when absent',
  },
  dryRun: { type: flag(), title: 'Dry run', text: 'print the events to stdout and send nothing', default: 'false' },
  verbose: VERBOSE,
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

export type SendValues = OptionValues<typeof SEND>;

export const SEND_SPEC: CommandSpec<typeof SEND> = {
  name: 'log2kinesis send',
  summary: 'Sends events from stdin, or from the output of a command, to a Kinesis stream.',
  operands: '[CMD [ARGS...]]',
  table: SEND,
  notes: `Options stand before CMD; the first "--" ends them: log2kinesis send --source=disk df -- -H
Exit status: that of CMD, or 0; 1 usage; 2 some events did not fit into a record; 75 gave up sending, also when CMD
succeeded; 100 other failure; 127 CMD could not be started; 130 interrupted, after everything read was sent.`,
};

const CHECK = {
  streamName: streamName('stream to check'),
  json: { type: flag(), title: 'JSON', text: 'print the result as a JSON object', default: 'false' },
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

export type CheckValues = OptionValues<typeof CHECK>;

export const CHECK_SPEC: CommandSpec<typeof CHECK> = {
  name: 'log2kinesis check',
  summary: 'Checks that records can be put into a Kinesis stream, by putting one without an event.',
  table: CHECK,
  notes: 'Exit status: 0 when the stream took the record; 1 usage; 100 when it did not.',
};
