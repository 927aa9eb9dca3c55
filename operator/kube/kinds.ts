/** Every kind that the operator reads or writes; the shipped roles are rendered from what it does with each. */
import { GROUP, KIND, PLURAL, VERSION } from '../logstream.ts';
import type { ResourceKind } from './object.ts';

const kind = (apiVersion: string, name: string, plural: string): ResourceKind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced: true,
});

export const KINDS = {
  logStream: kind(`${GROUP}/${VERSION}`, KIND, PLURAL),
  serviceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts'),
  configMap: kind('v1', 'ConfigMap', 'configmaps'),
  secret: kind('v1', 'Secret', 'secrets'),
  volumeClaim: kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  pod: kind('v1', 'Pod', 'pods'),
  deployment: kind('apps/v1', 'Deployment', 'deployments'),
  job: kind('batch/v1', 'Job', 'jobs'),
  podDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  podMonitor: kind('monitoring.coreos.com/v1', 'PodMonitor', 'podmonitors'),
  lease: kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  event: kind('events.k8s.io/v1', 'Event', 'events'),
} as const satisfies Record<string, ResourceKind>;
