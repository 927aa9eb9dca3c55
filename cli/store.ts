/** Checkpoint stores as configurations name them, and how each is opened. */
import type { AwsAccess } from '../base/aws-access.ts';
import type { Clock } from '../base/clock.ts';
import { KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import type { CheckpointStore, RowRemover } from '../reader/checkpoint/store.ts';

/** Positions that end with the process. */
interface MemoryStoreConfig {
  readonly kind: 'memory';
}

interface LevelStoreConfig {
  readonly kind: 'leveldb';
  readonly directory: string;
}

/** A DynamoDB table in the form of KCL's lease table; reached by a region, endpoint and role of its own, apart from the stream's. */
export interface DynamoStoreConfig extends Omit<AwsAccess, 'credentials' | 'requestHandler'> {
  readonly kind: 'dynamodb';
  readonly table: string;
  /** Whether a missing table is made; default true. */
  readonly create?: boolean | undefined;
  /** Both or neither; on-demand billing without. */
  readonly readCapacity?: number | undefined;
  readonly writeCapacity?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** `shard`: the table holds one stream, as a KCL application has it; `stream`: it may hold several. */
  readonly keys?: 'shard' | 'stream' | undefined;
  /** Where reading begins for rows of KCL that say LATEST or AT_TIMESTAMP, milliseconds since the epoch. */
  readonly untimedStartMs?: number | undefined;
}

/** A collection in Splunk's KV store. */
export interface KvStoreConfig {
  readonly kind: 'kv-store';
  /** splunkd's management address, such as https://127.0.0.1:8089. */
  readonly url: string;
  readonly app: string;
  readonly collection?: string | undefined;
  /** Holds a Splunk token and is read again whenever one is needed; without it $KINLOG_SPLUNK_SESSION_KEY is a session key. */
  readonly tokenFile?: string | undefined;
  /** PEM certificates that splunkd's is checked with. */
  readonly caFile?: string | undefined;
}

export type StoreConfig = MemoryStoreConfig | LevelStoreConfig | DynamoStoreConfig | KvStoreConfig;

export interface OpenStoreOptions {
  readonly signal: AbortSignal;
  readonly log: EventLog;
  readonly clock?: Clock;
  /** Default: that of the process. */
  readonly env?: NodeJS.ProcessEnv;
  /** How long to wait until another process lets go of a LevelDB directory; at once KINLOG_CHECKPOINT_LOCKED without. */
  readonly lockWaitMs?: number;
  /** A store that does not exist yet is refused instead of made, so that a wrong name is no empty store. */
  readonly mustExist?: boolean;
}

/** What a person calls the store, in the form that --store takes. */
export function storeName(config: StoreConfig): string {
  switch (config.kind) {
    case 'memory':
      return 'memory';
    case 'leveldb':
      return `leveldb:${config.directory}`;
    case 'dynamodb':
      return `dynamodb:${config.table}`;
    case 'kv-store':
      return `kv-store:${config.url}/${config.app}`;
  }
}

/** The caller closes it. The modules are loaded here, because the SDK takes longer to load than most commands to run. */
export async function openStore(config: StoreConfig, options: OpenStoreOptions): Promise<CheckpointStore & RowRemover> {
  switch (config.kind) {
    case 'memory': {
      const { MemoryStore } = await import('../reader/checkpoint/memory.ts');
      return new MemoryStore();
    }
    case 'leveldb':
      return openLevel(config, options);
    case 'dynamodb':
      return openDynamo(config, options);
    case 'kv-store':
      return openKv(config, options);
  }
}

async function openLevel(
  { directory }: LevelStoreConfig,
  { signal, clock, lockWaitMs, mustExist }: OpenStoreOptions,
): Promise<CheckpointStore & RowRemover> {
  const { inspectDirectory } = await import('../reader/checkpoint/leveldb-files.ts');
  if (mustExist === true && (await inspectDirectory(directory)) !== 'existing')
    throw new KinlogError('KINLOG_CHECKPOINT_MISSING', `there is no position database at ${directory}`, {
      remedy: 'Name the directory that the reader was given for its positions.',
      retry: 'never',
    });
  const { openLevelStore } = await import('../reader/checkpoint/leveldb.ts');
  return openLevelStore(directory, {
    signal,
    ...(clock === undefined ? {} : { clock }),
    ...(lockWaitMs === undefined ? {} : { waitMs: lockWaitMs }),
  });
}

async function openDynamo(
  config: DynamoStoreConfig,
  { log, clock, mustExist }: OpenStoreOptions,
): Promise<CheckpointStore & RowRemover> {
  const { openDynamoStore } = await import('../reader/checkpoint/dynamodb.ts');
  const { kind: _kind, table, create, readCapacity, writeCapacity, tags, keys, untimedStartMs, ...client } = config;
  const made = create === false || mustExist === true ? false : { readCapacity, writeCapacity, tags };
  return openDynamoStore({ table, client, create: made, keys, untimedStartMs, clock, log });
}

async function openKv(
  { url, app, collection, tokenFile, caFile }: KvStoreConfig,
  { log, clock, env = process.env }: OpenStoreOptions,
): Promise<CheckpointStore & RowRemover> {
  const [{ openKvStore }, { splunkAuth }] = await Promise.all([
    import('../reader/checkpoint/kv-store.ts'),
    import('./splunk-auth.ts'),
  ]);
  const auth = await splunkAuth(tokenFile, env);
  return openKvStore({ url, app, collection, ca: caFile, auth, env, clock, log });
}
