/** What the file of `kinlog run` may hold, and what it means. */
import { z } from 'zod';
import { choice, flag, integer, text, url, type OptionType } from '../base/config.ts';
import type { LostPosition, Start } from '../reader/index.ts';
import { isLoopback } from '../base/server-address.ts';
import { CONNECTION, streamName } from './connection-options.ts';
import { startOption } from './start.ts';
import { timeOption } from './store-options.ts';

/** The option tables' types, whose values are text, over the types of YAML. The message of an issue is what the value must be. */
const value = <T>(type: OptionType<T>) =>
  z.unknown().transform((given, context): T => {
    const parsed = typeof given === type.kind ? type.schema.safeParse(String(given)) : undefined;
    if (parsed?.success === true) return parsed.data;
    context.addIssue({ code: 'custom', message: type.expects });
    return z.NEVER;
  });

/** The message of an unknown key's issue lists the known ones. */
const object = <const Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : 'a group of options'),
  });

const optional = <T>(type: OptionType<T>) => value(type).optional();
const some = (expects: string): OptionType<string> => text(expects, /\S/);

/** Whole numbers of milliseconds, up to a day. */
const milliseconds = (min: number) => integer(min, 86_400_000);

/** `-15m` means the same each time the file is read. */
const PROCESS_START_MS = Date.now();
const start = startOption(() => PROCESS_START_MS);

const startOrStored: OptionType<Start> = {
  kind: 'string',
  expects: `${start.expects}, or stored`,
  schema: z.union([z.literal('stored').transform((kind): Start => ({ kind })), start.schema]),
};

const lostPosition: OptionType<LostPosition> = {
  kind: 'string',
  expects: 'stop, horizon, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m',
  schema: z.union([
    z.enum(['stop', 'horizon']),
    start.schema.transform((at, context) => {
      if (at.kind === 'timestamp') return at;
      context.addIssue({ code: 'custom', message: 'not a time' });
      return z.NEVER;
    }),
  ]),
};

const ACCESS = {
  region: optional(CONNECTION.region.type),
  profile: optional(CONNECTION.profile.type),
  endpoint: optional(CONNECTION.endpointUrl.type),
  roleArn: optional(CONNECTION.roleArn.type),
  externalId: optional(CONNECTION.externalId.type),
  sessionName: optional(CONNECTION.sessionName.type),
  webIdentityTokenFile: optional(CONNECTION.webIdentityTokenFile.type),
  stsEndpoint: optional(CONNECTION.stsEndpointUrl.type),
  ca: optional(CONNECTION.ca.type),
  proxy: optional(CONNECTION.proxy.type),
};

/** What the LogStream resource of the operator can say too: it has its bounds from here. */
export const TYPES = {
  region: CONNECTION.region.type,
  logLevel: choice(['debug', 'info', 'warn', 'error']),
  maxMbInFlight: integer(1, 100_000),
  checkpointEveryMs: milliseconds(100),
  idleMs: milliseconds(250),
  leasePeriodMs: milliseconds(1000),
  format: choice(['auto', 'kinlog', 'cloudwatch', 'hec', 'json', 'text']),
  table: text('the name of a DynamoDB table', /^[\w.-]{3,255}$/),
  capacity: integer(1, 40_000),
  maxInFlight: integer(1, 64),
  maxBodyBytes: integer(10_000, 10_000_000),
  maxEventBytes: integer(10_000, 100_000_000),
  ackTimeoutMs: milliseconds(10_000),
  deadLettersMb: integer(1, 1_000_000),
} as const;

const store = z.discriminatedUnion('kind', [
  object({ kind: z.literal('memory') }),
  object({ kind: z.literal('leveldb'), directory: value(some('a directory')) }),
  object({
    kind: z.literal('dynamodb'),
    table: value(TYPES.table),
    ...ACCESS,
    create: optional(flag()),
    readCapacity: optional(TYPES.capacity),
    writeCapacity: optional(TYPES.capacity),
    tags: z.record(z.string(), value(text()), { error: 'a group of names and texts' }).optional(),
    keys: optional(choice(['shard', 'stream'])),
    untimedStart: optional(timeOption(() => PROCESS_START_MS)),
  }).transform(({ untimedStart: untimedStartMs, ...rest }) => ({ ...rest, untimedStartMs })),
  object({
    kind: z.literal('kv-store'),
    url: value(url()),
    app: value(text('the name of an app', /^[\w.-]+$/)),
    collection: optional(text('a name of letters, digits, - and _', /^[\w-]+$/)),
    tokenFile: optional(some('a file that holds a Splunk token')),
    caFile: optional(some('a PEM file')),
  }),
]);

/** The token would go over the wire in the clear. */
const isSafe = (given: string): boolean => {
  const address = URL.parse(given);
  return address !== null && (address.protocol === 'https:' || isLoopback(address));
};

const endpoint: OptionType<string> = {
  kind: 'string',
  expects: 'an address such as https://splunk:8088; http only on this host',
  schema: url().schema.refine(isSafe),
};

const output = z.discriminatedUnion('kind', [
  object({
    kind: z.literal('ndjson'),
    file: optional(some('a file')),
    rotate: object({
      maxMb: optional(integer(1, 1_000_000)),
      everyMinutes: optional(integer(1, 525_600)),
      keep: value(integer(1, 10_000)),
    }).optional(),
  }),
  object({
    kind: z.literal('hec'),
    endpoints: z
      .array(value(endpoint), { error: 'a list of addresses' })
      .min(1, { error: 'a list of one address at least' }),
    tokenFile: optional(some('a file that holds the token')),
    ack: optional(flag()),
    ca: optional(some('a PEM file')),
    proxy: optional(CONNECTION.proxy.type),
    defaults: object({
      host: optional(some('a name')),
      source: optional(some('a name')),
      sourcetype: optional(some('a name')),
      index: optional(some('a name')),
    }).optional(),
    maxInFlight: optional(TYPES.maxInFlight),
    maxBodyBytes: optional(TYPES.maxBodyBytes),
    maxEventBytes: optional(TYPES.maxEventBytes),
    ackTimeoutMs: optional(TYPES.ackTimeoutMs),
  }),
]);

const deadLetters = object({
  file: value(some('a file')),
  maxMb: optional(TYPES.deadLettersMb),
});

const stream = object({
  stream: value(streamName('').type),
  ...ACCESS,
  start: optional(startOrStored),
  onLostPosition: optional(lostPosition),
  fanOut: object({
    consumer: value(text('the name or the ARN of a consumer', /^(arn:[\w-]+:kinesis:\S+|[\w.-]{1,128})$/)),
    register: value(flag()).default(false),
  }).optional(),
  format: optional(TYPES.format),
  lines: optional(flag()),
  checkpointEveryMs: optional(TYPES.checkpointEveryMs),
  idleMs: optional(TYPES.idleMs),
  leasePeriodMs: optional(TYPES.leasePeriodMs),
  store: store.optional(),
  output: output.optional(),
  deadLetters: deadLetters.optional(),
});

export const runSchema = object({
  name: optional(text('a name of up to 64 letters, digits and ._-', /^[\w.-]{1,64}$/)),
  logLevel: optional(TYPES.logLevel),
  status: object({
    listen: value(text('HOST:PORT, such as 127.0.0.1:9464', /^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/)),
  }).optional(),
  maxMbInFlight: optional(TYPES.maxMbInFlight),
  store: store.optional(),
  output: output.optional(),
  deadLetters: deadLetters.optional(),
  streams: z.array(stream, { error: 'a list of streams' }).min(1, { error: 'a list of one stream at least' }),
});

export type StreamSettings = z.output<typeof stream>;
export type OutputConfig = z.output<typeof output>;
export type HecConfig = Extract<OutputConfig, { readonly kind: 'hec' }>;
export type DeadLettersConfig = z.output<typeof deadLetters>;
