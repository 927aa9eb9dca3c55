/** How objects are addressed, and listings page by page. */
import { KubeError, type ApiCall, type KubeApi } from './api.ts';
import { transportFailure } from './failures.ts';
import type { KubeObject, ResourceKind } from './object.ts';

/** As client-go's pager. */
const PAGE = 500;
/** Of objects that somebody made so large that an answer would not hold a page of them; one always fits. */
const SMALLER = 8;

export interface Selection {
  /** All when absent. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Everything but the metadata stays on the server. */
  readonly metadataOnly?: boolean | undefined;
  /** What of each object is worth its memory; all of it when absent. */
  readonly keep?: ((object: KubeObject) => KubeObject) | undefined;
}

/** From `/api` or `/apis` on. Without a name that of the listing. */
export function pathOf(
  { apiVersion, plural, namespaced }: ResourceKind,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const within = namespaced && namespace !== undefined ? ['namespaces', namespace] : [];
  const parts = [...within, plural, name, subresource].filter((part) => part !== undefined);
  return [apiVersion.includes('/') ? '/apis' : '/api', apiVersion, ...parts.map(encodeURIComponent)].join('/');
}

/** What a listing (`List`) or a watch sends of each object. */
export const acceptOf = (metadataOnly: boolean | undefined, list: 'List' | ''): string =>
  metadataOnly === true ? `application/json;as=PartialObjectMetadata${list};v=v1;g=meta.k8s.io` : 'application/json';

interface PageQuery extends Readonly<Record<string, string | number | undefined>> {
  readonly limit: number;
  readonly labelSelector: string | undefined;
  readonly continue: string | undefined;
}

/** As far as it can be relied on: a proxy may have answered. */
interface ListAnswer {
  readonly items?: readonly KubeObject[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/**
 * Pages of one listing, all of one moment; `resourceVersion` is that moment's, from which a watch goes on.
 * Throws KubeError `expired` when the moment is too long ago in the middle of it: begin anew.
 */
export async function* listPages(
  api: KubeApi,
  kind: ResourceKind,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
  const { namespace, labelSelector, metadataOnly } = selection;
  const call = { method: 'GET', path: pathOf(kind, namespace), accept: acceptOf(metadataOnly, 'List') } as const;
  const keep = kept(selection);
  let query: PageQuery = { limit: PAGE, labelSelector, continue: undefined };
  do {
    const { answer, limit } = await page(api, { ...call, query }, signal);
    const { resourceVersion = '', continue: next = '' } = answer?.metadata ?? {};
    // Taken for an empty listing, it would take everything out of a cache.
    if (resourceVersion === '') throw transportFailure(call, 'what came is no listing');
    yield { items: (answer?.items ?? []).map((item) => keep(item, kind)), resourceVersion };
    query = { ...query, limit, continue: next === '' ? undefined : next };
  } while (query.continue !== undefined);
}

/** As large as was asked for, or as `limit` says that an answer can be. */
async function page(
  api: KubeApi,
  call: ApiCall & { readonly query: PageQuery },
  signal: AbortSignal,
): Promise<{ readonly answer: ListAnswer | null; readonly limit: number }> {
  for (let { limit } = call.query; ; limit = Math.ceil(limit / SMALLER)) {
    try {
      return { answer: await api.call({ ...call, query: { ...call.query, limit } }, signal), limit };
    } catch (error) {
      if (!(error instanceof KubeError) || error.sort !== 'too-large' || limit === 1) throw error;
    }
  }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const IAM = 'eks.amazonaws.com/';

/** Webhooks read them of a service account when they make a pod: https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html */
export const ofIam = (annotations: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(IAM)));

/** Without what nobody here reads and what is often most of it. The last applied configuration of a Secret holds its data. */
export function slim<T extends KubeObject>(object: T, { apiVersion, kind }: ResourceKind): T {
  // Items of listings come without their kind, and metadata comes as a kind of its own.
  const {
    managedFields: _managedFields,
    annotations,
    ...metadata
  } = object.metadata as KubeObject['metadata'] & {
    readonly managedFields?: unknown;
  };
  const { [LAST_APPLIED]: _lastApplied, ...notes } = annotations ?? {};
  return {
    ...object,
    apiVersion,
    kind,
    metadata: { ...metadata, ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }) },
  };
}

/** Of somebody else's object that is watched by its metadata: which one it is, and nothing else that people and tools keep there, secrets among it. */
function slimmest<T extends KubeObject>({ metadata }: T, { apiVersion, kind }: ResourceKind): T {
  const { namespace, name, uid, resourceVersion } = metadata;
  const annotations = ofIam(metadata.annotations);
  return {
    apiVersion,
    kind,
    metadata: { namespace, name, uid, resourceVersion, ...(Object.keys(annotations).length > 0 && { annotations }) },
  } as T;
}

/** As a cache keeps it. */
export function kept({ metadataOnly, keep }: Selection): (object: KubeObject, kind: ResourceKind) => KubeObject {
  if (metadataOnly === true) return slimmest;
  return keep === undefined ? slim : (object, kind) => slim(keep(object), kind);
}
