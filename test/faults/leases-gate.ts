/** What stands between one simulated reader and everything it touches: a process that can be stopped, continued and killed without being asked. */
import type { Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type {
  CheckpointStore,
  RowRemover,
  ShardRow,
  StoredRow,
  StreamKey,
  Version,
} from '../../reader/checkpoint/store.ts';
import type { ReaderOptions } from '../../reader/index.ts';
import type { Output } from '../../reader/output/output.ts';
import type { EventBatch } from '../../record/batch.ts';

/** Closed while the process stands still; for ever once it is killed. Nothing passes, neither what it does nor what it is told. */
export class Gate {
  #closed: PromiseWithResolvers<undefined> | undefined;
  dead = false;

  get open(): boolean {
    return this.#closed === undefined;
  }

  close(): void {
    this.#closed ??= Promise.withResolvers();
  }

  reopen(): void {
    if (this.dead) return;
    this.#closed?.resolve(undefined);
    this.#closed = undefined;
  }

  async pass(): Promise<void> {
    while (this.#closed !== undefined) await this.#closed.promise;
  }
}

/** The one time of all readers, seen through a gate, and with a wall clock that jumps alone. */
export class GatedClock implements Clock {
  wallOffsetMs = 0;
  readonly #gate: Gate;
  readonly #time: Clock;

  constructor(gate: Gate, time: Clock) {
    this.#gate = gate;
    this.#time = time;
  }

  now(): number {
    return this.#time.now() + this.wallOffsetMs;
  }

  monotonic(): number {
    return this.#time.monotonic();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#time.sleep(ms, signal);
    } finally {
      await this.#gate.pass();
    }
  }
}

type Handler = NonNullable<NonNullable<ReaderOptions['kinesis']>['requestHandler']>;

export function gatedHandler(gate: Gate, handler: Handler): Handler {
  const { handle } = handler as { handle: (...request: unknown[]) => Promise<unknown> };
  const gated = async (...request: unknown[]): Promise<unknown> => {
    await gate.pass();
    try {
      return await handle(...request);
    } finally {
      await gate.pass();
    }
  };
  return { ...handler, handle: gated } as Handler;
}

/** How the way to the store is; readers share one unless a test parts them. */
export interface Weather {
  away: boolean;
  /** Of every call, half of it before it happens and half after. */
  latencyMs: number;
  /** So many of the next puts happen, and say that they did not. */
  lostAnswers: number;
}

/** The rows themselves, and who hears of what was done to them. */
export interface SharedRows {
  readonly store: CheckpointStore & RowRemover;
  readonly time: Clock;
  readonly onPut: (by: string, row: StoredRow) => void;
}

const unavailable = (): KinlogError => new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'the store did not answer');

/** The shared rows as one reader reaches them. As every store does, it finds out what became of a put whose answer was lost. */
export class GatedStore implements CheckpointStore, RowRemover {
  readonly traits = { survivesRestart: true, shared: true };
  readonly #by: string;
  readonly #gate: Gate;
  readonly #rows: SharedRows;
  readonly #unanswered = new Map<string, { expected: Version | 'absent'; version: Version }>();
  weather: Weather;

  constructor(by: string, { gate, rows, weather }: { gate: Gate; rows: SharedRows; weather: Weather }) {
    this.#by = by;
    this.#gate = gate;
    this.#rows = rows;
    this.weather = weather;
  }

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    yield* await this.#call(signal, async () => {
      const rows: StoredRow[] = [];
      for await (const row of this.#rows.store.rows(stream, signal)) rows.push(row);
      return rows;
    });
  }

  put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version> {
    return this.#call(signal, async () => {
      const version = await this.#putAgain(stream, row, expected);
      this.#rows.onPut(this.#by, { ...row, version });
      this.#unanswered.delete(row.shardId);
      if (this.weather.lostAnswers > 0) {
        this.weather.lostAnswers--;
        this.#unanswered.set(row.shardId, { expected, version });
        throw unavailable();
      }
      return version;
    });
  }

  remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    return this.#call(signal, () => this.#rows.store.remove(stream, shardId, expected, signal));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #putAgain(stream: StreamKey, row: ShardRow, expected: Version | 'absent'): Promise<Version> {
    // A write that began settles by its own result.
    const signal = new AbortController().signal;
    const before = this.#unanswered.get(row.shardId);
    try {
      return await this.#rows.store.put(stream, row, expected, signal);
    } catch (error) {
      if (!isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT') || before?.expected !== expected) throw error;
      return this.#rows.store.put(stream, row, before.version, signal);
    }
  }

  async #call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { time } = this.#rows;
    await this.#gate.pass();
    signal.throwIfAborted();
    try {
      const { away, latencyMs } = this.weather;
      if (away) throw unavailable();
      if (latencyMs > 0) await time.sleep(latencyMs / 2);
      const answer = await work();
      if (latencyMs > 0) await time.sleep(latencyMs / 2);
      return answer;
    } finally {
      await this.#gate.pass();
    }
  }
}

interface Told {
  readonly begun: (texts: readonly string[]) => void;
  readonly accepted: (texts: readonly string[]) => void;
}

/** Keeps nothing itself: what is handed over and what is accepted is told to the scene. */
export class GatedOutput implements Output {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #told: Told;
  /** It accepts nothing until the promise settles. */
  #held: PromiseWithResolvers<undefined> | undefined;
  /** What it has begun it finishes, whatever it is asked. */
  deaf = false;
  /** How long it takes to accept a batch, milliseconds. */
  acceptsAfterMs = 0;

  constructor(gate: Gate, clock: Clock, told: Told) {
    this.#gate = gate;
    this.#clock = clock;
    this.#told = told;
  }

  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve(undefined);
    this.#held = undefined;
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const texts = Array.from({ length: batch.length }, (_, i) => batch.at(i).text);
    this.#told.begun(texts);
    await this.#gate.pass();
    if (!this.deaf) signal.throwIfAborted();
    if (this.#held !== undefined) await this.#released(this.#held.promise, signal);
    if (this.acceptsAfterMs > 0) await this.#clock.sleep(this.acceptsAfterMs, this.deaf ? undefined : signal);
    await this.#gate.pass();
    this.#told.accepted(texts);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #released(released: Promise<undefined>, signal: AbortSignal): Promise<void> {
    if (this.deaf) return released.then(() => undefined);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    await Promise.race([released, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
  }
}
