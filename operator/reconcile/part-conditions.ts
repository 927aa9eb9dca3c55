/** The conditions beside the summary, each about one part; one that does not apply is left out. Pure. */
import type { ErrorPart } from '../../base/error-parts.ts';
import type { Condition } from '../kube/object.ts';
import { condition, type Previous, type Said } from './condition.ts';
import type { Facts, Problem } from './facts.ts';
import { silenceMs, type Told } from './told.ts';

export interface PartView {
  readonly facts: Facts;
  readonly previous: Previous;
  readonly told: Told;
  /** That the conditions are about. */
  readonly generation: number | undefined;
  readonly nowMs: number;
  /** What the summary gives as the reason. */
  readonly notReadyBecause: { readonly reason: string; readonly message: string };
}

type Saying = Omit<Said, 'generation'>;
/** `kept`: as it was, if it was. Undefined: it does not apply. */
type Say = Saying | 'kept' | undefined;

export function partConditions(view: PartView): Condition[] {
  const { facts } = view;
  const sayings: readonly (readonly [string, Say])[] = [
    ['ConfigValid', configValid(facts)],
    ['ReferencesResolved', referencesResolved(facts)],
    ['ReaderAvailable', readerAvailable(view)],
    ['SourceReachable', reachable(view, 'source')],
    ['OutputReachable', reachable(view, 'output')],
    ['CaughtUp', caughtUp(view)],
    ['ReconciliationPaused', facts.handsOff ? HANDS_OFF : undefined],
  ];
  return sayings.flatMap(([type, saying]) => {
    const before = view.previous.get(type);
    if (saying === 'kept') return before ?? [];
    if (saying === undefined) return [];
    return condition(type, { ...saying, generation: view.generation }, before, view.nowMs);
  });
}

const HANDS_OFF: Saying = {
  status: 'True',
  reason: 'HandsOff',
  message: 'The annotation kinlog.io/pause-reconcile keeps the operator’s hands off. Take it away to go on.',
};

const failing = (problems: readonly Problem[]): Saying => ({
  status: 'False',
  reason: problems[0]!.reason,
  message: problems.map(({ message }) => message).join(' '),
});

const isLookedAt = ({ firstSeen, handsOff, cutShort }: Facts): boolean => !firstSeen && !handsOff && cutShort !== true;

function configValid(facts: Facts): Say {
  const { configProblems } = facts;
  if (!isLookedAt(facts)) return 'kept';
  if (configProblems.length > 0) return failing(configProblems);
  return { status: 'True', reason: 'Valid', message: 'A reader can take the configuration.' };
}

/** Looked at only when the configuration is one. */
function referencesResolved(facts: Facts): Say {
  const { configProblems, referenceProblems } = facts;
  if (!isLookedAt(facts) || configProblems.length > 0) return 'kept';
  if (referenceProblems.length > 0) return failing(referenceProblems);
  return { status: 'True', reason: 'Resolved', message: 'Everything that the spec names is there.' };
}

const isWanted = ({ firstSeen, paused }: Facts): boolean => !firstSeen && !paused;

function readerAvailable({ facts, previous, notReadyBecause }: PartView): Say {
  const { workload } = facts;
  if (!isWanted(facts)) return undefined;
  // The Deployment still speaks of what it was; that no pod is ready, the pods say.
  if (workload?.current === false && workload.readyReplicas > 0 && previous.has('ReaderAvailable')) return 'kept';
  if ((workload?.readyReplicas ?? 0) >= 1)
    return { status: 'True', reason: 'Available', message: 'A pod of the reader is ready.' };
  return { status: 'False', ...pick(notReadyBecause) };
}

const pick = ({ reason, message }: PartView['notReadyBecause']) => ({ reason, message });

const NAMES: Readonly<Record<'source' | 'output', string>> = { source: 'the stream', output: 'the output' };
const UNHEARD: Saying = {
  status: 'Unknown',
  reason: 'Unheard',
  message: 'The reader has not told yet how it stands, or can not be asked on port 9464.',
};

function reachable(view: PartView, part: ErrorPart & keyof typeof NAMES): Say {
  const { facts, told } = view;
  if (!isWanted(facts) || facts.workload === undefined) return undefined;
  const error = told.errors.find((one) => one.part === part);
  if (error !== undefined && told.how !== 'kept')
    return { status: 'False', reason: error.reason, message: error.message };
  const type = part === 'source' ? 'SourceReachable' : 'OutputReachable';
  if (told.how === 'kept') return isBelieved(view, type) ? 'kept' : UNHEARD;
  if (told.how !== 'now') return UNHEARD;
  return { status: 'True', reason: 'Reachable', message: `The reader meets nothing in its way to ${NAMES[part]}.` };
}

/** What an earlier pod did not complain of is believed until this one says otherwise, or none has been there for too long. */
function isBelieved(view: PartView, type: string): boolean {
  const before = view.previous.get(type);
  if (before === undefined) return false;
  return before.status === 'False' ? view.facts.otherReader !== true : !isUnheard(view);
}

const isUnheard = ({ facts, previous, told, nowMs }: PartView): boolean =>
  told.how === 'unheard' || silenceMs(facts, previous, nowMs) === 0;

/** Half the threshold, so that a reader that lies about there does not change it with every look. */
function caughtUp(view: PartView): Say {
  const { facts, told, previous } = view;
  if (!isWanted(facts) || facts.workload === undefined) return undefined;
  if (isUnheard(view)) return UNHEARD;
  const thresholdMs = facts.lagThresholdMs;
  if (told.behindMs === undefined || thresholdMs === undefined) return previous.has('CaughtUp') ? 'kept' : UNHEARD;
  const limitMs = previous.get('CaughtUp')?.status === 'False' ? thresholdMs / 2 : thresholdMs;
  const seconds = thresholdMs / 1000;
  if (told.behindMs <= limitMs)
    return { status: 'True', reason: 'CaughtUp', message: `No shard is more than ${seconds} s behind.` };
  return {
    status: 'False',
    reason: 'Behind',
    message: `A shard is more than ${seconds} s behind the tip of the stream; what is not read within its retention is lost. status.lag says about how far, kinlog_behind_seconds exactly.`,
  };
}
