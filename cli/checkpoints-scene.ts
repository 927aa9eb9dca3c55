/** What every command on positions stands on: the store, the rows of one stream, and the stream itself when it is needed. */
import { statSync } from 'node:fs';
import { systemClock, type Clock } from '../base/clock.ts';
import { configFaults } from '../base/config.ts';
import { asKinlogError, isKinlogError, KinlogError } from '../base/errors.ts';
import { retry } from '../base/retry.ts';
import { streamId } from '../base/stream.ts';
import { MemoryStore } from '../reader/checkpoint/memory.ts';
import type { CheckpointStore, RowRemover, StoredRow, StreamKey } from '../reader/checkpoint/store.ts';
import type { StreamDescription } from '../reader/fetch/api.ts';
import type { KinesisApi } from '../reader/fetch/kinesis.ts';
import type { Shard } from '../reader/fetch/source.ts';
import { describeStream, listShards } from '../reader/shards/list.ts';
import type { Target } from './checkpoints-target.ts';
import type { ConnectionValues } from './connection-options.ts';
import { commandLog, EXIT, Interruption, type Surroundings } from './exit.ts';
import { openStore, storeName, type StoreConfig } from './store.ts';

export type Rows = CheckpointStore & RowRemover;

/** `existing`: a wrong name must not be an empty store; `made`: when it is missing; `dry`: what is missing counts as empty and stays missing. */
export type OpenMode = 'existing' | 'made' | 'dry';

export interface Place {
  readonly store: Rows;
  /** As messages call the store. */
  readonly name: string;
  readonly stream: StreamKey;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** The stream in Kinesis; nothing is loaded or connected before it is asked for. */
export class StreamSide {
  readonly #values: ConnectionValues;
  readonly #signal: AbortSignal;
  #api: Promise<KinesisApi> | undefined;

  constructor(values: ConnectionValues, signal: AbortSignal) {
    this.#values = values;
    this.#signal = signal;
  }

  api(): Promise<KinesisApi> {
    this.#api ??= this.#connect();
    return this.#api;
  }

  async shards(): Promise<Shard[]> {
    const api = await this.api();
    return promptly(() => listShards(api, { signal: this.#signal, attempts: 1 }), this.#signal);
  }

  /** Undefined when it may not be asked for; what it says is then left out of the rows, as a reader does it. */
  async description(): Promise<StreamDescription | undefined> {
    const api = await this.api();
    try {
      return await promptly(() => describeStream(api, { signal: this.#signal, attempts: 1 }), this.#signal);
    } catch (error) {
      if (isKinlogError(error, 'KINLOG_PERMISSION_REFUSED')) return undefined;
      throw error;
    }
  }

  async key(): Promise<StreamKey> {
    const description = await this.description();
    return {
      id: streamId(this.#values.streamName),
      createdMs: description?.createdMs ?? 0,
      ...(description === undefined ? {} : { arn: description.arn }),
    };
  }

  /** Only a table of several streams needs more than the name. */
  async keyFor(config: StoreConfig): Promise<StreamKey> {
    if (config.kind === 'dynamodb' && config.keys === 'stream') return this.key();
    return { id: streamId(this.#values.streamName), createdMs: 0 };
  }

  async close(): Promise<void> {
    if (this.#api !== undefined) (await this.#api).close();
  }

  async #connect(): Promise<KinesisApi> {
    const [{ KinesisApi }, { connectionOf }] = await Promise.all([
      import('../reader/fetch/kinesis.ts'),
      import('./connection.ts'),
    ]);
    return new KinesisApi({ ...connectionOf(this.#values), stream: this.#values.streamName });
  }
}

/** Runs a command on a store and a stream, and lets go of both. */
export async function withPlace(
  { connection, store: config }: Target,
  { around, mode = 'existing' }: { around: Surroundings; mode?: OpenMode },
  work: (place: Place, side: StreamSide) => Promise<number>,
): Promise<number> {
  if (config === undefined) throw configFaults(['--store is missing, or --config: where the positions are']);
  const { signal } = new Interruption();
  const side = new StreamSide(connection, signal);
  const store = await openPlace(config, { signal, around, mode });
  try {
    const stream = await side.keyFor(config);
    return await work({ store, name: storeName(config), stream, signal, clock: systemClock }, side);
  } finally {
    await store.close();
    await side.close();
  }
}

export async function openPlace(
  config: StoreConfig,
  { signal, around, mode }: { signal: AbortSignal; around: Surroundings; mode: OpenMode },
): Promise<Rows> {
  if (config.kind === 'leveldb') refuseOtherOwner(config.directory);
  try {
    const mustExist = mode !== 'made';
    return await openStore(config, { signal, log: commandLog(around), env: around.env, mustExist });
  } catch (error) {
    if (mode === 'dry' && isKinlogError(error, 'KINLOG_CHECKPOINT_MISSING')) return new MemoryStore();
    if (!isKinlogError(error, 'KINLOG_CHECKPOINT_LOCKED')) throw error;
    throw new KinlogError(error.code, `a reader is at work on ${storeName(config)}: ${error.message}`, {
      remedy: 'Stop that reader, then run the command again. Its /status shows positions while it runs.',
      cause: error,
    });
  }
}

/** LevelDB writes files even to read; written by another user they would lock the reader out of its own positions. */
export function refuseOtherOwner(directory: string, us = process.getuid?.()): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined || us === undefined || found.uid === us) return;
  throw new KinlogError(
    'KINLOG_CONFIG_INVALID',
    `${directory} belongs to the user ${found.uid}, and this is the user ${us}: the reader could not use it any more`,
    { remedy: `Run the command as that user: sudo -u '#${found.uid}' kinlog …` },
  );
}

/** Every row of the stream by the order of its shards, which in Kinesis puts parents before children. */
export function rowsOf({ store, stream, signal, name }: Place): Promise<StoredRow[]> {
  return promptly(async () => {
    const rows: StoredRow[] = [];
    for await (const row of store.rows(stream, signal)) rows.push(row);
    return rows.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
  }, signal).catch((error: unknown) => {
    throw asKinlogError(error, `reading ${name}`);
  });
}

/** Three tries for what passes by itself; what a person must mend ends a command at once. */
export function promptly<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const prompt = async () => {
    try {
      return await work();
    } catch (error) {
      if (!isKinlogError(error) || error.retry !== 'slow') throw error;
      throw new KinlogError(error.code, error.message, { remedy: error.remedy, retry: 'never', cause: error });
    }
  };
  return retry(prompt, { signal, attempts: 3, doing: 'asking' });
}

/** No rows: nothing to do, and probably the wrong store or stream. */
export function refuseEmpty(rows: readonly StoredRow[], { name, stream }: Place): void {
  if (rows.length > 0) return;
  throw new KinlogError('KINLOG_CONFIG_INVALID', `${name} holds no positions of the stream ${stream.id}`, {
    remedy: 'Check the store and the name of the stream.',
  });
}

export const done = (changed: boolean): number => (changed ? EXIT.ok : EXIT.failed);
