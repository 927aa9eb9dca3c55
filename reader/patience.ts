/** Calls that reading can not go on without: weather is waited for, aloud; what a person must mend ends a start with a clear error instead of a silent wait. */
import type { Clock } from '../base/clock.ts';
import { asKinlogError, describeError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { retry, type RetryOptions } from '../base/retry.ts';

/** Failures in a row after which somebody should know. */
const STALLED_AFTER = 5;

export class Patience {
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #startAttempts: number;
  /** Shards are being read, so that giving up would stop them. */
  readonly #begun: () => boolean;
  /** Calls that are waited for aloud. */
  readonly #stalled = new Set<string>();

  constructor(parts: { clock: Clock; log: EventLog; startAttempts: number; begun: () => boolean }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#startAttempts = parts.startAttempts;
    this.#begun = parts.begun;
  }

  async wait<T>(doing: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const begun = this.#begun();
    const once = () =>
      work().catch((error: unknown) => {
        const known = asKinlogError(error, doing);
        throw begun ? known : startError(known);
      });
    const attempts = begun ? Infinity : this.#startAttempts;
    const result = await retry(once, { signal, clock: this.#clock, doing, attempts, onRetry: this.sayRetry(doing) });
    this.sayAnswered(doing);
    return result;
  }

  /** A call that fails again and again must not be waited for in silence. */
  sayRetry(doing: string): NonNullable<RetryOptions['onRetry']> {
    return (error, waitMs, attempt) => {
      this.#log.emit('fetch.retried', { doing, error: error.message, waitMs });
      if (attempt !== STALLED_AFTER && !(attempt === 1 && error.retry === 'slow')) return;
      this.#stalled.add(doing);
      this.#log.emit('reader.stalled', { doing, error: describeError(error) });
    };
  }

  /** It was answered: whoever was told that reading waits for it is told that too. */
  sayAnswered(doing: string): void {
    if (this.#stalled.delete(doing)) this.#log.emit('reader.resumed', { doing });
  }
}

function startError(error: KinlogError): KinlogError {
  if (error.retry !== 'slow') return error;
  return new KinlogError(error.code, error.message, { remedy: error.remedy, retry: 'never', cause: error.cause });
}
