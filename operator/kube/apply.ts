/** Reading and writing one object: raw JSON both ways, so that a field newer than any client's model is not lost. */
/* eslint-disable max-params -- one word each for which kind, which object and how, as every call of the API has */
import { KubeError, type ApiCall, type KubeApi } from './api.ts';
import { pathOf } from './list.ts';
import type { KubeObject, ObjectMeta, ResourceKind } from './object.ts';

/** Owner of the fields that the operator applies. */
export const MANAGER = 'kinlog-operator';

export type ObjectName = Pick<ObjectMeta, 'namespace' | 'name'>;

export interface ApplyOptions {
  /** Takes fields from other managers; else a field of theirs is a `conflict`. */
  readonly force: boolean;
  readonly subresource?: 'status' | undefined;
  /** All checks and admission, nothing stored. */
  readonly dryRun?: boolean | undefined;
}

/** Server-side apply: creates, or changes and removes only what this manager owns. The answer is the whole object. */
export function applyObject<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  object: T,
  { force, subresource, dryRun }: ApplyOptions,
  signal: AbortSignal,
): Promise<T> {
  const { namespace, name } = object.metadata;
  return api.call(
    {
      method: 'PATCH',
      path: pathOf(kind, namespace, name, subresource),
      query: { fieldManager: MANAGER, force, ...STRICT, ...(dryRun === true ? { dryRun: 'All' } : {}) },
      contentType: 'application/apply-patch+yaml',
      body: object,
    },
    signal,
  );
}

/** Past every cache. Throws KubeError `missing`. */
export function getObject<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  { namespace, name }: ObjectName,
  signal: AbortSignal,
): Promise<T> {
  return api.call({ method: 'GET', path: pathOf(kind, namespace, name) }, signal);
}

/** Past every cache. Undefined: it is not there. */
export async function getIfThere<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  where: ObjectName,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await getObject<T>(api, kind, where, signal);
  } catch (error) {
    if (error instanceof KubeError && error.sort === 'missing') return undefined;
    throw error;
  }
}

/** Throws KubeError `exists`. */
export function createObject<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  object: T,
  signal: AbortSignal,
): Promise<T> {
  return api.call(write('POST', pathOf(kind, object.metadata.namespace), object), signal);
}

/** All checks and admission of what would be made, and nothing stored. */
export async function dryRunObject(
  api: KubeApi,
  kind: ResourceKind,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const call = write('POST', pathOf(kind, object.metadata.namespace), object);
  await api.call({ ...call, query: { ...call.query, dryRun: 'All' } }, signal);
}

/** Compare and swap: only what was read is replaced, by its resourceVersion. Throws KubeError `conflict` else. */
export function replaceObject<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  object: T,
  signal: AbortSignal,
): Promise<T> {
  return api.call(write('PUT', pathOf(kind, object.metadata.namespace, object.metadata.name), object), signal);
}

export interface DeleteOptions {
  readonly propagation: 'Background' | 'Foreground' | 'Orphan';
  /** Only this one, not a later one of the same name: KubeError `conflict`. */
  readonly uid?: string | undefined;
}

/** Asks for its end, which may take its time. Throws KubeError `missing`. */
export async function deleteObject(
  api: KubeApi,
  kind: ResourceKind,
  { namespace, name }: ObjectName,
  { propagation, uid }: DeleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const body = { propagationPolicy: propagation, ...(uid === undefined ? {} : { preconditions: { uid } }) };
  await api.call({ method: 'DELETE', path: pathOf(kind, namespace, name), body }, signal);
}

/** RFC 6902. */
export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

/** All operations or none; a `test` that fails is KubeError `invalid`. */
export function patchObject<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  { namespace, name }: ObjectName,
  operations: readonly PatchOperation[],
  signal: AbortSignal,
): Promise<T> {
  const call = write('PATCH', pathOf(kind, namespace, name), operations);
  return api.call({ ...call, contentType: 'application/json-patch+json' }, signal);
}

const STRICT = { fieldValidation: 'Strict' } as const;

const write = (method: ApiCall['method'], path: string, body: unknown): ApiCall => ({
  method,
  path,
  query: { fieldManager: MANAGER, ...STRICT },
  body,
});
