/** What `kinlog checkpoints` can be told. */
import { z } from 'zod';
import { choice, flag, text, type OptionType, type OptionValues } from '../base/config.ts';
import { positionFrom, type Position } from '../reader/checkpoint/position.ts';
import { TARGET } from './checkpoints-target.ts';
import { CONNECTION } from './connection-options.ts';
import type { CliOption, CommandSpec } from './options.ts';
import { durationMs, startOption } from './start.ts';
import { storeOptions } from './store-options.ts';

/** As tables and logs show a position, or as --start takes a time. */
const position = (now: () => number): OptionType<Position> => ({
  kind: 'string',
  expects:
    'horizon, end, after:SEQUENCE, after:SEQUENCE:SUB, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m',
  schema: z.string().transform((value, context): Position => {
    const found = parsePosition(value, now);
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: 'not a position' });
    return z.NEVER;
  }),
});

function parsePosition(value: string, now: () => number): Position | undefined {
  if (/^end$/i.test(value)) return { kind: 'end' };
  const [, sequenceNumber, sub] = /^after[: ](\d+)(?::(\d+)\+?)?$/.exec(value) ?? [];
  if (sequenceNumber !== undefined) return afterPosition(sequenceNumber, sub);
  const start = storedStart(now).schema.safeParse(value.replace(/^timestamp /, ''));
  return start.success ? start.data : undefined;
}

/** The starts that a row can hold. */
const storedStart = (now: () => number): OptionType<Position> => ({
  kind: 'string',
  expects: 'horizon, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m',
  schema: startOption(now).schema.transform((start, context): Position => {
    if (start.kind === 'horizon' || start.kind === 'timestamp') return start;
    context.addIssue({ code: 'custom', message: 'not a stored start' });
    return z.NEVER;
  }),
});

/** With a SUB the rest of the aggregate counts as missing: where it is not, dropping what was read costs one read, and otherwise events would be lost. */
function afterPosition(sequenceNumber: string, sub: string | undefined): Position | undefined {
  try {
    const fields = { kind: 'after', sequenceNumber, subSequence: Number(sub ?? 0), partial: sub !== undefined };
    return positionFrom(fields, '');
  } catch {
    return undefined;
  }
}

const duration = (): OptionType<number> => ({
  kind: 'string',
  expects: 'a duration such as 35s or 2m',
  schema: z.string().transform((value, context) => {
    const ms = durationMs(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'not a duration' });
    return z.NEVER;
  }),
});

const STORE = storeOptions('store', 'where the positions are');
const JSON_OUT = { type: flag(), title: 'JSON', text: 'print JSON', default: 'false' } as const;
const SHARD = { type: text(), title: 'Shard', value: 'id', text: 'the shard', required: true } as const;
const YES = { type: flag(), title: 'Yes', text: 'do not ask', default: 'false' } as const;
const DRY_RUN = {
  type: flag(),
  title: 'Dry run',
  text: 'check everything and show what would be written, and write nothing',
  default: 'false',
} as const;
const OVERWRITE = {
  type: flag(),
  title: 'Overwrite',
  text: 'replace positions that the store has already; shards it has besides keep theirs',
  default: 'false',
} as const;
const ALIVE = {
  wait: {
    type: duration(),
    title: 'Wait',
    value: 'duration',
    text: 'how long the rows must stand still, so that no reader is at work; more than three lease periods',
    default: '40s',
  },
  force: { type: flag(), title: 'Force', text: 'do not watch whether a reader is at work', default: 'false' },
} as const;

const LIST = { ...TARGET, json: JSON_OUT, ...STORE, ...CONNECTION } as const satisfies Record<
  string,
  CliOption<unknown>
>;
const SHOW = { shard: SHARD, ...LIST } as const;
const SET = {
  shard: SHARD,
  position: {
    type: position(() => Date.now()),
    title: 'Position',
    value: 'where',
    text: 'horizon; end; after:SEQUENCE, which is read already, or after:SEQUENCE:SUB inside an aggregate; a time, or how long ago, such as -15m',
    required: true,
  },
  ...TARGET,
  ...ALIVE,
  yes: YES,
  ...STORE,
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;
const RESET = {
  to: {
    type: startOption(() => Date.now()),
    title: 'To',
    value: 'where',
    text: 'store this start for every shard that the stream has, instead of removing its positions: horizon, tip, a time, or how long ago, such as -15m',
  },
  ignoreMissing: {
    type: flag(),
    title: 'Ignore missing',
    text: 'it is no failure when there are no positions, or not even the store',
    default: 'false',
  },
  ...TARGET,
  ...ALIVE,
  yes: YES,
  ...STORE,
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;
const EXPORT = { ...TARGET, ...STORE, ...CONNECTION } as const;
const IMPORT = {
  file: { type: text(), title: 'File', value: 'path', text: 'file of exported positions' },
  fromTable: {
    type: text('the name of a DynamoDB table', /^[\w.-]{3,255}$/),
    title: 'Table',
    value: 'table',
    text: 'import from this DynamoDB table of another program instead of a file',
  },
  layout: {
    type: choice(['vmware', 'redpanda', 'lifion', 'telegraf']),
    title: 'Layout',
    value: 'vmware|redpanda|lifion|telegraf',
    text: 'whose table that is: vmware-go-kcl, Redpanda Connect, lifion-kinesis, or telegraf and harlow/kinesis-consumer',
  },
  application: {
    type: text(),
    title: 'Application',
    value: 'name',
    text: "telegraf's app_name or lifion's consumer group, where the table holds several",
  },
  start: {
    type: storedStart(() => Date.now()),
    title: 'Start',
    value: 'where',
    text: 'position of shards that stand in the table without one: horizon, a time, or how long ago, such as -15m',
  },
  ...TARGET,
  overwrite: OVERWRITE,
  dryRun: DRY_RUN,
  ...ALIVE,
  yes: YES,
  fromRegion: { ...CONNECTION.region, text: 'AWS region of that table; otherwise $AWS_REGION or the AWS profile' },
  fromEndpointUrl: { ...CONNECTION.endpointUrl, text: 'talk to this address for that table' },
  fromRoleArn: { ...CONNECTION.roleArn, env: [], text: 'assume this role for that table' },
  fromExternalId: CONNECTION.externalId,
  ...STORE,
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;
const CONVERT = {
  ...TARGET,
  overwrite: OVERWRITE,
  dryRun: DRY_RUN,
  ...ALIVE,
  yes: YES,
  ...storeOptions('from', 'store to copy from'),
  ...storeOptions('to', 'store to copy to'),
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

export type ListValues = OptionValues<typeof LIST>;
export type ShowValues = OptionValues<typeof SHOW>;
export type SetValues = OptionValues<typeof SET>;
export type ResetValues = OptionValues<typeof RESET>;
export type ExportValues = OptionValues<typeof EXPORT>;
export type ImportValues = OptionValues<typeof IMPORT>;
export type ConvertValues = OptionValues<typeof CONVERT>;

const STATUS = 'Exit status: 0 done; 1 usage; 100 failure, or the question was answered with no; 130 interrupted.';
const WATCHED = `When a reader owns a row, all rows are watched first: while one changes, a reader is at work and nothing is written. Stop it, or
wait until its leases have ended. A LevelDB directory has one process at a time, so there nothing needs to be watched.
Without a terminal to ask at, --yes is needed.`;

export const LIST_SPEC: CommandSpec<typeof LIST> = {
  name: 'kinlog checkpoints list',
  summary: 'Lists the stored positions of a stream.',
  table: LIST,
  notes: STATUS,
};
export const SHOW_SPEC: CommandSpec<typeof SHOW> = {
  name: 'kinlog checkpoints show',
  summary: 'Shows everything that is stored of one shard.',
  table: SHOW,
  notes: STATUS,
};
export const SET_SPEC: CommandSpec<typeof SET> = {
  name: 'kinlog checkpoints set',
  summary: 'Sets the position of one shard.',
  table: SET,
  notes: `${WATCHED}
Kinesis is asked whether the stream has the shard and the shard the sequence number. An open shard has no end.
${STATUS}`,
};
export const RESET_SPEC: CommandSpec<typeof RESET> = {
  name: 'kinlog checkpoints reset',
  summary: 'Removes the positions of a stream, or stores a new start, so that a reader begins anew.',
  table: RESET,
  notes: `Without --to the next reader begins where its start says. With --to that no longer counts: every shard has a position, and a
store that is missing is made. Rows of shards that the stream has no more are removed. A time that has not come means now.
${WATCHED}
${STATUS}`,
};
export const EXPORT_SPEC: CommandSpec<typeof EXPORT> = {
  name: 'kinlog checkpoints export',
  summary: 'Prints the positions of a stream as JSON lines, for a file.',
  table: EXPORT,
  notes: STATUS,
};
export const IMPORT_SPEC: CommandSpec<typeof IMPORT> = {
  name: 'kinlog checkpoints import',
  summary: "Stores positions from a file, or from another program's table.",
  table: IMPORT,
  notes: `Everything is checked before anything is written. Leases are not imported: whoever reads next takes the shards.
The other program must have stopped: its table is read twice, --wait apart, and leases that have not ended refuse the import.
${WATCHED}
${STATUS}`,
};
export const CONVERT_SPEC: CommandSpec<typeof CONVERT> = {
  name: 'kinlog checkpoints convert',
  summary: 'Copies the positions of a stream from one store to another.',
  table: CONVERT,
  notes: `The store that is copied from keeps its rows.\n${WATCHED}\n${STATUS}`,
};
