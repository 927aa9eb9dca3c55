/** What repeated readings of the rows show of the other readers: who lives, what stands still. Time is this reader's own monotonic clock; no row carries any. */
import { KinlogError } from '../../base/errors.ts';
import type { StoredRow } from '../checkpoint/store.ts';

/** When a look showed something for the first time: at its end, and which look it was. */
interface Look {
  readonly at: number;
  readonly nth: number;
}

interface Seen {
  readonly row: StoredRow;
  /** The row as it is now. */
  readonly changed: Look;
  /** The successor. */
  readonly asked: Look;
}

/** A reader shows that it lives once in a period; after two without a sign it is taken for dead. */
export const PERIODS_TO_LIVE = 2;
/** A reader that is asked for a shard has this long to finish what is under way. */
const PERIODS_TO_HAND_OVER = 3;
/** Nobody is silent whom this reader could not hear: there are three looks in a period, and of a period that counts most must have come about. */
const LOOKS_IN_A_SILENT_PERIOD = 2.5;
/** More than three fail-over times of a KCL as it is configured by default (10 s); one that renews more rarely than this is configured for more than two minutes. */
const FOREIGN_QUIET_MS = 40_000;

export class LeaseWatch {
  readonly #periodMs: number;
  readonly #seen = new Map<string, Seen>();
  /** The last sign of life of every owner. */
  readonly #signs = new Map<string, { last: Look; foreign: boolean; moved: boolean }>();
  /** The latest reading showed nothing that was written after it had begun: a reader that stood still, or a store that is slow, must not take its own delay for the silence of others. */
  #readAt = 0;
  #looks = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** One complete reading of the rows, from when to when (monotonic milliseconds). Fails with KINLOG_KCL_ALIVE when another program still writes them. */
  see(rows: Iterable<StoredRow>, reading: { readonly from: number; readonly to: number }): void {
    this.#readAt = reading.from;
    this.#looks++;
    const present = new Set<string>();
    for (const row of rows) {
      present.add(row.shardId);
      this.#compare(row, reading.to);
    }
    for (const shardId of this.#seen.keys()) if (!present.has(shardId)) this.#seen.delete(shardId);
    const owners = new Set([...this.#seen.values()].map(({ row }) => row.owner));
    for (const owner of this.#signs.keys()) if (!owners.has(owner)) this.#signs.delete(owner);
  }

  lives(owner: string): boolean {
    const sign = this.#signs.get(owner);
    // Somebody who has come into a row since the latest look, as a reader does to whom a shard was just handed over.
    return sign === undefined || this.waitMs(owner) > 0 || !this.#looked(sign.last, PERIODS_TO_LIVE);
  }

  /** How long until the owner is taken for dead, unless it shows itself; 0 = it is, if the store could be read meanwhile. */
  waitMs(owner: string): number {
    const sign = this.#signs.get(owner);
    const patience = PERIODS_TO_LIVE * this.#periodMs;
    if (sign === undefined) return patience;
    return Math.max(0, sign.last.at + (sign.foreign ? Math.max(patience, FOREIGN_QUIET_MS) : patience) - this.#readAt);
  }

  /** Free for so long that the reader who should have taken the shard by its share will not. */
  overdue(row: StoredRow): boolean {
    const patience = PERIODS_TO_LIVE * this.#periodMs;
    const seenAt = this.#seen.get(row.shardId)?.changed.at ?? this.#readAt;
    const freeSince = row.owner === undefined ? seenAt : (this.#signs.get(row.owner)?.last.at ?? seenAt) + patience;
    return this.#readAt - freeSince >= patience;
  }

  /** Asked for so long ago that the owner, though it lives, will not hand it over. */
  denied(row: StoredRow): boolean {
    const seen = this.#seen.get(row.shardId);
    if (seen?.row.successor === undefined || !this.#looked(seen.asked, PERIODS_TO_HAND_OVER)) return false;
    return this.#readAt - seen.asked.at >= PERIODS_TO_HAND_OVER * this.#periodMs;
  }

  #looked(since: Look, periods: number): boolean {
    return this.#looks - since.nth >= LOOKS_IN_A_SILENT_PERIOD * periods;
  }

  /** `moved`: it has shown that it lives, beyond being named in a row. */
  owners(): readonly { readonly owner: string; readonly moved: boolean }[] {
    return [...this.#signs].map(([owner, { moved }]) => ({ owner, moved }));
  }

  #compare(row: StoredRow, at: number): void {
    const seen = this.#seen.get(row.shardId);
    const before = seen?.row;
    if (seen !== undefined && before?.version === row.version) return;
    refuseLivingKcl(row, before);
    const sameAsk = seen !== undefined && seen.row.successor === row.successor;
    const look = { at, nth: this.#looks };
    this.#seen.set(row.shardId, { row, changed: look, asked: sameAsk ? seen.asked : look });
    if (isSign(row, before)) this.#sign(row, before, look);
  }

  #sign(row: StoredRow, before: StoredRow | undefined, last: Look): void {
    const { owner } = row;
    if (owner === undefined) return;
    const moved = this.#signs.get(owner)?.moved === true || before?.owner === owner;
    this.#signs.set(owner, { last, foreign: row.foreign === true, moved });
  }
}

/** Asking writes into the row of somebody else, so that such a write is no sign of its owner's life. First sight counts as one. */
function isSign(row: StoredRow, before: StoredRow | undefined): boolean {
  if (before?.owner !== row.owner) return true;
  const onlyAsked = row.successor !== before?.successor && row.successor !== undefined;
  return !onlyAsked || row.version > before!.version + 1;
}

function refuseLivingKcl(row: StoredRow, before: StoredRow | undefined): void {
  if (row.foreign !== true || before?.foreign !== true || row.owner === undefined) return;
  throw new KinlogError('KINLOG_KCL_ALIVE', `the KCL worker ${row.owner} still renews its lease of ${row.shardId}`);
}
