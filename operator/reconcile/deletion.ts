/** The end of a LogStream whose positions outside the cluster shall go with it: reader, then positions, then what the Job needed, then the LogStream. */
import { configProblems } from '../desired/check.ts';
import { desiredChildren, type ReaderSettings } from '../desired/desired.ts';
import { positionsJob } from '../desired/job.ts';
import { READER, selectorText, STREAM_LABEL } from '../desired/names.ts';
import { KubeError } from '../kube/api.ts';
import { getIfThere } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import { listPages } from '../kube/list.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import { childKindOf, type ChildrenParts, type Children, type Outcome } from './children.ts';
import { hold, isHeld, ownsOutside } from './finalizer.ts';
import { isOf, ownershipOf } from './ownership.ts';
import type { PositionJobs } from './position-jobs.ts';
import { remove } from './prune.ts';
import type { Sharing } from './sharing.ts';

const FORCE_ANNOTATION = 'kinlog.io/force-delete';
const LOOK_AGAIN_MS = 30_000;
const REMEMBERED = 1000;
const REMEDY =
  'Remove the cause; it is tried again by itself. ' +
  `To keep the positions and let the LogStream go: kubectl annotate logstream NAME ${FORCE_ANNOTATION}=true, or set spec.deletionPolicy to Retain.`;

const FAILURE = { reason: 'PositionsNotDeleted', action: 'DeletePositions', remedy: REMEDY };

export interface DeletionParts extends ChildrenParts {
  readonly children: Children;
  readonly jobs: PositionJobs;
  readonly sharing: Sharing;
  readonly settings: ReaderSettings;
}

export class Deletion {
  readonly #parts: DeletionParts;
  /** Uids of those that were let go: until the cache knows it, what ends around them wakes them again, and nothing may be made for them anew. */
  readonly #released = new Set<string>();

  constructor(parts: DeletionParts) {
    this.#parts = parts;
  }

  /** `pods`: readers that may still run. Undefined: nothing of it is ours to do, or no more. */
  async proceed(stream: LogStream, pods: readonly KubeObject[], signal: AbortSignal): Promise<Outcome | undefined> {
    if (!isHeld(stream) || this.#released.has(stream.metadata.uid!)) return undefined;
    if (!ownsOutside(stream)) return this.#letGo(stream, undefined, signal);
    if (stream.metadata.annotations?.[FORCE_ANNOTATION] === 'true')
      return this.#letGo(stream, `the annotation ${FORCE_ANNOTATION} asks for it`, signal);
    const keeper = this.#parts.sharing.keeperBeside(stream);
    if (keeper !== undefined) return this.#letGo(stream, `they are those of LogStream ${keeper}, too`, signal);
    try {
      return await this.#deletePositions(stream, pods, signal);
    } catch (error) {
      if (!(error instanceof KubeError) || error.sort !== 'terminating') throw error;
      return this.#letGo(stream, 'the namespace is being deleted, and no Job can be made in it', signal);
    }
  }

  async #deletePositions(
    stream: LogStream,
    pods: readonly KubeObject[],
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const faults = configProblems(stream);
    if (faults[0] !== undefined) return { problem: { ...faults[0], message: `${faults[0].message} ${REMEDY}` } };
    const { settings, children, jobs } = this.#parts;
    const wanted = desiredChildren(stream, { stamps: new Map() }, settings);
    const reader = wanted.filter(({ kind }) => kind === 'Deployment');
    if (await this.#removeAll(stream, reader, signal)) return { waitMs: LOOK_AGAIN_MS };
    if (pods.length > 0) return { waitMs: LOOK_AGAIN_MS };
    // Without owner: the garbage collector takes what a LogStream owns that is deleted in the foreground.
    const needed = wanted.filter(({ kind }) => kind === 'ServiceAccount' || kind === 'ConfigMap').map(ownerless);
    const job = ownerless(positionsJob(stream, { kind: 'delete' }, settings));
    if (!jobs.isDone(stream, job)) {
      if (await this.#isReadUnnoticed(stream, { reader, job }, signal)) return { waitMs: LOOK_AGAIN_MS };
      const prepared = await children.apply(stream, needed, signal);
      if (prepared.problem !== undefined || prepared.waitMs !== undefined) return prepared;
      return jobs.advance(stream, job, FAILURE, signal);
    }
    // Before the finalizer, or a crash would leave them for ever. After a crash in between the Job runs once more, and finds nothing.
    await this.#removeAll(stream, [...needed, job], signal);
    await this.#release(stream, signal);
    this.#parts.recorder.event(stream, 'Normal', 'PositionsDeleted', 'DeletePositions', 'The positions are deleted.');
    return undefined;
  }

  /** Asked live before the Job is made: a reader that the caches do not know yet would write positions after they are deleted, and nobody would look again. */
  async #isReadUnnoticed(
    stream: LogStream,
    { reader, job }: { readonly reader: readonly KubeObject[]; readonly job: KubeObject },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { api, caches, written } = this.#parts;
    const { namespace, name } = job.metadata;
    if (written.newest(KINDS.job, caches.children.job.get(namespace!, name), job) !== undefined) return false;
    for (const { metadata } of reader) {
      const live = await getIfThere(api, KINDS.deployment, metadata, signal);
      if (live === undefined || !isOf(live, stream)) continue;
      await remove(api, 'deployment', live, signal);
      return true;
    }
    const labelSelector = selectorText({ [READER.label]: READER.value, [STREAM_LABEL]: stream.metadata.name });
    const pods = listPages(api, KINDS.pod, { namespace, labelSelector, metadataOnly: true }, signal);
    for await (const { items } of pods)
      if (items.some(({ metadata }) => caches.pods.get(namespace!, metadata.name)?.metadata.uid !== metadata.uid))
        return true;
    return false;
  }

  /** False when none of them was there. */
  async #removeAll(stream: LogStream, objects: readonly KubeObject[], signal: AbortSignal): Promise<boolean> {
    let wasThere = false;
    for (const object of objects) {
      const kind = childKindOf(object);
      const live = this.#parts.caches.children[kind].get(object.metadata.namespace!, object.metadata.name);
      if (live === undefined || !isOf(live, stream)) continue;
      wasThere = true;
      await remove(this.#parts.api, kind, live, signal);
    }
    return wasThere;
  }

  async #letGo(stream: LogStream, why: string | undefined, signal: AbortSignal): Promise<undefined> {
    if (why !== undefined)
      this.#parts.recorder.event(
        stream,
        'Warning',
        'PositionsKept',
        'DeletePositions',
        `The positions stay where they are: ${why}. Once nobody needs them, kinlog checkpoints reset deletes them.`,
      );
    await this.#removeLeft(stream, signal);
    await this.#release(stream, signal);
    return undefined;
  }

  /** What a Job that was given up needed: without an owner nobody else takes it away. */
  async #removeLeft(stream: LogStream, signal: AbortSignal): Promise<void> {
    const { api, caches } = this.#parts;
    for (const kind of ['job', 'configMap', 'serviceAccount'] as const)
      for (const object of [...caches.children[kind].list(stream.metadata.namespace)])
        if (ownershipOf(object, stream) === 'left') await remove(api, kind, object, signal);
  }

  async #release(stream: LogStream, signal: AbortSignal): Promise<void> {
    await hold(this.#parts.api, stream, false, signal);
    this.#released.add(stream.metadata.uid!);
    if (this.#released.size > REMEMBERED) this.#released.delete(this.#released.values().next().value!);
  }
}

function ownerless<T extends KubeObject>(object: T): T {
  const { ownerReferences: _owners, ...metadata } = object.metadata;
  return { ...object, metadata };
}
