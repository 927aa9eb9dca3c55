/** Removes children that are not wanted any more. Claims are never among them: they hold positions and dead letters. */
import { CHILD_KINDS, type Caches, type ChildKind } from '../caches.ts';
import { KubeError, type KubeApi } from '../kube/api.ts';
import { deleteObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import { childKindOf } from './children.ts';

const PRUNED: readonly ChildKind[] = CHILD_KINDS.filter((kind) => kind !== 'volumeClaim');

/** `pods`: of the readers of this LogStream. */
export async function prune(
  { api, caches }: { api: KubeApi; caches: Caches },
  stream: LogStream,
  { wanted, pods }: { wanted: readonly KubeObject[]; pods: readonly KubeObject[] },
  signal: AbortSignal,
): Promise<void> {
  const names = new Set(wanted.map((object) => `${childKindOf(object)}/${object.metadata.name}`));
  for (const kind of PRUNED)
    for (const child of caches.children[kind].ownedBy(stream.metadata.uid!))
      if (!names.has(`${kind}/${child.metadata.name}`) && !isInUse(kind, child, pods))
        await remove(api, kind, child, signal);
}

/** A reader that ends still stores positions with its account's rights. */
function isInUse(kind: ChildKind, child: KubeObject, pods: readonly KubeObject[]): boolean {
  if (kind !== 'serviceAccount') return false;
  return pods.some(
    (pod) => (pod as { spec?: { serviceAccountName?: string } }).spec?.serviceAccountName === child.metadata.name,
  );
}

/** Only this very object, and nothing when it is gone or going. */
export async function remove(api: KubeApi, kind: ChildKind, child: KubeObject, signal: AbortSignal): Promise<void> {
  if (child.metadata.deletionTimestamp !== undefined) return;
  try {
    await deleteObject(
      api,
      KINDS[kind],
      child.metadata,
      { propagation: 'Background', uid: child.metadata.uid },
      signal,
    );
  } catch (error) {
    if (error instanceof KubeError && (error.sort === 'missing' || error.sort === 'conflict')) return;
    throw error;
  }
}
