/** How other tools read a LogStream, from their public algorithms. */
import type { Condition } from '../../../../operator/kube/object.ts';

export interface Read {
  readonly generation: number;
  readonly deleting?: boolean;
  readonly status: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] } | undefined;
}

export type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/** kubernetes-sigs/cli-utils pkg/kstatus/status: checkGenericProperties in generic.go, then the standard conditions. */
export function kstatus({ generation, deleting, status }: Read): KStatus {
  if (deleting === true) return 'Terminating';
  if (status?.observedGeneration !== undefined && status.observedGeneration !== generation) return 'InProgress';
  const statusOf = (type: string) => status?.conditions?.find((one) => one.type === type)?.status;
  if (statusOf('Reconciling') === 'True') return 'InProgress';
  if (statusOf('Stalled') === 'True') return 'Failed';
  const ready = statusOf('Ready');
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress';
}

/** kubectl wait --for=condition=TYPE: staging/src/k8s.io/kubectl/pkg/cmd/wait/condition.go, checkCondition and getObservedGeneration. */
export function waitSettles({ generation, status }: Read, type: string, wanted = 'True'): boolean {
  const found = status?.conditions?.find((one) => one.type.toLowerCase() === type.toLowerCase());
  if (found === undefined) return false;
  const observed = found.observedGeneration ?? status?.observedGeneration;
  if (observed !== undefined && observed < generation) return false;
  return found.status.toLowerCase() === wanted.toLowerCase();
}
