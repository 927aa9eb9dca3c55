/** A process that works on a position database until it is killed: `leveldb-process.ts COMMAND DIRECTORY [STEP]`; what it was promised goes to stdout, a line each. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Level } from 'level';
import { isKinlogError } from '../../base/errors.ts';
import type { CheckpointStore, ShardRow, Version } from '../../reader/checkpoint/store.ts';

const [command, directory = '', step = '0'] = process.argv.slice(2);
const signal = new AbortController().signal;
const stream = { id: 'arn:aws:kinesis:eu-west-1:123456789012:stream/crash', createdMs: 0 };
const row = (shardId: string, arrivalMs: number): ShardRow => ({
  shardId,
  position: { kind: 'after', sequenceNumber: String(arrivalMs), subSequence: 0, partial: false },
  parents: [],
  streamCreatedMs: 0,
  arrivalMs,
});
/** Not process.stdout: the line must have left when the next step begins. */
const say = (...words: unknown[]) => fs.writeSync(1, `${words.join(' ')}\n`);
/** Imported late, so that it takes the functions that `killAt` has put in place. */
const openStore = async (): Promise<CheckpointStore> =>
  (await import('../../reader/checkpoint/leveldb.ts')).openLevelStore(directory, { signal });

/** Puts rows of four shards for ever; says each put that was acknowledged. */
async function write(): Promise<void> {
  const store = await openStore();
  const versions = new Map<string, Version>();
  for await (const one of store.rows(stream, signal)) versions.set(one.shardId, one.version);
  const work = ['a', 'b', 'c', 'd'].map(async (shardId) => {
    for (;;) {
      const before = versions.get(shardId);
      const version = await store.put(stream, row(shardId, before ?? 0), before ?? 'absent', signal);
      versions.set(shardId, version);
      say(shardId, version);
    }
  });
  await Promise.all(work);
}

async function hold(): Promise<void> {
  await openStore();
  say('open');
  setInterval(() => undefined, 1000);
}

/** Ends itself by SIGKILL in front of the n-th step (file system call or LevelDB call) of opening the database and putting a row. */
async function killedAt(): Promise<void> {
  let left = Number(step);
  const counted = (owner: object, names: readonly string[]) => {
    const methods = owner as Record<string, (...parameters: unknown[]) => unknown>;
    for (const name of names) {
      const original = methods[name]!;
      methods[name] = function (this: unknown, ...parameters: unknown[]) {
        if (left-- === 0) process.kill(process.pid, 'SIGKILL');
        return original.apply(this, parameters);
      };
    }
  };
  const handle = await fs.promises.open('/dev/null');
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  counted(prototype as object, ['sync']);
  counted(fs.promises, ['mkdir', 'open', 'readdir', 'unlink', 'stat', 'readFile']);
  counted(Level.prototype, ['open', 'get', 'put', 'close']);
  syncBuiltinESMExports();
  const store = await openStore();
  say('open');
  await store.put(stream, row('late', 1), 'absent', signal);
  say('put');
  await store.close();
  say('closed');
}

/** A thousand puts to one row, with as many tries as they need; the shell that started this process limits the size of files. */
async function limited(): Promise<void> {
  const store = await openStore();
  const failures: Record<string, number> = {};
  const stubborn = async (n: number, version: Version | 'absent'): Promise<Version> => {
    try {
      return await store.put(stream, row('a', n), version, signal);
    } catch (error) {
      if (!isKinlogError(error) || error.retry !== 'soon') throw error;
      failures[error.code] = (failures[error.code] ?? 0) + 1;
      return stubborn(n, version);
    }
  };
  let version: Version | 'absent' = 'absent';
  for (let n = 0; n < 1000; n++) version = await stubborn(n, version);
  await store.close();
  say(version, JSON.stringify(failures));
}

/** The disk took a write, but says it did not. */
async function unacknowledged(): Promise<void> {
  const store = await openStore();
  const first = await store.put(stream, row('a', 1), 'absent', signal);
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const original = Level.prototype.put;
  Level.prototype.put = async function (this: Level, ...parameters: Parameters<typeof original>) {
    Level.prototype.put = original;
    await original.apply(this, parameters);
    throw Object.assign(new Error('IO error: fdatasync: Input/output error'), { code: 'LEVEL_IO_ERROR' });
  } as unknown as typeof original;
  const failure = await store.put(stream, row('a', 2), first, signal).catch((error: unknown) => error);
  say(isKinlogError(failure) ? failure.code : failure);
  await store.put(stream, row('a', 3), first, signal);
  const stale = await store.put(stream, row('a', 4), first, signal).catch((error: unknown) => error);
  say(isKinlogError(stale) ? stale.code : stale);
  await store.close();
}

/** Says for each write whether LevelDB was told to have it on disk before it answers; nothing else shows that while the machine has power. */
async function synced(): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const original = Level.prototype.put;
  Level.prototype.put = function (this: Level, ...parameters: Parameters<typeof original>) {
    say((parameters[2] as { sync?: boolean } | undefined)?.sync === true ? 'synced' : 'unsynced');
    return original.apply(this, parameters);
  } as typeof original;
  const store = await openStore();
  await store.put(stream, row('a', 1), 'absent', signal);
  await store.close();
}

/** Opens, and says what came of it. */
async function open(): Promise<void> {
  const result = await openStore().catch((error: unknown) => error);
  say(isKinlogError(result) ? result.code : 'opened');
}

/** The same without the rights of root. */
async function openUnprivileged(): Promise<void> {
  if (process.getuid?.() === 0) {
    // The checkout may lie where nobody else can read it.
    await import('../../reader/checkpoint/leveldb.ts');
    process.setgroups?.([]);
    process.setgid?.(65_534);
    process.setuid?.(65_534);
  }
  await open();
}

const commands = { write, hold, killedAt, limited, unacknowledged, synced, open, openUnprivileged };
await commands[command as keyof typeof commands]();
