/** An API server in memory: stores, lists, watches, applies and patches as the real one does, without schemas, admission or controllers. */
import { isDeepStrictEqual } from 'node:util';
import { abortReason } from '../../../base/clock.ts';
import type { ApiCall, KubeApi, WatchEvent } from '../../../operator/kube/api.ts';
import { refusal } from '../../../operator/kube/failures.ts';
import { KINDS } from '../../../operator/kube/kinds.ts';
import { pathOf } from '../../../operator/kube/list.ts';
import type { KubeObject, ObjectMeta, ResourceKind } from '../../../operator/kube/object.ts';
import type { PatchOperation } from '../../../operator/kube/apply.ts';
import { applied, patched } from './writes.ts';

type Json = Record<string, unknown>;
type Meta = ObjectMeta & { managedFields?: unknown };

interface Stored {
  readonly kind: ResourceKind;
  object: KubeObject;
  /** What each manager applied last, spec and status apart. */
  readonly appliedBy: Map<string, Json>;
}

interface Happened {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  readonly resourceVersion: number;
}

/** A call with what it names already found out. */
interface Request extends ApiCall {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export class FakeKube implements KubeApi {
  /** Every call in its order, reads too. */
  readonly calls: ApiCall[] = [];
  /** Throws to refuse a call, before it has any effect. */
  intercept: (call: ApiCall) => void = () => undefined;
  readonly #stored = new Map<string, Stored>();
  readonly #happened: Happened[] = [];
  #resourceVersion = 1000;
  #uids = 0;
  #news = Promise.withResolvers<undefined>();

  /** Not what was only tried. */
  get writes(): readonly ApiCall[] {
    return this.calls.filter((call) => call.method !== 'GET' && !isDryRun(call));
  }

  get(kind: ResourceKind, namespace: string, name: string): KubeObject | undefined {
    return this.#stored.get(pathOf(kind, namespace, name))?.object;
  }

  all(kind: ResourceKind): KubeObject[] {
    return [...this.#stored.values()].filter((one) => one.kind === kind).map(({ object }) => object);
  }

  /** By somebody else than the operator: made, or changed where it differs. */
  put(kind: ResourceKind, object: object): KubeObject {
    const { metadata } = object as KubeObject;
    const path = pathOf(kind, metadata.namespace, metadata.name);
    const before = this.#stored.get(path);
    if (before === undefined) return this.#create(kind, object as KubeObject);
    return this.#change(before, { ...before.object, ...object, metadata: { ...before.object.metadata, ...metadata } });
  }

  /** By somebody else, at once. */
  remove(kind: ResourceKind, namespace: string, name: string): void {
    const stored = this.#stored.get(pathOf(kind, namespace, name));
    if (stored !== undefined) this.#delete(stored);
  }

  /** What the garbage collector does: removes everything whose controller is gone. */
  collectGarbage(): void {
    const uids = new Set([...this.#stored.values()].map(({ object }) => object.metadata.uid));
    for (const stored of [...this.#stored.values()]) {
      const owners = stored.object.metadata.ownerReferences ?? [];
      if (owners.length > 0 && !owners.some(({ uid }) => uids.has(uid))) this.#delete(stored);
    }
  }

  async call<T>(call: ApiCall, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) throw abortReason(signal);
    this.calls.push(call);
    this.intercept(call);
    return structuredClone(this.#answer({ ...call, ...parse(call.path) })) as T;
  }

  async *watch(call: ApiCall, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { kind, namespace } = parse(call.path);
    let seen = Number(call.query?.['resourceVersion'] ?? 0);
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      const next = this.#happened.find((one) => one.resourceVersion > seen);
      if (next === undefined) {
        await Promise.race([this.#news.promise, aborted(signal)]);
        continue;
      }
      seen = next.resourceVersion;
      if (next.kind === kind && isSelected(next.object, namespace, call))
        yield { type: next.type, object: structuredClone(shown(next.object, call)) };
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  #answer(request: Request): unknown {
    const { method, kind, namespace, name } = request;
    if (method === 'GET' && name === undefined) return this.#list(kind, namespace, request);
    if (method === 'POST') return this.#create(kind, request.body as KubeObject, request);
    const stored = this.#stored.get(pathOf(kind, namespace, name));
    if (isApply(request) && (stored ?? request.subresource) === undefined) return this.#apply(undefined, request);
    if (stored === undefined) throw refused(request, 404, 'NotFound', `${kind.plural} "${name!}" not found`);
    return this.#withStored(stored, request);
  }

  #withStored(stored: Stored, request: Request): unknown {
    switch (request.method) {
      case 'GET':
        return shown(stored.object, request);
      case 'DELETE':
        return this.#end(stored, request);
      case 'PUT':
        return this.#replace(stored, request);
      case 'POST':
      case 'PATCH':
        return isApply(request) ? this.#apply(stored, request) : this.#patch(stored, request);
    }
  }

  #list(kind: ResourceKind, namespace: string | undefined, call: ApiCall): unknown {
    const items = this.all(kind).filter((object) => isSelected(object, namespace, call));
    return {
      metadata: { resourceVersion: String(this.#resourceVersion) },
      items: items.map((object) => shown(object, call)),
    };
  }

  #create(kind: ResourceKind, object: KubeObject, request?: Request): KubeObject {
    if (request !== undefined && isDryRun(request)) return object;
    const path = pathOf(kind, object.metadata.namespace, object.metadata.name);
    if (request !== undefined && this.#stored.has(path))
      throw refused(request, 409, 'AlreadyExists', `${kind.plural} "${object.metadata.name}" already exists`);
    const resourceVersion = this.#next();
    const metadata: Meta = {
      ...object.metadata,
      uid: `uid-${++this.#uids}`,
      generation: 1,
      resourceVersion: String(resourceVersion),
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    const stored = { kind, object: { ...object, metadata }, appliedBy: new Map<string, Json>() };
    this.#stored.set(path, stored);
    this.#tell('ADDED', stored, resourceVersion);
    return stored.object;
  }

  #apply(stored: Stored | undefined, request: Request): KubeObject {
    const { kind, subresource, query } = request;
    const manager = `${String(query?.['fieldManager'])}/${subresource ?? ''}`;
    const wanted = structuredClone(request.body) as KubeObject;
    if (stored === undefined) {
      const made = this.#create(kind, wanted);
      this.#stored.get(pathOf(kind, made.metadata.namespace, made.metadata.name))!.appliedBy.set(manager, body(wanted));
      return made;
    }
    requireSame(stored.object, request);
    const part = subresource === 'status' ? { status: (wanted as unknown as Json)['status'] } : body(wanted);
    const next = applied(stored.object as unknown as Json, stored.appliedBy.get(manager) ?? {}, part);
    if (isDryRun(request)) return next as unknown as KubeObject;
    stored.appliedBy.set(manager, structuredClone(part));
    return this.#change(stored, next as unknown as KubeObject);
  }

  #replace(stored: Stored, request: Request): KubeObject {
    requireSame(stored.object, request);
    return this.#change(stored, structuredClone(request.body) as KubeObject);
  }

  #patch(stored: Stored, request: Request): KubeObject {
    const next = patched(stored.object as unknown as Json, request.body as PatchOperation[]);
    if (next === undefined) throw refused(request, 422, 'Invalid', 'the server rejected our request: test failed');
    return this.#change(stored, next as unknown as KubeObject);
  }

  #change(stored: Stored, next: KubeObject): KubeObject {
    const before = stored.object;
    const { resourceVersion: _old, generation: _generation, uid: _uid, ...rest } = next.metadata as Meta;
    const { uid, resourceVersion, generation } = before.metadata;
    const kept = { ...next, metadata: { ...rest, uid, resourceVersion, generation } } as KubeObject;
    if (isDeepStrictEqual(kept, { ...before, metadata: { ...before.metadata } })) return before;
    const isSpecNew = !isDeepStrictEqual((next as unknown as Json)['spec'], (before as unknown as Json)['spec']);
    const version = this.#next();
    stored.object = {
      ...kept,
      metadata: {
        ...kept.metadata,
        resourceVersion: String(version),
        generation: (generation ?? 1) + (isSpecNew ? 1 : 0),
      },
    };
    if (kept.metadata.deletionTimestamp !== undefined && (kept.metadata.finalizers ?? []).length === 0)
      this.#delete(stored);
    else this.#tell('MODIFIED', stored, version);
    return stored.object;
  }

  #end(stored: Stored, request: Request): unknown {
    const uid = (request.body as { preconditions?: { uid?: string } } | undefined)?.preconditions?.uid;
    if (uid !== undefined && uid !== stored.object.metadata.uid)
      throw refused(request, 409, 'Conflict', 'Precondition failed: UID in precondition');
    if ((stored.object.metadata.finalizers ?? []).length === 0) this.#delete(stored);
    else if (stored.object.metadata.deletionTimestamp === undefined) {
      const metadata = { ...stored.object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
      this.#change(stored, { ...stored.object, metadata });
    }
    return {};
  }

  #delete(stored: Stored): void {
    const { namespace, name } = stored.object.metadata;
    this.#stored.delete(pathOf(stored.kind, namespace, name));
    const version = this.#next();
    const metadata = { ...stored.object.metadata, resourceVersion: String(version) };
    stored.object = { ...stored.object, metadata };
    this.#tell('DELETED', stored, version);
  }

  #next(): number {
    return ++this.#resourceVersion;
  }

  #tell(type: Happened['type'], { kind, object }: Stored, resourceVersion: number): void {
    this.#happened.push({ type, kind, object, resourceVersion });
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve(undefined);
  }
}

const isApply = ({ method, contentType }: ApiCall): boolean =>
  method === 'PATCH' && contentType === 'application/apply-patch+yaml';

const isDryRun = ({ query }: ApiCall): boolean => query?.['dryRun'] === 'All';

/** What a write may name to meet only what it was made for. */
function requireSame({ metadata }: KubeObject, request: Request): void {
  const { uid, resourceVersion } = (request.body as KubeObject).metadata;
  if (uid !== undefined && uid !== metadata.uid)
    throw refused(request, 409, 'Conflict', 'Precondition failed: UID in precondition');
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw refused(request, 409, 'Conflict', 'the object has been modified');
}

/** What a manager can own: not what the server keeps. */
function body(object: KubeObject): Json {
  const { uid: _uid, resourceVersion: _version, ...metadata } = object.metadata;
  return structuredClone<object>({ ...object, metadata }) as Json;
}

function parse(path: string): Pick<Request, 'kind' | 'namespace' | 'name' | 'subresource'> {
  const parts = path.split('/').slice(2);
  const apiVersion = path.startsWith('/apis/') ? parts.splice(0, 2).join('/') : parts.shift()!;
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural, name, subresource] = parts;
  const kind = Object.values(KINDS).find((one) => one.plural === plural && one.apiVersion === apiVersion);
  if (kind === undefined) throw new Error(`the fake knows no ${path}`);
  return { kind, namespace, name, subresource };
}

function isSelected(object: KubeObject, namespace: string | undefined, { query }: ApiCall): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const terms = String(query?.['labelSelector'] ?? '').split(',');
  return terms.every((term) => {
    const [label, value] = term.split('=');
    return term === '' || object.metadata.labels?.[label!] === value;
  });
}

/** Metadata only, when asked for. */
function shown(object: KubeObject, { accept }: ApiCall): object {
  return accept?.includes('PartialObjectMetadata') === true ? { metadata: object.metadata } : object;
}

function refused(request: Request, code: number, reason: string, message: string): Error {
  const details = { name: request.name, kind: request.kind.plural };
  const text = JSON.stringify({ kind: 'Status', code, reason, message, details });
  return refusal(request, { status: code, text });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
