/** Writes what is known of a LogStream into its status, only when that says something else than before. */
import type { Clock } from '../../base/clock.ts';
import type { Caches } from '../caches.ts';
import type { KubeApi } from '../kube/api.ts';
import { applyObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import { keyOf, type KubeObject } from '../kube/object.ts';
import type { LogStream, LogStreamStatus } from '../logstream.ts';
import type { Readers } from '../readers/readers.ts';
import type { Recorder } from '../recorder.ts';
import { isRolledOut } from './conditions.ts';
import { problemOf, TerminalError } from './failures.ts';
import type { Facts, PodFacts, Problem } from './facts.ts';
import { isOf } from './ownership.ts';
import type { Pods } from './pods.ts';
import { statusOf } from './status.ts';
import { workloadFacts } from './workload.ts';
import type { Written } from './written.ts';

/** A grace of weeks, or a clock that is years off, is more than a timer can wait for, and it would fire at once. */
const LONGEST_WAIT_MS = 3_600_000;

/** As long it is worth waiting for the end of a reader that is to be replaced, so that it is written together with the rollout. */
const LAST_MOMENTS_MS = 1000;

/** Of one pass. Absent: nothing is wrong with it. */
export interface Found {
  readonly handsOff?: boolean;
  readonly configProblems?: readonly Problem[];
  readonly referenceProblems?: readonly Problem[];
  /** Why the children are not what they should be; `cause`: the refusal behind it. */
  readonly problem?: Problem | undefined;
  readonly cause?: unknown;
  /** The pass ended before everything was looked at. */
  readonly cutShort?: boolean;
  /** Until it is worth another look. */
  readonly waitMs?: number | undefined;
  /** Id of the reset that is done. */
  readonly resetDone?: string;
}

export interface Requeue {
  readonly requeueAfterMs?: number;
}

export interface ReportParts {
  readonly api: KubeApi;
  readonly caches: Caches;
  readonly written: Written;
  readonly pods: Pods;
  readonly readers: Readers;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

export class Report {
  readonly #parts: ReportParts;
  /** Uids of the LogStreams that were reported, by key: a key is all that is left of one that is gone. */
  readonly #uids = new Map<string, string>();
  /** Until when the end of its reader is waited for, monotonic milliseconds, by uid. */
  readonly #endings = new Map<string, number>();

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  /** What is known before anything is. */
  async greet(stream: LogStream, signal: AbortSignal): Promise<void> {
    await this.#save(stream, this.#facts(stream, {}, true), {}, signal);
  }

  /** Throws TerminalError when the API server's refusal is what was found. */
  async write(stream: LogStream, found: Found, signal: AbortSignal): Promise<Requeue> {
    const facts = this.#facts(stream, found, false);
    this.#follow(stream, facts);
    const laterMs = this.#firstWordMs(stream, found) || this.#lastMomentsMs(stream, facts);
    if (laterMs > 0) return { requeueAfterMs: laterMs };
    const requeueAfterMs = await this.#save(stream, facts, found, signal);
    if (found.cause !== undefined) throw new TerminalError(found.problem!, found.cause);
    const soonest = Math.min(found.waitMs ?? Infinity, requeueAfterMs ?? Infinity);
    return soonest === Infinity ? {} : { requeueAfterMs: Math.min(soonest, LONGEST_WAIT_MS) };
  }

  forget(key: string): void {
    const uid = this.#uids.get(key);
    if (uid !== undefined) {
      this.#parts.readers.forget(uid);
      this.#endings.delete(uid);
    }
    this.#uids.delete(key);
  }

  #facts(stream: LogStream, found: Found, firstSeen: boolean): Facts {
    const { metadata, spec, status } = stream;
    const pods = this.#parts.pods.ofReader(stream);
    const { resetRequest } = spec;
    return {
      generation: metadata.generation!,
      firstSeen,
      handsOff: found.handsOff ?? false,
      cutShort: found.cutShort ?? false,
      paused: isPaused(stream),
      configProblems: found.configProblems ?? [],
      referenceProblems: found.referenceProblems ?? [],
      applyProblem: found.problem,
      workload: workloadFacts(deploymentOf(this.#parts, stream), pods, this.#parts.clock.now()),
      reader: this.#parts.readers.facts(metadata.uid!),
      resetPending:
        resetRequest !== undefined &&
        resetRequest.id !== status?.resetAcknowledged &&
        resetRequest.id !== found.resetDone,
    };
  }

  #follow(stream: LogStream, { workload }: Facts): void {
    const key = keyOf(stream);
    if (this.#uids.get(key) !== stream.metadata.uid) this.forget(key);
    this.#uids.set(key, stream.metadata.uid!);
    this.#parts.readers.watch(stream, workload?.pods ?? []);
  }

  /** A rollout that has just come to its end is told together with what the reader says; that comes at once, or nothing is waited for. */
  #firstWordMs({ metadata, status }: LogStream, { problem, resetDone, handsOff }: Found): number {
    if (problem !== undefined || resetDone !== undefined || handsOff === true || status === undefined) return 0;
    const isUnderWay = status.conditions?.some(({ type, status: is }) => type === 'Reconciling' && is === 'True');
    // One that is over before it was told.
    const isUntold = status.observedGeneration !== metadata.generation;
    return isUnderWay === true || isUntold ? this.#parts.readers.firstWordMs(metadata.uid!) : 0;
  }

  /** Of a rollout that begins it is said when its reader ends, which is in a moment, or is not waited for: until then all that was said is true. */
  #lastMomentsMs({ metadata, status }: LogStream, facts: Facts): number {
    const uid = metadata.uid!;
    if (!isLastMoment(status, facts) || !isFaultless(facts)) {
      this.#endings.delete(uid);
      return 0;
    }
    const now = this.#parts.clock.monotonic();
    const untilMs = this.#endings.get(uid) ?? now + LAST_MOMENTS_MS;
    this.#endings.set(uid, untilMs);
    return Math.max(0, untilMs - now);
  }

  async #save(stream: LogStream, facts: Facts, { resetDone }: Found, signal: AbortSignal): Promise<number | undefined> {
    const { status, changed, requeueAfterMs, events } = statusOf(stream, facts, this.#parts.clock.now());
    if (!changed && resetDone === undefined) return requeueAfterMs;
    const whole = resetDone === undefined ? status : { ...status, resetAcknowledged: resetDone };
    await this.#apply(stream, whole, signal).catch((error: unknown) => this.#saveLess(stream, facts, error, signal));
    for (const { type, reason, note } of events) this.#parts.recorder.event(stream, type, reason, 'Reconcile', note);
    return requeueAfterMs;
  }

  /** By a CRD that is older than the operator the status is refused as a whole, and nobody would be told of that: what it had stays, with other conditions. */
  async #saveLess(stream: LogStream, facts: Facts, refusal: unknown, signal: AbortSignal): Promise<never> {
    const problem = problemOf(refusal, `LogStream ${stream.metadata.name}`);
    if (problem === undefined) throw refusal;
    const { status, changed } = statusOf(stream, { ...facts, applyProblem: problem }, this.#parts.clock.now());
    const { observedGeneration, conditions } = status;
    const less = { ...stream.status, ...(observedGeneration !== undefined && { observedGeneration }) };
    if (changed) await this.#apply(stream, { ...less, ...(conditions !== undefined && { conditions }) }, signal);
    throw new TerminalError(problem, refusal);
  }

  async #apply(stream: LogStream, status: LogStreamStatus, signal: AbortSignal): Promise<void> {
    const { apiVersion, kind, metadata } = stream;
    const { name, namespace, uid } = metadata;
    const object = { apiVersion, kind, metadata: { name, namespace, uid }, status } as unknown as LogStream;
    const how = { force: true, subresource: 'status' } as const;
    const saved = await applyObject(this.#parts.api, KINDS.logStream, object, how, signal);
    this.#parts.written.record(KINDS.logStream, saved);
  }
}

/** The reader that the status tells of runs, and is to be replaced, or has been and the watch of pods does not know yet. */
function isLastMoment(status: LogStream['status'], { workload, paused }: Facts): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.reason !== 'Running' || workload === undefined || workload.readyReplicas === 0 || paused) return false;
  return !isRolledOut(workload) || workload.pods.some((pod) => isOfOther(pod, workload.configHash));
}

const isOfOther = ({ configHash, terminating }: PodFacts, wanted: string | undefined): boolean =>
  terminating === undefined && configHash !== undefined && configHash !== wanted;

const isFaultless = ({ configProblems, referenceProblems, applyProblem }: Facts): boolean =>
  configProblems.length === 0 && referenceProblems.length === 0 && applyProblem === undefined;

/** From the cache, or as the last write left it. */
export function deploymentOf(
  { caches, written }: Pick<ReportParts, 'caches' | 'written'>,
  stream: LogStream,
): KubeObject | undefined {
  const { metadata } = stream;
  const where = { ...KINDS.deployment, metadata: { namespace: metadata.namespace!, name: `${metadata.name}-reader` } };
  const cached = caches.children.deployment.get(where.metadata.namespace, where.metadata.name);
  const newest = written.newest(KINDS.deployment, cached, where);
  return newest !== undefined && isOf(newest, stream) ? newest : undefined;
}

/** No reader shall run. */
export const isPaused = ({ spec }: LogStream): boolean => spec.paused || spec.replicas === 0;
