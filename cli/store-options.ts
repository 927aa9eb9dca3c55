/** How a command line names a checkpoint store: one text for what it is, and flags for how it is reached. */
import { z } from 'zod';
import { choice, configFaults, kebab, text, url, type OptionType } from '../base/config.ts';
import { CONNECTION } from './connection-options.ts';
import type { CliOption } from './options.ts';
import type { StoreConfig } from './store.ts';
import { startOption } from './start.ts';

type Named =
  | { readonly kind: 'leveldb'; readonly directory: string }
  | { readonly kind: 'dynamodb'; readonly table: string }
  | { readonly kind: 'kv-store'; readonly url: string; readonly app: string };

const FORMS = 'leveldb:DIRECTORY, dynamodb:TABLE or kv-store:https://HOST:8089/APP';

const store: OptionType<Named> = {
  kind: 'string',
  expects: FORMS,
  schema: z.string().transform((value, context) => {
    const named = namedStore(value);
    if (named !== undefined) return named;
    context.addIssue({ code: 'custom', message: 'not a store' });
    return z.NEVER;
  }),
};

function namedStore(value: string): Named | undefined {
  const [, kind, rest] = /^(leveldb|dynamodb|kv-store):(.+)$/s.exec(value) ?? [];
  if (kind === undefined || rest === undefined) return undefined;
  if (kind === 'leveldb') return { kind, directory: rest };
  if (kind === 'dynamodb') return /^[\w.-]{3,255}$/.test(rest) ? { kind, table: rest } : undefined;
  const [, address, app] = /^(.+)\/([\w.-]+)$/.exec(rest) ?? [];
  return url().schema.safeParse(address).success ? { kind: 'kv-store', url: address!, app: app! } : undefined;
}

/** A time as `--start` takes it, and nothing else. */
export const timeOption = (now: () => number): OptionType<number> => ({
  kind: 'string',
  expects: 'a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m',
  schema: startOption(now).schema.transform((start, context) => {
    if (start.kind === 'timestamp') return start.ms;
    context.addIssue({ code: 'custom', message: 'not a time' });
    return z.NEVER;
  }),
});

const FLAGS = {
  Region: {
    type: CONNECTION.region.type,
    title: 'Region of the table',
    value: 'region',
    text: 'AWS region of the DynamoDB table; otherwise $AWS_REGION or the AWS profile',
  },
  Profile: { ...CONNECTION.profile, text: 'profile of the shared AWS files for the DynamoDB table' },
  EndpointUrl: { type: url(), title: 'Endpoint of the table', value: 'url', text: 'talk to this address for DynamoDB' },
  RoleArn: {
    type: CONNECTION.roleArn.type,
    title: 'Role for the table',
    value: 'arn',
    text: 'assume this role for the DynamoDB table',
  },
  ExternalId: {
    type: text(),
    title: 'External id for the table',
    value: 'id',
    text: 'external id that the trust policy of that role asks for',
  },
  Keys: {
    type: choice(['shard', 'stream']),
    title: 'Keys of the table',
    value: 'shard|stream',
    text: 'shard: the DynamoDB table holds one stream, as that of a KCL application; stream: it may hold several; shard when absent',
  },
  UntimedStart: {
    type: timeOption(() => Date.now()),
    title: 'Untimed start',
    value: 'time',
    text: 'where to begin for rows of KCL that say LATEST or AT_TIMESTAMP, which carry no time',
  },
  Collection: {
    type: text('a name of letters, digits, - and _', /^[\w-]+$/),
    title: 'Collection',
    value: 'name',
    text: 'collection in the KV store; that of the app kinloader when absent',
  },
  TokenFile: {
    type: text(),
    title: 'Token file',
    value: 'path',
    text: 'file that holds a Splunk token for the KV store; without it $KINLOG_SPLUNK_SESSION_KEY is taken as a session key',
  },
  CaFile: { type: text(), title: 'CA file', value: 'path', text: "PEM certificates to check splunkd's with" },
} as const satisfies Record<string, CliOption<unknown>>;

type StoreOptions<P extends string> = { readonly [K in P]: CliOption<Named> } & {
  readonly [K in keyof typeof FLAGS as `${P}${K}`]: (typeof FLAGS)[K];
};

/** The flags of one store of a command: `--store`, `--store-region` and so on. */
export function storeOptions<const P extends string>(prefix: P, which: string): StoreOptions<P> {
  const flags = Object.entries(FLAGS).map(([name, option]) => [`${prefix}${name}`, option]);
  const named = { type: store, title: 'Store', value: 'store', text: `${which}: ${FORMS}` };
  return Object.fromEntries([[prefix, named], ...flags]) as StoreOptions<P>;
}

type FlagName = keyof typeof FLAGS;
const FITTING: Readonly<Record<Named['kind'], readonly FlagName[]>> = {
  leveldb: [],
  dynamodb: ['Region', 'Profile', 'EndpointUrl', 'RoleArn', 'ExternalId', 'Keys', 'UntimedStart'],
  'kv-store': ['Collection', 'TokenFile', 'CaFile'],
};

/** The store that the flags of `prefix` describe; undefined without any. Flags that do not fit the store are all named. */
export function storeOf(prefix: string, values: Readonly<Record<string, unknown>>): StoreConfig | undefined {
  const named = values[prefix] as Named | undefined;
  const given = (Object.keys(FLAGS) as FlagName[]).filter((name) => values[`${prefix}${name}`] !== undefined);
  const unfit = given.filter((name) => named === undefined || !FITTING[named.kind].includes(name));
  if (unfit.length > 0)
    throw configFaults(
      unfit.map((name) =>
        named === undefined
          ? `--${kebab(prefix + name)} needs --${prefix}`
          : `--${kebab(prefix + name)} means nothing for a store of the kind ${named.kind}`,
      ),
    );
  if (named === undefined) return undefined;
  const { UntimedStart, EndpointUrl, ...flags } = Object.fromEntries(
    given.map((name) => [name, values[`${prefix}${name}`]]),
  );
  const fields = Object.entries(flags).map(([name, value]) => [name[0]!.toLowerCase() + name.slice(1), value]);
  return {
    ...named,
    ...Object.fromEntries(fields),
    ...(UntimedStart === undefined ? {} : { untimedStartMs: UntimedStart }),
    ...(EndpointUrl === undefined ? {} : { endpoint: EndpointUrl }),
  } as StoreConfig;
}
