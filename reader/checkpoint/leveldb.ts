/** Positions in a local LevelDB directory: one process at a time, every write on disk before it counts. */
import type { Level } from 'level';
import { systemClock, type Clock } from '../../base/clock.ts';
import { asKinlogError, isKinlogError, KinlogError, type ErrorCode } from '../../base/errors.ts';
import { announceCreation, concludeCreation, inspectDirectory } from './leveldb-files.ts';
import { objectIn, refuseNewer, rowFrom, rowText } from './row.ts';
import { RowTurns } from './row-turns.ts';
import {
  versionConflict,
  type CheckpointStore,
  type RowRemover,
  type ShardRow,
  type StoredRow,
  type StreamKey,
  type Version,
} from './store.ts';

export interface LevelStoreOptions {
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** How long to wait for another process to let go of the directory, milliseconds; at once KINLOG_CHECKPOINT_LOCKED without. */
  readonly waitMs?: number;
}

/**
 * Opens the position database in `directory`, which must be its own: absent, empty, or one of ours.
 * Fails with KINLOG_CHECKPOINT_LOCKED (another process has it open), _UNREADABLE (damaged, incomplete, not ours, not permitted; never opened as empty),
 * _NEWER or _UNAVAILABLE (disk full and the like).
 */
export async function openLevelStore(
  directory: string,
  options: LevelStoreOptions,
): Promise<CheckpointStore & RowRemover> {
  const { signal, clock = systemClock, waitMs = 0 } = options;
  const deadline = clock.monotonic() + waitMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      return new LevelStore(directory, await openDatabase(directory, true));
    } catch (error) {
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0 || !isKinlogError(error, 'KINLOG_CHECKPOINT_LOCKED')) throw error;
      await clock.sleep(Math.min(leftMs, LOCK_POLL_MS), signal);
    }
  }
}

const LOCK_POLL_MS = 50;
/** In every database of ours from its creation on: a database without it lost something. */
const SENTINEL = 'kinlog';
/** Rows are few and small; LevelDB's defaults would keep megabytes for them. */
const MEMORY = { cacheSize: 1 << 20, writeBufferSize: 1 << 20 };

async function openDatabase(directory: string, mayCreate: boolean): Promise<Level> {
  const state = await inspectDirectory(directory);
  if (state !== 'existing' && !mayCreate)
    throw new KinlogError(
      'KINLOG_CHECKPOINT_UNREADABLE',
      `the position database at ${directory} was removed while in use`,
    );
  if (state === 'new') await announceCreation(directory);
  const create = state !== 'existing';
  const database = await newDatabase(directory, create);
  try {
    await database.open();
    await checkSentinel(database, directory, create);
    if (create) await concludeCreation(directory);
    return database;
  } catch (error) {
    await database.close();
    throw levelError(error, directory);
  }
}

async function newDatabase(directory: string, createIfMissing: boolean): Promise<Level> {
  try {
    // Only here: the native module costs start-up time, and most commands never need it.
    const { Level } = await import('level');
    return new Level(directory, { createIfMissing, ...MEMORY });
  } catch (cause) {
    throw new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'LevelDB can not be loaded on this platform', {
      cause,
      retry: 'never',
      remedy: 'Use another position store, or a platform that the package classic-level supports.',
    });
  }
}

async function checkSentinel(database: Level, directory: string, create: boolean): Promise<void> {
  const text = await read(database, SENTINEL);
  if (text !== undefined) refuseNewer(objectIn(text, directory)['schema'], `the position database at ${directory}`);
  else if (create) await database.put(SENTINEL, JSON.stringify({ schema: 1 }), { sync: true });
  else
    throw new KinlogError(
      'KINLOG_CHECKPOINT_UNREADABLE',
      `the database at ${directory} is not one of kinlog's, or has lost its beginning`,
    );
}

/** Undefined when absent, which the types of `level` do not say. */
function read(database: Level, key: string): Promise<string | undefined> {
  return database.get(key);
}

class LevelStore implements CheckpointStore, RowRemover {
  readonly traits = { survivesRestart: true, shared: false };
  readonly #directory: string;
  #database: Level;
  #broken = false;
  #reopening: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  readonly #turns = new RowTurns();
  /** Texts whose write failed: after the database was opened again they may be there or not. */
  readonly #doubtful = new Map<string, string>();

  constructor(directory: string, database: Level) {
    this.#directory = directory;
    this.#database = database;
  }

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    this.#refuseClosed();
    const { gte, lt } = rangeOf(stream);
    try {
      await this.#repaired(signal);
      for await (const [key, value] of this.#database.iterator({ gte, lt })) {
        signal.throwIfAborted();
        const row = rowFrom(value, `${key} in ${this.#directory}`);
        if (keyOf(stream, row.shardId) !== key)
          throw new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${key} in ${this.#directory} is another shard's row`);
        yield row;
      }
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version> {
    return this.#inTurn(keyOf(stream, row.shardId), (key) => this.#compareAndSet(key, row, expected, signal));
  }

  remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    return this.#inTurn(keyOf(stream, shardId), (key) => this.#compareAndDelete(key, shardId, expected, signal));
  }

  async #inTurn<T>(key: string, work: (key: string) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    return this.#turns.take(key, () => work(key));
  }

  /** Waits for the writes under way, then lets go of the directory. */
  close(): Promise<void> {
    this.#closed ??= this.#turns.ended().then(() => this.#database.close());
    return this.#closed;
  }

  async #compareAndSet(
    key: string,
    row: ShardRow,
    expected: Version | 'absent',
    signal: AbortSignal,
  ): Promise<Version> {
    try {
      await this.#repaired(signal);
      const { found, known } = await this.#found(key);
      if (known !== expected && found !== expected) throw versionConflict(row.shardId, expected, found);
      signal.throwIfAborted();
      const version = found === 'absent' ? 1 : found + 1;
      const text = rowText(row, version);
      await this.#write(key, text, () => this.#database.put(key, text, { sync: true }));
      return version;
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  async #compareAndDelete(key: string, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    try {
      await this.#repaired(signal);
      const { found, known } = await this.#found(key);
      // A removal of ours that failed may have happened.
      if (found === 'absent' && this.#doubtful.get(key) === '') {
        this.#doubtful.delete(key);
        return;
      }
      if (known !== expected && found !== expected) throw versionConflict(shardId, expected, found);
      signal.throwIfAborted();
      await this.#write(key, '', () => this.#database.del(key, { sync: true }));
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  /** `known`: what the caller may take it for, because a write of ours that failed was found on disk afterwards. */
  async #found(key: string): Promise<{ readonly found: Version | 'absent'; readonly known: Version | 'absent' }> {
    const stored = await read(this.#database, key);
    const found = stored === undefined ? 'absent' : rowFrom(stored, `${key} in ${this.#directory}`).version;
    const known = stored !== undefined && stored === this.#doubtful.get(key) ? versionBefore(found) : found;
    return { found, known };
  }

  /** `text`: what a failed write leaves in doubt; empty for a removal. */
  async #write(key: string, text: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
      this.#doubtful.delete(key);
    } catch (error) {
      this.#doubtful.set(key, text);
      this.#broken = true;
      if (codeOf(error) !== 'LEVEL_IO_ERROR') throw error;
      throw new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', `${this.#directory}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** After a failed write LevelDB refuses every later one until it is opened again (google/leveldb, db/db_impl.cc, RecordBackgroundError). */
  async #repaired(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#broken) return;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #reopen(): Promise<void> {
    await this.#database.close();
    this.#database = await openDatabase(this.#directory, false);
    this.#broken = false;
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined)
      throw new KinlogError(
        'KINLOG_CLOSED',
        `the position database at ${this.#directory} was used after it was closed`,
      );
  }

  #failure(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted && error === signal.reason) return error;
    if (codeOf(error).startsWith('LEVEL_')) this.#refuseClosed();
    return levelError(error, this.#directory);
  }
}

/** Both names as JSON strings, so that no name can run into the next one, whatever it holds. */
const keyOf = (stream: StreamKey, shardId: string): string => `${prefixOf(stream)}${JSON.stringify(shardId)}]`;

const prefixOf = (stream: StreamKey): string => `row [${JSON.stringify(stream.id)},`;

/** Exactly the keys that start with the prefix: `-` follows `,`. */
function rangeOf(stream: StreamKey): { gte: string; lt: string } {
  const prefix = prefixOf(stream);
  return { gte: prefix, lt: `${prefix.slice(0, -1)}-` };
}

function versionBefore(version: Version | 'absent'): Version | 'absent' {
  return version === 'absent' || version === 1 ? 'absent' : version - 1;
}

/** What LevelDB says of conditions that pass; its code does not tell them from files that are cut or gone. */
const PASSING = /no space left|not enough space|disk quota|too many open files|file too large/i;

/** The name of a failed open or read; a failed open carries LevelDB's own error as its cause. */
function levelError(error: unknown, directory: string): KinlogError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = error instanceof KinlogError ? undefined : kinlogCodeOf(cause);
  if (code === undefined) return asKinlogError(error, `the position database at ${directory}`);
  const text = cause instanceof Error ? cause.message : '';
  const what = code === 'KINLOG_CHECKPOINT_LOCKED' ? 'another process holds' : 'can not use';
  return new KinlogError(code, `${what} the position database at ${directory}: ${text}`, { cause: error });
}

function kinlogCodeOf(error: unknown): ErrorCode | undefined {
  switch (codeOf(error)) {
    case 'LEVEL_LOCKED':
      return 'KINLOG_CHECKPOINT_LOCKED';
    case 'LEVEL_CORRUPTION':
      return 'KINLOG_CHECKPOINT_UNREADABLE';
    case 'LEVEL_IO_ERROR':
      return PASSING.test((error as Error).message) ? 'KINLOG_CHECKPOINT_UNAVAILABLE' : 'KINLOG_CHECKPOINT_UNREADABLE';
    case 'LEVEL_DATABASE_NOT_OPEN':
      return 'KINLOG_CHECKPOINT_UNAVAILABLE';
    default:
      return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
