/** What the API server answered to our own writes, for as long as the caches have not caught up: a pass never acts on a state that an earlier pass has left behind. */
import type { Clock } from '../../base/clock.ts';
import { keyOf, type KubeObject, type ResourceKind } from '../kube/object.ts';

/** Longer than a healthy watch ever lags; afterwards the cache is believed whatever it says. */
const BELIEVED_MS = 10_000;

export class Written {
  /** Oldest first. */
  readonly #answers = new Map<string, { readonly object: KubeObject; readonly untilMs: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#answers.size;
  }

  record(kind: ResourceKind, object: KubeObject): void {
    const key = `${kind.kind} ${keyOf(object)}`;
    this.#answers.delete(key);
    this.#answers.set(key, { object, untilMs: this.#clock.monotonic() + BELIEVED_MS });
    this.#sweep();
  }

  /** To be told of every deletion that a cache sees. */
  forget(kind: ResourceKind, deleted: KubeObject): void {
    const key = `${kind.kind} ${keyOf(deleted)}`;
    const answer = this.#answers.get(key);
    if (answer?.object.metadata.uid === deleted.metadata.uid) this.#answers.delete(key);
  }

  /** The newer one of what the cache has and what the server answered. `where`: of the object, as the cache may not have it. */
  newest<T extends KubeObject>(kind: ResourceKind, cached: T | undefined, where: KubeObject): T | undefined {
    const key = `${kind.kind} ${keyOf(where)}`;
    const answer = this.#answers.get(key);
    if (answer === undefined) return cached;
    const isBelieved = answer.untilMs > this.#clock.monotonic();
    if (isBelieved && (cached === undefined || isNewer(answer.object, cached))) return answer.object as T;
    this.#answers.delete(key);
    return cached;
  }

  #sweep(): void {
    for (const [key, { untilMs }] of this.#answers) {
      if (untilMs > this.#clock.monotonic()) return;
      this.#answers.delete(key);
    }
  }
}

/** Resource versions of one kind compare as numbers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function isNewer(one: KubeObject, other: KubeObject): boolean {
  return Number(one.metadata.resourceVersion) > Number(other.metadata.resourceVersion);
}
