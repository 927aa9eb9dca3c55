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

/** KINLOG_CHECKPOINT_IN_USE as soon as one of the rows that have an owner changes. A store that one process holds at a time needs no watching. */
export async function refuseAlive(rows: readonly StoredRow[], place: Place, watch: Watch): Promise<void> {
  const owned = new Map(rows.filter(({ owner }) => owner !== undefined).map((row) => [row.shardId, row]));
  if (watch.force || owned.size === 0 || !place.store.traits.shared) return;
  watch.say(`watching ${owned.size} owned rows for ${watch.wait / 1000} s, to see that no reader is at work`);
  const { clock, signal } = place;
  const until = clock.monotonic() + watch.wait;
  for (let leftMs = watch.wait; leftMs > 0; leftMs = until - clock.monotonic()) {
    await clock.sleep(Math.min(leftMs, LOOK_EVERY_MS), signal);
    refuseMoved(owned, await rowsOf(place), place.name);
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
