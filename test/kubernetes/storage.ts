/** A storage class of folders of this machine, seen from every node as network storage is: a volume for each claim. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from './controlplane.ts';

const PAUSE_MS = 100;
const CLASS = 'folders';
const VOLUMES = '/api/v1/persistentvolumes';

interface Claim {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

export class Storage {
  readonly #plane: ControlPlane;
  readonly #stop = new AbortController();
  readonly #made = new Set<string>();
  #running: Promise<void> = Promise.resolve();

  private constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  /** The class is the cluster's default. Claims that are deleted take their volumes and folders along, as the class says. */
  static async start(plane: ControlPlane): Promise<Storage> {
    await plane.call('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'kinlog.test/folders',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    });
    const storage = new Storage(plane);
    storage.#running = storage.#provision();
    return storage;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #provision(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // The server may be down, as a test wants it.
      await this.#round().catch(() => undefined);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #round(): Promise<void> {
    const { items } = await this.#plane.call<{ items: Claim[] }>('GET', '/api/v1/persistentvolumeclaims');
    for (const { metadata, spec } of items) {
      const { uid } = metadata;
      if (spec.storageClassName !== CLASS || spec.volumeName !== undefined || this.#made.has(uid)) continue;
      await this.#plane.call('POST', VOLUMES, this.#volume({ metadata, spec }));
      this.#made.add(uid);
    }
  }

  #volume({ metadata: { name, namespace, uid }, spec }: Claim): object {
    return {
      metadata: { name: `folder-${uid}` },
      spec: {
        storageClassName: CLASS,
        persistentVolumeReclaimPolicy: 'Delete',
        accessModes: spec.accessModes,
        capacity: spec.resources.requests,
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
        hostPath: { path: path.join(this.#plane.folder, 'volumes', uid) },
      },
    };
  }
}
