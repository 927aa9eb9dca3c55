/** Positions move along when a stanza names another store, forward only, and nothing is read before they have. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { MemoryStore } from '../../../reader/checkpoint/memory.ts';
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';
import { MovingStore, type Store } from '../../../splunk-app/input/moving-store.ts';
import { placeOf } from '../../../splunk-app/input/store-place.ts';
import { openPositions } from '../../../splunk-app/input/stores.ts';
import { parseStanzaOptions } from '../../../splunk-app/input/stanza.ts';
import { FakeSplunkd } from '../../fakes/splunkd/splunkd.ts';

const { signal } = new AbortController();
const STREAM = { id: 'logs', createdMs: 7 };
const after = (n: number): Position => ({ kind: 'after', sequenceNumber: String(n), subSequence: 0, partial: false });
const row = (shardId: string, position: Position, more: Partial<ShardRow> = {}): ShardRow => ({
  ...{ shardId, position, parents: [], streamCreatedMs: 7, arrivalMs: 0 },
  ...more,
});

async function rowsOf(store: Store) {
  const rows: ShardRow[] = [];
  for await (const { version: _version, ...rest } of store.rows(STREAM, signal)) rows.push(rest);
  return rows.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
}

async function filled(...rows: readonly ShardRow[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const one of rows) await store.put(STREAM, one, 'absent', signal);
  return store;
}

function moving(from: Store, to: Store) {
  const moved: number[] = [];
  const store = new MovingStore({
    from,
    to,
    done: (count) => {
      moved.push(count);
      return Promise.resolve();
    },
  });
  return { store, moved };
}

describe('a store that takes positions over', () => {
  it('gives them to whoever reads it first, without the leases of the store before', async () => {
    const from = await filled(row('b', { kind: 'end' }, { owner: 'x', successor: 'y' }), row('a', after(3)));
    const { store, moved } = moving(from, new MemoryStore());
    expect(await rowsOf(store)).toEqual([row('a', after(3)), row('b', { kind: 'end' })]);
    await rowsOf(store);
    expect(moved).toEqual([2]);
  });

  it('never puts a position back, and leaves alone what a reader has', async () => {
    const from = await filled(row('a', after(3)), row('b', after(9)), row('c', after(9)));
    const to = await filled(row('a', after(5)), row('b', after(1)), row('c', after(1), { owner: 'lives' }));
    const { store } = moving(from, to);
    expect(await rowsOf(store)).toEqual([
      row('a', after(5)),
      row('b', after(9)),
      row('c', after(1), { owner: 'lives' }),
    ]);
  });

  it('does not compare positions of an earlier stream of the same name', async () => {
    const from = await filled(row('a', after(9), { streamCreatedMs: 1 }), row('b', after(1)));
    const to = await filled(row('a', after(1)), row('b', after(9), { streamCreatedMs: 1 }));
    expect(await rowsOf(moving(from, to).store)).toEqual([row('a', after(1)), row('b', after(1))]);
  });

  it('moves parents before children, so that another reader never sees a child alone', async () => {
    const from = await filled(row('a', after(1), { parents: ['z'] }), row('z', after(2)));
    const to = new MemoryStore();
    const order: string[] = [];
    const put = to.put.bind(to);
    to.put = (stream, one, expected, abort) => {
      order.push(one.shardId);
      return put(stream, one, expected, abort);
    };
    await rowsOf(moving(from, to).store);
    expect(order).toEqual(['z', 'a']);
  });

  it('makes up for an interruption, and is not done before everything is over', async () => {
    const from = await filled(row('a', after(1)), row('b', after(2)));
    const to = new MemoryStore();
    const put = to.put.bind(to);
    let puts = 0;
    to.put = (...args) =>
      ++puts === 2 ? Promise.reject(new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'away')) : put(...args);
    const { store, moved } = moving(from, to);
    await expect(rowsOf(store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE' });
    expect(moved).toEqual([]);
    expect(await rowsOf(store)).toHaveLength(2);
    expect(moved).toEqual([1]);
  });
});

describe('the store of a stanza', () => {
  let folder: string;
  let directory: string;
  let splunkd: FakeSplunkd;
  let serverUri: string;
  let lines: LogLine[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kinlog-stores-'));
    directory = path.join(folder, 'prod');
    splunkd = new FakeSplunkd();
    splunkd.kv.declare('kinloader', 'kinlog_rows');
    splunkd.sessionKeys.add('k3y');
    serverUri = (await splunkd.open({ tls: false })).url;
    lines = [];
  });
  afterEach(async () => {
    await splunkd.close();
    await rm(folder, { recursive: true });
  });

  const open = (checkpoint_store: string) =>
    openPositions({
      options: parseStanzaOptions(
        new Map(Object.entries({ stream_name: 'logs', aws_region: 'eu-central-1', checkpoint_store })),
      ),
      directory,
      aws: {},
      splunkd: { serverUri, sessionKey: 'k3y' },
      app: 'kinloader',
      log: new EventLog((line) => lines.push(line)),
      signal,
    });
  const use = async (checkpoint_store: string, ...rows: readonly ShardRow[]): Promise<ShardRow[]> => {
    const store = await open(checkpoint_store);
    try {
      const versions = new Map<string, number>();
      for await (const { shardId, version } of store.rows(STREAM, signal)) versions.set(shardId, version);
      for (const one of rows) await store.put(STREAM, one, versions.get(one.shardId) ?? 'absent', signal);
      return await rowsOf(store);
    } finally {
      await store.close();
    }
  };

  it('takes the positions along from the disk to the KV store and back, at each change further', async () => {
    await use('local', row('a', after(1)));
    expect(await use('kvstore', row('b', after(2)))).toEqual([row('a', after(1)), row('b', after(2))]);
    expect(await use('kvstore', row('a', after(5)))).toHaveLength(2);
    expect(await use('local')).toEqual([row('a', after(5)), row('b', after(2))]);
    expect(lines.map(({ name, fields }) => [name, fields])).toEqual([
      ['checkpoint.moved', { from: 'local', to: 'kvstore', rows: 1 }],
      ['checkpoint.moved', { from: 'kvstore', to: 'local', rows: 2 }],
    ]);
  });

  it('remembers in a file beside the positions which store it is, and nothing secret', async () => {
    await use('kvstore');
    expect(await readdir(folder)).toEqual(['prod.store']);
    expect(await readFile(`${directory}.store`, 'utf8')).toBe('{"kind":"kvstore"}\n');
  });

  it('begins with nothing when there was no store before', async () => {
    expect(await use('kvstore')).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('does not begin anew when the store before can not be read: the positions would be lost', async () => {
    await use('kvstore', row('a', after(1)));
    const [port] = [await splunkd.open({ tls: false })];
    port.faults.expired = true;
    serverUri = port.url;
    await expect(use('local')).rejects.toMatchObject({ code: 'KINLOG_SPLUNK_REFUSED' });
    expect(await readFile(`${directory}.store`, 'utf8')).toBe('{"kind":"kvstore"}\n');
  });

  it('does not guess when the file that remembers it is damaged', async () => {
    await writeFile(`${directory}.store`, '{"kind":"oracle"}');
    await expect(open('local')).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNREADABLE' });
  });

  it('is another one when the table, its region or its endpoint is another', () => {
    const place = (more: Readonly<Record<string, string>>) =>
      placeOf(
        parseStanzaOptions(
          new Map(Object.entries({ stream_name: 's', aws_region: 'eu-west-1', checkpoint_store: 'dynamodb', ...more })),
        ),
      );
    expect(place({ checkpoint_table: 'rows' })).toEqual({ kind: 'dynamodb', table: 'rows', region: 'eu-west-1' });
    expect(place({ checkpoint_table: 'rows', dynamodb_endpoint: 'https://d.example.com' })).toMatchObject({
      endpoint: 'https://d.example.com',
    });
    expect(
      place({
        checkpoint_table: 'rows',
        aws_region: '',
        stream_name: 'arn:aws:kinesis:eu-north-1:123456789012:stream/s',
      }),
    ).toMatchObject({ region: 'eu-north-1' });
  });
});
