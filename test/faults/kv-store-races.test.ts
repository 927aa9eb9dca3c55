/** The law of conditional writes, whatever clients, copies and the network do: who succeeds built on the latest row, and nobody else did. */
import { afterEach, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../base/clock.ts';
import { isKinlogError } from '../../base/errors.ts';
import type { CheckpointStore, RowRemover, Version } from '../../reader/checkpoint/store.ts';
import { all, live, row, STREAM } from '../contract/store-rows.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { kvScene, type KvScene, type OpenedKvStore } from '../fakes/splunkd/kv-stores.ts';

/** A write that succeeded, in the time of the test's own steps. */
interface Success {
  readonly expected: Version | 'absent';
  /** Absent: a removal. */
  readonly version?: Version;
  readonly owner: string;
  readonly began: number;
  readonly ended: number;
}

const RUNS = 8;
const CLIENTS = 4;
const OPERATIONS = 40;

/** Waits take no time: who waits for a copy looks again at once. */
const HASTY: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

let scene: KvScene | undefined;
afterEach(() => scene?.dispose());

const seeds = Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31));

test.each(seeds)('writers that race, sleep, retry and remove leave one truth (seed %i)', async (seed) => {
  scene = kvScene();
  const { open, splunkd } = scene;
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => open({ clock: HASTY })));
  const history: Success[] = [];
  const steps = { now: 0 };
  await Promise.all(
    clients.map(async (client, n) => {
      const random = seededRandom(seed + n);
      /** Versions that this client has ever seen: it writes on the latest, and at times on one that it slept over. */
      const seen: (Version | 'absent')[] = ['absent'];
      for (let count = 0; count < OPERATIONS; count++) {
        disturb(client, splunkd, random);
        const operation = { owner: `${n}-${count}`, expected: random() < 0.85 ? seen.at(-1)! : pick(seen, random) };
        if (random() < 0.3) await look(client.store, seen);
        else await change({ store: client.store, seen, history, steps, removes: random() < 0.1 }, operation);
      }
      Object.assign(client.port.faults, { unordered: false, noDeletes: false });
    }),
  );
  obeysTheLaw(history);
  const [last] = await all((await open()).store);
  const written = history.find((one) => one.version !== undefined && one.version === last?.version);
  if (written !== undefined) expect(last!.owner).toBe(written.owner);
  const latest = history.reduce((most, one) => Math.max(most, one.version ?? 0), 0);
  if (last !== undefined) expect(last.version).toBeGreaterThanOrEqual(latest);
  expect(history.length).toBeGreaterThan(10);
});

function obeysTheLaw(history: readonly Success[]): void {
  const built = history.map((one) => one.expected).filter((expected) => expected !== 'absent');
  expect(built).toHaveLength(new Set(built).size);
  for (const one of history)
    for (const before of history.filter(({ ended }) => ended < one.began)) {
      if (before.version === undefined) continue;
      if (one.expected !== 'absent') expect(one.expected).toBeGreaterThanOrEqual(before.version);
      if (one.version !== undefined) expect(one.version).toBeGreaterThan(before.version);
    }
}

function disturb({ port }: OpenedKvStore, splunkd: KvScene['splunkd'], random: () => number): void {
  const { faults } = port;
  faults.unordered = random() < 0.5;
  faults.noDeletes = random() < 0.1;
  if (random() < 0.1) faults.loseAnswers(1);
  if (random() < 0.05) faults.refuse(1);
  if (random() < 0.1) faults.staleReads(Math.ceil(random() * 4), splunkd.kv);
}

type Store = CheckpointStore & RowRemover;

interface Writing {
  readonly store: Store;
  readonly seen: (Version | 'absent')[];
  readonly history: Success[];
  readonly steps: { now: number };
  readonly removes: boolean;
}

async function change(writing: Writing, operation: Pick<Success, 'expected' | 'owner'>): Promise<void> {
  const { store, seen, history, steps, removes } = writing;
  const { expected, owner } = operation;
  const began = steps.now++;
  try {
    if (removes && expected !== 'absent') {
      await store.remove(STREAM, 's', expected, live());
      history.push({ ...operation, began, ended: steps.now++ });
      seen.push('absent');
    } else {
      const version = await store.put(STREAM, row('s', { owner }), expected, live());
      history.push({ ...operation, version, began, ended: steps.now++ });
      seen.push(version);
    }
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) await look(store, seen);
    else expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE' });
  }
}

async function look(store: Store, seen: (Version | 'absent')[]): Promise<void> {
  try {
    seen.push((await all(store))[0]?.version ?? 'absent');
  } catch (error) {
    expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE' });
  }
}

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)]!;
