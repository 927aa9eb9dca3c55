/** The status of a LogStream from what is known of it, and whether it says anything else than the one that is there. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { selectorOf, selectorText } from '../desired/names.ts';
import type { Condition } from '../kube/object.ts';
import type { LogStream, LogStreamStatus } from '../logstream.ts';
import { cut, wholeSeconds } from './condition.ts';
import { conditionsOf } from './conditions.ts';
import type { Facts } from './facts.ts';
import { reasonOfError, sentence, stallsAfterMs } from './reasons.ts';
import { newestPod, toldStatus } from './told-status.ts';
import { TOLD_TYPES } from './told.ts';
import { transitions, type Transition } from './transitions.ts';

export interface StatusChange {
  readonly status: LogStreamStatus;
  readonly changed: boolean;
  readonly requeueAfterMs?: number;
  /** To be told once the status is written. */
  readonly events: readonly Transition[];
}

export function statusOf(stream: LogStream, given: Facts, nowMs: number): StatusChange {
  const before = ownOf(stream.status ?? {});
  const facts = {
    ...given,
    lagThresholdMs: stream.spec.monitoring.lagThresholdSeconds * 1000,
    otherReader: isOther(newestPod(given)?.name, before.reader?.podName),
  };
  const previous = before.conditions ?? [];
  const { conditions, requeueAfterMs } = conditionsOf(facts, previous, nowMs);
  const trouble = troubleOf(conditions, facts);
  const status: LogStreamStatus = {
    ...kept(before),
    ...(facts.handsOff ? {} : { observedGeneration: facts.generation }),
    conditions,
    ...ofWorkload(stream, facts, isRunning(conditions)),
    ...toldStatus(stream, facts, find(conditions, 'CaughtUp'), nowMs),
    ...lastError(trouble, before.lastError, nowMs),
  };
  return {
    status,
    changed: differs(before, status),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
    events: [...transitions(previous, conditions), ...besides(trouble, before.lastError, conditions)],
  };
}

const OWN: ReadonlySet<string> = new Set([
  ...['Ready', 'Reconciling', 'Stalled', 'ConfigValid', 'ReferencesResolved', 'ReaderAvailable'],
  ...[...TOLD_TYPES, 'ReconciliationPaused'],
]);

/** Without conditions that somebody else keeps there: an apply leaves them alone, and they say nothing of ours. */
function ownOf({ conditions, ...rest }: LogStreamStatus): LogStreamStatus {
  return conditions === undefined ? rest : { ...rest, conditions: conditions.filter(({ type }) => OWN.has(type)) };
}

/** What is not known anew with every look. */
function kept({ observedGeneration, configHash, resetAcknowledged }: LogStreamStatus): LogStreamStatus {
  return {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(configHash === undefined ? {} : { configHash }),
    ...(resetAcknowledged === undefined ? {} : { resetAcknowledged }),
  };
}

function ofWorkload(stream: LogStream, { workload }: Facts, running: boolean): Partial<LogStreamStatus> {
  const { replicas = 0, readyReplicas = 0, configHash } = workload ?? {};
  const selector = selectorText(selectorOf(stream));
  return { replicas, readyReplicas, selector, ...(running && configHash !== undefined ? { configHash } : {}) };
}

const isOther = (name: string | undefined, before: string | undefined): boolean =>
  name !== undefined && name !== before;

const find = (conditions: readonly Condition[], type: string): Condition | undefined =>
  conditions.find((one) => one.type === type);

const is = (conditions: readonly Condition[], type: string, status: Condition['status']): Condition | undefined =>
  conditions.find((one) => one.type === type && one.status === status);

const isRunning = (conditions: readonly Condition[]): boolean => is(conditions, 'Ready', 'True')?.reason === 'Running';

type Trouble = Pick<Condition, 'reason' | 'message'>;

/** The worst of what is wrong now. */
function troubleOf(conditions: readonly Condition[], facts: Facts): Trouble | undefined {
  const found =
    is(conditions, 'Stalled', 'True') ??
    is(conditions, 'Reconciling', 'True') ??
    is(conditions, 'SourceReachable', 'False') ??
    is(conditions, 'OutputReachable', 'False');
  return found !== undefined && stallsAfterMs(found.reason) !== undefined ? found : untold(facts);
}

/** What no condition is about. */
function untold({ reader, workload }: Facts): Trouble | undefined {
  const [error] = reader?.errors ?? [];
  if (error === undefined || reader?.stale === true) return undefined;
  if (workload?.pods.some(({ name }) => name === reader?.podName) !== true) return undefined;
  return { reason: reasonOfError(error), message: cut(sentence(error)) };
}

/** Stays when it is over: it went wrong last. */
function lastError(
  trouble: Trouble | undefined,
  before: LogStreamStatus['lastError'],
  nowMs: number,
): Pick<LogStreamStatus, 'lastError'> {
  if (trouble === undefined || isSame(trouble, before)) return before === undefined ? {} : { lastError: before };
  return { lastError: { reason: trouble.reason, message: trouble.message, time: wholeSeconds(nowMs) } };
}

const isSame = (trouble: Trouble, before: Trouble | undefined): boolean =>
  trouble.reason === before?.reason && trouble.message === before.message;

/** What no condition says: the position store, records that are lost. */
function besides(
  trouble: Trouble | undefined,
  before: Trouble | undefined,
  conditions: readonly Condition[],
): Transition[] {
  if (trouble === undefined || trouble.reason === before?.reason) return [];
  if (conditions.some(({ reason }) => reason === trouble.reason)) return [];
  return [{ type: 'Warning', reason: trouble.reason, note: trouble.message }];
}

/** While a rollout is under way, what is on its way to being well, and how many pods there are, is written with what it comes to. */
function differs(before: LogStreamStatus, after: LogStreamStatus): boolean {
  const [earlier, now] = [before.conditions ?? [], after.conditions ?? []];
  const underWay = [earlier, now].every((conditions) => is(conditions, 'Reconciling', 'True') !== undefined);
  // It may never come to anything, and a lag would be believed that nobody has told for minutes.
  if (is(earlier, 'CaughtUp', 'True') && is(now, 'CaughtUp', 'Unknown')) return true;
  return !isDeepStrictEqual(comparable(before, underWay), comparable(after, underWay));
}

/** The API server keeps conditions in an order of its own. */
function comparable({ conditions = [], ...rest }: LogStreamStatus, underWay: boolean): unknown {
  const kept = underWay ? conditions.flatMap(lasting) : conditions;
  const byType = Object.fromEntries(kept.map((one) => [one.type, one]));
  const passing = { replicas: 0, readyReplicas: 0, reader: {}, source: {}, lag: {}, checkpoint: {} };
  return JSON.parse(JSON.stringify({ ...rest, ...(underWay ? passing : {}), byType }));
}

/** What a condition says that does not pass with the rollout: a reader that is unheard, and then is well, is no news until it runs. */
function lasting(one: Condition): Omit<Condition, 'observedGeneration'>[] {
  if (TOLD_TYPES.has(one.type) && one.status !== 'False') return [];
  const { observedGeneration: _rolledOut, ...said } = one;
  return [said];
}
