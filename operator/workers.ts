/** Takes LogStreams from the queue and brings them up to date, several at once; decides by the failure when one is tried again. */
import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { isAbort, type Clock } from '../base/clock.ts';
import { Deadline } from '../base/deadline.ts';
import { asKinlogError, isKinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { KubeError, type FailureSort } from './kube/api.ts';
import type { KubeObject } from './kube/object.ts';
import { TerminalError } from './reconcile/failures.ts';
import type { Recorder } from './recorder.ts';

/** For one pass over one LogStream: a few dozen calls that are answered at once, or some that wait for an admission webhook each. */
const DEADLINE_MS = 180_000;
/** What a repetition does not cure is asked again so seldom. */
const SELDOM_MS = 300_000;
/** An API server that restarts refuses everybody until it knows its roles: a refusal counts once it is repeated. */
const DENIED_MS = 10_000;

export interface Queue {
  take(signal: AbortSignal): Promise<string>;
  done(key: string): void;
  retry(key: string, leastMs?: number): void;
  forget(key: string): void;
  add(key: string, how?: { readonly priority?: number; readonly afterMs?: number }): void;
}

/** As controller-runtime counts. */
export type ReconcileResult = 'success' | 'error' | 'requeue_after';
export type ReconcileFault = 'error' | 'terminal' | 'panic' | 'timeout';

export interface WorkersParts {
  readonly queue: Queue;
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<{ readonly requeueAfterMs?: number }>;
  /** Whom an Event is about. */
  readonly streamOf: (key: string) => KubeObject | undefined;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly count: number;
  readonly onResult?: (result: ReconcileResult, ms: number) => void;
  readonly onFault?: (fault: ReconcileFault) => void;
  readonly deadlineMs?: number;
}

/** What a failure leads to. */
type Verdict = 'again' | 'seldom' | 'quiet' | 'stopped';

const VERDICTS: Readonly<Record<FailureSort, Verdict>> = {
  transport: 'again',
  unauthorized: 'again',
  conflict: 'again',
  exists: 'again',
  expired: 'again',
  missing: 'again',
  terminating: 'quiet',
  forbidden: 'seldom',
  quota: 'seldom',
  'too-large': 'seldom',
  invalid: 'seldom',
  undeclared: 'seldom',
};

export class Workers {
  readonly #parts: WorkersParts;
  readonly #deadlineMs: number;
  /** Since when each key is worked on, monotonic milliseconds. */
  readonly #running = new Map<string, number>();
  /** Keys whose last pass was refused for want of rights. */
  readonly #denied = new Set<string>();

  constructor(parts: WorkersParts) {
    this.#parts = parts;
    this.#deadlineMs = parts.deadlineMs ?? DEADLINE_MS;
  }

  get active(): number {
    return this.#running.size;
  }

  /** Keys whose pass has not ended a minute after its deadline: it hangs, and its LogStream is not looked after. */
  get stuck(): readonly string[] {
    const limitMs = this.#parts.clock.monotonic() - this.#deadlineMs - 60_000;
    return [...this.#running].filter(([, sinceMs]) => sinceMs < limitMs).map(([key]) => key);
  }

  /** Takes nothing new once `stop` aborts and settles when what was under way has ended, at the latest soon after `giveUp`. */
  async run(stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#parts.count }, () => this.#work(stop, giveUp)));
  }

  async #work(stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { queue, clock } = this.#parts;
    while (!stop.aborted) {
      const key = await queue.take(stop).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
      if (key === undefined) return;
      this.#running.set(key, clock.monotonic());
      try {
        await this.#once(key, giveUp);
      } finally {
        this.#running.delete(key);
        queue.done(key);
      }
      // A pass that finds nothing to do waits for nothing: thousands in a row, as after a restart, would keep the lease and the probes waiting.
      await turnOfOthers();
    }
  }

  async #once(key: string, giveUp: AbortSignal): Promise<void> {
    const { queue, clock, log, reconcile, onResult } = this.#parts;
    const begun = clock.monotonic();
    const deadline = new Deadline(clock, this.#deadlineMs, giveUp);
    try {
      const { requeueAfterMs } = await reconcile(key, deadline.signal);
      queue.forget(key);
      this.#denied.delete(key);
      if (requeueAfterMs !== undefined) queue.add(key, { afterMs: requeueAfterMs });
      onResult?.(requeueAfterMs === undefined ? 'success' : 'requeue_after', clock.monotonic() - begun);
      log.emit('reconcile.done', { logStream: key, ms: Math.round(clock.monotonic() - begun) });
    } catch (error) {
      this.#failed(key, error, deadline.passed && !giveUp.aborted);
      onResult?.('error', clock.monotonic() - begun);
    } finally {
      deadline.end();
    }
  }

  #failed(key: string, error: unknown, overdue: boolean): void {
    const { queue, log, onFault } = this.#parts;
    const verdict = overdue ? 'again' : verdictOf(error);
    if (verdict === 'stopped') return;
    onFault?.(overdue ? 'timeout' : faultOf(error));
    if (verdict === 'again') {
      log.emit(overdue ? 'reconcile.overdue' : 'reconcile.retried', { logStream: key, error: textOf(error) });
      // The server's own word may be 0, or one second for everybody.
      queue.retry(key, error instanceof KubeError ? error.retryAfterMs : undefined);
      return;
    }
    queue.forget(key);
    if (verdict === 'quiet') return;
    this.#seldom(key, error);
  }

  #seldom(key: string, error: unknown): void {
    const { queue } = this.#parts;
    if (isDenial(error) && !this.#denied.has(key)) {
      this.#denied.add(key);
      queue.add(key, { afterMs: DENIED_MS });
      return;
    }
    this.#say(key, error);
    queue.add(key, { afterMs: SELDOM_MS });
  }

  #say(key: string, error: unknown): void {
    const { log, recorder, streamOf } = this.#parts;
    if (!isRefusal(error)) {
      const known = asKinlogError(error, `reconciling ${key}`);
      const stack = error instanceof Error ? error.stack : undefined;
      log.emit('reconcile.crashed', { logStream: key, error: known.message, stack });
      return;
    }
    log.emit('reconcile.refused', { logStream: key, error: error.message });
    const stream = streamOf(key);
    if (stream !== undefined && isDenial(error))
      recorder.event(stream, 'Warning', 'RBACDenied', 'Reconcile', error.message);
  }
}

const isRefusal = (error: unknown): error is KubeError | TerminalError =>
  error instanceof KubeError || error instanceof TerminalError;

/** Of a right; a pod that is not let in is denied to everybody. */
function isDenial(error: unknown): boolean {
  if (error instanceof TerminalError && error.reason === 'PodsForbidden') return false;
  const cause = error instanceof TerminalError ? error.cause : error;
  return cause instanceof KubeError && cause.sort === 'forbidden';
}

/** A fault of ours is not tried again before something changes, as nothing that is unknown. */
function verdictOf(error: unknown): Verdict {
  if (error instanceof KubeError) return VERDICTS[error.sort];
  return isAbort(error) || isKinlogError(error, 'KINLOG_LEADERSHIP_LOST') ? 'stopped' : 'seldom';
}

function faultOf(error: unknown): ReconcileFault {
  if (!isRefusal(error)) return 'panic';
  return error instanceof TerminalError || VERDICTS[error.sort] === 'seldom' ? 'terminal' : 'error';
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
