/** The path of reading, top to bottom: list the shards, store where the new ones begin, take our share, read parents before children, store what was accepted. */
import { isAbort, type Clock } from '../base/clock.ts';
import { asKinlogError, describeError, isKinlogError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { backoffMs } from '../base/retry.ts';
import type { CheckpointStore, RowRemover, StoredRow, StreamKey } from './checkpoint/store.ts';
import type { Delivery } from './deliver.ts';
import type { StreamApi, StreamDescription } from './fetch/api.ts';
import type { RecordSource, Shard } from './fetch/source.ts';
import { Leases } from './leases.ts';
import { Patience } from './patience.ts';
import { StreamRows } from './rows.ts';
import { shardStatus, ShardRuns } from './runs.ts';
import type { LostPosition } from './shard-reader.ts';
import { lostPositions, refuseLaterStream, timeText } from './lost-positions.ts';
import { uncovered } from './shards/coverage.ts';
import { lineage, type StartPosition } from './shards/lineage.ts';
import { listShards } from './shards/list.ts';
import type { ShardProgress } from './shards/progress.ts';
import type { ReaderState, ReaderStatus } from './status.ts';
import { Stopping } from './stopping.ts';

/** What the reading loop stands on; index.ts puts it together from the options. */
export interface ReaderParts {
  /** Id of the stream in the store. */
  readonly streamId: string;
  readonly api: StreamApi;
  /** `createdMs`: creation of the stream, 0 when unknown. */
  readonly source: (createdMs: number) => RecordSource;
  readonly store: CheckpointStore & Partial<RowRemover>;
  readonly delivery: (shard: Shard, progress: ShardProgress) => Delivery;
  readonly start: { readonly kind: 'tip' } | { readonly kind: 'stored' } | StartPosition;
  readonly onLostPosition: LostPosition | undefined;
  readonly name: string | undefined;
  readonly leasePeriodMs: number;
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
/** A listing with a hole is asked for again this often before reading goes on with it; KCL does the same (awslabs/amazon-kinesis-client, HierarchicalShardSyncer). */
const LISTINGS_FOR_A_HOLE = 3;
/** Rows of finished shards are kept this much longer than their records, in case a clock is wrong. */
const FINISHED_MARGIN_MS = 3_600_000;

/** What is known once the stream is opened. */
interface Opened {
  readonly rows: StreamRows;
  readonly start: StartPosition;
  readonly retentionMs: number | undefined;
}

export class ReadingLoop {
  readonly #parts: ReaderParts;
  readonly #leases: Leases;
  readonly #patience: Patience;
  readonly #stopping: Stopping;
  #state: ReaderState = 'starting';
  #rows: StreamRows | undefined;
  #runs: ShardRuns | undefined;
  #waiting = new Set<string>();
  readonly #situation = {
    elsewhere: (row: StoredRow) => this.#leases.elsewhere(row),
    waiting: (shardId: string) => this.#waiting.has(shardId),
  };
  #fatal: KinlogError | undefined;
  #changed = Promise.withResolvers<undefined>();
  /** Rows that were there when the last listing began: only of these does a listing without them say that the shard is gone. */
  #knownBeforeListing: ReadonlySet<string> = new Set();
  /** A shard ended or was lost: the listing may have changed. */
  #listNow = true;
  /** In a row. */
  #listFailures = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    const { clock, log, startAttempts, name, leasePeriodMs: periodMs, store } = parts;
    this.#stopping = new Stopping(clock, parts.drainMs);
    this.#leases = new Leases({ shared: store.traits.shared, name, periodMs, clock, log });
    this.#patience = new Patience({ clock, log, startAttempts, begun: () => this.#state !== 'starting' });
  }

  /** Reads until the signal aborts; settles once everything accepted is stored, or when the time for that is up. Rejects with the KinlogError that made reading impossible. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    if (!(await this.#stopping.within(this.#read()))) this.#fail(this.#overdue());
    signal.removeEventListener('abort', stop);
    const failure = this.#fatal ?? this.#runs?.firstFailure();
    this.#state = failure === undefined ? 'stopped' : 'failed';
    if (failure !== undefined) throw failure;
    // Whatever the output or the store had not taken when the time was up is read again at the next start.
    this.#parts.log.emit('reader.stopped', { inTime: !this.#stopping.drain.aborted });
  }

  /** Settles when nothing is under way any more. */
  async #read(): Promise<void> {
    const { stop } = this.#stopping;
    try {
      await this.#supervise(await this.#open(stop), stop);
    } catch (error) {
      if (!stop.aborted) this.#fail(asKinlogError(error, 'reading'));
      else if (!isAbort(error)) this.#fatal ??= asKinlogError(error, 'reading');
    } finally {
      this.#stop();
      await this.#runs?.settled();
    }
  }

  #stop(): void {
    this.#state = 'stopping';
    this.#stopping.begin();
  }

  /** Outputs and stores that take no notice of their signals must not hold the process. */
  #overdue(): KinlogError {
    const shards = this.#runs?.progresses().map(({ row }) => row.shardId) ?? [];
    const where = shards.length === 0 ? 'a call to the position store or to Kinesis' : shards.sort().join(', ');
    return new KinlogError(
      'KINLOG_STOP_OVERDUE',
      `reading ${this.#parts.streamId} did not end within ${this.#stopping.limitMs} ms of being stopped: ${where} still waits for an answer`,
    );
  }

  status(): ReaderStatus {
    const failure = this.#fatal ?? this.#runs?.firstFailure();
    return {
      stream: this.#parts.streamId,
      owner: this.#leases.me,
      state: this.#state,
      ...(failure === undefined ? {} : { lastError: describeError(failure) }),
      shards: [...(this.#rows?.known.values() ?? [])].map((row) => shardStatus(row, this.#runs, this.#situation)),
    };
  }

  /** Which stream this is and what was stored of it; the start position of a stream never read becomes durable here. */
  async #open(signal: AbortSignal): Promise<Opened> {
    const { streamId, start, log, store } = this.#parts;
    const description = await this.#describe(signal);
    const stream: StreamKey = {
      id: streamId,
      createdMs: description?.createdMs ?? 0,
      ...(description === undefined ? {} : { arn: description.arn }),
    };
    const rows = new StreamRows(stream, { store, patience: this.#patience, log, drain: this.#stopping.drain });
    await rows.read(signal);
    const tipMs = this.#parts.api.serverTimeMs() - TIP_MARGIN_MS;
    const from = this.#startOf(rows, tipMs);
    log.emit('reader.started', {
      stream: description?.arn ?? streamId,
      knownShards: rows.known.size,
      start: start.kind,
      reader: this.#leases.me,
    });
    this.#rows = rows;
    return { rows, start: from, retentionMs: description?.retentionMs };
  }

  /** Where a stream without rows begins; what was stored and does not belong to this stream, or should be there and is not, is for the user to decide. */
  #startOf(rows: StreamRows, tipMs: number): StartPosition {
    const { start, onLostPosition, log } = this.#parts;
    const lost = lostPositions(rows, start.kind === 'stored');
    if (lost === undefined)
      return start.kind === 'tip' || start.kind === 'stored' ? { kind: 'timestamp', ms: tipMs } : start;
    log.emit('stream.data-loss', { shard: 'all', from: lost.from, to: lost.to, reason: lost.error.message });
    if (onLostPosition === undefined || onLostPosition === 'stop') throw lost.error;
    return onLostPosition === 'horizon' ? { kind: 'horizon' } : onLostPosition;
  }

  /** Being refused the description is no reason not to read: it only sharpens what can be noticed. */
  async #describe(signal: AbortSignal): Promise<StreamDescription | undefined> {
    const { api } = this.#parts;
    try {
      return await this.#patience.wait('describing the stream', () => api.describe(signal), signal);
    } catch (error) {
      if (isKinlogError(error, 'KINLOG_PERMISSION_REFUSED')) return undefined;
      throw error;
    }
  }

  async #supervise({ rows, start, retentionMs }: Opened, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const runs = this.#begin(rows, retentionMs);
    const alive = new AbortController();
    const keptAlive = this.#leases.keepAlive(() => runs.progresses(), alive.signal, this.#stopping.drain);
    try {
      let listed: readonly Shard[] = [];
      let listAt = -Infinity;
      for (let first = true; ; first = false) {
        this.#changed = Promise.withResolvers();
        const readAt = clock.monotonic();
        if (this.#parts.store.traits.shared && !first) await rows.read(signal);
        if (!first) refuseLaterStream(rows);
        this.#leases.look(rows, readAt);
        runs.compare(rows.known);
        if (this.#listNow || clock.monotonic() >= listAt) {
          this.#listNow = false;
          const found = await this.#list(rows, signal);
          listed = found.shards ?? listed;
          listAt = clock.monotonic() + found.againMs;
        }
        const soon = await this.#round(listed, { rows, start, retentionMs }, runs, signal);
        if (soon) listAt = Math.min(listAt, clock.monotonic() + 1000);
        this.#state = 'reading';
        await this.#wait(Math.min(listAt - clock.monotonic(), this.#leases.lookAfterMs(Math.random)), signal);
      }
    } finally {
      // Draining takes its time, and until it is over the shards must stay ours.
      void runs.settled().then(() => alive.abort());
      this.#stop();
      await runs.settled();
      await keptAlive;
    }
  }

  #begin(rows: StreamRows, retentionMs: number | undefined): ShardRuns {
    this.#runs = new ShardRuns({
      ...{ parts: this.#parts, rows, leases: this.#leases, retentionMs },
      source: this.#parts.source(rows.stream.createdMs),
      stop: this.#stopping.stop,
      drain: this.#stopping.drain,
      fail: (error) => this.#fail(error),
      over: () => {
        this.#listNow = true;
        this.#changed.resolve(undefined);
      },
    });
    return this.#runs;
  }

  /** One look at everything: new shards get their rows, ours are read, old rows go. True when the listing will change soon. */
  async #round(listed: readonly Shard[], opened: Opened, runs: ShardRuns, signal: AbortSignal): Promise<boolean> {
    const { rows, start, retentionMs } = opened;
    const { log } = this.#parts;
    const plan = lineage({ stream: rows.stream, listed, rows: rows.known, start });
    await rows.create(plan.missing, signal);
    // The user has decided about an earlier stream of this name; what the new one does not overwrite would bring the question back.
    await rows.remove([...rows.strangers.values()], signal);
    const vanished = plan.vanished.filter(({ shardId }) => this.#knownBeforeListing.has(shardId));
    for (const row of vanished) await this.#bury(rows, row, runs, signal);
    this.#waiting = new Set(plan.waiting.map(({ shard }) => shard.shardId));
    for (const { shard, parents } of plan.waiting)
      log.emit('shard.waiting', { shard: shard.shardId, parents: parents.join(',') });
    const mayBegin = plan.ready.filter(({ shardId }) => runs.mayBegin(shardId));
    await this.#leases.share(mayBegin, rows, signal);
    for (const shard of mayBegin) {
      const row = rows.known.get(shard.shardId);
      if (row !== undefined && this.#leases.mine(row)) runs.begin(shard, row);
    }
    runs.remind();
    await rows.remove(this.#old(plan.finished, retentionMs), signal);
    return plan.missing.length > 0 || vanished.length > 0 || childless(listed, rows.known);
  }

  /** Rows of finished shards whose records aged out long ago. */
  #old(finished: readonly StoredRow[], retentionMs: number | undefined): StoredRow[] {
    if (retentionMs === undefined) return [];
    const before = this.#parts.clock.now() - retentionMs - FINISHED_MARGIN_MS;
    return finished.filter(({ arrivalMs, readToMs = 0 }) => Math.max(arrivalMs, readToMs) < before);
  }

  /** Every shard, and when to list them again; one that misses a part of the hash range is asked for again, because a shard that is not known is not read.
   *  Once there was a listing, reading goes on with it while there is no other: shards still change hands. */
  async #list(rows: StreamRows, signal: AbortSignal): Promise<{ shards?: Shard[]; againMs: number }> {
    const { clock, log, listEveryMs } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const known = new Set(rows.known.keys());
      const listed = await this.#listOnce(signal);
      if (typeof listed === 'number') return { againMs: listed };
      const hole = uncovered(listed);
      // What a listing with a hole leaves out may be as alive as what it shows.
      this.#knownBeforeListing = hole === undefined ? known : new Set();
      if (hole === undefined) return { shards: listed, againMs: listEveryMs };
      log.emit('stream.uncovered', { stream: rows.stream.id, from: hole.from.toString(), to: hole.to.toString() });
      if (attempt >= LISTINGS_FOR_A_HOLE) return { shards: listed, againMs: listEveryMs };
      await clock.sleep(1000, signal);
    }
  }

  /** Or how long to wait before the next attempt, milliseconds. */
  async #listOnce(signal: AbortSignal): Promise<Shard[] | number> {
    const { api, clock } = this.#parts;
    const doing = 'listing shards';
    const once = () => listShards(api, { signal, clock, attempts: 1 });
    if (this.#state === 'starting') return this.#patience.wait(doing, once, signal);
    try {
      const listed = await once();
      this.#listFailures = 0;
      return listed;
    } catch (error) {
      signal.throwIfAborted();
      const known = asKinlogError(error, doing);
      if (known.retry === 'never') throw known;
      const waitMs = backoffMs(known, ++this.#listFailures, Math.random);
      this.#patience.sayRetry(doing)(known, waitMs, this.#listFailures);
      return waitMs;
    }
  }

  #fail(error: KinlogError): void {
    if (this.#fatal === undefined && !(this.#stopping.stop.aborted && isAbort(error.cause))) {
      this.#fatal = error;
      this.#parts.log.emit('reader.failed', { error: describeError(error) });
    }
    this.#stop();
  }

  /** A shard that is listed no more before it was read to its end: what it held is gone, and its children must not wait for ever. */
  async #bury(rows: StreamRows, row: StoredRow, runs: ShardRuns, signal: AbortSignal): Promise<void> {
    if (runs.reads(row.shardId) || this.#leases.elsewhere(row)) return;
    const { version, foreign: _foreign, owner: _owner, successor: _successor, ...ended } = row;
    const buried = await rows.put({ ...ended, position: { kind: 'end' } }, version, signal);
    if (buried === undefined) return;
    this.#parts.log.emit('stream.data-loss', {
      shard: row.shardId,
      from: timeText(row.arrivalMs),
      to: 'its end',
      reason: 'the shard aged out',
    });
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const slept = this.#parts.clock
      .sleep(Math.max(0, ms), AbortSignal.any([signal, timer.signal]))
      .catch((error: unknown) => {
        if (!timer.signal.aborted) throw error;
      });
    await Promise.race([slept, this.#changed.promise]);
    timer.abort();
    signal.throwIfAborted();
  }
}

/** An ended shard whose children are not listed yet: they will be within seconds. */
function childless(listed: readonly Shard[], rows: ReadonlyMap<string, StoredRow>): boolean {
  const parents = new Set(listed.flatMap((shard) => shard.parents));
  return listed.some((shard) => rows.get(shard.shardId)?.position.kind === 'end' && !parents.has(shard.shardId));
}
