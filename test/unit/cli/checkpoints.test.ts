/** What a person may type for stores and positions, when a question is asked, and what counts as a reader at work. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseAlive } from '../../../cli/checkpoints-alive.ts';
import { LIST_SPEC, SET_SPEC } from '../../../cli/checkpoints-options.ts';
import { rowsTable } from '../../../cli/checkpoints-render.ts';
import { refuseOtherOwner, type Place, type Rows } from '../../../cli/checkpoints-scene.ts';
import { targetOf } from '../../../cli/checkpoints-target.ts';
import { putAll, removeAll } from '../../../cli/checkpoints-write.ts';
import { confirmed } from '../../../cli/confirm.ts';
import type { Surroundings } from '../../../cli/exit.ts';
import { parseCommandLine } from '../../../cli/options.ts';
import { storeOf } from '../../../cli/store-options.ts';
import { MemoryStore } from '../../../reader/checkpoint/memory.ts';
import type { ShardRow, StoredRow } from '../../../reader/checkpoint/store.ts';
import { FakeClock } from '../../fakes/clock.ts';

const live = () => new AbortController().signal;
const stream = { id: 'logs', createdMs: 0 };
const row = (shardId: string, more: Partial<ShardRow> = {}): ShardRow => ({
  ...{ shardId, position: { kind: 'horizon' }, parents: [], streamCreatedMs: 0, arrivalMs: 0 },
  ...more,
});

describe('stores by their flags', () => {
  const stored = (...argv: string[]) => {
    const line = parseCommandLine(LIST_SPEC, ['--stream-name=s', ...argv], {});
    return line.kind === 'run' ? storeOf('store', line.values) : undefined;
  };

  it('each kind is named by one text, and flags say how it is reached', () => {
    expect(stored('--store=leveldb:/var/lib/a b,c')).toEqual({ kind: 'leveldb', directory: '/var/lib/a b,c' });
    const table = [
      '--store=dynamodb:kin.log_1-2',
      '--store-region=eu-west-1',
      '--store-endpoint-url=http://127.0.0.1:1',
    ];
    expect(stored(...table, '--store-keys=stream', '--store-untimed-start=2026-01-01')).toEqual({
      ...{ kind: 'dynamodb', table: 'kin.log_1-2', region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' },
      ...{ keys: 'stream', untimedStartMs: Date.UTC(2026, 0, 1) },
    });
    expect(
      stored('--store=kv-store:https://[::1]:8089/kinloader', '--store-token-file=t', '--store-ca-file=c'),
    ).toEqual({
      ...{ kind: 'kv-store', url: 'https://[::1]:8089', app: 'kinloader', tokenFile: 't', caFile: 'c' },
    });
    expect(stored()).toBeUndefined();
  });

  it.each(['memory', 'leveldb:', 'dynamodb:a b', 'dynamodb:x', 'kv-store:https://h:8089', 'kv-store:ftp://h/a', 'x:y'])(
    '%s names no store',
    (text) =>
      expect(() => stored(`--store=${text}`)).toThrow(/--store is .* but must be leveldb:DIRECTORY, dynamodb:TABLE or/),
  );

  it('a user and a password in the address of splunkd are refused, and not shown', () => {
    expect(() => stored('--store=kv-store:https://admin:changeme@h:8089/a')).toThrow(/^(?!.*changeme)/);
  });

  it('flags without a store, and flags of another kind, are all named', () => {
    expect(() => stored('--store-region=r', '--store-keys=shard')).toThrow(
      '--store-region needs --store; --store-keys needs --store',
    );
    expect(() => stored('--store=dynamodb:tab', '--store-ca-file=c', '--store-collection=c')).toThrow(
      '--store-collection means nothing for a store of the kind dynamodb; --store-ca-file means nothing',
    );
  });
});

describe('the target of a command', () => {
  const target = (...argv: string[]) => {
    const line = parseCommandLine(LIST_SPEC, argv, {});
    return line.kind === 'run' ? targetOf(line.values, 'store') : undefined;
  };
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kinlog-target-'));
    file = path.join(folder, 'reader.yaml');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (...lines: string[]) => writeFileSync(file, lines.join('\n'));

  it('needs a stream, and a file that names one store for it', async () => {
    await expect(target('--store=leveldb:x')).rejects.toThrow('--stream-name is missing, or --config');
    write('output: { kind: ndjson }', 'streams:', '- { stream: a, store: { kind: memory } }');
    await expect(target('--config', file)).rejects.toThrow(/is memory, which no other process can see/);
    write(
      'output: { kind: ndjson }',
      'streams:',
      '- { stream: a, store: { kind: leveldb, directory: x } }',
      '- { stream: a, store: { kind: leveldb, directory: y } }',
    );
    await expect(target('--config', file)).rejects.toThrow(
      /--store must say which is meant: .* has leveldb:x, leveldb:y/,
    );
    await expect(target('--config', file, '--stream-name=b')).rejects.toThrow(
      /--stream-name b is not one of the streams in .*: a/,
    );
    const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/a';
    await expect(target('--config', file, '--stream-name', arn, '--store=leveldb:z')).resolves.toMatchObject({
      connection: { streamName: 'a' },
      store: { kind: 'leveldb', directory: 'z' },
    });
  });

  it('takes the connection of the stream from the file, but for what flags say', async () => {
    write(
      'store: { kind: dynamodb, table: rows, keys: stream }',
      'output: { kind: ndjson }',
      'streams:',
      '- { stream: a, region: eu-west-1, endpoint: "http://127.0.0.1:1", roleArn: "arn:aws:iam::123456789012:role/r" }',
    );
    expect(await target('--config', file, '--region=us-east-1')).toMatchObject({
      connection: {
        region: 'us-east-1',
        endpointUrl: 'http://127.0.0.1:1',
        roleArn: 'arn:aws:iam::123456789012:role/r',
      },
      store: { kind: 'dynamodb', table: 'rows', keys: 'stream' },
    });
  });
});

describe('positions as they are typed', () => {
  const position = (text: string) => {
    const argv = ['--stream-name=s', '--store=leveldb:d', '--shard=a', `--position=${text}`];
    const line = parseCommandLine(SET_SPEC, argv, {});
    return line.kind === 'run' ? line.values.position : undefined;
  };
  const after = (subSequence: number, partial: boolean) => ({
    kind: 'after',
    sequenceNumber: '495',
    subSequence,
    partial,
  });

  it('are those that tables and logs show, and times', () => {
    expect(position('HORIZON')).toEqual({ kind: 'horizon' });
    expect(position('end')).toEqual({ kind: 'end' });
    expect(position('2026-01-31T10:00:00Z')).toEqual({ kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 10) });
    expect(position('timestamp 2026-01-31T10:00:00.000Z')).toEqual({
      kind: 'timestamp',
      ms: Date.UTC(2026, 0, 31, 10),
    });
    expect(position('-15m')).toMatchObject({ kind: 'timestamp' });
    expect(position('after:495')).toEqual(after(0, false));
  });

  it('inside an aggregate never skip the user records behind', () => {
    expect(position('after:495:3')).toEqual(after(3, true));
    expect(position('after 495:3+')).toEqual(after(3, true));
    expect(position('after 495:0')).toEqual(after(0, true));
  });

  it.each(['latest', 'tip', 'stored', 'after', 'after:x', 'after:01', 'after:4:x', '495', 'soon'])(
    '%s is none',
    (text) => {
      expect(() => position(text)).toThrow(/--position is .* but must be horizon, end, after:SEQUENCE/);
    },
  );
});

describe('a question', () => {
  const around = (terminal: boolean) => {
    const stdin = Object.assign(new PassThrough(), { isTTY: terminal });
    const stderr = Object.assign(new PassThrough(), { isTTY: terminal });
    return { stdin, stderr, surroundings: { stdin, stderr } as unknown as Surroundings };
  };

  it.each([
    ['yes', true],
    ['Y', true],
    ['', false],
    ['no', false],
    ['yes please', false],
  ])('answered with %j is %s', async (answer, expected) => {
    const { stdin, stderr, surroundings } = around(true);
    const asked = confirmed('Remove them?', false, surroundings, live());
    stdin.write(`${answer}\n`);
    expect(await asked).toBe(expected);
    expect(String(stderr.read())).toMatch(/Remove them\? \[yes\/no\]/);
  });

  it.each(['\u0003', '\u0004'])(
    'that is answered with %j, as Ctrl-C and Ctrl-D write it, ends like a stop',
    async (key) => {
      const { stdin, surroundings } = around(true);
      const asked = confirmed('Remove them?', false, surroundings, live());
      stdin.write(key);
      await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    },
  );

  it('is not asked when it was answered beforehand, and without a terminal it is refused', async () => {
    const { surroundings } = around(false);
    expect(await confirmed('Remove them?', true, surroundings, live())).toBe(true);
    await expect(confirmed('Remove them?', false, surroundings, live())).rejects.toMatchObject({
      code: 'KINLOG_CONFIG_INVALID',
      message: 'nobody can be asked here: Remove them?',
    });
  });
});

describe('a reader at work', () => {
  /** Memory that several processes could share. */
  class SharedStore extends MemoryStore {
    override readonly traits = { survivesRestart: false, shared: true };
  }

  const touched = (rows: readonly StoredRow[]) => ({ rows, all: rows });

  async function scene(store: Rows, ...rows: readonly ShardRow[]) {
    const clock = new FakeClock();
    const place: Place = { store, name: 'dynamodb:t', stream, signal: live(), clock };
    const stored: StoredRow[] = [];
    for (const one of rows) stored.push({ ...one, version: await store.put(stream, one, 'absent', live()) });
    const said: string[] = [];
    const watch = { wait: 40_000, force: false, say: (text: string) => void said.push(text) };
    return { clock, place, stored, said, watch };
  }

  it('shows itself when any of its rows changes while they are watched, at once', async () => {
    const store = new SharedStore();
    const { clock, place, stored, watch } = await scene(store, row('a', { owner: 'r-1' }), row('b', { owner: 'r-1' }));
    const refused = refuseAlive({ rows: stored.slice(0, 1), all: stored }, place, watch).catch(
      (error: unknown) => error,
    );
    await clock.advance(5000);
    await store.put(stream, row('b', { owner: 'r-1' }), 1, live());
    await clock.advance(5000);
    expect(await refused).toMatchObject({
      code: 'KINLOG_CHECKPOINT_IN_USE',
      message: 'dynamodb:t is in use: r-1 has just written b',
    });
    expect(clock.monotonic()).toBeLessThan(40_000);
  });

  it('is ruled out by rows that stand still for the whole time, and not a moment earlier', async () => {
    const { clock, place, stored, watch, said } = await scene(new SharedStore(), row('a', { owner: 'r-1' }));
    let settled = false;
    const watched = refuseAlive({ rows: stored, all: stored }, place, watch).then(() => (settled = true));
    await clock.advance(39_999);
    expect(settled).toBe(false);
    await clock.advance(1);
    await watched;
    expect(said).toEqual(['watching the rows of logs for 40 s, to see that no reader is at work']);
  });

  it('needs no watching where no row has an owner, where one process holds the store, and when that is forced', async () => {
    const free = await scene(new SharedStore(), row('a'));
    await refuseAlive(touched(free.stored), free.place, free.watch);
    const alone = await scene(new MemoryStore(), row('a', { owner: 'r-1' }));
    await refuseAlive(touched(alone.stored), alone.place, alone.watch);
    const forced = await scene(new SharedStore(), row('a', { owner: 'r-1' }));
    await refuseAlive(touched(forced.stored), forced.place, { ...forced.watch, force: true });
    expect([...free.said, ...alone.said, ...forced.said]).toEqual([]);
  });
});

it("a LevelDB directory is opened by its own user only, for another's files would lock the reader out", () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kinlog-owner-'));
  const { uid } = statSync(directory);
  try {
    expect(() => refuseOtherOwner(directory, uid)).not.toThrow();
    expect(() => refuseOtherOwner(`${directory}/absent`, uid + 1)).not.toThrow();
    expect(() => refuseOtherOwner(directory, uid + 1)).toThrow(
      expect.objectContaining({ code: 'KINLOG_CONFIG_INVALID', remedy: expect.stringContaining(`sudo -u '#${uid}'`) }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('several rows', () => {
  /** Notes what is written, and can break off. */
  class NotingStore extends MemoryStore {
    readonly writes: string[] = [];

    override put(...args: Parameters<MemoryStore['put']>): Promise<number> {
      this.writes.push(`put ${args[1].shardId} at ${args[2]}`);
      return super.put(...args);
    }

    override remove(...args: Parameters<MemoryStore['remove']>): Promise<void> {
      this.writes.push(`remove ${args[1]}`);
      return super.remove(...args);
    }
  }

  it('are written parents first and removed children first, each on condition', async () => {
    const store = new NotingStore();
    const place: Place = { store, name: 'memory', stream, signal: live(), clock: new FakeClock() };
    const present = { ...row('2'), version: await store.put(stream, row('2'), 'absent', live()) };
    store.writes.length = 0;
    await putAll([row('3'), row('1'), row('2')], new Map([['2', present]]), place);
    expect(store.writes).toEqual(['put 1 at absent', 'put 2 at 1', 'put 3 at absent']);
    await expect(putAll([row('1')], new Map(), place)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_CONFLICT' });
    store.writes.length = 0;
    const stored = [
      { ...row('1'), version: 1 },
      { ...row('3'), version: 1 },
      { ...row('2'), version: 2 },
    ];
    await removeAll(stored, place);
    expect(store.writes).toEqual(['remove 3', 'remove 2', 'remove 1']);
  });
});

it('a table of rows says what is read, by whom, and how long ago', () => {
  const rows: StoredRow[] = [
    { ...row('a', { position: { kind: 'end' } }), version: 1 },
    { ...row('b', { parents: ['c'], arrivalMs: 1 }), version: 1 },
    { ...row('c', { owner: 'r-1', successor: 'r-2', readToMs: 8_000_000, arrivalMs: 9_999_999 }), version: 9 },
    { ...row('d', { owner: 'w\n1', position: { kind: 'timestamp', ms: 0 } }), version: 2, foreign: true },
  ];
  const lines = rowsTable(rows, 10_000_000).split('\n');
  expect(lines.map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    'SHARD | STATE | OWNER | LAST RECORD | READ TO | PARENTS | POSITION',
    'a | ended | - | - | - | - | end',
    'b | waiting | - | 2 h ago | - | c | horizon',
    'c | owned | r-1 -> r-2 | 0 s ago | 33 min ago | - | horizon',
    String.raw`d | owned | "w\n1 (not kinlog)" | - | - | - | timestamp 1970-01-01T00:00:00.000Z`,
    '',
  ]);
});
