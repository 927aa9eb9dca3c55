/** Failures that a repetition may cure and has not for minutes, such as of a webhook that is down: somebody has to be told then. */
import type { Clock } from '../../base/clock.ts';
import { KubeError } from '../kube/api.ts';
import { problemOf } from './failures.ts';
import type { Problem } from './facts.ts';
import { REASONS } from './reasons.ts';

const REASON = 'ApiCallFailing';
const TOLD_AFTER_MS = 120_000;

export class Lasting {
  /** By key, monotonic milliseconds since when each pass has failed; forgotten with the LogStream. */
  readonly #since = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: it may pass yet, or is told elsewhere. */
  problemOf(key: string, error: unknown): Problem | undefined {
    if (!(error instanceof KubeError) || error.sort === 'terminating') {
      this.forget(key);
      return undefined;
    }
    const now = this.#clock.monotonic();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    const refused = problemOf(error, `LogStream ${key.split('/')[1]!}`);
    if (refused !== undefined || now - since < TOLD_AFTER_MS) return refused;
    return {
      reason: REASON,
      message: `It is tried again and again in vain: ${error.message}. ${REASONS[REASON].remedy}`,
    };
  }

  /** A pass came to its end. */
  forget(key: string): void {
    this.#since.delete(key);
  }
}
