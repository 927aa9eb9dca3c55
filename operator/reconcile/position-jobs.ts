/** Jobs that work on positions outside the cluster: made once, watched until they end, made anew with growing pauses when they fail. */
import type { Clock } from '../../base/clock.ts';
import { readDescription, type ErrorCode } from '../../base/errors.ts';
import type { Caches } from '../caches.ts';
import type { KubeApi } from '../kube/api.ts';
import { keyOf, type KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import type { Recorder } from '../recorder.ts';
import type { Children, Outcome } from './children.ts';
import { isOf } from './ownership.ts';
import type { Pods } from './pods.ts';
import { remove } from './prune.ts';
import { sentence } from './reasons.ts';
import { workloadFacts } from './workload.ts';

const FIRST_PAUSE_MS = 10_000;
/** No failure is final: access to AWS comes back, a reader on a lost node ends. */
const LONGEST_PAUSE_MS = 300_000;
/** The end of a Job wakes the LogStream; this is for an end that was not told. */
const LOOK_AGAIN_MS = 30_000;

/** For codes whose own remedy names options of the command line, which nobody can give here. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  KINLOG_CHECKPOINT_IN_USE: 'Stop every other reader of the stream and store, such as one of another cluster.',
};

/** What is said when one fails. */
export interface JobFailure {
  readonly reason: string;
  /** What was tried, CamelCase, where an Event tells of it; without it the conditions do. */
  readonly action?: string;
  /** For the person who reads the message. */
  readonly remedy: string;
}

export interface PositionJobsParts {
  readonly api: KubeApi;
  readonly caches: Caches;
  readonly children: Children;
  readonly pods: Pods;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

export class PositionJobs {
  readonly #parts: PositionJobsParts;
  /** By name; forgotten with the LogStream. */
  readonly #failures = new Map<string, { uid: string; count: number; againMs: number }>();

  constructor(parts: PositionJobsParts) {
    this.#parts = parts;
  }

  isDone(stream: LogStream, { metadata }: KubeObject): boolean {
    const live = this.#parts.caches.children.job.get(metadata.namespace!, metadata.name);
    return live !== undefined && isOf(live, stream) && conditionOf(live, 'Complete') !== undefined;
  }

  /** Makes it, or says how far it is; done for good once `isDone`. */
  async advance(stream: LogStream, job: KubeObject, failure: JobFailure, signal: AbortSignal): Promise<Outcome> {
    const live = this.#parts.caches.children.job.get(job.metadata.namespace!, job.metadata.name);
    // Never applied again: what a Job runs can not be changed.
    if (live === undefined || !isOf(live, stream))
      return { waitMs: LOOK_AGAIN_MS, ...(await this.#parts.children.applyOne(stream, job, signal)) };
    const failed = conditionOf(live, 'Failed');
    if (failed === undefined) return { waitMs: LOOK_AGAIN_MS };
    return this.#again(stream, live, { ...failure, said: this.#lastWords(stream, live) ?? failed.message }, signal);
  }

  forget(key: string): void {
    for (const job of this.#failures.keys()) if (job.startsWith(`${key}-reader-`)) this.#failures.delete(job);
  }

  async #again(
    stream: LogStream,
    job: KubeObject,
    failure: JobFailure & { readonly said: string },
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock, recorder } = this.#parts;
    const message = `Job ${job.metadata.name}: ${failure.said} ${failure.remedy}`;
    const problem = { reason: failure.reason, message };
    const known = this.#failureOf(job);
    if (known.isNew && failure.action !== undefined)
      recorder.event(stream, 'Warning', failure.reason, failure.action, message);
    const waitMs = known.againMs - clock.monotonic();
    if (waitMs > 0) return { problem, waitMs };
    // Its end wakes the LogStream, which makes the next one.
    await remove(this.#parts.api, 'job', job, signal);
    return { problem, waitMs: LOOK_AGAIN_MS };
  }

  #failureOf(job: KubeObject): { readonly againMs: number; readonly isNew: boolean } {
    const known = this.#failures.get(keyOf(job));
    if (known?.uid === job.metadata.uid) return { againMs: known!.againMs, isNew: false };
    const count = (known?.count ?? 0) + 1;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
    const againMs = this.#parts.clock.monotonic() + pauseMs;
    this.#failures.set(keyOf(job), { uid: job.metadata.uid!, count, againMs });
    return { againMs, isNew: true };
  }

  /** What kinlog said last in its last pod: what went wrong and what to do. */
  #lastWords(stream: LogStream, job: KubeObject): string | undefined {
    const pods = this.#parts.pods.ofJob(stream, job.metadata.name);
    const ended = workloadFacts(undefined, pods, this.#parts.clock.now())?.pods ?? [];
    const last = ended.toSorted((a, b) => a.createdMs - b.createdMs).at(-1);
    const line = last?.terminated?.message.split('\n').at(-1);
    const error = readDescription(line ?? '');
    return error === undefined ? line : sentence({ ...error, remedy: REMEDIES[error.code] ?? error.remedy });
  }
}

function conditionOf(job: KubeObject, type: string): { readonly message: string } | undefined {
  const { status } = job as {
    status?: { conditions?: readonly { type: string; status: string; message?: string }[] };
  };
  const condition = status?.conditions?.find((one) => one.type === type && one.status === 'True');
  return condition === undefined ? undefined : { message: condition.message ?? '' };
}
