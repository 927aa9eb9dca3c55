/** The one retry loop: it reads `retry` from the error and repeats nothing that does not ask for it. */
import { systemClock, type Clock } from './clock.ts';
import { asKinlogError, type KinlogError } from './errors.ts';

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Tries in all; without it the loop goes on until it succeeds, the error says never, or the signal aborts. */
  readonly attempts?: number;
  /** Names the work in errors that are not ours. */
  readonly doing: string;
  readonly onRetry?: (error: KinlogError, waitMs: number, attempt: number) => void;
}

const SOON = { firstMs: 200, ceilingMs: 10_000 };
const SLOW = { firstMs: 30_000, ceilingMs: 60_000 };

/** Full-jitter backoff: between half and all of a wait that doubles up to its ceiling, in milliseconds. */
export function backoffMs(error: KinlogError, attempt: number, random: () => number): number {
  const { firstMs, ceilingMs } = error.retry === 'slow' ? SLOW : SOON;
  const full = Math.min(ceilingMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full * (0.5 + random() / 2));
}

export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, clock = systemClock, random = Math.random, attempts = Infinity, doing, onRetry } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const known = asKinlogError(error, doing);
      if (known.retry === 'never' || attempt >= attempts) throw known;
      const waitMs = backoffMs(known, attempt, random);
      onRetry?.(known, waitMs, attempt);
      await clock.sleep(waitMs, signal);
    }
  }
}
