/** The promises of CheckpointStore that only a store behind a network can break, as a suite that each of those runs: lost answers, refusals, outages, latency, disorder. */
import { afterEach, describe, expect, test } from 'vitest';
import { isKinlogError } from '../../base/errors.ts';
import type { CheckpointStore, RowRemover, ShardRow, StreamKey, Version } from '../../reader/checkpoint/store.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { all, CONFLICT, live, row, STREAM } from './store-rows.ts';

/** What can go wrong between `store` and its server; `second` is never disturbed. */
export interface NetworkFaults {
  /** The next `calls` writes happen, but their answers never arrive. */
  loseAnswers(calls: number): void;
  /** The next `calls` of any kind are refused before anything happens: throttled, or unavailable for the moment. */
  refuse(calls: number): void;
  /** While on, no call reaches the server. */
  outage(on: boolean): void;
  /** Every call takes this many milliseconds, some of them before it happens and some after; of `clock` when there is one. 0 = none. */
  delay(ms: number): void;
  /** While on, answers of calls that are under way together arrive in an order of their own. */
  unordered(on: boolean): void;
}

export interface OpenedNetworkStore {
  readonly store: CheckpointStore & RowRemover;
  /** Another client on the same rows. */
  readonly second: CheckpointStore & RowRemover;
  readonly faults: NetworkFaults;
  /** Owns the waits of `store` and the delays; real time without. */
  readonly clock?: FakeClock;
  /** Writes rows past the seam, as fast as the server takes them; by `second` without. */
  readonly fill?: (stream: StreamKey, rows: readonly ShardRow[]) => Promise<void>;
  /** Makes a stored row one of a later schema. */
  readonly makeNewer: (stream: StreamKey, shardId: string) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

type Fresh = () => Promise<OpenedNetworkStore>;

const UNAVAILABLE = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' };

/** Runs the suite against stores that `open` makes, each of them empty and without faults. */
export function networkStoreContract(name: string, open: Fresh): void {
  describe(`${name} keeps its promises over a network`, () => {
    const opened: OpenedNetworkStore[] = [];
    const fresh = async () => {
      const one = await open();
      opened.push(one);
      return one;
    };
    afterEach(async () => {
      for (const one of opened.splice(0)) {
        one.faults.outage(false);
        one.faults.delay(0);
        one.faults.unordered(false);
        await one.dispose();
      }
    });

    racePromises(fresh);
    lostAnswerPromises(fresh);
    removalPromises(fresh);
    refusalPromises(fresh);
    delayPromises(fresh);
    listingPromises(fresh);
  });
}

function racePromises(fresh: Fresh): void {
  test('of fifty writers over two clients one wins, again and again', async () => {
    const { store, second } = await fresh();
    let expected: Version | 'absent' = 'absent';
    for (let round = 0; round < 4; round++) {
      const owners = Array.from({ length: 50 }, (_, n) => `reader-${round}-${n}`);
      const results = await Promise.allSettled(
        owners.map((owner, n) => (n % 2 === 0 ? store : second).put(STREAM, row('s', { owner }), expected, live())),
      );
      const won = results.flatMap((result, n) =>
        result.status === 'fulfilled' ? [{ owner: owners[n], version: result.value }] : [],
      );
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(CONFLICT);
      expect(won).toHaveLength(1);
      expect(await all(store)).toMatchObject(won);
      expect(await all(second)).toMatchObject(won);
      expected = won[0]!.version;
    }
  });
}

function lostAnswerPromises(fresh: Fresh): void {
  describe.each([1, 3])('when the answers of %i writes are lost', (lost) => {
    test.each(['absent', 'there'] as const)('a put of a row that was %s is found to be ours', async (before) => {
      const { store, second, faults } = await fresh();
      const expected = before === 'absent' ? 'absent' : await store.put(STREAM, row('s'), 'absent', live());
      faults.loseAnswers(lost);
      const put = row('s', { owner: 'me', arrivalMs: 7 });
      const version = await persistently(() => store.put(STREAM, put, expected, live()));
      expect(await all(second)).toStrictEqual([{ ...put, version }]);
      expect(await store.put(STREAM, put, version, live())).toBeGreaterThan(version);
    });

    test('a put may be tried again with a position that has moved meanwhile', async () => {
      const { store, second, faults } = await fresh();
      const expected = await store.put(STREAM, row('s'), 'absent', live());
      faults.loseAnswers(lost);
      let arrivalMs = 0;
      const version = await persistently(() => store.put(STREAM, moved(++arrivalMs), expected, live()));
      expect(await all(second)).toStrictEqual([{ ...moved(arrivalMs), version }]);
    });

    test('a removal is found to be ours', async () => {
      const { store, second, faults } = await fresh();
      const version = await store.put(STREAM, row('s'), 'absent', live());
      faults.loseAnswers(lost);
      await persistently(() => store.remove(STREAM, 's', version, live()));
      expect(await all(second)).toEqual([]);
    });
  });

  test('when another writer went on from a put whose answer was lost, trying again is a conflict', async () => {
    const { store, second, faults } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    faults.loseAnswers(1);
    const put = await store.put(STREAM, row('s', { owner: 'me' }), expected, live()).catch((error: unknown) => error);
    if (typeof put !== 'number') expect(put).toMatchObject(UNAVAILABLE);
    const found = (await all(second))[0]!;
    expect(found.owner).toBe('me');
    const version = await second.put(STREAM, row('s', { owner: 'other' }), found.version, live());
    await expect(store.put(STREAM, row('s', { owner: 'me' }), expected, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toStrictEqual([{ ...row('s', { owner: 'other' }), version }]);
  });

  test('when another writer won while our put was refused, trying again is a conflict', async () => {
    const { store, second, faults } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    faults.outage(true);
    await expect(store.put(STREAM, row('s', { owner: 'me' }), expected, live())).rejects.toMatchObject(UNAVAILABLE);
    faults.outage(false);
    const version = await second.put(STREAM, row('s', { owner: 'other' }), expected, live());
    await expect(store.put(STREAM, row('s', { owner: 'me' }), expected, live())).rejects.toMatchObject(CONFLICT);
    expect(await all(store)).toStrictEqual([{ ...row('s', { owner: 'other' }), version }]);
  });

  test('a put of another client does not pass for ours, although it wrote the very same row', async () => {
    const { store, second, faults } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    faults.outage(true);
    await expect(store.put(STREAM, moved(1), expected, live())).rejects.toMatchObject(UNAVAILABLE);
    faults.outage(false);
    await second.put(STREAM, moved(1), expected, live());
    await expect(store.put(STREAM, moved(1), expected, live())).rejects.toMatchObject(CONFLICT);
  });
}

function removalPromises(fresh: Fresh): void {
  test('a writer that slept while its row was removed and made anew wins with no version that it ever knew', async () => {
    const { store, second } = await fresh();
    const known: Version[] = [];
    for (let n = 0; n < 4; n++)
      known.push(await second.put(STREAM, row('s', { owner: 'late' }), known.at(-1) ?? 'absent', live()));
    await all(store);
    await second.remove(STREAM, 's', known.at(-1)!, live());
    let version: Version | 'absent' = 'absent';
    for (let n = 0; n < 8; n++) {
      version = await second.put(STREAM, row('s', { owner: 'new' }), version, live());
      for (const expected of known)
        await expect(store.put(STREAM, row('s', { owner: 'late' }), expected, live())).rejects.toMatchObject(CONFLICT);
      expect(version).toBeGreaterThan(known.at(-1)!);
    }
    expect(await all(store)).toStrictEqual([{ ...row('s', { owner: 'new' }), version }]);
  });
}

function refusalPromises(fresh: Fresh): void {
  test('refused calls fail as unavailable, may be tried again soon, and lose nothing', async () => {
    const { store, second, faults } = await fresh();
    let version = await store.put(STREAM, row('s'), 'absent', live());
    for (let n = 1; n <= 5; n++) {
      faults.refuse(3);
      version = await persistently(() => store.put(STREAM, moved(n), version, live()));
      expect(await all(second)).toStrictEqual([{ ...moved(n), version }]);
      faults.refuse(3);
      expect(await persistently(() => all(store))).toStrictEqual([{ ...moved(n), version }]);
    }
    faults.refuse(3);
    await persistently(() => store.remove(STREAM, 's', version, live()));
    expect(await all(second)).toEqual([]);
  });

  test('an outage of minutes moves nothing, and what was to be stored is stored when it is over', async () => {
    const { store, second, faults, clock } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    faults.outage(true);
    for (let minute = 0; minute < 5; minute++) {
      const put = store.put(STREAM, moved(minute), expected, live());
      await expect(passing(put, clock)).rejects.toMatchObject(UNAVAILABLE);
      await expect(passing(all(store), clock)).rejects.toMatchObject(UNAVAILABLE);
      await expect(passing(store.remove(STREAM, 's', expected, live()), clock)).rejects.toMatchObject(UNAVAILABLE);
      await clock?.advance(60_000);
    }
    expect(await all(second)).toStrictEqual([{ ...row('s'), version: expected }]);
    faults.outage(false);
    const version = await persistently(() => store.put(STREAM, moved(5), expected, live()));
    expect(await all(second)).toStrictEqual([{ ...moved(5), version }]);
  });
}

function delayPromises(fresh: Fresh): void {
  test.each([500, 30_000])('a put and a listing that take %i ms settle as ever', async (ms) => {
    const { store, second, faults, clock } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    faults.delay(clock === undefined ? REAL_DELAY_MS : ms);
    const version = await passing(store.put(STREAM, moved(1), expected, live()), clock);
    expect(await all(second)).toStrictEqual([{ ...moved(1), version }]);
    expect(await passing(all(store), clock)).toStrictEqual([{ ...moved(1), version }]);
    await expect(passing(store.put(STREAM, moved(2), expected, live()), clock)).rejects.toMatchObject(CONFLICT);
  });

  test.each([0, 0.25, 0.75])('a slow put that is aborted after %d of its time leaves one truth', async (part) => {
    const { store, second, faults, clock } = await fresh();
    const expected = await store.put(STREAM, row('s'), 'absent', live());
    const ms = clock === undefined ? REAL_DELAY_MS : 30_000;
    faults.delay(ms);
    const stop = new AbortController();
    const put = store.put(STREAM, moved(1), expected, stop.signal).catch((error: unknown) => error);
    if (clock === undefined) await new Promise((resolve) => setTimeout(resolve, ms * part));
    else await clock.advance(ms * part);
    stop.abort();
    const settled = await passing(put, clock);
    const stored = (await all(second))[0]!;
    if (typeof settled === 'number') expect(stored).toStrictEqual({ ...moved(1), version: settled });
    else {
      expect(settled).toMatchObject({ name: 'AbortError' });
      expect(stored).toStrictEqual({ ...row('s'), version: expected });
    }
    faults.delay(0);
    expect(await store.put(STREAM, moved(2), stored.version, live())).toBeGreaterThan(stored.version);
  });

  test('a slow listing ends when it is aborted', async () => {
    const { store, faults, clock } = await fresh();
    await store.put(STREAM, row('s'), 'absent', live());
    faults.delay(clock === undefined ? REAL_DELAY_MS : 30_000);
    const stop = new AbortController();
    const listing = store.rows(STREAM, stop.signal)[Symbol.asyncIterator]().next();
    setImmediate(() => stop.abort());
    await expect(passing(listing, clock)).rejects.toMatchObject({ name: 'AbortError' });
  });
}

function listingPromises(fresh: Fresh): void {
  test('puts and listings are right although answers arrive in an order of their own', async () => {
    const { store, second, faults } = await fresh();
    const ids = Array.from({ length: 60 }, (_, n) => `s${String(n).padStart(2, '0')}`);
    for (const id of ids.slice(0, 30)) await second.put(STREAM, row(id), 'absent', live());
    faults.unordered(true);
    const puts = ids.slice(30).map((id) => store.put(STREAM, row(id), 'absent', live()));
    const listings = Array.from({ length: 10 }, () => all(store));
    for (const listing of await Promise.all(listings))
      expect(listing.map((one) => one.shardId).filter((id) => id < 's30')).toEqual(ids.slice(0, 30));
    const versions = await Promise.all(puts);
    faults.unordered(false);
    expect((await all(store)).slice(30).map((one) => one.version)).toEqual(versions);
    expect((await all(store)).map((one) => one.shardId)).toEqual(ids);
  });

  test('ten thousand rows come back, each once', { timeout: 180_000 }, async () => {
    const { store, second, fill } = await fresh();
    const ids = Array.from({ length: 10_000 }, (_, n) => `shardId-${String(n).padStart(12, '0')}`);
    const rows = ids.map((id, n) => row(id, { arrivalMs: n }));
    if (fill !== undefined) await fill(STREAM, rows);
    else
      for (let n = 0; n < rows.length; n += 50)
        await Promise.all(rows.slice(n, n + 50).map((one) => second.put(STREAM, one, 'absent', live())));
    const found = await all(store);
    expect(found.map((one) => one.shardId)).toEqual(ids);
    expect(found[9_999]).toMatchObject({ arrivalMs: 9_999 });
  });

  test('a row of a later schema is refused, not read, and not written over', async () => {
    const { store, second, makeNewer } = await fresh();
    const version = await second.put(STREAM, row('s'), 'absent', live());
    await makeNewer(STREAM, 's');
    const newer = { code: 'KINLOG_CHECKPOINT_NEWER' };
    await expect(all(store)).rejects.toMatchObject(newer);
    await expect(store.put(STREAM, row('s'), 'absent', live())).rejects.toThrow();
    await expect(store.put(STREAM, row('s'), version, live())).rejects.toThrow();
    await expect(all(second)).rejects.toMatchObject(newer);
  });
}

/** Long enough to be overtaken, short enough to wait for. */
const REAL_DELAY_MS = 60;
const TRIES = 20;

const moved = (arrivalMs: number): ShardRow => row('s', { owner: 'me', arrivalMs });

/** As a reader does it: again as long as the store is unavailable. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isKinlogError(error, 'KINLOG_CHECKPOINT_UNAVAILABLE') || tries === TRIES) throw error;
      expect(error).toMatchObject(UNAVAILABLE);
    }
  }
}

/** Lets virtual time pass until `work` has settled. */
async function passing<T>(work: Promise<T>, clock: FakeClock | undefined): Promise<T> {
  if (clock === undefined) return work;
  let settled = false;
  const done = () => {
    settled = true;
  };
  work.then(done, done);
  await clock.until(() => settled);
  return work;
}
