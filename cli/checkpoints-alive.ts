/** Whether a reader is at work on rows: only rows that stand still for longer than every lease prove that none is. */
import { KinlogError } from '../base/errors.ts';
import type { StoredRow } from '../reader/checkpoint/store.ts';
import { rowsOf, type Place } from './checkpoints-scene.ts';

export interface Watch {
  /** Milliseconds. */
  readonly wait: number;
  readonly force: boolean;
  /** Says on stderr that this takes a while. */
  readonly say: (text: string) => void;
}

const LOOK_EVERY_MS = 5000;

export interface Touched {
  /** Rows that shall be written or removed. */
  readonly rows: readonly StoredRow[];
  /** All rows of the stream: a reader shows in any one of its rows that it lives, not in each. */
  readonly all: readonly StoredRow[];
}

/** KINLOG_CHECKPOINT_IN_USE as soon as a row of the stream changes, when one that shall be touched has an owner. A store that one process holds at a time needs no watching. */
export async function refuseAlive({ rows, all }: Touched, place: Place, watch: Watch): Promise<void> {
  const owned = rows.some(({ owner }) => owner !== undefined);
  if (watch.force || !owned || !place.store.traits.shared) return;
  const before = new Map(all.map((row) => [row.shardId, row]));
  watch.say(`watching the rows of ${place.stream.id} for ${watch.wait / 1000} s, to see that no reader is at work`);
  const { clock, signal } = place;
  const until = clock.monotonic() + watch.wait;
  for (let leftMs = watch.wait; leftMs > 0; leftMs = until - clock.monotonic()) {
    await clock.sleep(Math.min(leftMs, LOOK_EVERY_MS), signal);
    refuseMoved(before, await rowsOf(place), place.name);
  }
}

/** Fails when a row is not at the version it had. */
export function refuseMoved(before: ReadonlyMap<string, StoredRow>, now: readonly StoredRow[], name: string): void {
  const versions = new Map(now.map(({ shardId, version }) => [shardId, version]));
  const moved = [...before.values()].filter(({ shardId, version }) => versions.get(shardId) !== version);
  if (moved.length === 0) return;
  const owners = new Set(moved.map(({ owner }) => owner ?? 'somebody'));
  throw new KinlogError(
    'KINLOG_CHECKPOINT_IN_USE',
    `${name} is in use: ${[...owners].join(', ')} has just written ${moved.map(({ shardId }) => shardId).join(', ')}`,
  );
}
