/** What is made for a LogStream: which objects, in which order, and what of them must never be otherwise. */
import { describe, expect, it } from 'vitest';
import { desiredChildren, type Resolved } from '../../../../operator/desired/desired.ts';
import type { LogStreamSpec } from '../../../../operator/logstream.ts';
import { accepted, hec, logStream, nothing, settings } from './scene.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly valueFrom: object }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly resources: object;
  readonly [field: string]: unknown;
}
interface Deployment {
  readonly spec: {
    readonly replicas: number;
    readonly strategy: object;
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly volumes: readonly object[];
        readonly securityContext: object;
        readonly [field: string]: unknown;
      };
    };
  };
}

const children = (spec: Partial<LogStreamSpec> = {}, resolved: Resolved = nothing) =>
  desiredChildren(logStream(spec), resolved, settings);
const one = (kind: string, spec: Partial<LogStreamSpec> = {}) => children(spec).find((child) => child.kind === kind);
const deployment = (spec: Partial<LogStreamSpec> = {}, resolved: Resolved = nothing) =>
  children(spec, resolved).find(({ kind }) => kind === 'Deployment') as unknown as Deployment;
const pod = (spec: Partial<LogStreamSpec> = {}) => deployment(spec).spec.template.spec;
const reader = (spec: Partial<LogStreamSpec> = {}) => pod(spec).containers[0]!;
const checkpoint = logStream().spec.checkpoint;
const levelDB = { checkpoint: { ...checkpoint, type: 'LevelDB' } } as const;

describe('the children', () => {
  it('come in the order in which they are needed', () => {
    const all = children({ ...levelDB, deadLetters: { volume: {} }, podDisruptionBudget: { maxUnavailable: 1 } });
    expect(all.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ServiceAccount orders-reader',
      'PersistentVolumeClaim orders-reader-positions',
      'PersistentVolumeClaim orders-reader-dead-letters',
      'ConfigMap orders-reader',
      'Deployment orders-reader',
      'PodDisruptionBudget orders-reader',
      'PodMonitor orders-reader',
    ]);
    for (const { metadata } of all)
      expect(metadata).toMatchObject({
        namespace: 'shop',
        labels: {
          'app.kubernetes.io/name': 'kinlog-reader',
          'app.kubernetes.io/instance': 'orders',
          'app.kubernetes.io/component': 'reader',
          'app.kubernetes.io/managed-by': 'kinlog-operator',
          'kinlog.io/logstream': 'orders',
        },
      });
  });

  it('are no more than the smallest LogStream needs', () => {
    expect(desiredChildren(logStream(), nothing, { ...settings, podMonitors: false }).map(({ kind }) => kind)).toEqual([
      'ServiceAccount',
      'ConfigMap',
      'Deployment',
    ]);
    expect(one('PodMonitor', { monitoring: { podMonitor: 'Never', lagThresholdSeconds: 1 } })).toBeUndefined();
    expect(one('ServiceAccount', { serviceAccount: { create: false, name: 'own' } })).toBeUndefined();
  });

  it('belong to the LogStream, so that they go with it', () => {
    for (const { metadata } of children({ podDisruptionBudget: { maxUnavailable: 0 } }))
      expect(metadata.ownerReferences).toEqual([
        {
          ...{ apiVersion: 'kinlog.io/v1alpha1', kind: 'LogStream', name: 'orders', uid: 'uid-1' },
          ...{ controller: true, blockOwnerDeletion: true },
        },
      ]);
  });

  it('are the same for the same LogStream, and neither says when nor by whom they were made', () => {
    expect(children()).toEqual(children());
    expect(JSON.stringify(children())).toBe(JSON.stringify(children()));
  });
});

describe('a claim', () => {
  it('stays when the LogStream goes, unless its positions shall go with it', () => {
    expect(one('PersistentVolumeClaim', levelDB)).not.toHaveProperty('metadata.ownerReferences');
    expect(one('PersistentVolumeClaim', { ...levelDB, deletionPolicy: 'Delete' })).toHaveProperty(
      'metadata.ownerReferences.0.uid',
      'uid-1',
    );
  });

  it('that stays is not pruned by an Argo CD that tracks by labels', () => {
    expect(one('PersistentVolumeClaim', levelDB)?.metadata.annotations).toEqual({
      'argocd.argoproj.io/sync-options': 'Prune=false',
    });
  });

  it('lets one pod in, and has a size and a class as asked for', () => {
    expect(one('PersistentVolumeClaim', levelDB)).toMatchObject({
      spec: { accessModes: ['ReadWriteOncePod'], resources: { requests: { storage: '1Gi' } } },
    });
    const levelDb = { storageClassName: 'fast', size: '5Gi', accessMode: 'ReadWriteOnce' } as const;
    expect(one('PersistentVolumeClaim', { checkpoint: { ...levelDB.checkpoint, levelDB: levelDb } })).toMatchObject({
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'fast',
        resources: { requests: { storage: '5Gi' } },
      },
    });
  });

  it('that exists is mounted and not made', () => {
    const spec = { checkpoint: { ...levelDB.checkpoint, levelDB: { existingClaim: 'mine' } } };
    expect(one('PersistentVolumeClaim', spec)).toBeUndefined();
    expect(pod(spec).volumes).toContainEqual({ name: 'positions', persistentVolumeClaim: { claimName: 'mine' } });
    expect(reader(spec).volumeMounts).toContainEqual({ name: 'positions', mountPath: '/var/lib/kinlog/positions' });
  });
});

describe('the Deployment', () => {
  it('runs one reader, or none while it is paused or scaled down', () => {
    expect(deployment().spec.replicas).toBe(1);
    expect(deployment({ replicas: 0 }).spec.replicas).toBe(0);
    expect(deployment({ paused: true }).spec.replicas).toBe(0);
  });

  it('replaces the old reader first, or lets both overlap without ever waiting for one that hangs', () => {
    expect(deployment().spec.strategy).toEqual({ type: 'Recreate' });
    expect(deployment({ updateStrategy: 'Overlap' }).spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
    });
  });

  it('selects what its pods are labelled with, by labels that never change', () => {
    const { selector, template } = deployment({ podTemplate: { metadata: { labels: { team: 'logs' } } } }).spec;
    expect(selector.matchLabels).toEqual({
      'app.kubernetes.io/name': 'kinlog-reader',
      'app.kubernetes.io/instance': 'orders',
      'app.kubernetes.io/component': 'reader',
    });
    expect(template.metadata.labels).toMatchObject({ ...selector.matchLabels, team: 'logs' });
    const taken = { metadata: { labels: { 'app.kubernetes.io/instance': 'other' } } };
    expect(deployment({ podTemplate: taken }).spec.template.metadata.labels).toMatchObject(selector.matchLabels);
  });

  const annotations = (spec: Partial<LogStreamSpec> = {}, resolved: Resolved = nothing) =>
    deployment(spec, resolved).spec.template.metadata.annotations;

  it('makes a new pod when its configuration changes, or what it refers to, and for nothing else', () => {
    const before = annotations();
    expect(annotations({ monitoring: { podMonitor: 'Never', lagThresholdSeconds: 1 }, replicas: 0 })).toEqual(before);
    expect(annotations({ logLevel: 'Warn' })['kinlog.io/config-hash']).not.toBe(before['kinlog.io/config-hash']);
    const stamped = annotations({}, { stamps: new Map([['Secret/splunk', '1.1']]) });
    expect(stamped['kinlog.io/references']).not.toBe(before['kinlog.io/references']);
    expect(stamped['kinlog.io/config-hash']).toBe(before['kinlog.io/config-hash']);
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/r' };
    expect(annotations({ serviceAccount: { create: true, annotations: role } })).not.toEqual(before);
  });

  it('does not care in which order stamps were found', () => {
    const [one, two] = [
      ['Secret/a', '1'],
      ['Secret/b', '2'],
    ] as const;
    expect(annotations({}, { stamps: new Map([one, two]) })).toEqual(annotations({}, { stamps: new Map([two, one]) }));
  });
});

describe('the pod', () => {
  it('fulfils the restricted Pod Security Standard and has no access to the API server', () => {
    expect(pod()).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(reader()['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    });
    expect(one('ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
  });

  it('may write to its volumes, whose roots belong to root', () => {
    expect(pod(levelDB).securityContext).toMatchObject({ fsGroup: 65532, fsGroupChangePolicy: 'OnRootMismatch' });
    expect(pod().securityContext).not.toHaveProperty('fsGroup');
  });

  it('knows its name and address, and no secret but by reference', () => {
    const auth = {
      type: 'Secret',
      secretRef: { name: 'aws', accessKeyIdKey: 'id', secretAccessKeyKey: 'key', sessionTokenKey: 'session' },
    } as const;
    const secret = (key: string) => ({ secretKeyRef: { name: 'aws', key } });
    expect(reader({ source: { ...logStream().spec.source, auth } }).env).toEqual([
      { name: 'KINLOG_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      { name: 'KINLOG_STATUS_HOST', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
      { name: 'AWS_ACCESS_KEY_ID', valueFrom: secret('id') },
      { name: 'AWS_SECRET_ACCESS_KEY', valueFrom: secret('key') },
      { name: 'AWS_SESSION_TOKEN', valueFrom: secret('session') },
    ]);
  });

  it('has every file that its configuration names', () => {
    const tls = { ca: { configMapRef: { name: 'authorities', key: 'ca.crt' } } };
    const spec = {
      source: { ...logStream().spec.source, tls },
      checkpoint: {
        ...checkpoint,
        type: 'SplunkKVStore',
        splunkKVStore: { url: 'https://s:8089', app: 'a', tokenSecretRef: { name: 'kv', key: 't' }, tls },
      },
      outputs: [{ ...hec, splunkHEC: { ...hec.splunkHEC!, tls: { ca: { secretRef: { name: 'ca', key: 'c' } } } } }],
    } as const;
    const mounted = pod(spec).volumes.find((volume) => 'projected' in volume) as {
      projected: { sources: Record<string, { name: string; items: { key: string; path: string }[] }>[] };
    };
    const files = mounted.projected.sources.flatMap((source) =>
      Object.entries(source).map(([kind, { name, items }]) => `${kind} ${name} ${items[0]!.key} ${items[0]!.path}`),
    );
    expect(files.sort()).toEqual([
      'configMap authorities ca.crt kv-store-ca',
      'configMap authorities ca.crt source-ca',
      'secret ca c hec-ca',
      'secret kv t kv-store-token',
      'secret splunk token hec-token',
    ]);
    const named = JSON.stringify(accepted(logStream(spec))).match(/\/var\/run\/kinlog\/secrets\/[\w-]+/g);
    expect(new Set(named)).toEqual(new Set(files.map((file) => `/var/run/kinlog/secrets/${file.split(' ').at(-1)!}`)));
    expect(reader(spec).volumeMounts).toContainEqual({
      ...{ name: 'secrets', mountPath: '/var/run/kinlog/secrets', readOnly: true },
    });
    expect(pod({ outputs: [{ name: 'log', type: 'Stdout' }] }).volumes).toHaveLength(2);
  });

  it('runs the image of the LogStream, or that of the operator', () => {
    expect(reader()).toMatchObject({ image: settings.image, args: ['run', '--config', '/etc/kinlog/reader.yaml'] });
    expect(reader()).not.toHaveProperty('imagePullPolicy');
    expect(reader({ image: 'other:2', imagePullPolicy: 'Always' })).toMatchObject({
      image: 'other:2',
      imagePullPolicy: 'Always',
    });
  });

  it('never requests more than it may use, whichever of the two is given', () => {
    const resources = (given: LogStreamSpec['resources'], maxMegabytesInFlight?: number) =>
      reader({
        ...(given !== undefined && { resources: given }),
        ...(maxMegabytesInFlight !== undefined && { maxMegabytesInFlight }),
      }).resources;
    expect(resources(undefined)).toEqual({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '256Mi' } });
    expect(resources(undefined, 500)).toMatchObject({ limits: { memory: '692Mi' } });
    expect(resources({ limits: { memory: '100Mi', cpu: '20m' } })).toMatchObject({
      requests: { cpu: '20m', memory: '100Mi' },
    });
    expect(resources({ requests: { memory: '1Gi' } })).toEqual({
      requests: { memory: '1Gi' },
      limits: { memory: '1Gi' },
    });
  });
});
