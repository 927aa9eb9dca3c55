/** What a person is told in Events: that something has begun or is over, not that it still is so. Pure. */
import type { Condition } from '../kube/object.ts';
import { stallsAfterMs } from './reasons.ts';

export interface Transition {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

export function transitions(before: readonly Condition[], after: readonly Condition[]): Transition[] {
  const pair = (type: string) => [find(before, type), find(after, type)] as const;
  const summary = summaryOf(...pair('Ready'));
  const parts = ['SourceReachable', 'OutputReachable'].flatMap((type) => broken(...pair(type)));
  return [
    ...summary,
    ...parts.filter(({ reason }) => !summary.some((said) => said.reason === reason)),
    ...lagOf(...pair('CaughtUp')),
    ...handsOff(...pair('ReconciliationPaused')),
  ];
}

const find = (conditions: readonly Condition[], type: string) => conditions.find((one) => one.type === type);

type Told = (before: Condition | undefined, after: Condition | undefined) => Transition[];

const summaryOf: Told = (before, after) => {
  if (after === undefined || after.reason === 'Initializing' || after.reason === before?.reason) return [];
  const type = stallsAfterMs(after.reason) === undefined ? 'Normal' : 'Warning';
  return [{ type, reason: after.reason, note: after.message }];
};

const broken: Told = (before, after) =>
  after?.status === 'False' && (before?.status !== 'False' || before.reason !== after.reason)
    ? [{ type: 'Warning', reason: after.reason, note: after.message }]
    : [];

/** Having caught up is worth a word only after having been behind. */
const lagOf: Told = (before, after) => {
  if (after === undefined || after.status === before?.status) return [];
  if (after.status === 'False') return [{ type: 'Warning', reason: after.reason, note: after.message }];
  return before?.status === 'False' && after.status === 'True'
    ? [{ type: 'Normal', reason: after.reason, note: 'The reader has caught up with the stream.' }]
    : [];
};

const handsOff: Told = (before, after) => {
  if (after !== undefined && before === undefined)
    return [{ type: 'Normal', reason: after.reason, note: after.message }];
  return [];
};
