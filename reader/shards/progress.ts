/** One shard's row while the shard is read: stores what the watermark allows, when it is due, and only ever forward; knows whether the shard is still ours. */
import type { Clock } from '../../base/clock.ts';
import { asKinlogError, describeError, isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog, Fields } from '../../base/events.ts';
import { Reminder } from '../../base/reminder.ts';
import { retry } from '../../base/retry.ts';
import { comparePositions, positionText, type Position } from '../checkpoint/position.ts';
import type { CheckpointStore, ShardRow, StoredRow, StreamKey } from '../checkpoint/store.ts';
import { Watermark } from '../checkpoint/watermark.ts';
import type { Tenure } from './tenure.ts';

export interface ProgressContext {
  readonly stream: StreamKey;
  readonly store: CheckpointStore;
  readonly clock: Clock;
  readonly log: EventLog;
  /** Longest time between an acceptance and its storing while the shard delivers, milliseconds. */
  readonly checkpointEveryMs: number;
  /** Wall-clock time of the service, milliseconds: what has aged out is for its clock to say. */
  readonly serverTimeMs: () => number;
  /** How long the stream keeps records; undefined when it may not be asked for. */
  readonly retentionMs: number | undefined;
  readonly tenure: Tenure;
  /** The row as it is stored now; only for stores that other readers share. */
  readonly reread?: (shardId: string) => Promise<StoredRow | undefined>;
}

/** A shard without records says this often in its row how far it was read, so that its old position is not mistaken for one that aged out. */
const REFRESH_EVERY_MS = 3_600_000;
/** At the tip a position is stored at most this often, however many small pages the service pushes. */
const TIP_EVERY_MS = 1000;

export class ShardProgress {
  readonly watermark: Watermark;
  readonly #context: ProgressContext;
  readonly #lost = new AbortController();
  #row: StoredRow;
  /** When the last write that succeeded began, monotonic milliseconds. */
  #confirmedAt: number;
  #storedAt: number;
  /** As `storedAt`, and -Infinity before the first write. */
  #writtenAt = -Infinity;
  /** Everything that arrived before this wall-clock time was read and accepted; 0 = not known. */
  #readToMs: number;
  #behindMs: number | undefined;
  /** The write at the tip whose time has not come. */
  #later: Promise<void> | undefined;
  #failure: unknown;
  readonly #delayed: Reminder;
  /** Given back or ended: nothing may be written for it any more. */
  #gone = false;
  /** Writes of the row take turns. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** `confirmedAt`: when the write that made the row ours began. */
  constructor(row: StoredRow, context: ProgressContext, confirmedAt = -Infinity) {
    this.#row = row;
    this.#context = context;
    this.#delayed = new Reminder(context.clock);
    this.#confirmedAt = confirmedAt;
    this.#storedAt = context.clock.monotonic();
    this.#readToMs = Math.max(row.readToMs ?? 0, row.position.kind === 'timestamp' ? row.position.ms : 0);
    this.watermark = new Watermark(row.position, row.arrivalMs);
  }

  /** The row as it is stored. */
  get row(): StoredRow {
    return this.#row;
  }

  /** Aborts with KINLOG_LEASE_LOST as soon as the shard is known to be somebody else's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** A write of the row is under way or about to be. */
  get storing(): boolean {
    return this.#waiting > 0;
  }

  /** How far the last page lay behind the tip, milliseconds. */
  get behindMs(): number | undefined {
    return this.#behindMs;
  }

  /** The row shows that the shard is not ours any more. */
  lose(why: string): void {
    this.#lost.abort(
      new KinlogError('KINLOG_LEASE_LOST', `${this.#row.shardId} is not this reader's any more: ${why}`),
    );
  }

  /** Somebody else wrote the row, and this is how it was found. Being asked for the shard is the one change that leaves it ours. */
  adopt(found: StoredRow | undefined): void {
    const { owner, position, version } = this.#row;
    if (found?.owner !== owner || found?.position === undefined) this.lose(ownerText(found));
    else if (comparePositions(found.position, position) !== 0 || found.version < version)
      this.lose('its position was changed');
    else this.#row = found;
  }

  /** The shard is still ours, as far as this reader can know. */
  held(): boolean {
    const { tenure } = this.#context;
    return !this.#lost.signal.aborted && tenure.holds() && this.#confirmedAt >= tenure.since;
  }

  /** To be called before anything is delivered. Undefined while the shard is ours; otherwise settles when the store has confirmed it, and rejects with KINLOG_LEASE_LOST when another reader has it. */
  confirm(signal: AbortSignal): Promise<void> | undefined {
    if (this.held()) return undefined;
    // A row that was handed over is confirmed for the first time.
    if (this.#confirmedAt !== -Infinity) this.#context.log.emit('lease.unconfirmed', { shard: this.#row.shardId });
    return this.renew(signal);
  }

  /** Shows the other readers that this one lives, and stores what was accepted by the way. */
  renew(signal: AbortSignal): Promise<void> {
    return this.#put((row) => this.#reached(row, this.watermark.position), signal);
  }

  /** A page arrived. When what was read ends before the horizon, the records between aged out unread, and Kinesis itself would not say so. True when it was announced;
   *  `goOn`: reading goes on behind them, and the row shall say so. */
  noticeLoss(goOn: boolean): boolean {
    const gap = this.agedOut();
    if (gap === undefined) return false;
    this.#context.log.emit('stream.data-loss', {
      shard: this.#row.shardId,
      from: new Date(gap.fromMs).toISOString(),
      to: new Date(gap.toMs).toISOString(),
    });
    if (goOn) this.#readToMs = gap.toMs;
    return true;
  }

  /** From where to where records aged out unread, wall-clock milliseconds; undefined when none did, or when the retention is not known. */
  agedOut(): { readonly fromMs: number; readonly toMs: number } | undefined {
    const { serverTimeMs, retentionMs } = this.#context;
    const fromMs = Math.max(this.#readToMs, this.watermark.arrivalMs);
    if (retentionMs === undefined || fromMs === 0) return undefined;
    const toMs = serverTimeMs() - retentionMs;
    return fromMs < toMs ? { fromMs, toMs } : undefined;
  }

  /** A page was delivered. Stores when something new was accepted and its time has come; at the tip, where the next page may be long in coming, at once or as soon as the time has come. */
  async storeWhenDue(millisBehindLatest: number, signal: AbortSignal): Promise<void> {
    const { serverTimeMs } = this.#context;
    this.#behindMs = millisBehindLatest;
    if (this.watermark.settled) this.#readToMs = Math.max(this.#readToMs, serverTimeMs() - millisBehindLatest);
    if (this.#failure !== undefined) throw asKinlogError(this.#failure, `storing the position of ${this.#row.shardId}`);
    const atTip = millisBehindLatest === 0;
    const leftMs = this.#dueInMs(atTip);
    if (leftMs <= 0) await this.renew(signal);
    else if (atTip && this.#moved) void (this.#later ??= this.#storeLater(leftMs, signal));
  }

  /** Something was accepted. Were it stored only with its page, an output that stalls within the page would keep it unstored for as long. */
  accepted(signal: AbortSignal): void {
    if (this.#later !== undefined || this.#gone) return;
    this.#later = this.#storeLater(Math.max(0, this.#dueInMs(false)), signal);
  }

  #dueInMs(atTip: boolean): number {
    const { clock, checkpointEveryMs } = this.#context;
    const now = clock.monotonic();
    if (!this.#moved) return this.#storedAt + REFRESH_EVERY_MS - now;
    if (!atTip) return this.#storedAt + checkpointEveryMs - now;
    return this.#writtenAt + Math.min(checkpointEveryMs, TIP_EVERY_MS) - now;
  }

  get #moved(): boolean {
    return comparePositions(this.watermark.position, this.#row.position) > 0;
  }

  #unstored(): boolean {
    return this.#moved && !this.#gone;
  }

  async #storeLater(ms: number, signal: AbortSignal): Promise<void> {
    try {
      // What is accepted during a write is left to the next one.
      await this.#context.clock.sleep(ms, signal);
      while (this.#unstored()) {
        await this.renew(signal);
        if (this.#unstored()) await this.#context.clock.sleep(Math.max(0, this.#dueInMs(false)), signal);
      }
    } catch (error) {
      // Met by the next page, or by the last write of the shard, which waits for what this one waits for.
      if (!signal.aborted) this.#failure = error;
    } finally {
      this.#later = undefined;
    }
  }

  /** Stores whatever was accepted since the last time, and gives the shard back, or to the reader that asked for it. */
  async leave(signal: AbortSignal): Promise<void> {
    if (this.#row.owner === undefined || this.#lost.signal.aborted) return;
    this.#gone = true;
    await this.#put((row) => withOwner(this.#reached(row, this.watermark.position), row.successor), signal);
  }

  /** The closed shard was read and accepted to its end: from here on its children may be read. */
  async end(children: readonly string[], signal: AbortSignal): Promise<void> {
    this.#gone = true;
    await this.#put((row) => {
      const ended = withOwner(this.#reached(row, { kind: 'end' }), undefined);
      return children.length > 0 ? { ...ended, children } : ended;
    }, signal);
  }

  #reached({ version: _version, foreign: _foreign, ...row }: StoredRow, position: Position): ShardRow {
    const readTo = this.#readToMs > 0 ? { readToMs: this.#readToMs } : {};
    return { ...row, position, arrivalMs: this.watermark.arrivalMs, ...readTo };
  }

  async #put(next: (row: StoredRow) => ShardRow, signal: AbortSignal): Promise<void> {
    const before = this.#turn;
    const mine = Promise.withResolvers<undefined>();
    this.#turn = mine.promise;
    this.#waiting++;
    try {
      await before;
      await this.#store(next, signal);
    } finally {
      this.#waiting--;
      mine.resolve(undefined);
    }
  }

  async #store(next: (row: StoredRow) => ShardRow, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    const fields = { shard: this.#row.shardId, position: positionText(next(this.#row).position) };
    log.emit('checkpoint.storing', fields);
    await retry(() => this.#compareAndSet(next, signal), {
      signal,
      clock,
      doing: `storing the position of ${fields.shard}`,
      onRetry: (error, waitMs) => this.#sayDelayed({ ...fields, error: describeError(error), waitMs }),
    });
    this.#storedAt = clock.monotonic();
    this.#delayed.over();
    this.#writtenAt = this.#storedAt;
    log.emit('checkpoint.stored', fields);
  }

  /** A store that is away would otherwise be told of at every try of every shard. */
  #sayDelayed(fields: Fields): void {
    const { log } = this.#context;
    if (this.#delayed.due()) log.emit('checkpoint.delayed', fields);
    else log.repeat('checkpoint.delayed');
  }

  async #compareAndSet(next: (row: StoredRow) => ShardRow, signal: AbortSignal): Promise<void> {
    const { stream, store, clock, tenure } = this.#context;
    for (;;) {
      this.#lost.signal.throwIfAborted();
      const row = next(this.#row);
      const startedAt = clock.monotonic();
      try {
        const version = await store.put(stream, row, this.#row.version, signal);
        // To the others, a row that is given away shows the life of whoever gets it.
        if (row.owner === this.#row.owner) tenure.confirm(startedAt);
        this.#row = { ...row, version };
        this.#confirmedAt = startedAt;
        return;
      } catch (error) {
        if (!isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) throw error;
        if (this.#context.reread === undefined) throw error;
        const { version } = this.#row;
        const found = await this.#context.reread(this.#row.shardId);
        if (found !== undefined && arrived(row, found, this.#row)) {
          this.#row = found;
          return;
        }
        this.adopt(found);
        // A store that calls the row changed and shows it unchanged would be asked for ever.
        if (this.#row.version === version && !this.#lost.signal.aborted) throw error;
      }
    }
  }
}

function withOwner({ owner: _owner, successor: _successor, ...row }: ShardRow, owner: string | undefined): ShardRow {
  return owner === undefined ? row : { ...row, owner };
}

/** What was given away is where it should be: only the answer was lost. */
function arrived(given: ShardRow, found: StoredRow, before: StoredRow): boolean {
  if (given.owner === undefined || given.owner === before.owner || found.owner !== given.owner) return false;
  return comparePositions(found.position, given.position) >= 0;
}

/** Why a shard is not ours, from its row. */
export function ownerText(row: StoredRow | undefined): string {
  return row?.owner === undefined ? 'its row was released' : `${row.owner} has it`;
}
