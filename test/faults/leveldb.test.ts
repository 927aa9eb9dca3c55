/** Position databases under SIGKILL, SIGSTOP, full disks, missing rights and second processes; with real processes. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLevelStore } from '../../reader/checkpoint/leveldb.ts';
import type { CheckpointStore, StoredRow } from '../../reader/checkpoint/store.ts';

const PROGRAM = join(import.meta.dirname, 'leveldb-process.ts');
const stream = { id: 'arn:aws:kinesis:eu-west-1:123456789012:stream/crash', createdMs: 0 };
const live = () => new AbortController().signal;

let root: string;
let directory: string;
const started: Running[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kinlog-crash-'));
  directory = join(root, 'positions');
});
afterEach(async () => {
  for (const running of started.splice(0)) await killed(running);
  await chmod(root, 0o700);
  await rm(root, { recursive: true });
});

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Complete lines so far. */
  readonly lines: string[];
  readonly errors: string[];
  /** Settles with the exit status when the process is gone and everything it said was read. */
  readonly closed: Promise<number | null>;
}

function start(command: string, args: string[], shell?: string): Running {
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, command, ...args];
  const [file, ...rest] = shell === undefined ? argv : ['/bin/sh', '-c', shell, ...argv];
  const child = spawn(file!, rest, { stdio: 'pipe' });
  const lines: string[] = [];
  const errors: string[] = [];
  let tail = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = `${tail}${text}`.split('\n');
    tail = parts.pop()!;
    lines.push(...parts);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const running = { child, lines, errors, closed };
  started.push(running);
  return running;
}

async function killed({ child, closed }: Running): Promise<void> {
  child.kill('SIGKILL');
  await closed;
}

/** Runs to its end: the lines it said. */
async function run(command: string, args: string[], shell?: string): Promise<string[]> {
  const { lines, errors, closed } = start(command, args, shell);
  expect([await closed, errors.join('')]).toEqual([0, '']);
  return lines;
}

async function untilLines({ child, lines, errors, closed }: Running, count: number): Promise<void> {
  const ended = closed.then(() => {
    if (lines.length < count) throw new Error(`the process ended: ${errors.join('')}`);
  });
  while (lines.length < count) await Promise.race([once(child.stdout, 'data'), ended]);
}

async function rowsOf(store: CheckpointStore): Promise<StoredRow[]> {
  const found: StoredRow[] = [];
  for await (const one of store.rows(stream, live())) found.push(one);
  return found;
}

async function rowsOnDisk(): Promise<StoredRow[]> {
  const store = await openLevelStore(directory, { signal: live() });
  try {
    return await rowsOf(store);
  } finally {
    await store.close();
  }
}

describe('SIGKILL', () => {
  test(
    'while positions are written loses no acknowledged one, ten times in a row on one database',
    { timeout: 60_000 },
    async () => {
      for (let round = 0; round < 10; round++) {
        const writer = start('write', [directory]);
        await untilLines(writer, 20 + 37 * round);
        await killed(writer);
        const acknowledged = new Map<string, number>();
        for (const line of writer.lines) {
          const [shardId, version] = line.split(' ');
          acknowledged.set(shardId!, Number(version));
        }
        const stored = new Map((await rowsOnDisk()).map((one) => [one.shardId, one.version]));
        for (const [shardId, version] of acknowledged) {
          // The one that was under way may be there as well.
          expect([version, version + 1]).toContain(stored.get(shardId));
        }
      }
    },
  );

  test(
    'in front of every step of a creation and of the first put leaves a database that opens',
    { timeout: 120_000 },
    async () => {
      const seen = new Set<string>();
      let lines: string[] = [];
      let steps = 0;
      for (; !lines.includes('closed'); steps++) {
        const { lines: said, errors, closed } = start('killedAt', [directory, String(steps)]);
        await closed;
        lines = said;
        expect(errors.join('')).toBe('');
        seen.add((await readdir(directory).catch(() => ['nothing'])).join());
        const store = await openLevelStore(directory, { signal: live() });
        const rows = await rowsOf(store);
        if (lines.includes('put')) expect(rows.map((one) => one.shardId)).toEqual(['late']);
        expect(await store.put(stream, { ...EMPTY, shardId: 'after' }, 'absent', live())).toBe(1);
        await store.close();
        await rm(directory, { recursive: true });
      }
      // Every call that `killedAt` counts was a place of death once, and the directory was met in each of its states.
      expect(steps).toBeGreaterThan(12);
      expect([...seen].filter((names) => /^(?:nothing|)$|CREATING/.test(names)).length).toBeGreaterThanOrEqual(4);
    },
  );

  test('in front of every step of opening a database with rows keeps the rows', { timeout: 120_000 }, async () => {
    const store = await openLevelStore(directory, { signal: live() });
    await store.put(stream, { ...EMPTY, shardId: 'early' }, 'absent', live());
    await store.close();
    for (let steps = 0, ended = false; !ended; steps++) {
      const { lines, closed } = start('killedAt', [directory, String(steps)]);
      await closed;
      const ids = (await rowsOnDisk()).map((one) => one.shardId);
      expect(ids).toContain('early');
      if (lines.includes('put')) expect(ids).toContain('late');
      ended = ids.includes('late');
    }
  });
});

const EMPTY = { position: { kind: 'horizon' }, parents: [], streamCreatedMs: 0, arrivalMs: 0 } as const;

test('no write counts before it is on disk: the sentinel and the row are synced', async () => {
  expect(await run('synced', [directory])).toEqual(['synced', 'synced']);
});

describe('a second process', () => {
  test('is refused with KINLOG_CHECKPOINT_LOCKED, also while the first one is stopped, and comes in when it is gone', async () => {
    const holder = start('hold', [directory]);
    await untilLines(holder, 1);
    const locked = { code: 'KINLOG_CHECKPOINT_LOCKED' };
    await expect(openLevelStore(directory, { signal: live() })).rejects.toMatchObject(locked);
    holder.child.kill('SIGSTOP');
    await expect(openLevelStore(directory, { signal: live(), waitMs: 200 })).rejects.toMatchObject(locked);
    const waiting = openLevelStore(directory, { signal: live(), waitMs: 20_000 });
    await killed(holder);
    await (await waiting).close();
  });

  test('that starts at the same moment on an empty directory does no harm', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 2; round++) {
      const results = await Promise.allSettled(
        Array.from({ length: 4 }, () =>
          openLevelStore(directory, { signal: live(), waitMs: 20_000 }).then((store) => store.close()),
        ),
      );
      expect(results.map((result) => result.status)).toEqual(Array(4).fill('fulfilled'));
      const holders = [start('hold', [directory]), start('hold', [directory]), start('hold', [directory])];
      await Promise.any(holders.map((holder) => untilLines(holder, 1)));
      const losers = holders.filter((holder) => holder.lines.length === 0);
      for (const loser of losers) await loser.closed;
      for (const loser of losers) expect(loser.errors.join('')).toContain('KINLOG_CHECKPOINT_LOCKED');
      for (const holder of holders) await killed(holder);
      expect(await rowsOnDisk()).toEqual([]);
      await rm(directory, { recursive: true });
    }
  });
});

describe('a disk that refuses', () => {
  test(
    'a write makes the store unavailable for now; once there is room, the same put succeeds',
    { timeout: 60_000 },
    async () => {
      const [said] = await run('limited', [directory], 'ulimit -S -f 64; exec "$0" "$@"');
      const [version, failures] = said!.split(' ');
      expect(version).toBe('1000');
      expect(JSON.parse(failures!)).toEqual({ KINLOG_CHECKPOINT_UNAVAILABLE: expect.any(Number) });
      expect(await rowsOnDisk()).toMatchObject([{ shardId: 'a', arrivalMs: 999, version: 1000 }]);
    },
  );

  test('a creation makes the store unavailable for now, and the creation is gone on with once there is room', async () => {
    expect(await run('open', [directory], 'ulimit -S -f 0; exec "$0" "$@"')).toEqual(['KINLOG_CHECKPOINT_UNAVAILABLE']);
    expect(await run('open', [directory])).toEqual(['opened']);
    expect(await rowsOnDisk()).toEqual([]);
  });

  test('an acknowledgement of what it wrote does not make the writer a stranger to its own row', async () => {
    expect(await run('unacknowledged', [directory])).toEqual([
      'KINLOG_CHECKPOINT_UNAVAILABLE',
      'KINLOG_CHECKPOINT_CONFLICT',
    ]);
    expect(await rowsOnDisk()).toMatchObject([{ arrivalMs: 3, version: 3 }]);
  });

  test('to be read or written by this user is named', async () => {
    const store = await openLevelStore(directory, { signal: live() });
    await store.close();
    await chmod(root, 0o711);
    for (const mode of [0o000, 0o500]) {
      await chmod(directory, mode);
      expect(await run('openUnprivileged', [directory])).toEqual(['KINLOG_CHECKPOINT_UNREADABLE']);
    }
    await chmod(directory, 0o777);
    for (const name of await readdir(directory)) await chmod(join(directory, name), 0o400);
    expect(await run('openUnprivileged', [directory])).toEqual(['KINLOG_CHECKPOINT_UNREADABLE']);
    await chmod(root, 0o500);
    expect(await run('openUnprivileged', [join(root, 'new')])).toEqual(['KINLOG_CHECKPOINT_UNREADABLE']);
  });
});
