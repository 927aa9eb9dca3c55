/** One shard's row while the shard is read: stores what the watermark allows, when it is due, and only ever forward. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import { retry } from '../../base/retry.ts';
import { comparePositions, positionText, type Position } from '../checkpoint/position.ts';
import type { CheckpointStore, StoredRow, StreamKey } from '../checkpoint/store.ts';
import { Watermark } from '../checkpoint/watermark.ts';

export interface ProgressContext {
  readonly stream: StreamKey;
  readonly store: CheckpointStore;
  readonly clock: Clock;
  readonly log: EventLog;
  /** Longest time between an acceptance and its storing while the shard delivers, milliseconds. */
  readonly checkpointEveryMs: number;
  /** How long the stream keeps records; undefined when it may not be asked for. */
  readonly retentionMs: number | undefined;
}

/** A shard without records says this often in its row how far it was read, so that its old position is not mistaken for one that aged out. */
const REFRESH_EVERY_MS = 3_600_000;

export class ShardProgress {
  readonly watermark: Watermark;
  readonly #context: ProgressContext;
  #row: StoredRow;
  #storedAt: number;
  /** Everything that arrived before this wall-clock time was read and accepted; 0 = not known. */
  #readToMs: number;

  constructor(row: StoredRow, context: ProgressContext) {
    this.#row = row;
    this.#context = context;
    this.#storedAt = context.clock.monotonic();
    this.#readToMs = Math.max(row.readToMs ?? 0, row.position.kind === 'timestamp' ? row.position.ms : 0);
    this.watermark = new Watermark(row.position, row.arrivalMs);
  }

  /** The row as it is stored. */
  get row(): StoredRow {
    return this.#row;
  }

  /** A page arrived. When what was read ends before the horizon, the records between aged out unread, and Kinesis itself would not say so. */
  noticeLoss(): void {
    const gap = this.agedOut();
    if (gap === undefined) return;
    this.#context.log.emit('stream.data-loss', {
      shard: this.#row.shardId,
      from: new Date(gap.fromMs).toISOString(),
      to: new Date(gap.toMs).toISOString(),
    });
    this.#readToMs = gap.toMs;
  }

  /** From where to where records aged out unread, wall-clock milliseconds; undefined when none did, or when the retention is not known. */
  agedOut(): { readonly fromMs: number; readonly toMs: number } | undefined {
    const { clock, retentionMs } = this.#context;
    const fromMs = Math.max(this.#readToMs, this.watermark.arrivalMs);
    if (retentionMs === undefined || fromMs === 0) return undefined;
    const toMs = clock.now() - retentionMs;
    return fromMs < toMs ? { fromMs, toMs } : undefined;
  }

  /** A page was delivered. Stores when something new was accepted and its time has come; at the tip at once, because there pages are rare. */
  async storeWhenDue(millisBehindLatest: number, signal: AbortSignal): Promise<void> {
    const { clock, checkpointEveryMs } = this.#context;
    if (this.watermark.settled) this.#readToMs = Math.max(this.#readToMs, clock.now() - millisBehindLatest);
    const atTip = millisBehindLatest === 0;
    const moved = comparePositions(this.watermark.position, this.#row.position) > 0;
    const waited = clock.monotonic() - this.#storedAt;
    if (moved ? atTip || waited >= checkpointEveryMs : waited >= REFRESH_EVERY_MS)
      await this.#put(this.watermark.position, [], signal);
  }

  /** Stores whatever was accepted since the last time, and gives the shard back. */
  async leave(signal: AbortSignal): Promise<void> {
    const { owner, ...row } = this.#row;
    if (owner === undefined) return;
    this.#row = row;
    await this.#put(this.watermark.position, [], signal);
  }

  /** The closed shard was read and accepted to its end: from here on its children may be read. */
  async end(children: readonly string[], signal: AbortSignal): Promise<void> {
    const { owner: _given, ...row } = this.#row;
    this.#row = row;
    await this.#put({ kind: 'end' }, children, signal);
  }

  async #put(position: Position, children: readonly string[], signal: AbortSignal): Promise<void> {
    const { stream, store, clock, log } = this.#context;
    const { version, children: known, ...row } = this.#row;
    const named = children.length > 0 ? children : known;
    const next = {
      ...row,
      position,
      arrivalMs: this.watermark.arrivalMs,
      ...(this.#readToMs > 0 ? { readToMs: this.#readToMs } : {}),
      ...(named === undefined ? {} : { children: named }),
    };
    const fields = { shard: row.shardId, position: positionText(position) };
    log.emit('checkpoint.storing', fields);
    const stored = await retry(() => store.put(stream, next, version, signal), {
      signal,
      clock,
      doing: `storing the position of ${row.shardId}`,
      onRetry: (error, waitMs) => log.emit('checkpoint.delayed', { ...fields, error: error.message, waitMs }),
    });
    this.#row = { ...next, version: stored };
    this.#storedAt = clock.monotonic();
    log.emit('checkpoint.stored', fields);
  }
}
