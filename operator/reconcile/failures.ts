/** What the API server's refusals mean for a LogStream: a condition that a person can act on, or a failure that is tried again. */
import { KubeError, type FailureSort } from '../kube/api.ts';
import { POLICY } from '../kube/failures.ts';
import type { Problem } from './facts.ts';
import { REASONS, type ReasonName } from './reasons.ts';

/** Trying again gives the same answer until somebody changes something; asked again seldom all the same. */
export class TerminalError extends Error {
  /** Of reasons.ts. */
  readonly reason: string;

  constructor(problem: Problem, cause: unknown) {
    super(problem.message, { cause });
    this.name = 'TerminalError';
    this.reason = problem.reason;
  }
}

/** Sorts that no repetition cures. The others are tried again by whoever runs the reconciles. */
const LASTING: readonly FailureSort[] = ['invalid', 'undeclared', 'too-large', 'quota', 'forbidden'];

/** `what`: such as `Deployment orders-reader`. Undefined: the same call may succeed later. */
export function problemOf(error: unknown, what: string): Problem | undefined {
  if (!(error instanceof KubeError) || !LASTING.includes(error.sort)) return undefined;
  const reason = reasonOf(error, what);
  return { reason, message: `${what}: ${error.message}. ${REASONS[reason].remedy}` };
}

/** What `problemOf` says, with the refusal behind it; throws what may succeed later. */
export function refused(error: unknown, what: string): { readonly problem: Problem; readonly cause: unknown } {
  const problem = problemOf(error, what);
  if (problem === undefined) throw error;
  return { problem, cause: error };
}

function reasonOf({ sort, message }: KubeError, what: string): ReasonName {
  if (sort === 'too-large') return 'ConfigTooLarge';
  if (sort === 'quota') return 'QuotaExceeded';
  if (sort === 'forbidden' && RIGHTS.test(message)) return 'RBACDenied';
  if (sort === 'undeclared' && what.startsWith('LogStream ')) return 'CRDOutdated';
  if (!/^(?:Pod|Deployment) /.test(what)) return 'ChildRefused';
  return sort === 'forbidden' || isPodPolicy(what, message) ? 'PodsForbidden' : 'InvalidPodTemplate';
}

/** As the Deployment's controllers are told it, when there is no reader yet. */
const isPodPolicy = (what: string, message: string): boolean => what.startsWith('Pod ') && POLICY.test(message);

/** How the API server says that a right is missing; another 403 is that of an admission plugin or a webhook. */
const RIGHTS = /cannot \w+ resource|attempting to grant RBAC permissions/;
