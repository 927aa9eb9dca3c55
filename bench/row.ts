/** What a row of the bench is. */
import type { ContenderSpec } from './contender.ts';
import type { ServerOrder } from './server.ts';
import type { Goal } from './statistics.ts';

export interface Baseline extends ContenderSpec {
  /** Absent: shown, not judged. */
  readonly goal?: Goal;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** Digits behind the point that the unit deserves. */
  readonly digits: number;
  /** Makes what the row needs beyond Node; its answer says what is missing, and then the row is not run. */
  readonly prepare?: (say: (text: string) => void) => string | undefined;
  /** A Kinesis endpoint with this in it, when the contenders need one. */
  readonly server?: ServerOrder;
  readonly ours: ContenderSpec;
  /** Of the value itself, without a baseline. */
  readonly goal?: Goal;
  readonly baselines: readonly Baseline[];
  /** The contenders must write the same bytes. */
  readonly sameBytes?: boolean;
  /** A new process for each round, and no warm-up: what is measured is the life of a process. */
  readonly fresh?: boolean;
  readonly rounds: number;
  /** Whatever happens, the row ends by then. */
  readonly limitS: number;
}

export const ratio = (limit: number, aim?: number): Goal => ({
  of: 'ratio',
  kind: 'at least',
  limit,
  ...(aim === undefined ? {} : { aim }),
});
export const ratioAtMost = (limit: number): Goal => ({ of: 'ratio', kind: 'at most', limit });
