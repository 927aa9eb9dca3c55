/** How objects are addressed, and listings page by page. */
import type { KubeApi } from './api.ts';
import type { KubeObject, ResourceKind } from './object.ts';

/** As client-go's pager. */
const PAGE = 500;

export interface Selection {
  /** All when absent. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Everything but the metadata stays on the server. */
  readonly metadataOnly?: boolean | undefined;
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

interface ListAnswer {
  readonly items: readonly KubeObject[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

/**
 * Pages of one listing, all of one moment; `resourceVersion` is that moment's, from which a watch goes on.
 * Throws KubeError `expired` when the moment is too long ago in the middle of it: begin anew.
 */
export async function* listPages(
  api: KubeApi,
  kind: ResourceKind,
  { namespace, labelSelector, metadataOnly }: Selection,
  signal: AbortSignal,
): AsyncGenerator<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
  let token: string | undefined;
  do {
    const answer: ListAnswer = await api.call(
      {
        method: 'GET',
        path: pathOf(kind, namespace),
        query: { limit: PAGE, labelSelector, continue: token },
        accept: acceptOf(metadataOnly, 'List'),
      },
      signal,
    );
    const { resourceVersion } = answer.metadata;
    yield { items: (answer.items ?? []).map((item) => slim(item, kind)), resourceVersion };
    token = answer.metadata.continue === '' ? undefined : answer.metadata.continue;
  } while (token !== undefined);
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

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
