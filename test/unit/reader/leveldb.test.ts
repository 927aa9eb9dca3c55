/** Which directories LevelDB may open, which it must not, and what the faults are called. */
import { Level } from 'level';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLevelStore } from '../../../reader/checkpoint/leveldb.ts';
import type { CheckpointStore, ShardRow } from '../../../reader/checkpoint/store.ts';
import { FakeClock } from '../../fakes/clock.ts';

const stream = { id: 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs', createdMs: 0 };
const row = (shardId: string, arrivalMs = 0): ShardRow => ({
  shardId,
  position: { kind: 'after', sequenceNumber: '1234', subSequence: 0, partial: false },
  parents: [],
  streamCreatedMs: 0,
  arrivalMs,
});
const live = () => new AbortController().signal;
const UNREADABLE = { code: 'KINLOG_CHECKPOINT_UNREADABLE', retry: 'never' };

let root: string;
let directory: string;
const opened: CheckpointStore[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kinlog-level-'));
  directory = join(root, 'positions');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(root, { recursive: true });
});

async function open(where = directory): Promise<CheckpointStore> {
  const store = await openLevelStore(where, { signal: live() });
  opened.push(store);
  return store;
}

async function rowsOf(store: CheckpointStore): Promise<string[]> {
  const found: string[] = [];
  for await (const one of store.rows(stream, live())) found.push(one.shardId);
  return found;
}

/** A closed database with rows a, b and c. */
async function written(): Promise<void> {
  const store = await openLevelStore(directory, { signal: live() });
  for (const id of ['a', 'b', 'c']) await store.put(stream, row(id), 'absent', live());
  await store.close();
}

/** The same, with the rows moved from the log into a table file, as every second start does it. */
async function settledOnDisk(): Promise<void> {
  await written();
  await (await openLevelStore(directory, { signal: live() })).close();
}

async function raw(change: (database: Level) => Promise<unknown>): Promise<void> {
  const database = new Level(directory);
  await database.open();
  await change(database);
  await database.close();
}

const fileLike = async (pattern: RegExp) =>
  join(
    directory,
    (await readdir(directory)).find((name) => pattern.test(name))!,
  );

describe('a position database is created', () => {
  test('where there is nothing, with the directories above it', async () => {
    directory = join(root, 'deep', 'down', 'positions');
    expect(await rowsOf(await open())).toEqual([]);
    expect(await readdir(directory)).not.toContain('CREATING');
  });

  test('in an empty directory, and in the root of an empty volume', async () => {
    await mkdir(join(directory, 'lost+found'), { recursive: true });
    expect(await rowsOf(await open())).toEqual([]);
  });
});

describe('what must not be opened as empty is refused, and left as it is', () => {
  test('a file', async () => {
    await writeFile(directory, 'hello');
    await expect(open()).rejects.toMatchObject(UNREADABLE);
    expect(await readFile(directory, 'utf8')).toBe('hello');
  });

  test('a path that leads through a file', async () => {
    await writeFile(directory, 'hello');
    await expect(open(join(directory, 'positions'))).rejects.toMatchObject(UNREADABLE);
  });

  test("a directory with somebody's files", async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'notes.txt'), 'hello');
    await expect(open()).rejects.toMatchObject({ ...UNREADABLE, message: expect.stringContaining('notes.txt') });
    expect(await readdir(directory)).toEqual(['notes.txt']);
  });

  test('a database of another program', async () => {
    await raw((database) => database.put('theirs', 'value'));
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });

  test.each([['before'], ['after']])('a database without CURRENT, %s the rows went into a table file', async (when) => {
    await (when === 'before' ? written() : settledOnDisk());
    await rename(join(directory, 'CURRENT'), join(root, 'CURRENT'));
    await expect(open()).rejects.toMatchObject(UNREADABLE);
    await rename(join(root, 'CURRENT'), join(directory, 'CURRENT'));
    expect(await rowsOf(await open())).toEqual(['a', 'b', 'c']);
  });

  test.each(['', 'rubbish', 'MANIFEST-999999\n', '../../etc/passwd\n'])(
    'a database whose CURRENT says %j',
    async (text) => {
      await written();
      await writeFile(join(directory, 'CURRENT'), text);
      await expect(open()).rejects.toMatchObject(UNREADABLE);
    },
  );

  test('a database whose manifest is damaged', async () => {
    await written();
    await writeFile(await fileLike(/^MANIFEST/), Buffer.alloc(64, 0xa5));
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });

  test('a database whose table file is missing', async () => {
    await settledOnDisk();
    await rm(await fileLike(/\.ldb$/));
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });

  test('a database whose table file is cut', async () => {
    await settledOnDisk();
    await truncate(await fileLike(/\.ldb$/), 20);
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });

  test('a database whose first log is gone or empty', async () => {
    await written();
    await truncate(await fileLike(/\.log$/), 0);
    await expect(open()).rejects.toMatchObject(UNREADABLE);
    await rm(await fileLike(/\.log$/));
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });
});

describe('a creation that was cut short is gone on with', () => {
  test.each<[string, string[]]>([
    ['the directory', []],
    ['the marker', ['CREATING']],
    ['the lock', ['CREATING', 'LOCK', 'LOG']],
    ['the manifest', ['CREATING', 'LOCK', 'LOG', 'LOG.old', 'MANIFEST-000001']],
    ['the name of the manifest', ['CREATING', 'LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']],
  ])('after %s', async (_, names) => {
    await mkdir(directory);
    for (const name of names) await writeFile(join(directory, name), '');
    expect(await rowsOf(await open())).toEqual([]);
    expect(await readdir(directory)).not.toContain('CREATING');
  });

  test('after the sentinel', async () => {
    await (await openLevelStore(directory, { signal: live() })).close();
    await writeFile(join(directory, 'CREATING'), '');
    expect(await rowsOf(await open())).toEqual([]);
    expect(await readdir(directory)).not.toContain('CREATING');
  });

  test('but not when the marker stands beside a database that lost its CURRENT', async () => {
    await written();
    await rm(join(directory, 'CURRENT'));
    await writeFile(join(directory, 'CREATING'), '');
    await expect(open()).rejects.toMatchObject(UNREADABLE);
  });

  test('and a marker beside a sound database takes nothing from it', async () => {
    await written();
    await writeFile(join(directory, 'CREATING'), '');
    expect(await rowsOf(await open())).toEqual(['a', 'b', 'c']);
  });
});

describe('rows that this version does not understand', () => {
  const key = `row [${JSON.stringify(stream.id)},"a"]`;
  const newer = JSON.stringify({ schema: 2, version: 1, shardId: 'a', position: { kind: 'horizon' } });

  test('of a newer version are neither read nor overwritten', async () => {
    await written();
    await raw((database) => database.put(key, newer));
    const store = await open();
    await expect(rowsOf(store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_NEWER', retry: 'never' });
    await expect(store.put(stream, row('a'), 1, live())).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_NEWER' });
    await expect(store.put(stream, row('a'), 'absent', live())).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_NEWER',
    });
    await store.close();
    await raw(async (database) => expect(await database.get(key)).toBe(newer));
  });

  test('a database of a newer version is not opened', async () => {
    await written();
    await raw((database) => database.put('kinlog', '{"schema":2}'));
    await expect(open()).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_NEWER' });
  });

  test.each(['', '{', 'null', '[]', '{"schema":1}', '{"schema":"1"}', '{"schema":0}'])(
    '%j is a damaged row',
    async (text) => {
      await written();
      await raw((database) => database.put(key, text));
      const store = await open();
      await expect(rowsOf(store)).rejects.toMatchObject(UNREADABLE);
      await expect(store.put(stream, row('a'), 1, live())).rejects.toMatchObject(UNREADABLE);
    },
  );

  test("a row in another shard's place is damage", async () => {
    await written();
    await raw(async (database) => database.put(key.replace('"a"', '"z"'), await database.get(key)));
    await expect(rowsOf(await open())).rejects.toMatchObject(UNREADABLE);
  });
});

describe('a directory that is open already', () => {
  test('is locked, in the same process too', async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_LOCKED', retry: 'soon' });
  });

  test('is waited for as long as asked, and then it is locked', async () => {
    await open();
    const clock = new FakeClock();
    let failure: unknown;
    const second = openLevelStore(directory, { signal: live(), clock, waitMs: 5000 }).catch((error: unknown) => {
      failure = error;
    });
    while (failure === undefined) {
      if (clock.sleeping > 0) await clock.advance(50);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await second;
    expect(failure).toMatchObject({ code: 'KINLOG_CHECKPOINT_LOCKED' });
    expect(clock.monotonic()).toBe(5000);
  });

  test('is taken as soon as it is free', async () => {
    const first = await open();
    const second = openLevelStore(directory, { signal: live(), waitMs: 20_000 });
    await first.put(stream, row('a'), 'absent', live());
    await first.close();
    opened.push(await second);
    expect(await rowsOf(await second)).toEqual(['a']);
  });

  test('is not waited for after the signal', async () => {
    await open();
    const stop = new AbortController();
    const clock = new FakeClock();
    const second = openLevelStore(directory, { signal: stop.signal, clock, waitMs: 60_000 });
    const failed = expect(second).rejects.toMatchObject({ name: 'AbortError' });
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await failed;
  });
});
