/** What is known of the objects of one kind, and news of it. Whatever is in it is shared: nobody changes it. */
import type { KubeObject } from './object.ts';

export interface Change<T extends KubeObject> {
  readonly type: 'added' | 'modified' | 'deleted';
  /** As it is now; of a deleted one the last that was seen. */
  readonly object: T;
  readonly before?: T;
  /** Told by the first listing after the start: nothing has happened to it. */
  readonly initial: boolean;
}

export class Cache<T extends KubeObject> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  /** By the uid of the controller among the owners. */
  readonly #owned = new Map<string, Set<T>>();
  readonly #listeners: ((change: Change<T>) => void)[] = [];

  get(namespace: string, name: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *list(namespace?: string): Generator<T> {
    const some = namespace === undefined ? this.#namespaces.values() : [this.#namespaces.get(namespace)];
    for (const objects of some) if (objects !== undefined) yield* objects.values();
  }

  /** Objects that this one controls. */
  ownedBy(uid: string): Iterable<T> {
    return this.#owned.get(uid) ?? [];
  }

  get size(): number {
    return [...this.#namespaces.values()].reduce((sum, objects) => sum + objects.size, 0);
  }

  /** Told in the order of the changes, before the next one is taken. What a listener throws ends the watching. */
  onChange(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Another uid under the same name is another object: the former is told as deleted first. */
  put(object: T, initial = false): void {
    const before = this.get(object.metadata.namespace ?? '', object.metadata.name);
    if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.remove(before);
    else if (before !== undefined) {
      if (before.metadata.resourceVersion === object.metadata.resourceVersion) return;
      this.#drop(before);
      this.#keep(object);
      this.#tell({ type: 'modified', object, before, initial });
      return;
    }
    this.#keep(object);
    this.#tell({ type: 'added', object, initial });
  }

  /** `object`: as it was last seen, now or before. */
  remove(object: T): void {
    const before = this.get(object.metadata.namespace ?? '', object.metadata.name);
    if (before === undefined || before.metadata.uid !== object.metadata.uid) return;
    this.#drop(before);
    this.#tell({ type: 'deleted', object, before, initial: false });
  }

  #keep(object: T): void {
    const { namespace = '', name } = object.metadata;
    const objects = this.#namespaces.get(namespace) ?? new Map<string, T>();
    this.#namespaces.set(namespace, objects.set(name, object));
    const owner = controllerOf(object);
    if (owner !== undefined) this.#owned.set(owner, (this.#owned.get(owner) ?? new Set<T>()).add(object));
  }

  #drop(object: T): void {
    const { namespace = '', name } = object.metadata;
    const objects = this.#namespaces.get(namespace);
    objects?.delete(name);
    if (objects?.size === 0) this.#namespaces.delete(namespace);
    const owner = controllerOf(object);
    const owned = owner === undefined ? undefined : this.#owned.get(owner);
    owned?.delete(object);
    if (owner !== undefined && owned?.size === 0) this.#owned.delete(owner);
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

const controllerOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
