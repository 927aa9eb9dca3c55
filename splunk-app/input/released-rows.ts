/** The rows of a store at a moment when nobody is about to change them: once the readers that had them have released them or died. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import type { CheckpointStore, RowRemover, StoredRow, StreamKey } from '../../reader/checkpoint/store.ts';
import { LeaseWatch } from '../../reader/shards/watch.ts';

export type Store = CheckpointStore & RowRemover;

export interface Waiting {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Of the readers of the store, milliseconds. */
  readonly leasePeriodMs: number;
  readonly signal: AbortSignal;
}

export interface ReleasedRows {
  readonly rows: ReadonlyMap<string, StoredRow>;
  /** Readers that were waited for and go on living. */
  readonly living: ReadonlySet<string>;
}

/** Rows are read this often in a period, as readers do. */
const LOOKS_IN_A_PERIOD = 3;

/** Waits for the owners of the rows that matter: of the dead until their leases are over, of those that live for so many periods. */
export async function releasedRows(
  store: Store,
  stream: StreamKey,
  { clock, log, leasePeriodMs, signal }: Waiting,
  { matters, periods }: { readonly matters: (row: StoredRow) => boolean; readonly periods: number },
): Promise<ReleasedRows> {
  const watch = new LeaseWatch(leasePeriodMs);
  const until = clock.monotonic() + periods * leasePeriodMs;
  for (let first = true; ; first = false) {
    const from = clock.monotonic();
    const rows = await rowsById(store, stream, signal);
    // Where no other process comes in, an owner is what one that was killed has left.
    if (!store.traits.shared) return { rows, living: new Set() };
    watch.see(rows.values(), { from, to: clock.monotonic() });
    const owners = [...rows.values()].filter(matters).flatMap(({ owner }) => owner ?? []);
    const living = new Set(owners.filter((owner) => watch.lives(owner)));
    const moves = new Set(watch.owners().flatMap(({ owner, moved }) => (moved ? owner : [])));
    if ([...living].every((owner) => moves.has(owner)) && (living.size === 0 || from >= until)) return { rows, living };
    for (const owner of first ? living : []) {
      const shards = owners.filter((other) => other === owner).length;
      log.emit('lease.watching', { owner, shards, waitMs: Math.round(watch.waitMs(owner)) });
    }
    await clock.sleep(leasePeriodMs / LOOKS_IN_A_PERIOD, signal);
  }
}

async function rowsById(store: Store, stream: StreamKey, signal: AbortSignal): Promise<Map<string, StoredRow>> {
  const rows = new Map<string, StoredRow>();
  for await (const row of store.rows(stream, signal)) rows.set(row.shardId, row);
  return rows;
}
