/** The files of the Helm chart. */
import { stringify } from 'yaml';
import { DEFINITION } from '../crd/definition.ts';
import { ALERT_GROUPS } from './alerts.ts';
import { DASHBOARDS } from './dashboards.ts';
import { chartPage } from './pages.ts';
import * as manifests from './manifests.ts';
import { filled, when, yamlOf, type Tree } from './template.ts';
import { schemaFile, valuesFile, type ValuePath } from './values.ts';
import { CHART, NAME, valueAt } from './variant.ts';

/** Path below the chart's folder → content. */
export function chartFiles(version: string): ReadonlyMap<string, string> {
  return new Map([
    ['Chart.yaml', yamlOf(about(version))],
    ['values.yaml', valuesFile()],
    ['values.schema.json', schemaFile()],
    ['templates/_names.tpl', NAMES],
    ['templates/NOTES.txt', NOTES],
    ...Object.entries(templates()).map(([name, content]) => [`templates/${name}.yaml`, content] as const),
    ['README.md', chartPage()],
    ['files/alerts.yaml', stringify({ groups: ALERT_GROUPS }, { lineWidth: 0 })],
    ...Object.entries(DASHBOARDS).map(
      ([name, content]) => [`files/${name}`, `${JSON.stringify(content, null, 2)}\n`] as const,
    ),
  ]);
}

function about(version: string): Tree {
  return {
    apiVersion: 'v2',
    name: NAME,
    description: 'Keeps a reader for every LogStream: an Amazon Kinesis data stream into Splunk',
    type: 'application',
    version,
    appVersion: version,
    kubeVersion: '>=1.29.0-0',
    annotations: { 'artifacthub.io/license': 'Apache-2.0' },
  };
}

function templates(): Readonly<Record<string, string>> {
  const all = `and ${valueAt('rbac.create')} (not ${valueAt('watchNamespaces')})`;
  const some = `if ${valueAt('rbac.create')} }}\n{{- range $namespace := ${valueAt('watchNamespaces')}`;
  const each = filled('{{ $namespace }}');
  return {
    'custom-resource-definition': guarded('crds.enabled', definition()),
    'service-account': guarded('serviceAccount.create', manifests.serviceAccount(CHART)),
    'cluster-role': conditional(`if ${all}`, manifests.clusterRole(CHART), manifests.clusterRoleBinding(CHART)),
    roles: `${conditional(some, manifests.watchedRole(CHART, each), manifests.watchedRoleBinding(CHART, each))}{{- end }}\n`,
    'leader-role': guarded('rbac.create', manifests.ownRole(CHART), manifests.ownRoleBinding(CHART)),
    'people-roles': guarded('rbac.aggregate', manifests.peopleRole(CHART, 'view'), manifests.peopleRole(CHART, 'edit')),
    deployment: yamlOf(manifests.deployment(CHART)),
    service: guarded('metrics.service', manifests.service(CHART)),
    'pod-monitor': guarded('metrics.podMonitor.enabled', manifests.podMonitor(CHART)),
    'network-policy': guarded('networkPolicy.enabled', manifests.networkPolicy(CHART)),
    'alert-rules': guarded('metrics.rules.enabled', manifests.alertRules(CHART)),
    dashboards: guarded('metrics.dashboards.enabled', manifests.dashboards(CHART, Object.keys(DASHBOARDS))),
  };
}

const guarded = (path: ValuePath, ...objects: readonly Tree[]): string =>
  conditional(`if ${valueAt(path)}`, ...objects);

function conditional(start: string, ...objects: readonly Tree[]): string {
  return `{{- ${start} }}\n${objects.map((object) => `---\n${yamlOf(object)}`).join('')}{{- end }}\n`;
}

/** In the templates: Helm never upgrades what lies in its folder for definitions. */
function definition(): Tree {
  const { metadata, ...rest } = DEFINITION as unknown as Tree & { readonly metadata: Tree };
  const keep = when(valueAt('crds.keep'), 'keep');
  const { apiVersion, kind, ...more } = rest;
  const annotations = { ...(metadata['annotations'] as Tree | undefined), 'helm.sh/resource-policy': keep };
  return { apiVersion, kind, metadata: { ...metadata, labels: CHART.labels, annotations }, ...more };
}

const NAMES = `{{- define "kinlog.name" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "kinlog.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "kinlog.name" .) }}
{{- end }}

{{- define "kinlog.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "kinlog.podMonitorLabels" -}}
{{- $pairs := list }}
{{- range $name, $value := .Values.metrics.podMonitor.labels }}
{{- $pairs = append $pairs (printf "%s=%s" $name $value) }}
{{- end }}
{{- join "," $pairs }}
{{- end }}
`;

const NOTES = `The operator looks after LogStreams in {{ if .Values.watchNamespaces }}{{ join ", " .Values.watchNamespaces }}{{ else }}all namespaces{{ end }}.

  kubectl get logstreams --all-namespaces
  kubectl --namespace {{ .Release.Namespace }} logs deployment/{{ include "kinlog.name" . }}
{{- if not .Values.crds.keep }}

crds.keep is off: uninstalling the chart deletes every LogStream in the cluster.
{{- end }}
`;
