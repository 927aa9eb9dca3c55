/** Volumes that outlive pods: claims of the operator's own, and ones that exist. */
import type { LogStream, VolumeClaim } from '../logstream.ts';
import { DEAD_LETTERS_FOLDER, POSITIONS_FOLDER } from './config.ts';
import { childName, labelsOf, ownerOf, type Child } from './names.ts';

export interface KeptVolume {
  readonly name: 'positions' | 'dead-letters';
  readonly mountPath: string;
  readonly claimName: string;
  readonly claim: VolumeClaim;
  /** Of the LogStream, for messages. */
  readonly field: string;
}

const DEFAULT_SIZE = '1Gi';
/** Argo CD may take a claim without an owner, whose instance label is the name of an Application, for a leftover of that: https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-prune-resources */
const NEVER_PRUNED = { 'argocd.argoproj.io/sync-options': 'Prune=false' };

export function keptVolumes(stream: LogStream): readonly KeptVolume[] {
  const { checkpoint, deadLetters } = stream.spec;
  const named = (name: KeptVolume['name'], claim: VolumeClaim) => ({
    name,
    claim,
    claimName: claim.existingClaim ?? `${childName(stream)}-${name}`,
  });
  return [
    ...(checkpoint.type === 'LevelDB'
      ? [
          {
            ...named('positions', checkpoint.levelDB ?? {}),
            mountPath: POSITIONS_FOLDER,
            field: 'spec.checkpoint.levelDB',
          },
        ]
      : []),
    ...(deadLetters === undefined
      ? []
      : [
          {
            ...named('dead-letters', deadLetters.volume),
            mountPath: DEAD_LETTERS_FOLDER,
            field: 'spec.deadLetters.volume',
          },
        ]),
  ];
}

export function claimsOf(stream: LogStream): readonly Child[] {
  return keptVolumes(stream)
    .filter(({ claim }) => claim.existingClaim === undefined)
    .map(({ claim, claimName }) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName,
        namespace: stream.metadata.namespace!,
        labels: labelsOf(stream),
        // Without an owner it stays, and the next LogStream of this name goes on with it.
        ...(stream.spec.deletionPolicy === 'Delete'
          ? { ownerReferences: [ownerOf(stream)] }
          : { annotations: NEVER_PRUNED }),
      },
      spec: {
        // Two pods on one node could both mount a volume of ReadWriteOnce.
        accessModes: [claim.accessMode ?? 'ReadWriteOncePod'],
        resources: { requests: { storage: claim.size ?? DEFAULT_SIZE } },
        ...(claim.storageClassName !== undefined && { storageClassName: claim.storageClassName }),
      },
    }));
}
