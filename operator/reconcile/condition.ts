/** Conditions as the API has them: a time that moves only with the status, a message of bounded size. */
import type { Condition } from '../kube/object.ts';

export type Previous = ReadonlyMap<string, Condition>;

export interface Said {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  /** Of the spec that it is about; absent: it is not known. */
  readonly generation: number | undefined;
}

/** In bytes; the API takes 32 kB, and nobody reads so much. */
const LONGEST = 1024;

export function condition(type: string, said: Said, before: Condition | undefined, nowMs: number): Condition {
  const { status, reason, message, generation } = said;
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : wholeSeconds(nowMs);
  return {
    type,
    status,
    reason,
    message: cut(message),
    lastTransitionTime,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** Wall-clock milliseconds since when it has this status; undefined when it has another. */
export function sinceMs(before: Condition | undefined, status: Condition['status']): number | undefined {
  if (before?.status !== status) return undefined;
  const ms = Date.parse(before.lastTransitionTime);
  return Number.isNaN(ms) ? undefined : ms;
}

/** RFC 3339 without fractions, which is the only form that a condition may have. */
export const wholeSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Never within a character; half of one, which the API server would store as something else, is none. */
export function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= LONGEST) return message.toWellFormed();
  let end = LONGEST - 3;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}
