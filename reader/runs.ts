/** The shards that this reader reads at this moment: begun, handed over, lost or failed, each on its own. */
import { isAbort } from '../base/clock.ts';
import { asKinlogError, describeError, type ErrorCode, type KinlogError } from '../base/errors.ts';
import { Reminder } from '../base/reminder.ts';
import { positionText } from './checkpoint/position.ts';
import type { ShardRow, StoredRow } from './checkpoint/store.ts';
import type { RecordSource, Shard } from './fetch/source.ts';
import type { ReaderParts } from './reader.ts';
import type { Leases } from './leases.ts';
import type { StreamRows } from './rows.ts';
import { readShard } from './shard-reader.ts';
import { newRow } from './shards/lineage.ts';
import { ownerText, ShardProgress } from './shards/progress.ts';
import type { ShardState, ShardStatus } from './status.ts';

/** These concern one shard only; every other error that leaves a shard ends the reader. */
const SHARD_ONLY: readonly ErrorCode[] = [
  'KINLOG_SHARD_GONE',
  'KINLOG_POSITION_REFUSED',
  'KINLOG_POSITION_LOST',
  'KINLOG_REQUEST_REFUSED',
  'KINLOG_UNEXPECTED',
];

export interface RunContext {
  readonly parts: ReaderParts;
  readonly rows: StreamRows;
  readonly leases: Leases;
  readonly source: RecordSource;
  readonly retentionMs: number | undefined;
  /** No further page is fetched. */
  readonly stop: AbortSignal;
  /** What is under way is given up too. */
  readonly drain: AbortSignal;
  /** Told of a failure that ends the reader. */
  readonly fail: (error: KinlogError) => void;
  /** A shard is read no more, for whatever reason. */
  readonly over: () => void;
}

interface Run {
  readonly progress: ShardProgress;
  readonly give: AbortController;
  readonly done: Promise<void>;
}

interface Failure {
  readonly error: KinlogError;
  readonly reminder: Reminder;
}

export class ShardRuns {
  readonly #context: RunContext;
  readonly #runs = new Map<string, Run>();
  readonly #failed = new Map<string, Failure>();

  constructor(context: RunContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Settles when no shard is read any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  progresses(): ShardProgress[] {
    return [...this.#runs.values()].map(({ progress }) => progress);
  }

  firstFailure(): KinlogError | undefined {
    return [...this.#failed.values()][0]?.error;
  }

  /** A shard that is read, or that failed here, is not begun again. */
  mayBegin(shardId: string): boolean {
    return !this.#runs.has(shardId) && !this.#failed.has(shardId);
  }

  reads(shardId: string): boolean {
    return this.#runs.has(shardId);
  }

  begin(shard: Shard, row: StoredRow): void {
    const { parts, rows, leases, retentionMs, over } = this.#context;
    const { store, clock, log, checkpointEveryMs, api } = parts;
    const progress = new ShardProgress(
      { ...row, owner: leases.me },
      {
        ...{ stream: rows.stream, store, clock, log, checkpointEveryMs, retentionMs, tenure: leases.tenure },
        serverTimeMs: () => api.serverTimeMs(),
        ...(store.traits.shared ? { reread: (id) => rows.reread(id) } : {}),
      },
      leases.takenAt(shard.shardId),
    );
    const give = new AbortController();
    const done = this.#read(shard, progress, give.signal).finally(() => {
      // What a lost shard's row was says nothing any more; taken for the newest, it would be begun and lost again without a pause.
      if (!progress.lost.aborted) rows.note(progress.row);
      this.#runs.delete(shard.shardId);
      over();
    });
    this.#runs.set(shard.shardId, { progress, give, done });
  }

  /** What the stored rows say about the shards that are read: asked for, or somebody else's. */
  compare(known: ReadonlyMap<string, StoredRow>): void {
    const { parts, leases } = this.#context;
    if (!parts.store.traits.shared) return;
    const { me } = leases;
    for (const [shardId, { progress, give }] of this.#runs) {
      const row = known.get(shardId);
      // A write of ours that is under way would look like one of somebody else.
      if (progress.storing || isOlder(row, progress.row)) continue;
      if (row?.owner !== me) progress.lose(ownerText(row));
      else if (row.successor !== undefined && row.successor !== me) {
        progress.adopt(row);
        give.abort();
      }
    }
  }

  /** The shard is not read here any more. */
  giveUp(shardId: string, error: KinlogError): void {
    const failure = { error, reminder: new Reminder(this.#context.parts.clock) };
    this.#failed.set(shardId, failure);
    this.#sayFailed(shardId, failure);
  }

  /** Says again which shards failed here, except those that were read to their end since, or begin anew. */
  remind(known: ReadonlyMap<string, StoredRow>): void {
    for (const [shard, failure] of this.#failed)
      if ((known.get(shard)?.position.kind ?? 'end') === 'end') this.#failed.delete(shard);
      else this.#sayFailed(shard, failure);
  }

  #sayFailed(shard: string, { error, reminder }: Failure): void {
    if (reminder.due()) this.#context.parts.log.emit('shard.failed', { shard, error: describeError(error) });
  }

  /** Undefined for a shard that is not read here and did not fail here. */
  describe(shardId: string): { state: ShardState; row?: ShardRow; behindMs?: number; lastError?: string } | undefined {
    const failure = this.#failed.get(shardId);
    if (failure !== undefined) return { state: 'failed', lastError: describeError(failure.error) };
    const run = this.#runs.get(shardId);
    if (run === undefined) return undefined;
    const { row, watermark, behindMs } = run.progress;
    return {
      state: run.give.signal.aborted ? 'handing-over' : 'reading',
      row: { ...row, position: watermark.position, arrivalMs: watermark.arrivalMs },
      ...(behindMs === undefined ? {} : { behindMs }),
    };
  }

  async #read(shard: Shard, progress: ShardProgress, give: AbortSignal): Promise<void> {
    const { parts, source, stop, drain } = this.#context;
    const { log } = parts;
    const { shardId } = shard;
    log.emit('shard.started', { shard: shardId, position: positionText(progress.row.position) });
    try {
      const work = {
        ...{ shard, source, progress, delivery: parts.delivery(shard, progress), onLost: parts.onLostPosition },
        failing: (error: unknown) => void this.#failBeyond(progress, error),
        born: (children: readonly Shard[], signal: AbortSignal) => this.#born(children, signal),
      };
      const ended = await readShard(work, {
        stop: AbortSignal.any([stop, give, progress.lost]),
        drain: AbortSignal.any([drain, progress.lost]),
      });
      if (ended) log.emit('shard.ended', { shard: shardId });
      else if (give.aborted) log.emit('lease.given', { shard: shardId, to: progress.row.owner });
    } catch (error) {
      const own = this.#failBeyond(progress, error);
      // Whether it has aged out is told by the next listing; otherwise it is read again.
      if (own !== undefined && own.code !== 'KINLOG_SHARD_GONE') this.giveUp(shardId, own);
    }
    if (progress.lost.aborted)
      log.emit('lease.lost', { shard: shardId, why: describeError(progress.lost.reason as KinlogError) });
  }

  /** The rows of children stand before their parent's end is stored, so that whoever reads on, a KCL too, finds the lineage whole. */
  async #born(children: readonly Shard[], signal: AbortSignal): Promise<void> {
    const { rows } = this.#context;
    const born = children.filter(({ parents }) => parents.every((parent) => rows.known.has(parent)));
    await rows.create(
      born.map((child) => newRow(child, rows.stream.createdMs, { kind: 'horizon' })),
      signal,
    );
  }

  /** Ends the reader, unless the failure is the shard's own, which is returned. */
  #failBeyond(progress: ShardProgress, error: unknown): KinlogError | undefined {
    const { drain, fail } = this.#context;
    // What was under way when the drain ended was given up on purpose, and is read again.
    if (progress.lost.aborted || (drain.aborted && isAbort(error))) return undefined;
    const known = asKinlogError(error, `reading ${progress.row.shardId}`);
    if (SHARD_ONLY.includes(known.code)) return known;
    fail(known);
    return undefined;
  }
}

function isOlder(row: StoredRow | undefined, than: StoredRow): boolean {
  return row !== undefined && row.version < than.version;
}

interface Situation {
  readonly elsewhere: (row: StoredRow) => boolean;
  readonly waiting: (shardId: string) => boolean;
}

/** A row as people want to see it, with what the running shard knows better. */
export function shardStatus(stored: StoredRow, runs: ShardRuns | undefined, situation: Situation): ShardStatus {
  const { shardId, parents } = stored;
  const { state, row = stored, ...known } = runs?.describe(shardId) ?? { state: idleState(stored, situation) };
  const { position, arrivalMs, owner } = row;
  return {
    ...{ shardId, parents, state, arrivalMs, position: positionText(position) },
    ...(owner === undefined ? {} : { owner }),
    ...known,
  };
}

function idleState(row: StoredRow, { elsewhere, waiting }: Situation): ShardState {
  if (row.position.kind === 'end') return 'ended';
  if (elsewhere(row)) return 'elsewhere';
  return waiting(row.shardId) ? 'waiting' : 'unowned';
}
