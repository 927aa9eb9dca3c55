/** The promises of CheckpointStore, as a suite that every store runs. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ShardRow, Version } from '../../reader/checkpoint/store.ts';
import { ODD_NAMES } from './odd-names.ts';
import { conditionPromises, removalPromises } from './store-conditions.ts';
import { all, CONFLICT, live, OTHER, row, SEQUENCE, STREAM, type Fresh, type OpenedStore } from './store-rows.ts';

/** Runs the suite against stores that `open` makes, each of them empty. */
export function checkpointStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the promises of a checkpoint store`, () => {
    const opened: OpenedStore[] = [];
    const fresh = async () => {
      const one = await open();
      opened.push(one);
      return one;
    };
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.dispose();
    });

    rowPromises(fresh);
    conditionPromises(fresh);
    removalPromises(fresh);
    endingPromises(fresh);
    restartPromises(fresh);
  });
}

function rowPromises(fresh: Fresh): void {
  test('a stream without rows yields none', async () => {
    const { store } = await fresh();
    expect(await all(store)).toEqual([]);
  });

  test.each<[string, ShardRow]>([
    ['a bare row', row('shardId-1')],
    ['a row at the horizon', row('shardId-1', { position: { kind: 'horizon' }, arrivalMs: 0, streamCreatedMs: 0 })],
    ['a row at a timestamp', row('shardId-1', { position: { kind: 'timestamp', ms: 1_700_000_000_123 } })],
    [
      'a row inside an aggregate',
      row('shardId-1', { position: { kind: 'after', sequenceNumber: SEQUENCE, subSequence: 499, partial: true } }),
    ],
    [
      'a row with every field',
      row('shardId-1', {
        position: { kind: 'end' },
        owner: 'reader-1 "ä"',
        successor: 'reader-2',
        startingHashKey: '0',
        endingHashKey: '340282366920938463463374607431768211455',
        parents: ['shardId-a', 'shardId-b'],
        children: ['shardId-2', 'shardId-3'],
        readToMs: 1_700_000_009_999,
      }),
    ],
    ['a row that ended without children', row('shardId-1', { position: { kind: 'end' }, children: [] })],
  ])('%s comes back as it was put', async (_, put) => {
    const { store } = await fresh();
    const version = await store.put(STREAM, put, 'absent', live());
    expect(await all(store)).toStrictEqual([{ ...put, version }]);
  });

  test('a put replaces the row as a whole: what is absent now is gone', async () => {
    const { store } = await fresh();
    const first = await store.put(
      STREAM,
      row('s', {
        owner: 'me',
        successor: 'you',
        children: ['c'],
        parents: ['p'],
        readToMs: 5,
        startingHashKey: '0',
        endingHashKey: '9',
      }),
      'absent',
      live(),
    );
    const second = await store.put(STREAM, row('s'), first, live());
    expect(await all(store)).toStrictEqual([{ ...row('s'), version: second }]);
  });

  test('a put is seen by every listing that begins after it settled', async () => {
    const { store } = await fresh();
    let version: Version | 'absent' = 'absent';
    for (let n = 0; n < 20; n++) {
      version = await store.put(STREAM, row('s', { arrivalMs: n }), version, live());
      expect(await all(store)).toEqual([{ ...row('s', { arrivalMs: n }), version }]);
    }
  });

  test('what the caller does with a row afterwards does not reach the store', async () => {
    const { store } = await fresh();
    const parents = ['p'];
    await store.put(STREAM, row('s', { parents }), 'absent', live());
    parents.push('q');
    expect((await all(store))[0]!.parents).toEqual(['p']);
  });

  test('three hundred rows come back, each once', async () => {
    const { store } = await fresh();
    const ids = Array.from({ length: 300 }, (_, n) => `shardId-${String(n).padStart(12, '0')}`);
    await Promise.all(ids.map((id) => store.put(STREAM, row(id), 'absent', live())));
    expect((await all(store)).map((one) => one.shardId)).toEqual(ids);
  });

  test('rows of two streams never mix, not even when one name begins with the other', async () => {
    const { store } = await fresh();
    await store.put(STREAM, row('s', { arrivalMs: 1 }), 'absent', live());
    await store.put(OTHER, row('s', { arrivalMs: 2 }), 'absent', live());
    await store.put(OTHER, row('t', { arrivalMs: 3 }), 'absent', live());
    expect((await all(store)).map((one) => [one.shardId, one.arrivalMs])).toEqual([['s', 1]]);
    expect((await all(store, OTHER)).map((one) => [one.shardId, one.arrivalMs])).toEqual([
      ['s', 2],
      ['t', 3],
    ]);
  });

  test('odd names of shards are kept apart and come back unchanged', async () => {
    const { store } = await fresh();
    for (const name of ODD_NAMES) await store.put(STREAM, row(name), 'absent', live());
    expect((await all(store)).map((one) => one.shardId)).toEqual([...ODD_NAMES].sort());
  });

  test('odd names of streams are kept apart', async () => {
    const { store } = await fresh();
    const streams = ODD_NAMES.map((id) => ({ id, createdMs: 0 }));
    for (const [n, stream] of streams.entries()) await store.put(stream, row('s', { arrivalMs: n }), 'absent', live());
    for (const [n, stream] of streams.entries())
      expect((await all(store, stream)).map((one) => one.arrivalMs)).toEqual([n]);
  });

  test('names that contain the separators of others do not collide', async () => {
    const { store } = await fresh();
    const pairs = [
      ['a', 'b","c'],
      ['a","b', 'c'],
      ['a/b', 'c'],
      ['a', 'b/c'],
      ['a:b', 'c'],
      ['a', 'b:c'],
    ] as const;
    for (const [id, shardId] of pairs) await store.put({ id, createdMs: 0 }, row(shardId), 'absent', live());
    for (const id of new Set(pairs.map(([one]) => one)))
      expect((await all(store, { id, createdMs: 0 })).map((one) => one.shardId).sort()).toEqual(
        pairs
          .filter(([one]) => one === id)
          .map(([, shardId]) => shardId)
          .sort(),
      );
  });
}

function endingPromises(fresh: Fresh): void {
  test('an aborted signal keeps a put from beginning, and the row as it was', async () => {
    const { store } = await fresh();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    await expect(store.put(STREAM, row('s', { owner: 'x' }), version, AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
    await expect(store.put(STREAM, row('t'), 'absent', AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await all(store)).toEqual([{ ...row('s'), version }]);
  });

  test('a put that is aborted on its way either happened or did not, and its promise says which', async () => {
    const { store } = await fresh();
    let version: Version | 'absent' = 'absent';
    for (let n = 0; n < 20; n++) {
      const stop = new AbortController();
      const put = store.put(STREAM, row('s', { arrivalMs: n }), version, stop.signal);
      if (n % 2 === 0) stop.abort();
      else setImmediate(() => stop.abort());
      const settled = await put.catch((error: unknown) => error);
      const found = (await all(store))[0];
      if (typeof settled === 'number') expect(found).toMatchObject({ arrivalMs: n, version: settled });
      else expect(settled).toMatchObject({ name: 'AbortError' });
      if (typeof settled !== 'number') expect(found?.arrivalMs).not.toBe(n);
      version = found?.version ?? 'absent';
    }
  });

  test('an aborted signal ends a listing', async () => {
    const { store } = await fresh();
    for (const id of ['a', 'b', 'c']) await store.put(STREAM, row(id), 'absent', live());
    const stop = new AbortController();
    const listing = (async () => {
      for await (const _ of store.rows(STREAM, stop.signal)) stop.abort();
    })();
    await expect(listing).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a listing that is left half-way leaves the store usable', async () => {
    const { store } = await fresh();
    for (const id of ['a', 'b', 'c']) await store.put(STREAM, row(id), 'absent', live());
    for await (const _ of store.rows(STREAM, live())) break;
    expect(await all(store)).toHaveLength(3);
  });

  test('a closed store answers KINLOG_CLOSED, and closing twice is closing once', async () => {
    const { store } = await fresh();
    await store.put(STREAM, row('s'), 'absent', live());
    await store.close();
    await store.close();
    await expect(store.put(STREAM, row('s'), 1, live())).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
    await expect(all(store)).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
  });

  test('puts that were under way when the store was closed settle', async () => {
    const { store } = await fresh();
    const puts = Array.from({ length: 20 }, (_, n) => store.put(STREAM, row(`s${n}`), 'absent', live()));
    await store.close();
    for (const result of await Promise.allSettled(puts))
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'KINLOG_CLOSED' });
  });
}

function restartPromises(fresh: Fresh): void {
  test('rows survive a restart if the store says so, with their versions', async () => {
    const { store, reopen } = await fresh();
    expect(store.traits.survivesRestart).toBe(reopen !== undefined);
    if (reopen === undefined) return;
    const first = await store.put(STREAM, row('s', { owner: 'a' }), 'absent', live());
    const second = await store.put(STREAM, row('s', { owner: 'b', children: ['x'] }), first, live());
    await store.put(OTHER, row('t'), 'absent', live());
    const again = await reopen();
    expect(await all(again)).toStrictEqual([{ ...row('s', { owner: 'b', children: ['x'] }), version: second }]);
    expect(await all(again, OTHER)).toHaveLength(1);
    await expect(again.put(STREAM, row('s'), first, live())).rejects.toMatchObject(CONFLICT);
    expect(await again.put(STREAM, row('s'), second, live())).toBeGreaterThan(second);
  });
}
