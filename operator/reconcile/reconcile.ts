/** One LogStream, from what is observed to what its status says. Told only a key: what woke it does not matter, the whole state is brought about. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import type { Caches } from '../caches.ts';
import { configProblems } from '../desired/check.ts';
import { desiredChildren, type ReaderSettings } from '../desired/desired.ts';
import { positionsJob } from '../desired/job.ts';
import { isCrdOutdated } from '../desired/other-version.ts';
import { referencesOf } from '../desired/references.ts';
import type { KubeApi } from '../kube/api.ts';
import { getObject, patchObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import type { Readers } from '../readers/readers.ts';
import type { Recorder } from '../recorder.ts';
import { Children, type Outcome } from './children.ts';
import { Deletion } from './deletion.ts';
import type { Problem } from './facts.ts';
import { hold, isHeld, ownsOutside } from './finalizer.ts';
import { Lasting } from './lasting.ts';
import { Pods } from './pods.ts';
import { PositionJobs } from './position-jobs.ts';
import { prune, remove } from './prune.ts';
import { References } from './references.ts';
import { deploymentOf, isPaused, Report, type Found, type Requeue } from './report.ts';
import { Sharing } from './sharing.ts';
import { Written } from './written.ts';

const HANDS_OFF_ANNOTATION = 'kinlog.io/pause-reconcile';
/** Nobody tells of a CRD. */
const CRD_AGAIN_MS = 300_000;
const RESET_FAILURE = {
  reason: 'ResetFailed',
  remedy: 'Remove the cause, and it is tried again by itself, from the beginning; or take spec.resetRequest away.',
};
const WAITING: Problem = {
  reason: 'Progressing',
  message:
    'An object that the reader needs is being deleted, or somebody keeps changing it; it is brought about as soon as that can be.',
};

export interface ReconcilerParts {
  readonly api: KubeApi;
  readonly caches: Caches;
  readonly settings: ReaderSettings;
  readonly readers: Readers;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: EventLog;
  /** The LogStream of this key is to be looked at. */
  readonly onNews: (key: string) => void;
}

export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #written: Written;
  readonly #pods: Pods;
  readonly #sharing: Sharing;
  readonly #references: References;
  readonly #children: Children;
  readonly #jobs: PositionJobs;
  readonly #deletion: Deletion;
  readonly #report: Report;
  readonly #lasting: Lasting;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#written = new Written(parts.clock);
    for (const [kind, cache] of Object.entries(parts.caches.children))
      cache.onChange(({ type, object }) => {
        if (type === 'deleted') this.#written.forget(KINDS[kind as keyof Caches['children']], object);
      });
    this.#pods = new Pods(parts.caches.pods);
    this.#sharing = new Sharing(parts.caches.logStreams, parts.onNews);
    const shared = { ...parts, written: this.#written, pods: this.#pods, sharing: this.#sharing };
    this.#references = new References(parts);
    this.#children = new Children(shared);
    this.#jobs = new PositionJobs({ ...shared, children: this.#children });
    this.#deletion = new Deletion({ ...shared, children: this.#children, jobs: this.#jobs });
    this.#report = new Report(shared);
    this.#lasting = new Lasting(parts.clock);
  }

  /** Throws KubeError for what may succeed later, TerminalError for what somebody must change first; the status says the latter before. */
  async reconcile(key: string, signal: AbortSignal): Promise<Requeue> {
    const stream = this.#observe(key);
    if (stream === undefined) return this.#forget(key);
    const isEnding = stream.metadata.deletionTimestamp !== undefined;
    if (!isEnding && stream.metadata.annotations?.[HANDS_OFF_ANNOTATION] === 'true')
      return this.#report.write(stream, { handsOff: true }, signal);
    try {
      const asked = await (isEnding ? this.#end(stream, signal) : this.#bringAbout(stream, signal));
      this.#lasting.forget(key);
      return asked;
    } catch (error) {
      await this.#tell(key, error, signal);
      throw error;
    }
  }

  #observe(key: string): LogStream | undefined {
    const [namespace, name] = key.split('/') as [string, string];
    const cached = this.#parts.caches.logStreams.get(namespace, name);
    return cached === undefined ? undefined : this.#written.newest(KINDS.logStream, cached, cached);
  }

  /** Whether a pass that failed is worth telling; if so, and that can not be told either, it is the API server that nobody reaches. */
  async #tell(key: string, error: unknown, signal: AbortSignal): Promise<void> {
    const stream = this.#observe(key);
    if (stream === undefined) return;
    const problem = this.#lasting.problemOf(key, error);
    if (problem === undefined) return this.#greet(stream, signal);
    await this.#report.write(stream, { problem, cutShort: true }, signal).catch(() => this.#lasting.forget(key));
  }

  /** Without any condition a LogStream counts as ready for those who wait for it. A first pass that succeeds ends with better ones, and one write less. */
  async #greet(stream: LogStream, signal: AbortSignal): Promise<void> {
    if (stream.status?.conditions !== undefined) return;
    // What went wrong before is what is told.
    await this.#report.greet(stream, signal).catch(() => undefined);
  }

  #forget(key: string): Requeue {
    this.#jobs.forget(key);
    this.#report.forget(key);
    this.#lasting.forget(key);
    return {};
  }

  async #end(stream: LogStream, signal: AbortSignal): Promise<Requeue> {
    const readers = this.#pods.mayRead(stream, this.#parts.clock.now());
    const outcome = await this.#deletion.proceed(stream, readers, signal);
    if (outcome?.problem !== undefined) return this.#report.write(stream, outcome, signal);
    return outcome?.waitMs === undefined ? {} : { requeueAfterMs: outcome.waitMs };
  }

  async #bringAbout(cached: LogStream, signal: AbortSignal): Promise<Requeue> {
    const stream = await this.#asServed(cached, signal);
    const shared = this.#sharing.grant(stream);
    const faults = [...(shared === undefined ? [] : [shared]), ...configProblems(stream)];
    if (faults.length > 0) {
      await this.#stopIfAsked(stream, signal);
      const waitMs = isCrdOutdated(stream) ? CRD_AGAIN_MS : undefined;
      return this.#report.write(stream, { configProblems: faults, waitMs }, signal);
    }
    const { resolved, problems, requeueAfterMs } = await this.#references.resolve(stream, referencesOf(stream), signal);
    const found: Found = { referenceProblems: problems, waitMs: requeueAfterMs };
    if (problems.length > 0) {
      await this.#stopIfAsked(stream, signal);
      return this.#report.write(stream, found, signal);
    }
    const held = await this.#holdIfNeeded(stream, signal);
    const wanted = desiredChildren(held, resolved, this.#parts.settings);
    const applied = await this.#children.apply(held, wanted, signal);
    if (applied.problem !== undefined || applied.waitMs !== undefined) {
      // What somebody keeps changing is not answered each time.
      if (applied.problem !== undefined) await this.#stopIfAsked(held, signal);
      return this.#report.write(held, soonest(found, { problem: WAITING, ...applied }), signal);
    }
    return this.#settle(held, wanted, found, signal);
  }

  /** A watch tells of no LogStream when the CRD is another one, and what it told before stays as that was. */
  async #asServed(stream: LogStream, signal: AbortSignal): Promise<LogStream> {
    return isCrdOutdated(stream) ? getObject(this.#parts.api, KINDS.logStream, stream.metadata, signal) : stream;
  }

  /** Everything is as it should be; what is left is what only then may be done. */
  async #settle(stream: LogStream, wanted: readonly KubeObject[], found: Found, signal: AbortSignal): Promise<Requeue> {
    const job = this.#resetJob(stream);
    const pods = this.#pods.ofReader(stream);
    await prune(this.#parts, stream, { wanted: job === undefined ? wanted : [...wanted, job], pods }, signal);
    const isRead = this.#pods.mayRead(stream, this.#parts.clock.now()).length > 0;
    if (job === undefined || isRead) return this.#report.write(stream, found, signal);
    if (!this.#jobs.isDone(stream, job)) {
      const advanced = await this.#jobs.advance(stream, job, RESET_FAILURE, signal);
      return this.#report.write(stream, soonest(found, advanced), signal);
    }
    const { id } = stream.spec.resetRequest!;
    const done = await this.#report.write(stream, { ...found, resetDone: id }, signal);
    this.#parts.recorder.event(stream, 'Normal', 'PositionsReset', 'Reset', `The reset ${id} is done.`);
    const live = this.#parts.caches.children.job.get(job.metadata.namespace!, job.metadata.name);
    if (live !== undefined) await remove(this.#parts.api, 'job', live, signal);
    return done;
  }

  /** While it is asked for, not done, and no reader shall run. */
  #resetJob(stream: LogStream): KubeObject | undefined {
    const { resetRequest } = stream.spec;
    if (resetRequest === undefined || stream.status?.resetAcknowledged === resetRequest.id) return undefined;
    return isPaused(stream)
      ? positionsJob(stream, { kind: 'reset', ...resetRequest }, this.#parts.settings)
      : undefined;
  }

  async #holdIfNeeded(stream: LogStream, signal: AbortSignal): Promise<LogStream> {
    if (isHeld(stream) === ownsOutside(stream)) return stream;
    const held = await hold(this.#parts.api, stream, ownsOutside(stream), signal);
    this.#written.record(KINDS.logStream, held);
    return held;
  }

  /** A pause is obeyed even when nothing else of the spec can be. */
  async #stopIfAsked(stream: LogStream, signal: AbortSignal): Promise<void> {
    const deployment = deploymentOf({ ...this.#parts, written: this.#written }, stream);
    if (!isPaused(stream) || deployment === undefined || replicasOf(deployment) === 0) return;
    const stopped = await patchObject(
      this.#parts.api,
      KINDS.deployment,
      deployment.metadata,
      [
        { op: 'test', path: '/metadata/uid', value: deployment.metadata.uid },
        { op: 'replace', path: '/spec/replicas', value: 0 },
      ],
      signal,
    );
    this.#written.record(KINDS.deployment, stopped);
  }
}

const replicasOf = (deployment: KubeObject): number | undefined =>
  (deployment as { spec?: { replicas?: number } }).spec?.replicas;

/** A refusal, and the earlier one of two times to look again. */
function soonest(found: Found, outcome: Outcome): Found {
  const waitMs = Math.min(found.waitMs ?? Infinity, outcome.waitMs ?? Infinity);
  return { ...found, ...outcome, waitMs: waitMs === Infinity ? undefined : waitMs };
}
