/** This reader's part of a stream that several readers may share: which shards it takes, asks for and keeps. On a store of its own it takes all. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAbort, type Clock } from '../base/clock.ts';
import { KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { Reminder } from '../base/reminder.ts';
import type { StoredRow } from './checkpoint/store.ts';
import type { Shard } from './fetch/source.ts';
import type { StreamRows } from './rows.ts';
import { assign } from './shards/assign.ts';
import type { ShardProgress } from './shards/progress.ts';
import { Tenure } from './shards/tenure.ts';
import { LeaseWatch, PERIODS_TO_LIVE } from './shards/watch.ts';

export interface LeaseParts {
  readonly shared: boolean;
  /** How this reader is called by people; the host's name otherwise. */
  readonly name: string | undefined;
  readonly periodMs: number;
  /** Shards are not shared: this reader has them all, or none while another lives. */
  readonly alone: boolean;
  readonly clock: Clock;
  readonly log: EventLog;
}

/** Rows are read this often in a period, so that two silent periods are noticed within three. */
const LOOKS_IN_A_PERIOD = 3;
const WAKES_IN_A_PERIOD = 10;

export class Leases {
  readonly #parts: LeaseParts;
  readonly #watch: LeaseWatch;
  readonly #sameName = new Set<string>();
  readonly #watched = new Set<string>();
  /** When the writes that made rows ours began. */
  readonly #takenAt = new Map<string, number>();
  /** Of another reader of a stream that is not to be shared. */
  readonly #other: Reminder;
  readonly tenure: Tenure;
  /** Unique for this run of this reader: `name/process/random`. */
  readonly me: string;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#other = new Reminder(parts.clock);
    this.#watch = new LeaseWatch(parts.periodMs);
    this.tenure = new Tenure(parts.clock, parts.shared ? PERIODS_TO_LIVE * parts.periodMs : Infinity);
    this.me = `${parts.name ?? hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  }

  /** Until the rows should be looked at again, milliseconds. */
  lookAfterMs(random: () => number): number {
    if (!this.#parts.shared) return Infinity;
    return (this.#parts.periodMs / LOOKS_IN_A_PERIOD) * (0.9 + random() / 10);
  }

  /** What a reading of the rows that began at `readAt` (monotonic milliseconds) shows. Fails with KINLOG_KCL_ALIVE. */
  look(rows: StreamRows, readAt: number): void {
    if (!this.#parts.shared) return;
    this.#watch.see(rows.known.values(), { from: readAt, to: this.#parts.clock.monotonic() });
    this.#sayOthers(rows);
  }

  /** When the write that made the row ours began, monotonic milliseconds; -Infinity when another reader wrote it. */
  takenAt(shardId: string): number {
    const at = this.#takenAt.get(shardId) ?? -Infinity;
    this.#takenAt.delete(shardId);
    return at;
  }

  /** This reader may read the shard of the row. */
  mine(row: StoredRow): boolean {
    return !this.#parts.shared || row.owner === this.me;
  }

  /** The owner of the row may still be reading the shard. */
  elsewhere(row: StoredRow): boolean {
    return this.#parts.shared && row.owner !== undefined && row.owner !== this.me && this.#watch.lives(row.owner);
  }

  /** A row names a worker of a KCL of which it is not known yet whether it lives. */
  besideKcl(rows: StreamRows): boolean {
    return [...rows.known.values()].some((row) => row.foreign === true && this.elsewhere(row));
  }

  /** Takes what is this reader's share of the shards that may be read, and asks for what is missing. Afterwards `rows` says which shards are ours. */
  async share(readable: readonly Shard[], rows: StreamRows, signal: AbortSignal): Promise<void> {
    if (!this.#parts.shared) return;
    const { take, steal, ask, aside, beside, more } = assign({
      me: this.me,
      alone: this.#parts.alone,
      rows: rows.known.values(),
      readable: new Set(readable.map(({ shardId }) => shardId)),
      lives: (owner) => owner === this.me || this.#watch.lives(owner),
      overdue: (row) => this.#watch.overdue(row),
      denied: (row) => this.#watch.denied(row),
      random: Math.random,
    });
    if (aside !== undefined) this.#standAside(aside, rows);
    // Whoever shares was given what it asked for: kept from it, it would take the shards by force, and deliver twice.
    if (beside !== undefined) this.#sayOther('reader.beside', beside, rows);
    const takes = [...take.map((row) => ({ row, force: false })), ...steal.map((row) => ({ row, force: true }))];
    await Promise.all(takes.map(({ row, force }) => this.#take(row, force, rows, signal)));
    await Promise.all(ask.map((row) => this.#ask(row, rows, signal)));
    const hasTaken = ({ shardId }: StoredRow): boolean => rows.known.get(shardId)?.owner === this.me;
    if (more === true && take.some(hasTaken)) await this.share(readable, rows, signal);
  }

  /** Shows that this reader lives, once in a period, by a write to the row that was written longest ago. Checkpoints show it too, so that a busy reader writes nothing for it.
   *  `drain` ends writes that a stopping reader would wait for. */
  async keepAlive(progresses: () => readonly ShardProgress[], signal: AbortSignal, drain: AbortSignal): Promise<void> {
    const { shared, clock, periodMs } = this.#parts;
    if (!shared) return;
    try {
      for (;;) {
        await clock.sleep(periodMs / WAKES_IN_A_PERIOD, signal);
        if (clock.monotonic() - this.tenure.confirmedAt < periodMs) continue;
        const [idle] = progresses()
          .filter((progress) => !progress.storing && !progress.lost.aborted)
          .sort((a, b) => a.confirmedAt - b.confirmedAt);
        // What goes wrong is met by whoever reads the shard.
        void idle?.renew(drain).catch(() => undefined);
      }
    } catch (error) {
      if (!isAbort(error) && error !== signal.reason) throw error;
    }
  }

  /** Fails with KINLOG_STREAM_TAKEN when this reader has begun to read as well, as two may that see other shards at their start; otherwise it waits for the other to go. */
  #standAside(owner: string, rows: StreamRows): void {
    if ([...rows.known.values()].some((row) => row.owner === this.me && row.position.kind !== 'end'))
      throw new KinlogError(
        'KINLOG_STREAM_TAKEN',
        `${owner} reads ${rows.stream.id} too, and this reader shares it with nobody`,
      );
    this.#sayOther('reader.aside', owner, rows);
  }

  /** The one before this reader may have died: what does not move is waited for in silence. */
  #sayOther(event: 'reader.aside' | 'reader.beside', owner: string, rows: StreamRows): void {
    const moves = [...this.#watch.owners()].some((other) => other.owner === owner && other.moved);
    if (moves && this.#other.due()) this.#parts.log.emit(event, { stream: rows.stream.id, owner });
  }

  async #take(row: StoredRow, force: boolean, rows: StreamRows, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    const startedAt = clock.monotonic();
    const { version, foreign: _foreign, successor: _successor, ...rest } = row;
    if ((await rows.put({ ...rest, owner: this.me }, version, signal)) === undefined) return;
    this.tenure.confirm(startedAt);
    this.#takenAt.set(row.shardId, startedAt);
    log.emit(force ? 'lease.stolen' : 'lease.taken', { shard: row.shardId, from: row.owner });
  }

  async #ask(row: StoredRow, rows: StreamRows, signal: AbortSignal): Promise<void> {
    const { version, foreign: _foreign, ...rest } = row;
    if ((await rows.put({ ...rest, successor: this.me }, version, signal)) === undefined) return;
    this.#parts.log.emit('lease.asked', { shard: row.shardId, owner: row.owner });
  }

  #sayOthers(rows: StreamRows): void {
    const { log, name } = this.#parts;
    for (const { owner, moved } of this.#watch.owners()) {
      if (owner === this.me) continue;
      if (!moved && !this.#watched.has(owner)) {
        this.#watched.add(owner);
        const shards = [...rows.known.values()].filter((row) => row.owner === owner).length;
        log.emit('lease.watching', { owner, shards, waitMs: Math.round(this.#watch.waitMs(owner)) });
      }
      if (!moved || name === undefined || !owner.startsWith(`${name}/`) || this.#sameName.has(owner)) continue;
      this.#sameName.add(owner);
      log.emit('reader.same-name', { name, owner });
    }
  }
}
