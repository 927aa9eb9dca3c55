/** What the programs of the control plane are told in files. */
import { stringify } from 'yaml';

export const CONTROLLERS = [
  ...['deployment', 'replicaset', 'statefulset', 'job', 'garbage-collector', 'namespace', 'serviceaccount'],
  ...['serviceaccount-token', 'root-ca-certificate-publisher', 'disruption', 'node-lifecycle', 'taint-eviction'],
  ...['pod-garbage-collector', 'resourcequota', 'endpointslice', 'clusterrole-aggregation'],
  ...['persistentvolume-binder', 'persistentvolumeclaim-protection', 'validatingadmissionpolicy-status'],
]
  .map((name) => `${name}-controller`)
  .join(',');

/** token, user, uid, groups. */
export function tokens(nodes: readonly string[]): string {
  return [
    'admin-token,admin,admin,system:masters',
    'kube-controller-manager-token,system:kube-controller-manager,kube-controller-manager',
    'kube-scheduler-token,system:kube-scheduler,kube-scheduler',
    ...nodes.map((node) => `${node}-token,system:node:${node},${node},system:nodes`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** Writes by anybody, and everything that was refused, so that a test can count and list them. */
export function auditPolicy(): string {
  const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
  return stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'Metadata', verbs: writes },
      { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
      { level: 'None' },
    ],
  });
}

export function kubeconfig(to: { server: string; authority: string; name: string; token: string }): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: to.server, 'certificate-authority': to.authority } }],
    users: [{ name: to.name, user: { token: to.token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: to.name } }],
    'current-context': 'test',
  });
}

/** Without its own brake of 50 requests a second. */
export function schedulerConfig(file: string): string {
  return stringify({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: file, qps: 500, burst: 1000 },
  });
}
