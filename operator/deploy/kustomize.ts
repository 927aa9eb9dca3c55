/** install.yaml, and the same in parts for kustomize. */
import { stringify } from 'yaml';
import { DEFINITION } from '../crd/definition.ts';
import * as manifests from './manifests.ts';
import { yamlOf, type Tree } from './template.ts';
import { defaults, NAME, NAMESPACE } from './variant.ts';

const HEADER = '# Rendered from operator/deploy by `make generate`.\n';

/** Namespace, then what must be there before the operator starts, then the operator. */
export function installFile(version: string): string {
  const { crd, rbac, manager } = parts(version);
  return (
    HEADER + [NAMESPACE_FILE, ...Object.values(crd), ...Object.values(rbac), ...Object.values(manager)].join('---\n')
  );
}

/** Path below the folder → content. `samples`: name → content. */
export function kustomizeFiles(version: string, samples: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const { crd, rbac, manager } = parts(version);
  const files = new Map<string, string>();
  const base = (folder: string, contents: Readonly<Record<string, string>>, more: Tree = {}) => {
    for (const [name, content] of Object.entries(contents)) files.set(`${folder}/${name}.yaml`, HEADER + content);
    const resources = Object.keys(contents).map((name) => `${name}.yaml`);
    files.set(`${folder}/kustomization.yaml`, kustomization({ resources, ...more }));
  };
  base('crd', crd);
  base('rbac', rbac);
  base('manager', manager);
  base('samples', Object.fromEntries(samples));
  files.set('default/namespace.yaml', HEADER + NAMESPACE_FILE);
  files.set(
    'default/kustomization.yaml',
    kustomization({ resources: ['namespace.yaml', '../crd', '../rbac', '../manager'] }),
  );
  for (const [name, content] of namespaced(version)) files.set(`namespaced/${name}`, HEADER + content);
  return files;
}

/** An operator for its own namespace only: a Role instead of the ClusterRole. */
function namespaced(version: string): [string, string][] {
  const variant = defaults(version);
  const removed = (kind: string) => ({
    patch: `$patch: delete\napiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata:\n  name: ${NAME}\n`,
  });
  const watch = [
    {
      op: 'replace',
      path: '/spec/template/spec/containers/0/env/2',
      value: { name: 'WATCH_NAMESPACES', value: NAMESPACE },
    },
  ];
  const patches = [
    removed('ClusterRole'),
    removed('ClusterRoleBinding'),
    { target: { kind: 'Deployment', name: NAME }, patch: stringify(watch) },
  ];
  return [
    ['role.yaml', yamlOf(manifests.watchedRole(variant, NAMESPACE))],
    ['role-binding.yaml', yamlOf(manifests.watchedRoleBinding(variant, NAMESPACE))],
    ['kustomization.yaml', kustomization({ resources: ['../default', 'role.yaml', 'role-binding.yaml'], patches })],
  ];
}

function parts(version: string) {
  const variant = defaults(version);
  return {
    crd: { logstreams: stringify(DEFINITION, { lineWidth: 0, aliasDuplicateObjects: false }) },
    rbac: rendered({
      'service-account': manifests.serviceAccount(variant),
      'cluster-role': manifests.clusterRole(variant),
      'cluster-role-binding': manifests.clusterRoleBinding(variant),
      'leader-role': manifests.ownRole(variant),
      'leader-role-binding': manifests.ownRoleBinding(variant),
      'logstreams-view': manifests.peopleRole(variant, 'view'),
      'logstreams-edit': manifests.peopleRole(variant, 'edit'),
    }),
    manager: rendered({ deployment: manifests.deployment(variant), service: manifests.service(variant) }),
  };
}

const rendered = (objects: Readonly<Record<string, Tree>>): Record<string, string> =>
  Object.fromEntries(Object.entries(objects).map(([name, object]) => [name, yamlOf(object)]));

function kustomization(content: object): string {
  const head = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };
  return HEADER + stringify({ ...head, ...content }, { lineWidth: 0 });
}

const NAMESPACE_FILE = yamlOf({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: NAMESPACE,
    labels: { 'app.kubernetes.io/part-of': 'kinlog', 'pod-security.kubernetes.io/enforce': 'restricted' },
  },
});
