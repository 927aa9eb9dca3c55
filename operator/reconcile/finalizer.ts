/** The finalizer that keeps a LogStream until its positions outside the cluster are deleted; there only while somebody wants that. */
import { KubeError, type KubeApi } from '../kube/api.ts';
import { patchObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { LogStream } from '../logstream.ts';

const FINALIZER = 'kinlog.io/positions';

/** A volume's claim is deleted by its owner reference; only a table or a collection needs us. */
export const ownsOutside = ({ spec }: LogStream): boolean =>
  spec.deletionPolicy === 'Delete' && spec.checkpoint.type !== 'LevelDB';

export const isHeld = ({ metadata }: LogStream): boolean => metadata.finalizers?.includes(FINALIZER) === true;

/** By JSON patch: an apply would own the finalizers of others. Throws KubeError `conflict` when the LogStream has changed since it was read. */
export async function hold(
  api: KubeApi,
  stream: LogStream,
  shallHold: boolean,
  signal: AbortSignal,
): Promise<LogStream> {
  const { finalizers = [], resourceVersion } = stream.metadata;
  const others = finalizers.filter((name) => name !== FINALIZER);
  try {
    return await patchObject<LogStream>(
      api,
      KINDS.logStream,
      stream.metadata,
      [
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'add', path: '/metadata/finalizers', value: shallHold ? [...others, FINALIZER] : others },
      ],
      signal,
    );
  } catch (error) {
    if (!(error instanceof KubeError) || error.sort !== 'invalid') throw error;
    throw new KubeError(error.message, { sort: 'conflict', status: error.status, reason: error.reason, cause: error });
  }
}
