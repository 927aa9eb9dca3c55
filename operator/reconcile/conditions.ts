/** What is known of a LogStream, said as conditions: Ready for whoever waits, Reconciling and Stalled for kstatus, the others for whoever looks why. Pure. */
import type { Condition } from '../kube/object.ts';
import { condition, sinceMs, type Previous, type Said } from './condition.ts';
import type { Facts, PodFacts, WorkloadFacts } from './facts.ts';
import { partConditions } from './part-conditions.ts';
import { stallsAfterMs } from './reasons.ts';
import { beginningMs, silenceMs, TOLD_TYPES, toldOf, type Told, type Trouble } from './told.ts';
import { stuckTerminating, workloadTrouble } from './workload-trouble.ts';

export interface Concluded {
  readonly conditions: Condition[];
  /** Until a fact that only time brings about. */
  readonly requeueAfterMs?: number;
}

/** What the conditions Ready, Reconciling and Stalled say together. */
interface Summary {
  readonly ready: Condition['status'];
  readonly progress: 'done' | 'under way' | 'stalled';
  readonly reason: string;
  readonly message: string;
  /** The newest spec is not what runs, so Ready goes on speaking of the one before. */
  readonly ofEarlierSpec?: boolean;
  readonly requeueAfterMs?: number | undefined;
}

/** Everything that the summary is concluded from. */
interface View {
  readonly facts: Facts;
  readonly previous: Previous;
  readonly told: Told;
  readonly nowMs: number;
}

/** `previous`: as the status has them; what they say of time and of what can not be asked now goes on. */
export function conditionsOf(facts: Facts, previous: readonly Condition[], nowMs: number): Concluded {
  const before: Previous = new Map(previous.map((one) => [one.type, one]));
  const generation = facts.handsOff ? heldGeneration(previous) : facts.generation;
  const told = toldOf(facts, before, nowMs);
  const summary = summaryOf({ facts, previous: before, told, nowMs });
  const parts = partConditions({ facts, previous: before, told, generation, nowMs, notReadyBecause: summary });
  const held = before.get('Ready')?.observedGeneration ?? generation;
  const say = (type: string, status: Said['status'], of: number | undefined) =>
    condition(
      type,
      { status, reason: summary.reason, message: summary.message, generation: of },
      before.get(type),
      nowMs,
    );
  const { progress, ready } = summary;
  const unheardMs = parts.some(isBelieved) ? silenceMs(facts, before, nowMs) : 0;
  const laterMs = [beginningMs(facts, nowMs), unheardMs].filter((ms) => ms > 0);
  const requeueAfterMs = Math.min(summary.requeueAfterMs ?? Infinity, ...laterMs);
  return {
    conditions: [
      say('Ready', ready, summary.ofEarlierSpec === true ? held : generation),
      say('Reconciling', progress === 'under way' ? 'True' : 'False', generation),
      say('Stalled', progress === 'stalled' ? 'True' : 'False', generation),
      ...parts,
    ],
    ...(requeueAfterMs === Infinity ? {} : { requeueAfterMs }),
  };
}

/** What counts no more when it is not told again. */
const isBelieved = ({ type, status }: Condition): boolean => TOLD_TYPES.has(type) && status !== 'Unknown';

/** Nothing was looked at that the hands are off of, so what was observed stays what it was. */
function heldGeneration(previous: readonly Condition[]): number | undefined {
  const known = previous.flatMap(({ observedGeneration }) => observedGeneration ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

function summaryOf(view: View): Summary {
  const { facts } = view;
  if (facts.firstSeen)
    return { ready: 'Unknown', progress: 'under way', reason: 'Initializing', message: 'Not worked on yet.' };
  const blocked = specTrouble(view);
  if (blocked.length > 0) return blockedBySpec(view, blocked);
  return facts.paused ? whilePaused(view) : whileReading(view);
}

/** What keeps the newest spec from being brought about; whatever runs is left as it is. */
function specTrouble(view: View): Trouble[] {
  const { facts, previous, nowMs } = view;
  const { configProblems, referenceProblems, applyProblem, handsOff } = facts;
  if (handsOff) return keptTrouble(previous);
  const since = (type: string) => sinceMs(previous.get(type), 'False') ?? nowMs;
  return [
    ...configProblems.map((problem) => ({ ...problem, sinceMs: problem.sinceMs ?? since('ConfigValid') })),
    ...referenceProblems.map((problem) => ({ ...problem, sinceMs: problem.sinceMs ?? since('ReferencesResolved') })),
    ...(applyProblem === undefined
      ? []
      : [{ ...applyProblem, sinceMs: applyProblem.sinceMs ?? sinceMs(previous.get('Reconciling'), 'True') ?? nowMs }]),
  ];
}

function keptTrouble(previous: Previous): Trouble[] {
  return ['ConfigValid', 'ReferencesResolved'].flatMap((type) => {
    const before = previous.get(type);
    if (before?.status !== 'False') return [];
    return [{ reason: before.reason, message: before.message, sinceMs: Date.parse(before.lastTransitionTime) }];
  });
}

/** Ready stays what it was for the spec that runs. */
function blockedBySpec(view: View, troubles: readonly Trouble[]): Summary {
  const summary = judged(troubles, view);
  if (view.facts.paused || !flows(view)) return { ...summary, ready: 'False', ofEarlierSpec: true };
  const message = `${summary.message} The reader that runs goes on as it is.`;
  return { ...summary, ready: 'True', message, ofEarlierSpec: true };
}

function whilePaused(view: View): Summary {
  const { workload, resetPending } = view.facts;
  if (!isGone(workload)) return ending(view, 'The reader stores its positions and ends.');
  if (resetPending)
    return { ready: 'False', progress: 'under way', reason: 'Resetting', message: 'The positions are being reset.' };
  const message = 'No reader runs, as it was asked for; the positions are kept.';
  return { ready: 'True', progress: 'done', reason: 'Paused', message };
}

const isGone = (workload: WorkloadFacts | undefined): boolean =>
  workload === undefined || (workload.current && workload.replicas === 0 && workload.pods.length === 0);

/** A rollout waits for pods that end. */
function ending(view: View, message: string): Summary {
  const { trouble } = overdue(view);
  if (trouble === undefined)
    return { ready: 'False', progress: 'under way', reason: 'Progressing', message, requeueAfterMs: nextMs(view) };
  return { ready: 'False', progress: 'stalled', reason: trouble.reason, message: trouble.message };
}

function whileReading(view: View): Summary {
  const { facts } = view;
  if (facts.handsOff && facts.workload === undefined) return UNTOUCHED;
  if (isRolledOut(facts.workload) && flows(view)) {
    const waits = facts.resetPending ? ' A reset is asked for: it is done once the LogStream is paused.' : '';
    return { ready: 'True', progress: 'done', reason: 'Running', message: `The reader is ready.${waits}` };
  }
  const newest = ofNewestTemplate(view);
  const troubles = readingTrouble(newest);
  if (troubles.length > 0) return { ready: 'False', ...judged(troubles, newest) };
  return ending(newest, 'The reader is being started or replaced.');
}

/** What the pods of a template meet is over once it is replaced; told of its successor it would fail the very change that mends it. */
function ofNewestTemplate(view: View): View {
  const { previous, nowMs } = view;
  const { workload } = view.facts;
  if (workload === undefined || isRolledOut(workload)) return view;
  const pods = podsOfNewest(workload);
  const goesOn = hasStalled(view);
  const newest = { ...workload, pods, ...refusalsOfNewest(workload, goesOn) };
  // What was kept of words that nobody says now may be the earlier pod's, unless it is what this one has stalled for.
  const otherReader = view.facts.otherReader === true || !goesOn || pods.every(({ terminating }) => terminating);
  const facts = { ...view.facts, workload: newest, otherReader };
  return { ...view, facts, told: toldOf(facts, previous, nowMs) };
}

/** With this spec, not with one before. */
function hasStalled({ facts, previous }: View): boolean {
  const stalled = previous.get('Stalled');
  return stalled?.status === 'True' && stalled.observedGeneration === facts.generation;
}

/** And those that end, which it waits for. */
function podsOfNewest({ pods, current, updatedReplicas }: WorkloadFacts): PodFacts[] {
  const ending = pods.filter(({ terminating }) => terminating !== undefined);
  const living = pods.filter(({ terminating }) => terminating === undefined);
  const newest = living.toSorted((a, b) => b.createdMs - a.createdMs).slice(0, current ? updatedReplicas : 0);
  return [...newest, ...ending];
}

/** Until there is a ReplicaSet of the newest template its Deployment keeps saying that the deadline of the one before is over. */
function refusalsOfNewest(
  { current, updatedReplicas, podsRefused, progressDeadlineExceeded }: WorkloadFacts,
  goesOn: boolean,
): Pick<WorkloadFacts, 'podsRefused' | 'progressDeadlineExceeded'> {
  if (!current) return { podsRefused: undefined, progressDeadlineExceeded: false };
  return { podsRefused, progressDeadlineExceeded: progressDeadlineExceeded && (updatedReplicas > 0 || goesOn) };
}

/** Every pod is one of the newest template. */
export function isRolledOut(workload: WorkloadFacts | undefined): boolean {
  return workload?.current === true && workload.updatedReplicas >= 1 && workload.replicas === workload.updatedReplicas;
}

/** Never begun. */
const UNTOUCHED: Summary = {
  ready: 'Unknown',
  progress: 'done',
  reason: 'HandsOff',
  message: 'Nothing is brought about while the annotation kinlog.io/pause-reconcile is there.',
};

/** A reader is ready, and it does not say itself that nothing flows. */
function flows({ facts, told }: View): boolean {
  return (facts.workload?.readyReplicas ?? 0) >= 1 && !told.notReady;
}

/** What keeps the reader from being ready, the likeliest cause first. */
function readingTrouble(view: View): Trouble[] {
  const { facts, previous, told, nowMs } = view;
  const { workload } = facts;
  if (workload === undefined) return [];
  const { trouble: stuck } = overdue(view);
  const trouble = workloadTrouble(workload, previous, nowMs);
  const own = trouble === undefined ? [] : [trouble];
  // What a pod did not live to say is of an earlier one, or of an earlier life of its.
  const said = told.how !== 'kept' ? [...told.errors, ...own] : [...own, ...told.errors];
  const { trouble: unexplained } = silent(view);
  return [stuck, ...said, said.length === 0 ? unexplained : undefined].filter((one) => one !== undefined);
}

/** A pod runs, is not ready, and nobody knows why: nothing is said of it for some minutes. */
function silent({ facts, previous, nowMs }: View): { readonly trouble?: Trouble; readonly afterMs?: number } {
  const since = sinceMs(previous.get('ReaderAvailable'), 'False');
  const pod = facts.workload?.pods.find(
    (one) => one.startedAt !== undefined && !one.ready && one.terminating === undefined,
  );
  if (pod === undefined || since === undefined) return {};
  const dueMs = Math.max(since, pod.createdMs) + stallsAfterMs('ReaderNotReady')!;
  if (dueMs > nowMs) return { afterMs: dueMs - nowMs };
  const message = `Pod ${pod.name} runs and is not ready. Its /readyz on port 9464 says why, and so does its log: kubectl logs ${pod.name}`;
  return { trouble: { reason: 'ReaderNotReady', message, sinceMs: 0 } };
}

/** One that has stalled counts more than those that may pass, and is the one that is told until it is over. */
function judged(troubles: readonly Trouble[], view: View): Omit<Summary, 'ready' | 'ofEarlierSpec'> {
  const left = troubles.map((trouble) => remainingMs(trouble, view));
  const before = view.previous.get('Stalled');
  const told = troubles.find((trouble) => before?.status === 'True' && trouble.reason === before.reason);
  const stalled = (told ?? troubles[left.indexOf(0)])?.reason;
  const { reason, message } = troubles.find((trouble) => trouble.reason === stalled) ?? troubles[0]!;
  if (stalled !== undefined) return { progress: 'stalled', reason, message };
  return { progress: 'under way', reason, message, requeueAfterMs: nextMs(view, Math.min(...left)) };
}

const overdue = ({ facts, nowMs }: View) => stuckTerminating(facts.workload?.pods ?? [], nowMs);

/** Until time alone makes something else of what is known. */
function nextMs(view: View, leftMs = Infinity): number | undefined {
  const ms = Math.min(leftMs, overdue(view).afterMs ?? Infinity, silent(view).afterMs ?? Infinity);
  return ms === Infinity ? undefined : ms;
}

/** Until it stalls, milliseconds. What has stalled for a reason stays so while the reason is the same. */
function remainingMs({ reason, sinceMs }: Trouble, { previous, nowMs }: View): number {
  const before = previous.get('Stalled');
  if (before?.status === 'True' && before.reason === reason) return 0;
  const limitMs = stallsAfterMs(reason);
  return limitMs === undefined ? Infinity : Math.max(0, Math.min(limitMs, sinceMs + limitMs - nowMs));
}
