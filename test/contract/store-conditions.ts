/** The promises of CheckpointStore and RowRemover about conditions: one winner, no write past another, no removal of what changed. */
import { expect, test } from 'vitest';
import type { CheckpointStore, Version } from '../../reader/checkpoint/store.ts';
import { all, CONFLICT, live, row, STREAM, type Fresh } from './store-rows.ts';

export function conditionPromises(fresh: Fresh): void {
  test('versions grow with every put', async () => {
    const { store } = await fresh();
    const first = await store.put(STREAM, row('s'), 'absent', live());
    const second = await store.put(STREAM, row('s'), first, live());
    const third = await store.put(STREAM, row('s'), second, live());
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  test('a put with an old version is a conflict and changes nothing', async () => {
    const { store } = await fresh();
    const first = await store.put(STREAM, row('s', { owner: 'a' }), 'absent', live());
    const second = await store.put(STREAM, row('s', { owner: 'b' }), first, live());
    await expect(store.put(STREAM, row('s', { owner: 'a' }), first, live())).rejects.toMatchObject(CONFLICT);
    await expect(store.put(STREAM, row('s', { owner: 'a' }), second + 1, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toEqual([{ ...row('s', { owner: 'b' }), version: second }]);
  });

  test('a row is created only where there is none, and changed only where there is one', async () => {
    const { store } = await fresh();
    await expect(store.put(STREAM, row('s'), 1, live())).rejects.toMatchObject(CONFLICT);
    const version = await store.put(STREAM, row('s'), 'absent', live());
    await expect(store.put(STREAM, row('s'), 'absent', live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toEqual([{ ...row('s'), version }]);
  });

  test('of fifty writers that race for an absent row one wins', async () => {
    const { store } = await fresh();
    await raceOnce(store, 'absent');
  });

  test('of fifty writers that race with the same version one wins, again and again', async () => {
    const { store } = await fresh();
    let version: Version | 'absent' = 'absent';
    for (let round = 0; round < 5; round++) version = await raceOnce(store, version);
  });

  test('writers of different rows do not disturb each other', async () => {
    const { store } = await fresh();
    const ids = Array.from({ length: 50 }, (_, n) => `s${n}`);
    const work = ids.map(async (id) => {
      let version: Version | 'absent' = 'absent';
      for (let n = 0; n < 5; n++) version = await store.put(STREAM, row(id, { arrivalMs: n }), version, live());
    });
    await Promise.all(work);
    expect((await all(store)).map((one) => one.arrivalMs)).toEqual(ids.map(() => 4));
  });
}

export function removalPromises(fresh: Fresh): void {
  test('a removed row is gone, may be created anew, and nothing else changes', async () => {
    const { store } = await fresh();
    await store.put(STREAM, row('t'), 'absent', live());
    const first = await store.put(STREAM, row('s'), 'absent', live());
    const second = await store.put(STREAM, row('s'), first, live());
    await store.remove(STREAM, 's', second, live());
    expect((await all(store)).map((one) => one.shardId)).toEqual(['t']);
    await store.put(STREAM, row('s', { arrivalMs: 7 }), 'absent', live());
    expect((await all(store)).map((one) => [one.shardId, one.arrivalMs])).toEqual([
      ['s', 7],
      ['t', row('t').arrivalMs],
    ]);
  });

  test('a removal with an old version is a conflict and removes nothing', async () => {
    const { store } = await fresh();
    const first = await store.put(STREAM, row('s'), 'absent', live());
    const second = await store.put(STREAM, row('s'), first, live());
    await expect(store.remove(STREAM, 's', first, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toEqual([{ ...row('s'), version: second }]);
  });

  test('removing what is not there is a conflict', async () => {
    const { store } = await fresh();
    await expect(store.remove(STREAM, 's', 1, live())).rejects.toMatchObject(CONFLICT);
  });

  test('after a removal a writer that knew the row can no longer write it', async () => {
    const { store } = await fresh();
    const version = await store.put(STREAM, row('s'), 'absent', live());
    await store.remove(STREAM, 's', version, live());
    await expect(store.put(STREAM, row('s'), version, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toEqual([]);
  });
}

async function raceOnce(store: CheckpointStore, expected: Version | 'absent'): Promise<Version> {
  const owners = Array.from({ length: 50 }, (_, n) => `reader-${n}`);
  const results = await Promise.allSettled(
    owners.map((owner) => store.put(STREAM, row('s', { owner }), expected, live())),
  );
  const won = results.flatMap((result, n) =>
    result.status === 'fulfilled' ? [{ owner: owners[n], version: result.value }] : [],
  );
  expect(won).toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(CONFLICT);
  expect(await all(store)).toMatchObject(won);
  return won[0]!.version;
}
