/** The values of the chart: default, schema and description of each, from which values.yaml, values.schema.json and the table in the docs are rendered. */

export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain };

export interface Value {
  readonly default: Plain;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly description: string;
}

const text = (description: string, value = '', more = {}): Value => {
  return { default: value, schema: { type: 'string', ...more }, description };
};
const flag = (description: string, value: boolean): Value => ({
  default: value,
  schema: { type: 'boolean' },
  description,
});
const count = (description: string, value: number, minimum: number, maximum: number): Value => {
  return { default: value, schema: { type: 'integer', minimum, maximum }, description };
};
const map = (description: string, value: Plain = {}): Value => ({
  default: value,
  schema: { type: 'object' },
  description,
});
const texts = { type: 'object', additionalProperties: { type: 'string' } };
const textMap = (description: string, value: Plain = {}): Value => ({ default: value, schema: texts, description });
const list = (description: string, items: object): Value => ({
  default: [],
  schema: { type: 'array', items },
  description,
});

/** Dotted path → value. */
export const VALUES = {
  'image.repository': text('Image of operator and readers, without a tag.', 'kinlog', { minLength: 1 }),
  'image.tag': text('appVersion of the chart when empty.'),
  'image.digest': text('`sha256:…`; wins over the tag.', '', { pattern: '^(sha256:[0-9a-f]{64})?$' }),
  'image.pullPolicy': text('', 'IfNotPresent', { enum: ['Always', 'IfNotPresent', 'Never'] }),
  imagePullSecrets: list('`[{name: …}]`; readers have their own in spec.imagePullSecrets.', { type: 'object' }),
  'reader.image': text('Image of readers whose LogStream names none; that of the operator when empty.'),
  'reader.imagePullPolicy': text('', 'IfNotPresent', { enum: ['Always', 'IfNotPresent', 'Never'] }),
  replicas: count('One works, the others wait for its lease.', 1, 0, 10),
  watchNamespaces: list(
    'Namespaces whose LogStreams are looked after; all when empty. Given, the operator has a Role in each and no right beyond.',
    {
      type: 'string',
      minLength: 1,
    },
  ),
  secretWatch: flag(
    'Watch the metadata of Secrets, so that a changed one rolls its readers at once. Off: they are asked for by name, every few minutes, and the operator can not list them.',
    true,
  ),
  logLevel: text('', 'info', { enum: ['debug', 'info', 'warn', 'error'] }),
  workers: count('LogStreams that are worked on at a time.', 5, 1, 100),
  statusIntervalSeconds: count('How often a reader is asked for its status; 0 is never.', 60, 0, 3600),
  extraArgs: list('Further options of kinlog-operator.', { type: 'string' }),
  extraEnv: list('Further variables of its environment, as in a container.', { type: 'object' }),
  fullnameOverride: text('Name of everything that the chart makes; that of the release when empty.'),
  'crds.enabled': flag('Install and upgrade the resource definition with the chart.', true),
  'crds.keep': flag('Keep it, and so every LogStream, when the chart is uninstalled.', true),
  'rbac.create': flag('Make the roles of the operator.', true),
  'rbac.aggregate': flag('Let whoever may view or edit a namespace view or edit the LogStreams in it.', true),
  'serviceAccount.create': flag('', true),
  'serviceAccount.name': text('That of the chart when empty.'),
  'serviceAccount.annotations': textMap('Of the operator’s own; readers have theirs in spec.serviceAccount.'),
  resources: map('', { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } }),
  podAnnotations: textMap(''),
  podLabels: textMap(''),
  podSecurityContext: map(
    'Of the restricted pod security standard. The user is that of the image, 65532, or what the cluster gives.',
    {
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  ),
  securityContext: map('', {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  nodeSelector: textMap(''),
  tolerations: list('', { type: 'object' }),
  affinity: map(''),
  topologySpreadConstraints: list('', { type: 'object' }),
  priorityClassName: text(''),
  'metrics.service': flag('A Service for the metrics of the operator.', true),
  'metrics.podMonitor.enabled': flag(
    'A PodMonitor for the operator; needs the Prometheus operator. Those of readers are made where the cluster knows the kind.',
    false,
  ),
  'metrics.podMonitor.labels': textMap(
    'Of the PodMonitors of operator and readers, such as `release: prometheus`, as your Prometheus selects them.',
  ),
  'metrics.podMonitor.interval': text('', '30s'),
  'metrics.dashboards.enabled': flag('Grafana dashboards in ConfigMaps, for the sidecar of the Grafana chart.', false),
  'metrics.dashboards.labels': textMap('', { grafana_dashboard: '1' }),
  'metrics.rules.enabled': flag('Alerts as a PrometheusRule; needs the Prometheus operator.', false),
  'metrics.rules.labels': textMap(''),
  'networkPolicy.enabled': flag('Refuse connections to the operator but to its metrics.', false),
  'networkPolicy.metricsFrom': list('Peers that may read the metrics, as in a NetworkPolicy; everyone when empty.', {
    type: 'object',
  }),
} as const satisfies Readonly<Record<string, Value>>;

export type ValuePath = keyof typeof VALUES;

interface Branch {
  [key: string]: Value | Branch;
}

/** The table as a tree of its paths. */
function tree(): Branch {
  const all: Branch = {};
  for (const [path, value] of Object.entries<Value>(VALUES)) {
    const parts = path.split('.');
    const last = parts.pop()!;
    let at = all;
    for (const part of parts) at = (at[part] ??= {}) as Branch;
    at[last] = value;
  }
  return all;
}

const isValue = (node: Value | Branch): node is Value => 'schema' in node;

export function schemaFile(): string {
  const schema = (node: Value | Branch): object =>
    isValue(node)
      ? { ...(node.description === '' ? {} : { description: node.description }), ...node.schema }
      : {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, schema(inner)])),
        };
  const whole = schema(tree()) as { properties: Record<string, object> };
  // Helm's own, which it hands to every chart.
  whole.properties['global'] = { type: 'object' };
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...whole }, null, 2)}\n`;
}

export function valuesFile(): string {
  const lines = (branch: Branch, depth: number): string[] =>
    Object.entries(branch).flatMap(([key, node]) => {
      const pad = ' '.repeat(depth);
      if (!isValue(node)) return [`${pad}${key}:`, ...lines(node, depth + 2)];
      const comment = node.description === '' ? [] : [`${pad}# ${node.description}`];
      return [...comment, `${pad}${key}: ${JSON.stringify(node.default)}`];
    });
  return `${lines(tree(), 0).join('\n')}\n`;
}
