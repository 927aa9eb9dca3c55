/** The settings of one `kinesis_log` stanza: what Splunk's form, the spec file and the scheme show, and what validation and the run read. */
import * as z from 'zod';
import {
  choice,
  configFaults,
  integer,
  parseOptions,
  snake,
  text,
  type OptionType,
  type OptionValues,
} from '../../base/config.ts';
import { isKinlogError } from '../../base/errors.ts';

/** Scheme name; stanza names and checkpoint directories hang on it, so it never changes. */
export const SCHEME = 'kinesis_log';
export const SCHEME_TITLE = 'Kinesis Log Processor';
export const SCHEME_TEXT =
  'Reads log events from an Amazon Kinesis data stream. Every event is delivered at least once.';

/** Where a stream without stored positions is read from. */
export type Start =
  { readonly kind: 'tip' } | { readonly kind: 'horizon' } | { readonly kind: 'timestamp'; readonly ms: number };

const NAME = '[a-zA-Z0-9_.-]{1,128}';
const STREAM = new RegExp(`^(${NAME}|arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\\d{12}:stream/${NAME})$`);
const NAMED = new RegExp(`^${NAME}$`);
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

const start = (): OptionType<Start> => ({
  kind: 'string',
  expects: 'LATEST, TRIM_HORIZON, or a time with its zone such as 2026-01-31T13:00:00Z',
  schema: z.string().transform((value, context): Start => {
    if (value.toUpperCase() === 'LATEST') return { kind: 'tip' };
    if (value.toUpperCase() === 'TRIM_HORIZON') return { kind: 'horizon' };
    const ms = INSTANT.test(value) ? Date.parse(value) : NaN;
    if (Number.isNaN(ms)) context.addIssue({ code: 'custom' });
    return { kind: 'timestamp', ms };
  }),
});

/** Clear text is for a test service on this very host. */
const endpoint = (): OptionType<string> => ({
  kind: 'string',
  expects: 'an https:// URL without a user name (http:// only for this host itself)',
  schema: z.string().refine((value) => {
    const parsed = URL.parse(value);
    if (parsed === null || parsed.username !== '' || parsed.password !== '') return false;
    return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback(parsed.hostname));
  }),
});

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export const OPTIONS = {
  streamName: {
    type: text('the name of a stream (letters, digits, _ . -) or its ARN', STREAM),
    title: 'Stream',
    text: 'Name or ARN of the Kinesis data stream to read.',
    required: true,
  },
  awsRegion: {
    type: text('an AWS region such as eu-central-1', /^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/),
    title: 'AWS region',
    text: 'Region of the stream. Needed when the stream is given by name; an ARN names its region itself.',
  },
  initialPosition: {
    type: start(),
    title: 'Initial position',
    text: 'Where to begin when this stream has not been read before: LATEST (only what arrives from now on), TRIM_HORIZON (the oldest record still stored), or a time such as 2026-01-31T13:00:00Z. Later starts go on where reading stopped.',
    default: 'LATEST',
  },
  recordFormat: {
    type: choice(['auto', 'lines', 'kinlog', 'hec', 'json', 'cloudwatch', 'text']),
    title: 'Record format',
    text: 'auto recognises the format of each record (kinlog, HEC, JSON, KPL, CloudWatch Logs, plain text; compressed or not), and a plain-text record is one event. lines does the same but makes every line of a plain-text record an event. Any other name takes every record for that format and delivers what is not of it as it is.',
    default: 'auto',
  },
  kinesisEndpoint: {
    type: endpoint(),
    title: 'Kinesis endpoint',
    text: 'URL of the Kinesis service when it is not the public one of the region, such as an interface VPC endpoint.',
  },
  checkpointIntervalS: {
    type: integer(1, 300),
    title: 'Checkpoint interval',
    text: 'Seconds between two stored positions of a shard. After a crash, up to this much may arrive twice.',
    default: '1',
  },
  idleMs: {
    type: integer(250, 60_000),
    title: 'Idle wait',
    text: 'Longest wait in milliseconds between two reads of a shard that has nothing new.',
    default: '1000',
  },
  maxMbInFlight: {
    type: integer(16, 1024),
    title: 'Memory for records',
    text: 'Most megabytes of records that are fetched but not yet handed to Splunk.',
    default: '64',
  },
  logLevel: {
    type: choice(['DEBUG', 'INFO', 'WARN', 'ERROR']),
    title: 'Log level',
    text: 'Lowest level of the messages in splunkd.log.',
    default: 'INFO',
  },
} as const;

export type StanzaOptions = OptionValues<typeof OPTIONS>;

/** Settings that inputs.conf gives any input; splunkd sends them along and uses them itself. */
const BUILT_INS = new Set(
  `name disabled host index interval source sourcetype start_by_shell run_introspection run_only_one queue queueSize
   persistentQueueSize passAuth send_index_as_argument_for_path crcSalt`.split(/\s+/),
);
const BUILT_IN_GROUP = /^(_|eai:|python\.)/;

const STYLE = { spell: snake };

/** Parameters of a stanza, as text, to settings. All faults at once in one KINLOG_CONFIG_INVALID. */
export function parseStanzaOptions(params: ReadonlyMap<string, string>): StanzaOptions {
  const own = Object.fromEntries([...params].filter(([name]) => !BUILT_INS.has(name) && !BUILT_IN_GROUP.test(name)));
  const together = faultsTogether(own);
  let options: StanzaOptions;
  try {
    options = parseOptions(OPTIONS, own, STYLE);
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_CONFIG_INVALID')) throw error;
    throw configFaults([error.message, ...together]);
  }
  if (together.length > 0) throw configFaults(together);
  return options;
}

/** What no option can judge alone. */
function faultsTogether({
  stream_name: stream = '',
  aws_region: region = '',
}: Readonly<Record<string, string>>): string[] {
  const name = stream.trim();
  const given = region.trim();
  const arnRegion = /^arn:[^:]*:kinesis:([^:]+):/.exec(name)?.[1] ?? '';
  if (NAMED.test(name) && given === '') return ['aws_region is missing: a stream that is given by name needs it'];
  return arnRegion === '' || given === '' || given === arnRegion
    ? []
    : [`aws_region is "${given}" but the ARN in stream_name lies in "${arnRegion}": clear one of them`];
}
