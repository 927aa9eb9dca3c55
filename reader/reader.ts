/** The path of reading, top to bottom: list the shards, store where the new ones begin, read parents before children, store what was accepted. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isAbort, type Clock } from '../base/clock.ts';
import { asKinlogError, describeError, isKinlogError, KinlogError, type ErrorCode } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { retry, type RetryOptions } from '../base/retry.ts';
import { positionText } from './checkpoint/position.ts';
import type { CheckpointStore, ShardRow, StoredRow, StreamKey } from './checkpoint/store.ts';
import type { Delivery } from './deliver.ts';
import type { StreamApi, StreamDescription } from './fetch/api.ts';
import type { RecordSource, Shard } from './fetch/source.ts';
import { readShard } from './shard-reader.ts';
import { lineage, type StartPosition } from './shards/lineage.ts';
import { listShards } from './shards/list.ts';
import { ShardProgress } from './shards/progress.ts';

/** What the reading loop stands on; index.ts puts it together from the options. */
export interface ReaderParts {
  /** Id of the stream in the store. */
  readonly streamId: string;
  readonly api: StreamApi;
  /** `createdMs`: creation of the stream, 0 when unknown. */
  readonly source: (createdMs: number) => RecordSource;
  readonly store: CheckpointStore;
  readonly delivery: (shard: Shard, progress: ShardProgress) => Delivery;
  readonly start: { readonly kind: 'tip' } | StartPosition;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly checkpointEveryMs: number;
  readonly listEveryMs: number;
  /** How long a stopping reader waits for the output and the store. */
  readonly drainMs: number;
  /** Tries of a call that must succeed before anything is read. */
  readonly startAttempts: number;
}

/** Start at the tip means: from this long before the service's clock, so that a clock that is shown to the second loses nothing. */
const TIP_MARGIN_MS = 5_000;
/** Failures in a row after which somebody should know. */
const STALLED_AFTER = 5;
/** A shard that failed for good is named again this often, because a line once in a week of logs is not seen. */
const REMIND_EVERY_MS = 300_000;
/** These concern one shard only; every other error that leaves a shard ends the reader. */
const SHARD_ONLY: readonly ErrorCode[] = [
  'KINLOG_SHARD_GONE',
  'KINLOG_POSITION_REFUSED',
  'KINLOG_REQUEST_REFUSED',
  'KINLOG_UNEXPECTED',
];

export class ReadingLoop {
  readonly #parts: ReaderParts;
  readonly #owner = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  readonly #stop = new AbortController();
  readonly #drain = new AbortController();
  readonly #rows = new Map<string, StoredRow>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #failed = new Map<string, { error: KinlogError; saidAt: number }>();
  #fatal: KinlogError | undefined;
  #retentionMs: number | undefined;
  #changed = Promise.withResolvers<undefined>();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Reads until the signal aborts; settles once everything accepted is stored. Rejects with the KinlogError that made reading impossible. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    const stopping = AbortSignal.any([signal, this.#stop.signal]);
    const abort = () => void this.#drainWithin(clock);
    stopping.addEventListener('abort', abort, { once: true });
    try {
      const stream = await this.#open(stopping);
      await this.#supervise(stream, stopping);
    } catch (error) {
      if (!stopping.aborted) this.#fail(asKinlogError(error, 'reading'));
      else if (!isAbort(error) && error !== stopping.reason) this.#fatal ??= asKinlogError(error, 'reading');
    } finally {
      this.#stop.abort();
      await Promise.all(this.#running.values());
      stopping.removeEventListener('abort', abort);
    }
    // Whatever the output or the store had not taken when the time was up is read again at the next start.
    const inTime = !this.#drain.signal.aborted;
    this.#drain.abort();
    const failure = this.#fatal ?? [...this.#failed.values()][0]?.error;
    if (failure !== undefined) throw failure;
    log.emit('reader.stopped', { inTime });
  }

  /** Which stream this is and what was stored of it; the start position of a stream never read becomes durable here. */
  async #open(signal: AbortSignal): Promise<StreamKey & { readonly start: StartPosition }> {
    const { streamId, start, log } = this.#parts;
    const description = await this.#describe(signal);
    const stream = { id: streamId, createdMs: description?.createdMs ?? 0 };
    await this.#patiently('reading the stored positions', () => this.#readRows(stream, signal), signal);
    this.#refuseOtherStream(stream);
    this.#retentionMs = description?.retentionMs;
    const tipMs = this.#parts.api.serverTimeMs() - TIP_MARGIN_MS;
    log.emit('reader.started', {
      stream: description?.arn ?? streamId,
      knownShards: this.#rows.size,
      start: start.kind,
    });
    return { ...stream, start: start.kind === 'tip' ? { kind: 'timestamp', ms: tipMs } : start };
  }

  async #readRows(stream: StreamKey, signal: AbortSignal): Promise<void> {
    this.#rows.clear();
    for await (const row of this.#parts.store.rows(stream, signal)) this.#rows.set(row.shardId, row);
  }

  /** Being refused the description is no reason not to read: it only sharpens what can be noticed. */
  async #describe(signal: AbortSignal): Promise<StreamDescription | undefined> {
    const { api } = this.#parts;
    try {
      return await this.#patiently('describing the stream', () => api.describe(signal), signal);
    } catch (error) {
      if (isKinlogError(error, 'KINLOG_PERMISSION_REFUSED')) return undefined;
      throw error;
    }
  }

  async #supervise(stream: StreamKey & { readonly start: StartPosition }, signal: AbortSignal): Promise<void> {
    const { listEveryMs, log } = this.#parts;
    const source = this.#parts.source(stream.createdMs);
    for (;;) {
      this.#changed = Promise.withResolvers();
      const listed = await this.#list(signal);
      const plan = lineage({ stream, listed, rows: this.#rows, start: stream.start });
      for (const row of plan.missing) await this.#put(stream, row, 'absent', signal);
      for (const row of plan.vanished) await this.#bury(stream, row, signal);
      for (const { shard, parents } of plan.waiting)
        log.emit('shard.waiting', { shard: shard.shardId, parents: parents.join(',') });
      for (const shard of plan.ready) this.#begin(stream, shard, source);
      this.#remind();
      const soon = plan.missing.length > 0 || plan.vanished.length > 0 || this.#childless(listed);
      await this.#wait(soon ? Math.min(1000, listEveryMs) : listEveryMs, signal);
    }
  }

  #list(signal: AbortSignal): Promise<Shard[]> {
    const { api, clock } = this.#parts;
    if (this.#running.size === 0)
      return this.#patiently('listing shards', () => listShards(api, { signal, clock, attempts: 1 }), signal);
    return listShards(api, { signal, clock, onRetry: this.#sayRetry('listing shards') });
  }

  #begin(stream: StreamKey, shard: Shard, source: RecordSource): void {
    const { shardId } = shard;
    const row = this.#rows.get(shardId);
    if (row === undefined || this.#running.has(shardId) || this.#failed.has(shardId)) return;
    const progress = this.#progress(stream, { ...row, owner: this.#owner });
    const reading = this.#read(shard, source, progress).finally(() => {
      this.#running.delete(shardId);
      this.#changed.resolve(undefined);
    });
    this.#running.set(shardId, reading);
  }

  #progress(stream: StreamKey, row: StoredRow): ShardProgress {
    const { store, clock, log, checkpointEveryMs } = this.#parts;
    return new ShardProgress(row, { stream, store, clock, log, checkpointEveryMs, retentionMs: this.#retentionMs });
  }

  async #read(shard: Shard, source: RecordSource, progress: ShardProgress): Promise<void> {
    const { log, delivery } = this.#parts;
    const { shardId } = shard;
    log.emit('shard.started', { shard: shardId, position: positionText(progress.row.position) });
    try {
      const failing = (error: unknown) => void this.#failBeyond(shardId, error);
      const work = { shard, source, progress, delivery: delivery(shard, progress), failing };
      const ended = await readShard(work, { stop: this.#stop.signal, drain: this.#drain.signal });
      if (ended) log.emit('shard.ended', { shard: shardId });
    } catch (error) {
      const own = this.#failBeyond(shardId, error);
      // Whether it has aged out is told by the next listing; otherwise it is read again.
      if (own !== undefined && own.code !== 'KINLOG_SHARD_GONE') this.#failShard(shardId, own);
    } finally {
      this.#rows.set(shardId, progress.row);
    }
  }

  /** Ends the reader, unless the failure is the shard's own, which is returned. */
  #failBeyond(shardId: string, error: unknown): KinlogError | undefined {
    // What was under way when the drain ended was given up on purpose, and is read again.
    if (this.#drain.signal.aborted && isAbort(error)) return undefined;
    const known = asKinlogError(error, `reading ${shardId}`);
    if (SHARD_ONLY.includes(known.code)) return known;
    this.#fail(known);
    return undefined;
  }

  #failShard(shardId: string, error: KinlogError): void {
    this.#failed.set(shardId, { error, saidAt: this.#parts.clock.monotonic() });
    this.#parts.log.emit('shard.failed', { shard: shardId, error: describeError(error) });
  }

  #fail(error: KinlogError): void {
    if (this.#fatal === undefined && !(this.#stop.signal.aborted && isAbort(error.cause))) {
      this.#fatal = error;
      this.#parts.log.emit('reader.failed', { error: describeError(error) });
    }
    this.#stop.abort();
  }

  #remind(): void {
    const { clock, log } = this.#parts;
    for (const [shard, failure] of this.#failed) {
      if (clock.monotonic() - failure.saidAt < REMIND_EVERY_MS) continue;
      failure.saidAt = clock.monotonic();
      log.emit('shard.failed', { shard, error: describeError(failure.error) });
    }
  }

  /** An ended shard whose children are not listed yet: they will be within seconds. */
  #childless(listed: readonly Shard[]): boolean {
    const parents = new Set(listed.flatMap((shard) => shard.parents));
    return listed.some(
      (shard) => this.#rows.get(shard.shardId)?.position.kind === 'end' && !parents.has(shard.shardId),
    );
  }

  async #put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal): Promise<void> {
    const version = await this.#patiently(
      'storing where a shard begins',
      () => this.#parts.store.put(stream, row, expected, signal),
      signal,
    );
    this.#rows.set(row.shardId, { ...row, version });
  }

  /** A shard that is listed no more before it was read to its end: what it held is gone, and its children must not wait for ever. */
  async #bury(stream: StreamKey, row: StoredRow, signal: AbortSignal): Promise<void> {
    if (this.#running.has(row.shardId)) return;
    this.#parts.log.emit('stream.data-loss', {
      shard: row.shardId,
      from: timeText(row.arrivalMs),
      to: 'its end',
      reason: 'the shard aged out',
    });
    const { version, ...ended } = row;
    await this.#put(stream, { ...ended, position: { kind: 'end' } }, version, signal);
  }

  #refuseOtherStream(stream: StreamKey): void {
    const other = [...this.#rows.values()].find(
      (row) => row.streamCreatedMs !== 0 && stream.createdMs !== 0 && row.streamCreatedMs !== stream.createdMs,
    );
    if (other === undefined) return;
    throw new KinlogError(
      'KINLOG_STREAM_RECREATED',
      `the positions of ${stream.id} belong to a stream created at ${timeText(other.streamCreatedMs)}, but this one was created at ${timeText(stream.createdMs)}`,
    );
  }

  /** Weather is waited for; what a person must mend ends the start with a clear error instead of a silent wait. */
  #patiently<T>(doing: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, startAttempts } = this.#parts;
    const once = () =>
      work().catch((error: unknown) => {
        throw startError(asKinlogError(error, doing));
      });
    const attempts = this.#running.size === 0 ? startAttempts : Infinity;
    return retry(once, { signal, clock, doing, attempts, onRetry: this.#sayRetry(doing) });
  }

  /** A call that fails again and again must not be waited for in silence. */
  #sayRetry(doing: string): NonNullable<RetryOptions['onRetry']> {
    return (error, waitMs, attempt) => {
      const { log } = this.#parts;
      log.emit('fetch.retried', { doing, error: error.message, waitMs });
      if (attempt === STALLED_AFTER || (attempt === 1 && error.retry === 'slow'))
        log.emit('reader.stalled', { doing, error: describeError(error) });
    };
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const slept = this.#parts.clock.sleep(ms, AbortSignal.any([signal, timer.signal])).catch((error: unknown) => {
      if (!timer.signal.aborted) throw error;
    });
    await Promise.race([slept, this.#changed.promise]);
    timer.abort();
    signal.throwIfAborted();
  }

  async #drainWithin(clock: Clock): Promise<void> {
    this.#stop.abort();
    await clock.sleep(this.#parts.drainMs, this.#drain.signal).catch(() => undefined);
    this.#drain.abort();
  }
}

function startError(error: KinlogError): KinlogError {
  if (error.retry !== 'slow') return error;
  return new KinlogError(error.code, error.message, { remedy: error.remedy, retry: 'never', cause: error.cause });
}

function timeText(ms: number): string {
  return ms === 0 ? 'the beginning' : new Date(ms).toISOString();
}
