/** Failures that a repetition may cure and has not for minutes, such as of a webhook that is down, and faults of ours: somebody has to be told then. */
import { isAbort, type Clock } from '../../base/clock.ts';
import { isKinlogError } from '../../base/errors.ts';
import { KubeError } from '../kube/api.ts';
import { problemOf, TerminalError } from './failures.ts';
import type { Problem } from './facts.ts';
import { REASONS } from './reasons.ts';

const TOLD_AFTER_MS = 120_000;
const LONGEST_TEXT = 200;

export class Lasting {
  /** By key, monotonic milliseconds since when each pass has failed; forgotten with the LogStream. */
  readonly #since = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: it may pass yet, or is told elsewhere. */
  problemOf(key: string, error: unknown): Problem | undefined {
    if (isTolerated(error)) {
      this.forget(key);
      return undefined;
    }
    const now = this.#clock.monotonic();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    const refused = problemOf(error, `LogStream ${key.split('/')[1]!}`);
    if (refused !== undefined || now - since < TOLD_AFTER_MS) return refused;
    const reason = error instanceof KubeError ? 'ApiCallFailing' : 'OperatorFault';
    return { reason, message: `It is tried again and again in vain: ${textOf(error)}. ${REASONS[reason].remedy}` };
  }

  /** A pass came to its end. */
  forget(key: string): void {
    this.#since.delete(key);
  }
}

/** Told elsewhere, or nothing that went wrong: a namespace ends, or the operator does. */
function isTolerated(error: unknown): boolean {
  if (error instanceof KubeError) return error.sort === 'terminating';
  return error instanceof TerminalError || isAbort(error) || isKinlogError(error, 'KINLOG_LEADERSHIP_LOST');
}

/** Nobody has chosen the words of a fault, nor how many. */
const textOf = (error: unknown): string =>
  error instanceof KubeError ? error.message : String(error).replace(/\s+/g, ' ').slice(0, LONGEST_TEXT);
