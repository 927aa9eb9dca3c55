/** The path of reading, top to bottom: list the shards, store where the new ones begin, take our share, read parents before children, store what was accepted. */
import { isAbort, unlessAborted, type Clock } from '../base/clock.ts';
import { asKinlogError, describeError, isKinlogError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import type { CheckpointStore, RowRemover, StoredRow, StreamKey } from './checkpoint/store.ts';
import type { Delivery } from './deliver.ts';
import type { StreamApi, StreamDescription } from './fetch/api.ts';
import type { RecordSource, Shard } from './fetch/source.ts';
import { Leases } from './leases.ts';
import { Listing } from './listing.ts';
import { Patience } from './patience.ts';
import { StreamRows } from './rows.ts';
import { shardStatus, ShardRuns } from './runs.ts';
import { positionLost, type LostPosition } from './shard-reader.ts';
import { lostPositions, refuseLaterStream, timeText } from './lost-positions.ts';
import { lineage, type StartPosition } from './shards/lineage.ts';
import type { ShardProgress } from './shards/progress.ts';
import { storedStart } from './shards/start.ts';
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
  readonly alone: boolean;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly checkpointEveryMs: number;
  readonly listEveryMs: number;
  /** How long a stopping reader waits for the output and the store. */
  readonly drainMs: number;
  /** Tries of a call that must succeed before anything is read. */
  readonly startAttempts: number;
}

/** Between two looks at everything: hundreds of shards may end within a second, and each look reads all rows and lists all shards. */
const PAUSE_MS = 200;
/** Rows of finished shards are kept this much longer than their records, in case a clock is wrong. */
const FINISHED_MARGIN_MS = 3_600_000;

/** What is known once the stream is opened. */
interface Opened {
  readonly arn: string | undefined;
  /** How many shards had a row then. */
  readonly knownShards: number;
  readonly rows: StreamRows;
  readonly start: StartPosition;
  readonly retentionMs: number | undefined;
}

export class ReadingLoop {
  readonly #parts: ReaderParts;
  readonly #leases: Leases;
  readonly #patience: Patience;
  readonly #listing: Listing;
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

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    const { clock, log, startAttempts, name, leasePeriodMs: periodMs, alone, store } = parts;
    this.#stopping = new Stopping(clock, parts.drainMs);
    this.#leases = new Leases({ shared: store.traits.shared, name, periodMs, alone, clock, log });
    this.#patience = new Patience({ clock, log, startAttempts, begun: () => this.#state !== 'starting' });
    this.#listing = new Listing({ ...parts, patience: this.#patience });
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

  /** Which stream this is and what was stored of it. */
  async #open(signal: AbortSignal): Promise<Opened> {
    const { streamId, log, store } = this.#parts;
    const description = await this.#describe(signal);
    const region = await this.#parts.api.region();
    const stream: StreamKey = {
      id: streamId,
      createdMs: description?.createdMs ?? 0,
      ...(description === undefined ? {} : { arn: description.arn }),
      ...(region === undefined ? {} : { region }),
    };
    const rows = new StreamRows(stream, { store, patience: this.#patience, log, drain: this.#stopping.drain });
    await rows.read(signal);
    const from = this.#startOf(rows, this.#parts.api.serverTimeMs());
    this.#rows = rows;
    const { arn, retentionMs } = description ?? {};
    return { rows, start: from, retentionMs, arn, knownShards: rows.known.size };
  }

  /** Where a stream without rows begins; what was stored and does not belong to this stream, or should be there and is not, is for the user to decide. */
  #startOf(rows: StreamRows, serverTimeMs: number): StartPosition {
    const { start, onLostPosition, log } = this.#parts;
    const lost = lostPositions(rows, start.kind === 'stored');
    if (lost === undefined) return storedStart(start.kind === 'stored' ? { kind: 'tip' } : start, serverTimeMs);
    log.emit('stream.data-loss', { shard: 'all', from: lost.from, to: lost.to, reason: lost.error.message });
    if (onLostPosition === undefined || onLostPosition === 'stop') throw lost.error;
    return storedStart(onLostPosition === 'horizon' ? { kind: 'horizon' } : onLostPosition, serverTimeMs);
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

  async #supervise(opened: Opened, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const { rows, retentionMs } = opened;
    const runs = this.#begin(rows, retentionMs);
    const alive = new AbortController();
    const keptAlive = this.#leases.keepAlive(() => runs.progresses(), alive.signal, this.#stopping.drain);
    try {
      for (let first = true; ; first = false) {
        this.#changed = Promise.withResolvers();
        const readAt = clock.monotonic();
        if (this.#parts.store.traits.shared && !first) await rows.read(signal);
        if (!first) refuseLaterStream(rows);
        this.#leases.look(rows, readAt);
        runs.compare(rows.known);
        await this.#listing.refresh(() => rows.known.keys(), signal);
        if (await this.#round(opened, runs, signal)) this.#listing.dueWithin(1000);
        this.#state = 'reading';
        await this.#wait(Math.min(this.#listing.dueInMs, this.#leases.lookAfterMs(Math.random)), signal);
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
        this.#listing.dueWithin(0);
        this.#changed.resolve(undefined);
      },
    });
    return this.#runs;
  }

  /** One look at everything: new shards get their rows, ours are read, old rows go. True when the listing will change soon. */
  async #round(opened: Opened, runs: ShardRuns, signal: AbortSignal): Promise<boolean> {
    const { rows, start, retentionMs } = opened;
    const { log } = this.#parts;
    const listed = this.#listing.shards;
    const plan = lineage({ stream: rows.stream, listed, rows: rows.known, start });
    // Nothing is written beside a KCL that may live, not even rows that it would make itself.
    if (this.#leases.besideKcl(rows)) {
      this.#sayStarted(opened);
      return false;
    }
    await rows.create(plan.missing, signal);
    this.#sayStarted(opened);
    // The user has decided about an earlier stream of this name; what the new one does not overwrite would bring the question back.
    await rows.remove([...rows.strangers.values()], signal);
    let buried = 0;
    for (const row of plan.vanished) if (await this.#bury(rows, row, runs, signal)) buried++;
    this.#waiting = new Set(plan.waiting.map(({ shard }) => shard.shardId));
    for (const { shard, parents } of plan.waiting)
      log.emit('shard.waiting', { shard: shard.shardId, parents: parents.join(',') });
    const mayBegin = plan.ready.filter(({ shardId }) => runs.mayBegin(shardId));
    await this.#leases.share(mayBegin, rows, signal);
    for (const shard of mayBegin) {
      const row = rows.known.get(shard.shardId);
      if (row !== undefined && this.#leases.mine(row)) runs.begin(shard, row);
    }
    runs.remind(rows.known);
    await rows.remove(this.#old(plan.finished, retentionMs), signal);
    return plan.missing.length > 0 || buried > 0 || childless(listed, rows.known);
  }

  /** Said only now that the start of a stream never read is durable: whatever is put from here on is delivered, whoever dies. */
  #sayStarted({ arn, knownShards }: Opened): void {
    if (this.#state !== 'starting') return;
    const { streamId, start, log } = this.#parts;
    log.emit('reader.started', {
      stream: arn ?? streamId,
      knownShards,
      start: start.kind,
      reader: this.#leases.me,
    });
  }

  /** Rows of finished shards whose records aged out long ago. */
  #old(finished: readonly StoredRow[], retentionMs: number | undefined): StoredRow[] {
    if (retentionMs === undefined) return [];
    const before = this.#parts.api.serverTimeMs() - retentionMs - FINISHED_MARGIN_MS;
    return finished.filter(({ arrivalMs, readToMs = 0 }) => Math.max(arrivalMs, readToMs) < before);
  }

  #fail(error: KinlogError): void {
    if (this.#fatal === undefined && !(this.#stopping.stop.aborted && isAbort(error.cause))) {
      this.#fatal = error;
      this.#parts.log.emit('reader.failed', { error: describeError(error) });
    }
    this.#stop();
  }

  /** A shard that is listed no more before it was read to its end: what it held is gone, and its children must not wait for ever, unless the user wants to be
   *  asked. True when they may begin. */
  async #bury(rows: StreamRows, row: StoredRow, runs: ShardRuns, signal: AbortSignal): Promise<boolean> {
    const { shardId, arrivalMs, readToMs = 0 } = row;
    if (!this.#listing.tellsOf(shardId) || runs.reads(shardId) || this.#leases.elsewhere(row)) return false;
    const stops = this.#parts.onLostPosition === 'stop';
    if (stops && !runs.mayBegin(shardId)) return false;
    const { version, foreign: _foreign, owner: _owner, successor: _successor, ...ended } = row;
    if (!stops && (await rows.put({ ...ended, position: { kind: 'end' } }, version, signal)) === undefined)
      return false;
    this.#parts.log.emit('stream.data-loss', {
      shard: shardId,
      from: timeText(Math.max(arrivalMs, readToMs)),
      to: 'its end',
      reason: 'the shard aged out',
    });
    if (stops) runs.giveUp(shardId, positionLost(shardId));
    return !stops;
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const soonest = clock.monotonic() + PAUSE_MS;
    const timer = new AbortController();
    const slept = clock.sleep(Math.max(0, ms), timer.signal).catch((error: unknown) => {
      if (!timer.signal.aborted) throw error;
    });
    try {
      // Not AbortSignal.any: Node 22 would keep something of every wait for as long as the reader runs.
      await unlessAborted(Promise.race([slept, this.#changed.promise]), signal);
    } finally {
      timer.abort();
    }
    const leftMs = soonest - clock.monotonic();
    if (leftMs > 0) await clock.sleep(leftMs, signal);
  }
}

/** An ended shard whose children are not listed yet: they will be within seconds. */
function childless(listed: readonly Shard[], rows: ReadonlyMap<string, StoredRow>): boolean {
  const parents = new Set(listed.flatMap((shard) => shard.parents));
  return listed.some((shard) => rows.get(shard.shardId)?.position.kind === 'end' && !parents.has(shard.shardId));
}
