/** Helm chart, kustomize and install.yaml: the same objects, which a real API server takes, and from which an operator works. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackedImage } from '../../operator/image/unpacked.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { Helm, manifests, type Manifest } from './helm.ts';
import { KubeletProcess } from './kubelet/child.ts';

const DEPLOY = path.join(import.meta.dirname, '../../operator/deploy');
const HELM_LABELS = ['helm.sh/chart', 'app.kubernetes.io/managed-by'];

const { version } = JSON.parse(readFileSync(path.join(DEPLOY, '../../package.json'), 'utf8')) as { version: string };
const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-install-'));
let helm: Helm;
let plane: ControlPlane;
let node: KubeletProcess;

beforeAll(async () => {
  helm = new Helm(folder);
  plane = await ControlPlane.start({ binary: builtFile(), nodes: ['node-a'] });
  const root = await unpackedImage();
  const image = { layers: [root], binds: [], entrypoint: ['kinlog'], env: { PATH: '/usr/local/bin' }, user: 65532 };
  const api = { server: plane.url, authority: plane.authority, token: 'node-a-token' };
  node = new KubeletProcess({
    name: 'node-a',
    api,
    images: { [`kinlog:${version}`]: image },
    folder: path.join(folder, 'node-a'),
  });
}, 300_000);
afterAll(async () => {
  await node.close();
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

const identity = ({ kind, metadata }: Manifest) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
const sorted = (objects: readonly Manifest[]) => [...objects].sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
const kustomized = (name: string) => manifests(plane.kubectl(['kustomize', path.join(DEPLOY, 'kustomize', name)]));
const installed = () => manifests(readFileSync(path.join(DEPLOY, 'install.yaml'), 'utf8'));

/** Without what only Helm writes. */
function plain(object: Manifest): unknown {
  const text = JSON.stringify(object, (key, value: unknown) => (HELM_LABELS.includes(key) ? undefined : value));
  const copy = JSON.parse(text) as { metadata: { labels?: object; annotations?: Record<string, string> } };
  delete copy.metadata.annotations?.['helm.sh/resource-policy'];
  if (Object.keys(copy.metadata.annotations ?? {}).length === 0) delete copy.metadata.annotations;
  return copy;
}

describe('what is installed', () => {
  it('is the same by kustomize and by install.yaml', () => {
    expect(sorted(kustomized('default'))).toEqual(sorted(installed()));
  });

  it('is the same by the chart, but for labels of Helm and the namespace', () => {
    const ours = (objects: readonly Manifest[]) =>
      sorted(objects.filter(({ kind }) => kind !== 'Namespace')).map((object) => {
        // The definition has the labels of the chart: whoever finds it can tell where it is from.
        const { kind, metadata } = object;
        return kind === 'CustomResourceDefinition' ? { ...object, metadata: { name: metadata.name } } : plain(object);
      });
    expect(ours(helm.template())).toEqual(ours(installed()));
  });

  it('is taken by the API server as it is', () => {
    plane.kubectl(['apply', '--server-side', '--filename', path.join(DEPLOY, 'install.yaml')]);
    plane.kubectl(['wait', '--for=condition=Established', 'crd/logstreams.kinlog.io']);
    for (const { kind, metadata } of installed().filter(({ metadata: { namespace } }) => namespace !== undefined))
      expect(plane.kubectl(['get', kind, metadata.name, '--namespace', metadata.namespace!])).toContain(metadata.name);
    plane.kubectl(['delete', '--filename', path.join(DEPLOY, 'install.yaml'), '--wait=true']);
  });

  it('for one namespace has no right beyond it', () => {
    const kinds = kustomized('namespaced').map(identity);
    expect(kinds).toContain('Role kinlog-system/kinlog-operator');
    expect(kinds.filter((kind) => kind.startsWith('ClusterRoleBinding'))).toEqual([]);
    const chart = helm.template('--set', 'watchNamespaces={team-a,team-b}');
    const names = chart.map(identity);
    for (const kind of ['Role', 'RoleBinding'])
      for (const namespace of ['team-a', 'team-b']) expect(names).toContain(`${kind} ${namespace}/kinlog-operator`);
    expect(names.filter((name) => name.startsWith('ClusterRoleBinding'))).toEqual([]);
    expect(names).not.toContain('ClusterRole /kinlog-operator');
  });
});

describe('the chart', () => {
  it('has no fault that helm lint finds', () => {
    expect(helm.run(['lint', '--strict', helm.chart])).toContain('0 chart(s) failed');
  });

  it.each([
    ['an unknown value', '--set', 'replica=2'],
    ['a log level that there is not', '--set', 'logLevel=loud'],
    ['a digest that is none', '--set', 'image.digest=latest'],
    ['a text for a number', '--set-string', 'workers=many'],
  ])('refuses %s', (_what, ...values) => {
    expect(() => helm.template(...values)).toThrow(/values don't meet the specifications/);
  });

  it('takes the digest of an image before its tag', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const all = JSON.stringify(helm.template('--set', `image.repository=registry.test/kinlog,image.digest=${digest}`));
    expect(all).toContain(`"image":"registry.test/kinlog@${digest}"`);
    expect(all).toContain(`"name":"KINLOG_READER_IMAGE","value":"registry.test/kinlog@${digest}"`);
  });

  it('can keep the definition, remove it with the rest, or leave it alone', () => {
    const definition = (...values: string[]) =>
      helm.template(...values).find(({ kind }) => kind === 'CustomResourceDefinition');
    expect(definition()!.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    expect(definition('--set', 'crds.keep=false')!.metadata.annotations ?? {}).toEqual({});
    expect(definition('--set', 'crds.enabled=false')).toBeUndefined();
  });

  it('without the watch of Secrets has no right to list them', () => {
    const role = helm
      .template('--set', 'secretWatch=false')
      .find((object) => identity(object) === 'ClusterRole /kinlog-operator');
    const rules = role!['rules'] as { resources: string[]; verbs: string[] }[];
    expect(rules.filter(({ resources }) => resources.includes('secrets'))).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
    ]);
  });

  it('with everything on is taken by the API server', () => {
    plane.kubectl(['create', 'namespace', 'everything']);
    plane.kubectl(['apply', '--server-side', '--filename', '-'], PROMETHEUS_KINDS);
    plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const objects = helm.template('--namespace', 'everything', ...EVERYTHING);
    const kinds = new Set(objects.map(({ kind }) => kind));
    for (const kind of ['PodMonitor', 'PrometheusRule', 'NetworkPolicy', 'ConfigMap']) expect(kinds).toContain(kind);
    const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const said = plane.kubectl(
      ['apply', '--server-side', '--dry-run=server', '--namespace', 'everything', '--filename', '-'],
      text,
    );
    expect(said.trim().split('\n')).toHaveLength(objects.length);
  });
});

describe('helm', () => {
  const release = (verb: string, ...more: string[]) => {
    const config = plane.kubeconfig('admin');
    const place = ['--namespace', 'kinlog-system', '--wait', '--timeout', '120s'];
    return helm.run(
      [verb, 'kinlog-operator', ...(verb === 'uninstall' ? [] : [helm.chart]), ...place, ...more],
      config,
    );
  };
  // On one machine every pod has the same network: each listens on an address of its own.
  const address = [
    '--set-json',
    'extraEnv=[{"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}]',
    '--set',
    'extraArgs={--metrics-listen=$(POD_IP):8080,--probes-listen=$(POD_IP):8081}',
  ];

  it('installs an operator from the image, under the restricted pod security, and waits until it works', async () => {
    plane.kubectl(['create', 'namespace', 'kinlog-system']);
    plane.kubectl(['label', 'namespace', 'kinlog-system', 'pod-security.kubernetes.io/enforce=restricted']);
    release('install', ...address);
    const status = plane.kubectl([
      'get',
      'deployment/kinlog-operator',
      '-n',
      'kinlog-system',
      '-o',
      'jsonpath={.status.readyReplicas}',
    ]);
    expect(status).toBe('1');
    expect(await node.log('kinlog-system/kinlog-operator')).not.toMatch(/"level":"(warn|error)"/i);
  });

  it('upgrades to two operators, of which one leads', () => {
    release('upgrade', ...address, '--set', 'replicas=2');
    const holder = plane.kubectl([
      'get',
      'leases',
      '-n',
      'kinlog-system',
      '-o',
      'jsonpath={.items[*].spec.holderIdentity}',
    ]);
    expect(holder.trim().split(' ')).toHaveLength(1);
    expect(holder).toContain('kinlog-operator-');
  });

  it('uninstalls everything but the definition, and so no LogStream', () => {
    plane.kubectl(['apply', '--filename', path.join(DEPLOY, 'kustomize/samples/smallest.yaml')]);
    release('uninstall');
    expect(
      plane.kubectl(['get', 'deployments,roles,rolebindings,services', '-n', 'kinlog-system', '-o', 'name']).trim(),
    ).toBe('');
    expect(plane.kubectl(['get', 'logstreams', '-A', '-o', 'name'])).toContain('logstream');
  });
});

const EVERYTHING = [
  'metrics.podMonitor.enabled=true',
  'metrics.podMonitor.labels.release=prometheus',
  'metrics.dashboards.enabled=true',
  'metrics.rules.enabled=true',
  'networkPolicy.enabled=true',
  'podLabels.team=logs',
  'podAnnotations.note=one',
  'serviceAccount.annotations.note=two',
  'nodeSelector.disk=fast',
  'priorityClassName=system-cluster-critical',
  'extraArgs={--resync-hours=5}',
].flatMap((value) => ['--set', value]);
EVERYTHING.push(
  ...['--set-json', 'imagePullSecrets=[{"name":"pull"}]'],
  ...['--set-json', 'tolerations=[{"key":"logs","operator":"Exists"}]'],
  ...['--set-json', 'networkPolicy.metricsFrom=[{"namespaceSelector":{"matchLabels":{"name":"monitoring"}}}]'],
  ...[
    '--set-json',
    'topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"ScheduleAnyway"}]',
  ],
);

/** As far as the chart names them. */
const PROMETHEUS_KINDS = [
  ['PodMonitor', 'podmonitors'],
  ['PrometheusRule', 'prometheusrules'],
]
  .map(([kind, plural]) =>
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural!}.monitoring.coreos.com` },
      spec: {
        group: 'monitoring.coreos.com',
        scope: 'Namespaced',
        names: { kind, plural },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    }),
  )
  .join('\n---\n');
