/** What a store of inserts has to withstand: writers that come late, keys that were swept, copies that lag, removals cut short; and what a thousand shards cost. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventLog } from '../../base/events.ts';
import type { CheckpointStore, RowRemover, StoredRow, Version } from '../../reader/checkpoint/store.ts';
import { all, CONFLICT, live, row, STREAM } from '../contract/store-rows.ts';
import { kvScene, type KvScene } from '../fakes/splunkd/kv-stores.ts';

let scene: KvScene;

beforeEach(() => {
  scene = kvScene();
});
afterEach(() => scene.dispose());

type Store = CheckpointStore & RowRemover;

/** Writes the row, `times` times. */
async function write(store: Store, from: Version | 'absent', times: number): Promise<Version> {
  let version = await store.put(STREAM, row('s', { arrivalMs: 0 }), from, live());
  for (let n = 1; n < times; n++) version = await store.put(STREAM, row('s', { arrivalMs: n }), version, live());
  return version;
}

const versions = () => scene.collection.all().map((document) => document['version']);

describe('a writer that slept', () => {
  test('does not win with a version that was written, superseded and swept meanwhile', async () => {
    const { store: late } = await scene.open();
    const { store } = await scene.open();
    const known = await late.put(STREAM, row('s'), 'absent', live());
    const latest = await write(store, known, 20);
    await store.close();
    expect(versions()).not.toContain(known + 1);
    await expect(late.put(STREAM, row('s', { owner: 'late' }), known, live())).rejects.toMatchObject(CONFLICT);
    const { store: other } = await scene.open();
    expect(await all(other)).toStrictEqual([{ ...row('s', { arrivalMs: 19 }), version: latest }]);
    expect(await other.put(STREAM, row('s'), latest, live())).toBe(latest + 1);
  });

  test('does not bring a row back that was removed and swept', async () => {
    const { store: late } = await scene.open();
    const { store } = await scene.open();
    const known = await late.put(STREAM, row('s'), 'absent', live());
    await store.remove(STREAM, 's', await write(store, known, 3), live());
    await store.close();
    expect(scene.collection.size).toBe(0);
    await expect(late.put(STREAM, row('s'), known, live())).rejects.toMatchObject(CONFLICT);
    await late.close();
    expect(scene.collection.size).toBe(0);
    const { store: other } = await scene.open();
    expect(await all(other)).toEqual([]);
    expect(await other.put(STREAM, row('s'), 'absent', live())).toBeGreaterThan(known);
  });

  test('can not write a row that was removed and created anew', async () => {
    const { store: late } = await scene.open();
    const { store } = await scene.open();
    const known = await late.put(STREAM, row('s'), 'absent', live());
    await store.remove(STREAM, 's', known, live());
    const version = await store.put(STREAM, row('s', { owner: 'new' }), 'absent', live());
    await expect(late.put(STREAM, row('s'), known, live())).rejects.toMatchObject(CONFLICT);
    await expect(late.remove(STREAM, 's', known, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(late)).toStrictEqual([{ ...row('s', { owner: 'new' }), version }]);
  });
});

describe('a removal that was cut short', () => {
  const cutShort = async () => {
    const { store, port } = await scene.open();
    const version = await write(store, 'absent', 3);
    port.faults.noDeletes = true;
    await store.remove(STREAM, 's', version, live());
    await store.close();
    expect(scene.collection.size).toBe(4);
    return version;
  };

  test('is a removal, and the next listing clears away what it left', async () => {
    await cutShort();
    const { store } = await scene.open();
    expect(await all(store)).toEqual([]);
    await store.close();
    expect(scene.collection.size).toBe(0);
  });

  test('gives way to a new row of the shard', async () => {
    const removed = await cutShort();
    const { store } = await scene.open();
    const version = await store.put(STREAM, row('s', { owner: 'new' }), 'absent', live());
    expect(version).toBeGreaterThan(removed);
    expect(await all(store)).toStrictEqual([{ ...row('s', { owner: 'new' }), version }]);
    expect(scene.collection.size).toBe(1);
  });

  test('and then undone half-way keeps what is left of it from being the row', async () => {
    await cutShort();
    const [anchor] = scene.collection.all();
    scene.collection.delete('nobody', { _key: anchor!['_key'] });
    const { store } = await scene.open();
    const version = await store.put(STREAM, row('s', { owner: 'new' }), 'absent', live());
    expect(await all(store)).toStrictEqual([{ ...row('s', { owner: 'new' }), version }]);
    await store.close();
    expect(scene.collection.size).toBe(1);
  });
});

describe('a copy that lags', () => {
  test('does not make a put pass for the row before it shows the put', async () => {
    const { store: late, port } = await scene.open();
    const { store } = await scene.open();
    const known = await late.put(STREAM, row('s'), 'absent', live());
    port.faults.staleReads(3, scene.splunkd.kv);
    const latest = await write(store, known, 20);
    await store.close();
    await expect(late.put(STREAM, row('s'), known, live())).rejects.toMatchObject(CONFLICT);
    expect(versions()).toContain(latest);
  });

  test('delays a put, and does not fail it', async () => {
    const { store, port } = await scene.open();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    port.faults.staleReads(3, scene.splunkd.kv);
    expect(await store.put(STREAM, row('s'), version, live())).toBe(version + 1);
  });

  test('that stays behind makes a put unavailable, and trying again settles it', async () => {
    const { store, port } = await scene.open();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    port.faults.staleReads(1000, scene.splunkd.kv);
    await expect(store.put(STREAM, row('s', { arrivalMs: 1 }), version, live())).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_UNAVAILABLE',
    });
    port.faults.staleReads(0, scene.splunkd.kv);
    const settled = await store.put(STREAM, row('s', { arrivalMs: 2 }), version, live());
    expect(await all(store)).toStrictEqual([{ ...row('s', { arrivalMs: 2 }), version: settled }]);
  });
});

describe('a listing', () => {
  test('that meets a row in the middle of its creation leaves the row alone', async () => {
    const { store } = await scene.open();
    const version = await write(store, 'absent', 3);
    await store.put(STREAM, row('z'), 'absent', live());
    const anchor = scene.collection.all().find((one) => one['shard'] === 's')!;
    scene.collection.delete('nobody', { _key: anchor['_key'] });
    const { store: other, port } = await scene.open();
    port.faults.staleReads(1, scene.splunkd.kv);
    scene.collection.insert('nobody', anchor);
    await all(other);
    await other.close();
    expect((await all(store)).map((one) => one.version)).toContain(version);
  });

  /** Behind one address there may be several search heads, each with a copy of its own. */
  test('that meets copies of different ages does not take a living row for what is left of a dead one', async () => {
    const { store: other, port } = await scene.open();
    const { store } = await scene.open();
    const version = await write(store, 'absent', 3);
    const [anchor] = scene.collection.all();
    scene.collection.delete('nobody', { _key: anchor!['_key'] });
    port.faults.staleReads(10, scene.splunkd.kv);
    scene.collection.insert('nobody', anchor!);
    await all(other);
    await other.close();
    expect((await all(store)).map((one) => one.version)).toEqual([version]);
  });

  test('is whole although the server cuts its answers at any number of rows', async () => {
    const { store } = await scene.open();
    const ids = Array.from({ length: 12 }, (_, n) => `s${String(n).padStart(2, '0')}`);
    for (const [n, id] of ids.entries()) {
      let version: Version | 'absent' = 'absent';
      for (let times = 0; times <= n % 4; times++) version = await store.put(STREAM, row(id), version, live());
    }
    const whole = await all(store);
    expect(whole.map((one) => one.shardId)).toEqual(ids);
    for (const maxRows of [1, 2, 3, 5, 7]) {
      scene.collection.maxRows = maxRows;
      expect(await all(store)).toEqual(whole);
    }
  });

  test('of a row that is written all the while always has the row, at a version it had', async () => {
    const { store } = await scene.open();
    const { store: other } = await scene.open();
    const first = await write(store, 'absent', 1);
    const writing = { done: false };
    const written = write(store, first, 60).finally(() => {
      writing.done = true;
    });
    let last = 0;
    while (!writing.done) {
      const [found] = await all(other);
      expect(found!.version).toBeGreaterThanOrEqual(last);
      last = found!.version;
    }
    expect((await all(other))[0]!.version).toBe(await written);
  });
});

test('superseded rows that can not be swept are told, and swept by the next reader', async () => {
  const said: string[] = [];
  const { store, port } = await scene.open({ log: new EventLog((line) => said.push(line.name)) });
  port.faults.noDeletes = true;
  await write(store, 'absent', 20);
  await store.close();
  expect(new Set(said)).toEqual(new Set(['checkpoint.unswept']));
  expect(scene.collection.size).toBe(20);
  const { store: other } = await scene.open();
  const before = await all(other);
  await other.close();
  expect(scene.collection.size).toBe(2);
  const { store: third } = await scene.open();
  expect(await all(third)).toEqual(before);
});

test('a store whose server hangs is closed within seconds when only a sweep is left', async () => {
  const { store, port } = await scene.open();
  const version = await write(store, 'absent', 8);
  await store.put(STREAM, row('s'), version, live());
  port.faults.delayMs = 60_000;
  const began = performance.now();
  await store.close();
  expect(performance.now() - began).toBeLessThan(5000);
});

test('no delete is ever sent without a query', async () => {
  const { store, port } = await scene.open();
  const { store: other } = await scene.open();
  await other.put(STREAM, row('t'), 'absent', live());
  await store.remove(STREAM, 's', await write(store, 'absent', 20), live());
  await store.close();
  expect(port.calls.filter((call) => call.startsWith('DELETE')).length).toBeGreaterThan(2);
  expect(scene.collection.size).toBe(1);
});

/** A thousand shards, each stored again as soon as it was stored. */
test('a thousand shards under load cost 1.2 requests a put at most, and less than twelve documents each', async () => {
  const { store, port } = await scene.open();
  const shards = Array.from({ length: 1000 }, (_, n) => row(`shardId-${String(n).padStart(12, '0')}`));
  await Promise.all(shards.map((shard) => store.put(STREAM, shard, 'absent', live())));
  const before = port.calls.length;
  const listed = await all(store);
  expect(listed).toHaveLength(1000);
  expect(port.calls.length - before).toBeLessThan(10);
  let most = 0;
  const putTenTimes = async ({ version: first, ...shard }: StoredRow) => {
    let version = first;
    for (let n = 0; n < 10; n++) version = await store.put(STREAM, { ...shard, arrivalMs: n }, version, live());
    most = Math.max(most, scene.collection.size);
  };
  const putting = port.calls.length;
  await Promise.all(listed.map(putTenTimes));
  await store.close();
  const requests = port.calls.length - putting;
  process.stderr.write(`1,000 shards, 10,000 puts: ${requests} requests, at most ${most} documents\n`);
  expect(requests / 10_000).toBeLessThan(1.2);
  expect(most / 1000).toBeLessThan(12);
});
