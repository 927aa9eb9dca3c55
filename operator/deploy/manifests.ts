/** Everything that an installed operator consists of but its resource definition, once for Helm, kustomize and install.yaml. */
import { ownRules, PEOPLE, watchedRules } from './rights.ts';
import { filled, type Node, type Tree } from './template.ts';
import type { Variant } from './variant.ts';

const RBAC = 'rbac.authorization.k8s.io';
/** Of the operator's options, and of the probes and the Service here. */
const PORTS = { metrics: 8080, probes: 8081 } as const;

type Scope = Node;

export function serviceAccount(variant: Variant): Tree {
  const annotations = variant.block('serviceAccount.annotations');
  const names = { namespace: variant.namespace, name: variant.serviceAccount };
  return {
    ...head('v1', 'ServiceAccount', variant, { ...names, annotations }),
    automountServiceAccountToken: false,
  };
}

/** The rights of the operator in all namespaces. */
export function clusterRole(variant: Variant): Tree {
  return {
    ...head(`${RBAC}/v1`, 'ClusterRole', variant, { name: variant.named() }),
    rules: watchedRules(secretVerbs(variant)),
  };
}

export function clusterRoleBinding(variant: Variant): Tree {
  const about = head(`${RBAC}/v1`, 'ClusterRoleBinding', variant, { name: variant.named() });
  return { ...about, ...binding('ClusterRole', variant.named(), variant) };
}

/** The same rights in one namespace. */
export function watchedRole(variant: Variant, namespace: Scope): Tree {
  const about = head(`${RBAC}/v1`, 'Role', variant, { name: variant.named(), namespace });
  return { ...about, rules: watchedRules(secretVerbs(variant)) };
}

export function watchedRoleBinding(variant: Variant, namespace: Scope): Tree {
  const about = head(`${RBAC}/v1`, 'RoleBinding', variant, { name: variant.named(), namespace });
  return { ...about, ...binding('Role', variant.named(), variant) };
}

/** What it needs where it runs. */
export function ownRole(variant: Variant): Tree {
  const { namespace } = variant;
  return { ...head(`${RBAC}/v1`, 'Role', variant, { name: variant.named('-leader'), namespace }), rules: ownRules() };
}

export function ownRoleBinding(variant: Variant): Tree {
  const { namespace } = variant;
  const about = head(`${RBAC}/v1`, 'RoleBinding', variant, { name: variant.named('-leader'), namespace });
  return { ...about, ...binding('Role', variant.named('-leader'), variant) };
}

export function peopleRole(variant: Variant, who: keyof typeof PEOPLE): Tree {
  const to = who === 'view' ? ['view', 'edit', 'admin'] : ['edit', 'admin'];
  const aggregate = Object.fromEntries(to.map((role) => [`${RBAC}/aggregate-to-${role}`, 'true']));
  const name = variant.named(`-logstreams-${who}`);
  return { ...labelled(head(`${RBAC}/v1`, 'ClusterRole', variant, { name }), aggregate), rules: PEOPLE[who] };
}

export function service(variant: Variant): Tree {
  const { namespace } = variant;
  return {
    ...head('v1', 'Service', variant, { name: variant.named('-metrics'), namespace }),
    spec: {
      selector: variant.selector,
      ports: [{ name: 'metrics', port: PORTS.metrics, targetPort: 'metrics', protocol: 'TCP' }],
    },
  };
}

export function networkPolicy(variant: Variant): Tree {
  const { namespace } = variant;
  return {
    ...head('networking.k8s.io/v1', 'NetworkPolicy', variant, { name: variant.named(), namespace }),
    spec: {
      podSelector: { matchLabels: variant.selector },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ port: 'metrics', protocol: 'TCP' }], from: variant.block('networkPolicy.metricsFrom') },
        // Probes come from the node, which not every network lets through by itself; they tell nothing.
        { ports: [{ port: 'probes', protocol: 'TCP' }] },
      ],
    },
  };
}

export function podMonitor(variant: Variant): Tree {
  const { namespace } = variant;
  const about = head('monitoring.coreos.com/v1', 'PodMonitor', variant, { name: variant.named(), namespace });
  return {
    ...labelled(about, { '<<labels': variant.block('metrics.podMonitor.labels') }),
    spec: {
      selector: { matchLabels: variant.selector },
      podMetricsEndpoints: [{ port: 'metrics', interval: variant.value('metrics.podMonitor.interval') }],
    },
  };
}

export function deployment(variant: Variant): Tree {
  const { namespace } = variant;
  return {
    ...head('apps/v1', 'Deployment', variant, { name: variant.named(), namespace }),
    spec: {
      replicas: variant.value('replicas'),
      selector: { matchLabels: variant.selector },
      template: {
        metadata: {
          labels: { ...variant.labels, '<<labels': variant.block('podLabels') },
          annotations: {
            'kubectl.kubernetes.io/default-container': 'operator',
            '<<more': variant.block('podAnnotations'),
          },
        },
        spec: podSpec(variant),
      },
    },
  };
}

function podSpec(variant: Variant): Tree {
  return {
    serviceAccountName: variant.serviceAccount,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    imagePullSecrets: variant.block('imagePullSecrets'),
    securityContext: variant.block('podSecurityContext'),
    priorityClassName: variant.block('priorityClassName'),
    nodeSelector: variant.block('nodeSelector'),
    tolerations: variant.block('tolerations'),
    affinity: variant.block('affinity'),
    topologySpreadConstraints: variant.block('topologySpreadConstraints'),
    containers: [container(variant)],
  };
}

function container(variant: Variant): Tree {
  const probe = (path: string, more: Tree = {}) => ({ httpGet: { path, port: 'probes' }, ...more });
  return {
    name: 'operator',
    image: variant.image,
    imagePullPolicy: variant.value('image.pullPolicy'),
    command: ['kinlog-operator'],
    args: [
      variant.option('log-level', 'logLevel'),
      variant.option('workers', 'workers'),
      variant.option('status-interval-seconds', 'statusIntervalSeconds'),
      variant.option('reader-image-pull-policy', 'reader.imagePullPolicy'),
      variant.secretWatchOption,
      ...variant.moreOptions,
    ],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'WATCH_NAMESPACES', value: variant.watchNamespaces },
      { name: 'KINLOG_READER_IMAGE', value: variant.readerImage },
      variant.when('metrics.podMonitor.labels', { name: 'KINLOG_POD_MONITOR_LABELS', value: variant.podMonitorLabels }),
      ...variant.moreEnvironment,
    ],
    ports: Object.entries(PORTS).map(([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' })),
    livenessProbe: probe('/healthz', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 5, timeoutSeconds: 5 }),
    startupProbe: probe('/healthz', { periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 }),
    resources: variant.block('resources'),
    securityContext: variant.block('securityContext'),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/** Contents by name always; their metadata as a whole only when it is watched. */
function secretVerbs(variant: Variant): Node {
  return ['get', variant.when('secretWatch', 'list'), variant.when('secretWatch', 'watch')];
}

function head(apiVersion: string, kind: string, variant: Variant, names: Tree): Tree {
  return { apiVersion, kind, metadata: { ...names, labels: variant.labels } };
}

function labelled(object: Tree, labels: Tree): Tree {
  const metadata = object['metadata'] as Tree;
  return { ...object, metadata: { ...metadata, labels: { ...(metadata['labels'] as Tree), ...labels } } };
}

function binding(kind: string, name: Node, variant: Variant): Tree {
  return {
    roleRef: { apiGroup: RBAC, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: variant.serviceAccount, namespace: variant.namespace }],
  };
}

/** Rules of files/alerts.yaml of the chart. */
export function alertRules(variant: Variant): Tree {
  const { namespace } = variant;
  const about = head('monitoring.coreos.com/v1', 'PrometheusRule', variant, { name: variant.named(), namespace });
  return {
    ...labelled(about, { '<<labels': variant.block('metrics.rules.labels') }),
    spec: filled('{{- $.Files.Get "files/alerts.yaml" | nindent 2 }}'),
  };
}

/** Those files of the chart, as the sidecar of Grafana's chart finds them. */
export function dashboards(variant: Variant, files: readonly string[]): Tree {
  const { namespace } = variant;
  const about = head('v1', 'ConfigMap', variant, { name: variant.named('-dashboards'), namespace });
  const data = files.map((file) => [file, filled(`{{ $.Files.Get "files/${file}" | toJson }}`)]);
  return {
    ...labelled(about, { '<<labels': variant.block('metrics.dashboards.labels') }),
    data: Object.fromEntries(data) as Tree,
  };
}
