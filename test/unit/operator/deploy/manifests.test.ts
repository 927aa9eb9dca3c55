/** What the manifests promise a cluster. */
import { describe, expect, it } from 'vitest';
import { chartFiles } from '../../../../operator/deploy/chart.ts';
import { clusterRole, deployment } from '../../../../operator/deploy/manifests.ts';
import { rightsTable } from '../../../../operator/deploy/rights.ts';
import { VALUES } from '../../../../operator/deploy/values.ts';
import { defaults } from '../../../../operator/deploy/variant.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const variant = defaults('1.2.3');
const rules = clusterRole(variant)['rules'] as unknown as readonly Rule[];

describe('the role of the operator', () => {
  it('names every group, kind and verb: no *', () => {
    expect(rules.filter((rule) => [rule.apiGroups, rule.resources, rule.verbs].flat().includes('*'))).toEqual([]);
  });

  it('can not read a pod’s log, run in one, make roles or impersonate', () => {
    const dangerous = /pods\/|nodes|roles|rolebindings|serviceaccounts\/token|customresourcedefinitions|webhook/;
    expect(rules.flatMap(({ resources }) => resources).filter((name) => dangerous.test(name))).toEqual([]);
    const verbs = rules.flatMap(({ verbs: all }) => all);
    for (const verb of ['escalate', 'bind', 'impersonate', 'deletecollection']) expect(verbs).not.toContain(verb);
  });

  it('never deletes a volume, and writes no Secret', () => {
    const of = (name: string) =>
      rules.filter(({ resources }) => resources.includes(name)).flatMap(({ verbs }) => verbs);
    expect(of('persistentvolumeclaims')).not.toContain('delete');
    expect(of('secrets')).toEqual(['get', 'list', 'watch']);
  });

  it('has a reason for everything', () => {
    expect(rightsTable().filter(([, , , why]) => (why ?? '').length < 5)).toEqual([]);
  });
});

describe('the pod of the operator', () => {
  it('meets the restricted pod security standard, with a root that can not be written to', () => {
    const { spec } = deployment(variant) as unknown as {
      spec: { template: { spec: { securityContext: object; containers: { securityContext: object }[] } } };
    };
    // No user or group: OpenShift gives them, and refuses a pod that asks for others.
    expect(spec.template.spec.securityContext).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.template.spec.containers.map(({ securityContext }) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ]);
  });
});

describe('the chart', () => {
  const templates = [...chartFiles('1.2.3')].filter(([name]) => name.startsWith('templates/'));

  it('does something with every value that it takes', () => {
    const used = new Set(
      templates.flatMap(([, text]) => [...text.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, name]) => name)),
    );
    expect(Object.keys(VALUES).filter((name) => !used.has(name))).toEqual([]);
  });

  it('puts the annotations of its service account into its metadata', () => {
    expect(new Map(templates).get('templates/service-account.yaml')).toContain(`
{{- with $.Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
{{- end }}
`);
  });
});
