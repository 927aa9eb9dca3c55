/** An API server that only stores objects: resource versions, conflicts, and faults on demand. */
import { KubeError, type ApiCall, type FailureSort, type KubeApi } from '../../../../operator/kube/api.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';

const STATUS: Partial<Record<FailureSort, number>> = { missing: 404, conflict: 409, exists: 409, forbidden: 403 };

export const refusal = (sort: FailureSort): KubeError =>
  new KubeError(`refused: ${sort}`, { sort, status: STATUS[sort] ?? 0 });

export class ObjectsApi implements KubeApi {
  readonly objects = new Map<string, KubeObject>();
  readonly calls: ApiCall[] = [];
  /** Asked before each call; what it returns is thrown. `after`: the call takes effect all the same. */
  fault: (call: ApiCall) => { readonly error: Error; readonly after?: boolean } | undefined = () => undefined;
  /** Settles before a call is answered. */
  hold: (call: ApiCall, signal: AbortSignal | undefined) => Promise<void> | undefined = () => undefined;
  #version = 0;

  async call<T>(call: ApiCall, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    this.calls.push(call);
    const fault = this.fault(call);
    if (fault !== undefined && fault.after !== true) throw fault.error;
    await this.hold(call, signal);
    const answer = this.#answer(call);
    if (fault !== undefined) throw fault.error;
    return structuredClone(answer) as T;
  }

  // eslint-disable-next-line require-yield -- nothing is watched here
  async *watch(): AsyncGenerator<never> {
    throw refusal('transport');
  }

  async close(): Promise<void> {}

  get writes(): number {
    return this.calls.filter(({ method }) => method !== 'GET').length;
  }

  #answer({ method, path, body }: ApiCall): unknown {
    const given = body as KubeObject;
    if (method === 'POST') return this.#create(`${path}/${given.metadata.name}`, given);
    const there = this.objects.get(path);
    if (there === undefined) throw refusal('missing');
    if (method === 'DELETE') this.objects.delete(path);
    if (method === 'PUT' && given.metadata.resourceVersion !== there.metadata.resourceVersion)
      throw refusal('conflict');
    if (method === 'PUT') return this.put(path, given);
    return method === 'PATCH' ? this.put(path, { ...there, ...given, metadata: there.metadata }) : there;
  }

  #create(path: string, given: KubeObject): KubeObject {
    if (this.objects.has(path)) throw refusal('exists');
    return this.put(path, given);
  }

  /** As somebody else's write. */
  put(path: string, object: KubeObject): KubeObject {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(path, stored);
    return stored;
  }
}
