/** Suite 6, one child at a time: what a real API server makes of what was applied is up to date, is not once somebody changes it, and its pods are let into a restricted namespace. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { silentLog } from '../../base/events.ts';
import { configProblems } from '../../operator/desired/check.ts';
import { desiredChildren } from '../../operator/desired/desired.ts';
import { positionsJob } from '../../operator/desired/job.ts';
import type { Child } from '../../operator/desired/names.ts';
import { KubeError, type KubeApi } from '../../operator/kube/api.ts';
import { applyObject, createObject, getObject } from '../../operator/kube/apply.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../operator/kube/object.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { upToDate, withHash } from '../../operator/reconcile/drift.ts';
import { edited, type Way } from '../fakes/edit.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';

const CRDS = path.join(import.meta.dirname, '../../crds');
const settings = { image: 'kinlog:test', imagePullPolicy: 'IfNotPresent', podMonitors: false };
const NAMESPACE = 'restricted';

let plane: ControlPlane;
let api: KubeApi;
const signal = AbortSignal.timeout(110_000);

beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile() });
  api = kubeClient(await connect(plane.kubeconfig('admin')), { log: silentLog() });
  plane.kubectl(['apply', '--server-side', '-f', path.join(CRDS, 'logstreams.yaml')]);
  plane.kubectl(['wait', '--for=condition=Established', 'crd/logstreams.kinlog.io', '--timeout=30s']);
  plane.kubectl(['create', 'namespace', NAMESPACE]);
  plane.kubectl(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']);
});
afterAll(async () => {
  await api.close();
  await plane.stop();
});

const everything = {
  metadata: { name: `every.thing-${'x'.repeat(36)}` },
  spec: {
    source: {
      ...{ streamName: 'a', region: 'eu-west-1' },
      auth: { type: 'Secret', secretRef: { name: 'aws', sessionTokenKey: 'session' } },
    },
    checkpoint: { type: 'LevelDB', levelDB: { size: '1024Mi', accessMode: 'ReadWriteOnce' } },
    outputs: [{ name: 'log', type: 'Stdout' }],
    deadLetters: {},
    deletionPolicy: 'Delete',
    paused: true,
    imagePullSecrets: [{ name: 'registry' }],
    podDisruptionBudget: { maxUnavailable: 0 },
    serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/r' } },
    resources: { requests: { cpu: '0.50', memory: '100e6' }, limits: { memory: '1024Mi', cpu: 2 } },
    podTemplate: {
      metadata: { labels: { team: 'logs' }, annotations: { note: '' } },
      spec: {
        hostNetwork: false,
        priorityClassName: '',
        nodeSelector: { pool: 'logs' },
        securityContext: { fsGroup: null, runAsUser: 65532 },
        tolerations: [
          { operator: 'Exists' },
          { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', operator: 'Exists' },
        ],
        topologySpreadConstraints: [{ topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 }],
        affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
        volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '0.5Gi', medium: '' } }],
        containers: [
          {
            name: 'reader',
            env: [
              { name: 'EMPTY', value: '' },
              { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1000m' } } },
            ],
            ports: [
              { containerPort: 53, protocol: 'UDP' },
              { containerPort: 53, protocol: 'TCP', name: 'dns' },
            ],
            readinessProbe: { initialDelaySeconds: 0 },
            tty: false,
          },
        ],
      },
    },
  },
};

/** As the server hands it out, defaults and all. */
async function made({ metadata: { name }, spec }: { metadata: { name: string }; spec: unknown }): Promise<LogStream> {
  const object = {
    apiVersion: 'kinlog.io/v1alpha1',
    kind: 'LogStream',
    metadata: { name, namespace: NAMESPACE },
    spec,
  };
  return createObject(api, KINDS.logStream, object as unknown as LogStream, signal);
}

const kindOf = ({ kind }: KubeObject): ResourceKind => Object.values(KINDS).find((one) => one.kind === kind)!;
const apply = (child: Child) => applyObject(api, kindOf(child), withHash(child), { force: true }, signal);
const live = (child: Child) => getObject<KubeObject>(api, kindOf(child), child.metadata, signal);

/** What controllers write does not count. */
function withoutStatus(object: KubeObject): object {
  const { metadata, status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  return { ...rest, labels: metadata.labels, generation: metadata.generation };
}

/** Admission of the pods, which a Deployment or a Job is let in without. */
async function admit(owner: Child): Promise<void> {
  const { template } = owner['spec'] as { template: { metadata: { labels: object }; spec: object } };
  const metadata = { ...template.metadata, name: 'probe', namespace: NAMESPACE };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { restartPolicy: 'Always', ...template.spec } };
  await api.call(
    { method: 'POST', path: pathOf(KINDS.pod, NAMESPACE), query: { dryRun: 'All', fieldValidation: 'Strict' }, body },
    signal,
  );
}

const examples = readdirSync(path.join(CRDS, 'examples')).map(
  (file) => parse(readFileSync(path.join(CRDS, 'examples', file), 'utf8')) as typeof everything,
);

describe('6 children', () => {
  it.each([...examples, everything].map((example) => [example.metadata.name, example] as const))(
    'of %s are up to date once they were applied, and a second apply changes nothing',
    async (_, example) => {
      const stream = await made(example);
      expect(configProblems(stream)).toEqual([]);
      for (const child of desiredChildren(stream, { stamps: new Map([['Secret/a', '1']]) }, settings)) {
        await apply(child);
        const there = await live(child);
        expect([child.kind, upToDate(withHash(child), there)]).toEqual([child.kind, true]);
        expect(withoutStatus(await apply(child))).toEqual(withoutStatus(there));
        if (child.kind === 'Deployment') await admit(child);
      }
    },
  );

  it('is not up to date once somebody has changed a field of ours, and applying it brings that back', async () => {
    const stream = await made({ ...everything, metadata: { name: 'changed' } });
    const deployment = desiredChildren(stream, { stamps: new Map() }, settings).find(
      ({ kind }) => kind === 'Deployment',
    )!;
    // Null, which removes, has come through the server.
    expect(await apply(deployment)).toMatchObject({
      spec: { template: { spec: { securityContext: { runAsNonRoot: true, runAsUser: 65532 } } } },
    });
    expect(await live(deployment)).not.toHaveProperty('spec.template.spec.securityContext.fsGroup');
    const reader: Way = ['spec', 'template', 'spec', 'containers', 0];
    const changes: [Way, unknown][] = [
      [['spec', 'replicas'], 3],
      [[...reader, 'image'], 'evil:1'],
      [[...reader, 'resources', 'limits', 'memory'], '2Gi'],
      [[...reader, 'env', 0, 'valueFrom'], { fieldRef: { fieldPath: 'metadata.uid' } }],
      [['spec', 'template', 'spec', 'automountServiceAccountToken'], true],
      [['metadata', 'ownerReferences'], undefined],
      [['metadata', 'labels', 'app.kubernetes.io/managed-by'], 'somebody'],
    ];
    for (const [way, value] of changes) {
      const changed = edited(
        edited(await live(deployment), way, () => value),
        ['metadata', 'resourceVersion'],
        () => undefined,
      );
      plane.kubectl(['replace', '-f', '-'], JSON.stringify(changed));
      expect([way, upToDate(withHash(deployment), await live(deployment))]).toEqual([way, false]);
      await apply(deployment);
      expect([way, upToDate(withHash(deployment), await live(deployment))]).toEqual([way, true]);
    }
  });

  it('Jobs on positions and their pods are taken, for the longest name there is', async () => {
    const stream = await made({ ...everything, metadata: { name: `j.${'o'.repeat(46)}` } });
    await apply(desiredChildren(stream, { stamps: new Map() }, settings)[0]!);
    for (const job of [
      positionsJob(stream, { kind: 'delete' }, settings),
      positionsJob(stream, { kind: 'reset', id: 'any text', position: { type: 'Latest' } }, settings),
    ]) {
      await apply(job);
      await admit(job);
    }
  });

  it('what the server refuses of a pod is refused as invalid and leaves the Deployment as it was', async () => {
    const stream = await made({ ...everything, metadata: { name: 'refused' } });
    const children = (spec: object) =>
      desiredChildren({ ...stream, spec: { ...stream.spec, ...spec } }, { stamps: new Map() }, settings);
    const deployment = children({}).find(({ kind }) => kind === 'Deployment')!;
    const before = await apply(deployment);
    const wrong = children({ podTemplate: { spec: { priority: 'high' } } }).find(({ kind }) => kind === 'Deployment')!;
    await expect(apply(wrong)).rejects.toSatisfy(
      (error) => error instanceof KubeError && /invalid|undeclared/.test(error.sort),
    );
    expect((await live(deployment)).metadata.generation).toBe(before.metadata.generation);
  });
});
