/** What becomes of the failures of one shard, however its records arrive: what heals by itself is waited for, what only the reader can decide is thrown. */
import { asKinlogError, isKinlogError, KinlogError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import { backoffMs } from '../../base/retry.ts';
import type { IteratorStart, StreamApi } from './api.ts';

export interface TroubleContext {
  readonly api: StreamApi;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: () => number;
  /** Creation of the stream that the positions belong to, milliseconds since the epoch; 0 = unknown. */
  readonly createdMs: number;
  /** What a person must mend: wait and ask again slowly, or stop with the error. */
  readonly whenRefused: 'wait' | 'stop';
}

/** Failures in a row after which somebody should know. */
const STALLED_AFTER = 5;
/** Refusals in a row, each after a slow wait, after which a shard that Kinesis does not know is not waited for any more. */
const GONE_AFTER = 3;

export class ShardTrouble {
  readonly #context: TroubleContext;
  readonly #shardId: string;
  readonly #signal: AbortSignal;
  #failures = 0;
  #missing = 0;
  #stalled = false;
  #timeMoved = false;

  constructor(context: TroubleContext, shardId: string, signal: AbortSignal) {
    this.#context = context;
    this.#shardId = shardId;
    this.#signal = signal;
  }

  /** Settles when the next attempt may begin. */
  async after(error: KinlogError): Promise<void> {
    if (error.code === 'KINLOG_STREAM_NOT_FOUND') await this.#confirmGone(error);
    else if (error.retry === 'slow' && this.#context.whenRefused === 'stop') throw error;
    else await this.#waitAfter(error);
  }

  /** A time ahead of the server's clock is refused. From then on it is the server's present, kept for every later attempt: asking for a new
   *  present each time would skip what arrived in between. */
  async intoThePast(refused: KinlogError, start: IteratorStart): Promise<IteratorStart> {
    if (start.kind !== 'timestamp' || this.#timeMoved) throw refused;
    try {
      const { serverTimeMs } = await this.#context.api.describe(this.#signal);
      this.#timeMoved = true;
      return { kind: 'timestamp', ms: Math.min(start.ms, serverTimeMs) };
    } catch (error) {
      this.#signal.throwIfAborted();
      await this.#waitAfter(asKinlogError(error, 'asking for the time of the server'));
      return start;
    }
  }

  /** Says it once until `recovered`. */
  stall({ code, message, remedy }: KinlogError): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#context.log.emit('shard.stalled', { shard: this.#shardId, code, error: message, remedy });
  }

  recovered(): void {
    this.#failures = 0;
    this.#missing = 0;
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#context.log.emit('shard.recovered', { shard: this.#shardId });
  }

  /** Whether it is the stream that is missing, asked of the stream itself. As long as that cannot be told the shard waits. */
  async #confirmGone(error: KinlogError): Promise<void> {
    const code = await this.#fateOfStream();
    await this.#waitAfter(code === undefined ? error : new KinlogError(code, error.message, { cause: error }));
  }

  async #fateOfStream(): Promise<
    'KINLOG_STREAM_DELETED' | 'KINLOG_STREAM_RECREATED' | 'KINLOG_SHARD_GONE' | undefined
  > {
    const { api, createdMs } = this.#context;
    try {
      const found = await api.describe(this.#signal);
      if (found.status === 'DELETING') return 'KINLOG_STREAM_DELETED';
      const isAnother = createdMs !== 0 && found.createdMs !== 0 && found.createdMs !== createdMs;
      if (isAnother) return 'KINLOG_STREAM_RECREATED';
      return ++this.#missing < GONE_AFTER ? undefined : 'KINLOG_SHARD_GONE';
    } catch (error) {
      this.#signal.throwIfAborted();
      return isKinlogError(error, 'KINLOG_STREAM_NOT_FOUND') ? 'KINLOG_STREAM_DELETED' : undefined;
    }
  }

  async #waitAfter(error: KinlogError): Promise<void> {
    if (error.retry === 'never') throw error;
    const { clock, log, random } = this.#context;
    this.#failures++;
    const waitMs = backoffMs(error, this.#failures, random);
    const fields = { shard: this.#shardId, code: error.code, error: error.message, waitMs };
    log.emit('fetch.retried', fields);
    if (error.retry === 'slow' || this.#failures >= STALLED_AFTER) this.stall(error);
    await clock.sleep(waitMs, this.#signal);
  }
}
