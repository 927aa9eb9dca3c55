/** What the reader tells of itself, or told last: by its status, or by the last line of a process that ended. */
import { partOf, type ErrorPart } from '../../base/error-parts.ts';
import { readDescription } from '../../base/errors.ts';
import { sinceMs, type Previous } from './condition.ts';
import type { Facts, PodFacts, ReaderFacts } from './facts.ts';
import { reasonOfError, sentence, TOLD_BY_READER } from './reasons.ts';

/** A reader that is begun again has met by then what it meets. */
const BEGINNING_MS = 60_000;
/** As long as one that does not answer is believed: three of the usual status intervals. */
const SILENCE_MS = 180_000;

/** Of conditions that say what the reader tells. */
export const TOLD_TYPES: ReadonlySet<string> = new Set(['SourceReachable', 'OutputReachable', 'CaughtUp']);

export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** Wall-clock milliseconds. */
  readonly sinceMs: number;
}

export interface Told {
  /** `ended`: by the last line of its process; `kept`: it has not been asked since the operator began, and what it said before still counts; `unheard`: it does not answer. */
  readonly how: 'now' | 'ended' | 'kept' | 'unheard';
  readonly errors: readonly (Trouble & { readonly part: ErrorPart })[];
  readonly behindMs: number | undefined;
  /** It says itself that its events do not flow. */
  readonly notReady: boolean;
}

export function toldOf(facts: Facts, previous: Previous, nowMs: number): Told {
  const unavailableMs = sinceMs(previous.get('ReaderAvailable'), 'False') ?? nowMs;
  const reader = readerOf(facts);
  const ended = facts.workload?.pods.flatMap((pod) => {
    return isOver(pod) || (isBegunAgain(pod, nowMs) && !tells(reader)) ? lastWords(pod, unavailableMs) : [];
  });
  if (ended !== undefined && ended.length > 0)
    return { how: 'ended', errors: ended, behindMs: undefined, notReady: true };
  if (reader === undefined) {
    // What an earlier pod complained of is no complaint of this one.
    const errors = facts.otherReader === true ? [] : kept(facts, previous, nowMs);
    return { how: 'kept', errors, behindMs: undefined, notReady: false };
  }
  if (reader.stale === true) return { how: 'unheard', errors: [], behindMs: undefined, notReady: false };
  const errors = reader.errors.map((error) => ({
    part: error.part,
    reason: reasonOfError(error),
    message: sentence(error),
    sinceMs: timeOr(error.since, reader.atMs),
  }));
  return { how: 'now', errors, behindMs: reader.behindMs, notReady: !reader.ready && errors.length > 0 };
}

/** Of a pod that is still there; what another one said is no news of this one. */
function readerOf({ reader, workload }: Facts): ReaderFacts | undefined {
  return workload?.pods.some(({ name }) => name === reader?.podName) === true ? reader : undefined;
}

const isOver = ({ startedAt }: PodFacts) => startedAt === undefined;

/** In a crash loop what it ended for is the reason still, or conditions change twice with each round. */
function isBegunAgain({ startedAt, ready, restarts }: PodFacts, nowMs: number): boolean {
  return !ready && restarts > 0 && nowMs - timeOr(startedAt, 0) < BEGINNING_MS;
}

/** Until what a process ended for counts no more, milliseconds; Infinity: that is not what counts. */
export function beginningMs({ workload }: Facts, nowMs: number): number {
  const begun = workload?.pods.filter((pod) => pod.startedAt !== undefined && isBegunAgain(pod, nowMs)) ?? [];
  return Math.min(...begun.map(({ startedAt }) => timeOr(startedAt, 0) + BEGINNING_MS - nowMs));
}

/** Until what was told counts no more, for no reader is there that could say it again, milliseconds; 0: since; Infinity: there is one. */
export function silenceMs({ workload, paused }: Facts, previous: Previous, nowMs: number): number {
  const { pods = [], readyReplicas = 0 } = workload ?? {};
  const canTell = readyReplicas > 0 || pods.some((pod) => !isOver(pod) && pod.terminating === undefined);
  if (paused || canTell) return Infinity;
  return Math.max(0, (sinceMs(previous.get('ReaderAvailable'), 'False') ?? nowMs) + SILENCE_MS - nowMs);
}

/** One that is ready, or names what is in its way, is believed at once. */
const tells = (reader: ReaderFacts | undefined) =>
  reader !== undefined && reader.stale !== true && (reader.ready || reader.errors.length > 0);

function lastWords(pod: PodFacts, since: number): Told['errors'] {
  if (pod.terminating !== undefined || pod.terminated === undefined) return [];
  const lines = pod.terminated.message.split('\n');
  const error = readDescription(lines.at(-1) ?? '');
  if (error === undefined) return [];
  const message = sentence({ ...error, message: lines.with(-1, error.message).join('; ') });
  return [
    { part: partOf(error), reason: reasonOfError({ part: partOf(error), code: error.code }), message, sinceMs: since },
  ];
}

function kept({ workload }: Facts, previous: Previous, nowMs: number): Told['errors'] {
  const parts = { SourceReachable: 'source', OutputReachable: 'output', ReaderAvailable: 'reader' } as const;
  return Object.entries(parts).flatMap(([type, part]) => {
    const before = previous.get(type);
    if (before?.status !== 'False' || !TOLD_BY_READER.has(before.reason)) return [];
    if (type === 'ReaderAvailable' && (workload?.readyReplicas ?? 0) > 0) return [];
    const { reason, message } = before;
    return [{ part, reason, message, sinceMs: sinceMs(before, 'False') ?? nowMs }];
  });
}

function timeOr(time: string | undefined, otherMs: number): number {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? otherMs : ms;
}
