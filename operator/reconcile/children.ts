/** Brings the children of a LogStream to what they should be, one after the other, and stops at the first that can not be: a Deployment never runs ahead of its configuration. */
import type { Clock } from '../../base/clock.ts';
import { CHILD_KINDS, type Caches, type ChildKind } from '../caches.ts';
import type { KubeApi } from '../kube/api.ts';
import { applyObject, getIfThere, getObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import type { Recorder } from '../recorder.ts';
import { refusalOf, withTemplateHash } from './admission.ts';
import { Contest } from './contest.ts';
import { HASH_ANNOTATION, upToDate, withHash } from './drift.ts';
import { refused } from './failures.ts';
import type { Problem } from './facts.ts';
import { ownerOf, ownershipOf } from './ownership.ts';
import type { Pods } from './pods.ts';
import type { Written } from './written.ts';

/** Of the LogStream from which a child was written last: a leader whose caches lag does not write an older one over it. */
const GENERATION_ANNOTATION = 'kinlog.io/generation';
/** An object that is about to go; its end wakes the LogStream when it is ours, and this when it is not. */
const GOING_AGAIN_MS = 2_000;

/** Nobody tells of an object that is not ours. */
const IN_THE_WAY_AGAIN_MS = 60_000;

/** `waitMs`: when to look again; without a problem nothing is wrong, but it can not be done before. */
export interface Outcome {
  readonly problem?: Problem;
  readonly cause?: unknown;
  readonly waitMs?: number;
}

export interface ChildrenParts {
  readonly api: KubeApi;
  readonly caches: Caches;
  readonly written: Written;
  readonly pods: Pods;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

export class Children {
  readonly #parts: ChildrenParts;
  readonly #contest: Contest;

  constructor(parts: ChildrenParts) {
    this.#parts = parts;
    this.#contest = new Contest(parts.clock);
  }

  /** In the order of `wanted`, and nothing that a running reader reads before its Deployment may change. Throws what may succeed later. */
  async apply(stream: LogStream, wanted: readonly KubeObject[], signal: AbortSignal): Promise<Outcome> {
    const deployment = wanted.find(({ kind }) => kind === KINDS.deployment.kind);
    let asked: Promise<Outcome | undefined> | undefined;
    const ask = () => (asked ??= this.#refusal(stream, deployment, signal));
    let waitMs = Infinity;
    for (const object of wanted) {
      const outcome = await this.applyOne(stream, object, signal, ask);
      if (outcome.problem !== undefined) return outcome;
      waitMs = Math.min(waitMs, outcome.waitMs ?? Infinity);
      if (outcome.waitMs === GOING_AGAIN_MS) break;
    }
    return waitMs === Infinity ? {} : { waitMs };
  }

  /** `ask`: why a running reader is left with what it reads. */
  async applyOne(
    stream: LogStream,
    object: KubeObject,
    signal: AbortSignal,
    ask?: () => Promise<Outcome | undefined>,
  ): Promise<Outcome> {
    const kind = childKindOf(object);
    const desired = withHash(object);
    try {
      const live = await this.#live(kind, object, signal);
      const kept = live && (await this.#keep(stream, { desired, live }, signal));
      if (kept !== undefined) return kept;
      // No pod is let in without its account.
      const refusal = kind === 'serviceAccount' ? undefined : await ask?.();
      if (refusal !== undefined) return refusal;
      await this.#write(stream, { kind, desired, live }, signal);
      return {};
    } catch (error) {
      return refused(error, `${object.kind} ${object.metadata.name}`);
    }
  }

  async #write(
    stream: LogStream,
    { kind, desired, live }: { kind: ChildKind; desired: KubeObject; live: KubeObject | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { api, written } = this.#parts;
    if (live !== undefined && this.#contest.isContested(live, hashOf(desired)))
      await this.#tell(stream, kind, live, signal);
    written.record(KINDS[kind], await applyObject(api, KINDS[kind], marked(desired, stream), { force: true }, signal));
    if (live !== undefined) this.#contest.applied(live, hashOf(desired));
  }

  /** From the cache or our last write; asked live before anything is made, for the caches hold only what bears our label. */
  async #live(kind: ChildKind, object: KubeObject, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { name, namespace } = object.metadata;
    const cached = this.#parts.caches.children[kind].get(namespace!, name);
    const known = this.#parts.written.newest(KINDS[kind], cached, object);
    return known ?? getIfThere(this.#parts.api, KINDS[kind], object.metadata, signal);
  }

  /** Why what is there stays as it is; undefined: it is to be applied. */
  async #keep(
    stream: LogStream,
    { desired, live }: { desired: KubeObject; live: KubeObject },
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const whose = ownershipOf(live, stream);
    if (whose === 'foreign') return { problem: inTheWay(live), waitMs: IN_THE_WAY_AGAIN_MS };
    if (whose === 'former' || isEnding(live)) return { waitMs: GOING_AGAIN_MS };
    if (upToDate(desired, live)) return {};
    if (whose === 'ours' && (await this.#isNewer(live, stream, signal))) return { waitMs: GOING_AGAIN_MS };
    const waitMs = this.#contest.waitMs(live, hashOf(desired));
    return waitMs > 0 ? { waitMs } : undefined;
  }

  /** Why the Deployment of a reader that runs can not become what it should be. */
  async #refusal(
    stream: LogStream,
    deployment: KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const pods = this.#parts.pods.ofReader(stream);
    if (deployment === undefined || pods.every(isEnding)) return undefined;
    const live = await this.#live('deployment', deployment, signal);
    if (live === undefined) return undefined;
    const desired = withHash(deployment);
    const kept = await this.#keep(stream, { desired, live }, signal);
    if (kept !== undefined) return kept.problem && kept;
    return refusalOf(this.#parts.api, { desired: marked(desired, stream), live, pods }, signal);
  }

  /** Written from a later generation than the cache has told of. The annotation alone is not believed, for anybody can write it. */
  async #isNewer(live: KubeObject, stream: LogStream, signal: AbortSignal): Promise<boolean> {
    const seen = Number(live.metadata.annotations?.[GENERATION_ANNOTATION] ?? 0);
    if (!(seen > stream.metadata.generation!)) return false;
    const newest = await getObject(this.#parts.api, KINDS.logStream, stream.metadata, signal);
    return newest.metadata.uid !== stream.metadata.uid || newest.metadata.generation! > stream.metadata.generation!;
  }

  async #tell(stream: LogStream, kind: ChildKind, { metadata }: KubeObject, signal: AbortSignal): Promise<void> {
    const whole = await getObject(this.#parts.api, KINDS[kind], metadata, signal);
    const others = managersOf(whole).filter((manager) => manager !== 'kinlog-operator');
    this.#parts.recorder.event(
      stream,
      'Warning',
      'FieldsContested',
      'Apply',
      `Somebody keeps changing ${KINDS[kind].kind} ${metadata.name} back (its other managers: ${others.join(', ') || 'none'}). ` +
        'It is repaired more and more seldom. Let only the LogStream say what these fields hold.',
    );
  }
}

function managersOf({ metadata }: KubeObject): string[] {
  const { managedFields } = metadata as { managedFields?: readonly { manager?: string; subresource?: string }[] };
  const names = (managedFields ?? []).filter(({ subresource }) => subresource === undefined);
  return [...new Set(names.map(({ manager }) => manager ?? ''))];
}

/** Throws for a kind that no LogStream has: a fault of ours. */
export function childKindOf(object: KubeObject): ChildKind {
  const kind = CHILD_KINDS.find((one) => KINDS[one].kind === object.kind);
  if (kind === undefined) throw new Error(`no child is a ${object.kind}`);
  return kind;
}

const hashOf = ({ metadata }: KubeObject): string => metadata.annotations![HASH_ANNOTATION]!;

const isEnding = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

/** As it is sent. */
const marked = (desired: KubeObject, stream: LogStream): KubeObject =>
  withGeneration(desired.kind === KINDS.deployment.kind ? withTemplateHash(desired) : desired, stream);

/** Not part of the hash: a new generation alone is no reason to write a child. */
function withGeneration(object: KubeObject, { metadata }: LogStream): KubeObject {
  const annotations = { ...object.metadata.annotations, [GENERATION_ANNOTATION]: String(metadata.generation) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function inTheWay(live: KubeObject): Problem {
  return {
    reason: 'NameConflict',
    message:
      `${live.kind} ${live.metadata.name} exists and belongs to ${ownerOf(live)}; it is not touched. ` +
      'Rename or delete it, or give the LogStream another name.',
  };
}
