/** Suite 6, from one spec to another: whatever was applied before, the children become what the new spec says, and then rest. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { configProblems } from '../../operator/desired/check.ts';
import { desiredChildren } from '../../operator/desired/desired.ts';
import type { Child } from '../../operator/desired/names.ts';
import type { KubeApi } from '../../operator/kube/api.ts';
import { applyObject } from '../../operator/kube/apply.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import type { LogStreamSpec } from '../../operator/logstream.ts';
import { upToDate, withHash } from '../../operator/reconcile/drift.ts';
import { hec, logStream } from '../unit/operator/desired/scene.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';

const settings = { image: 'kinlog:test', podMonitors: false };
let plane: ControlPlane;
let api: KubeApi;

beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile() });
  api = kubeClient(await connect(plane.kubeconfig('admin')), { log: silentLog() });
  await plane.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
});
afterAll(async () => {
  await api.close();
  await plane.stop();
});

const reader = (more: object): Partial<LogStreamSpec> => ({
  podTemplate: { spec: { containers: [{ name: 'reader', ...more }] } },
});
const pod = (spec: Record<string, unknown>): Partial<LogStreamSpec> => ({ podTemplate: { spec } });
const { checkpoint, source } = logStream().spec;

/** Each differs from others in a way that a server could refuse or forget. */
const SPECS: Readonly<Record<string, Partial<LogStreamSpec>>> = {
  plain: {},
  overlap: { updateStrategy: 'Overlap' },
  'positions on a volume': { checkpoint: { ...checkpoint, type: 'LevelDB' } },
  'dead letters on a volume that exists': { deadLetters: { volume: { existingClaim: 'letters' } } },
  'an authority out of a ConfigMap': {
    outputs: [{ ...hec, splunkHEC: { ...hec.splunkHEC!, tls: { ca: { configMapRef: { name: 'a', key: 'ca' } } } } }],
  },
  'the same out of a Secret': {
    outputs: [{ ...hec, splunkHEC: { ...hec.splunkHEC!, tls: { ca: { secretRef: { name: 'a', key: 'ca' } } } } }],
  },
  'no file at all': { outputs: [{ name: 'log', type: 'Stdout' }] },
  'an access key': {
    source: {
      ...source,
      auth: { type: 'Secret', secretRef: { name: 'aws', accessKeyIdKey: 'id', secretAccessKeyKey: 'key' } },
    },
  },
  'a key as text': reader({ env: [{ name: 'AWS_ACCESS_KEY_ID', value: 'x' }] }),
  'a key from elsewhere': reader({
    env: [{ name: 'AWS_ACCESS_KEY_ID', valueFrom: { secretKeyRef: { name: 'b', key: 'c' } } }],
  }),
  'a probe of another sort': reader({ readinessProbe: { httpGet: null, exec: { command: ['true'] } } }),
  'temporary files elsewhere': pod({ volumes: [{ name: 'tmp', hostPath: { path: '/tmp' } }] }),
  'two protocols on a port': reader({
    ports: [
      { containerPort: 53, protocol: 'UDP' },
      { containerPort: 53, protocol: 'TCP' },
    ],
  }),
  'one protocol on it': reader({ ports: [{ containerPort: 53, protocol: 'TCP', name: 'dns' }] }),
  'a container beside': pod({ containers: [{ name: 'beside', image: 'b' }] }),
  'one before': pod({ initContainers: [{ name: 'beside', image: 'b', restartPolicy: 'Always' }] }),
  'spread over zones': pod({
    topologySpreadConstraints: [{ topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 }],
  }),
  'spread over zones by force': pod({
    topologySpreadConstraints: [{ topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', maxSkew: 1, minDomains: 2 }],
  }),
  'no security context': pod({ securityContext: null }),
  'other resources': { resources: { limits: { memory: '1Gi', cpu: 1 } } },
  'an account of its own': { serviceAccount: { create: true, name: 'own' } },
  'no grace, no limits': { ...pod({ terminationGracePeriodSeconds: 0 }), resources: { limits: {}, requests: {} } },
};
const NAMES = Object.keys(SPECS);

const DEPLOYMENT = KINDS.deployment;

function deploymentFor(spec: Partial<LogStreamSpec>): Child {
  const stream = logStream(spec);
  expect(configProblems(stream)).toEqual([]);
  const { metadata, ...rest } = desiredChildren(stream, { stamps: new Map() }, settings).find(
    ({ kind }) => kind === 'Deployment',
  )!;
  // Nobody owns it here, and the garbage collector knows that.
  const { ownerReferences: _owners, ...kept } = metadata;
  return withHash({ ...rest, metadata: kept });
}

const apply = (child: Child) => applyObject(api, DEPLOYMENT, child, { force: true }, AbortSignal.timeout(30_000));

describe('6 changes', () => {
  it.each(NAMES.map((name) => [name]))('from %s to any other', async (from) => {
    const said: string[] = [];
    for (const to of NAMES) {
      await apply(deploymentFor(SPECS[from]!));
      const wanted = deploymentFor(SPECS[to]!);
      const live = await apply(wanted).catch((error: unknown) => `${to}: ${String(error)}`);
      if (typeof live === 'string') said.push(live);
      else if (!upToDate(wanted, live)) said.push(`${to}: is not what was sent`);
    }
    expect(said).toEqual([]);
  });

  it('leaves nothing behind of what was there before', async () => {
    const plain = deploymentFor({});
    const first = await bare(plain);
    for (const name of NAMES) {
      await apply(deploymentFor(SPECS[name]!));
      expect([name, await bare(plain)]).toEqual([name, first]);
    }
  });

  async function bare(child: Child): Promise<unknown> {
    const { spec } = (await apply(child)) as unknown as { spec: unknown };
    return spec;
  }
});
