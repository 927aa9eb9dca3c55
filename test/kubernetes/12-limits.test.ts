/** Suite 12: what a namespace lets in and what it does not: pod security, quotas, limits, its own end; and what is large or not ASCII. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import { indexedIn } from '../fakes/hec/child.ts';
import { until } from '../flow/cli-process.ts';
import type { Change } from './crd-change.ts';
import { Policy } from './policy.ts';
import { Flow } from './refused-flow.ts';
import { Scene, TOKEN } from './scene.ts';
import { namespaceWith, secretWith, Watched } from './watched.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start({ hollow: true });
});
afterAll(() => scene.stop());

const MERGE = 'application/merge-patch+json';

async function inside(namespace: string, { labels = {}, limit }: { labels?: Record<string, string>; limit?: Limit }) {
  await namespaceWith(scene, namespace, labels);
  if (limit !== undefined) await bounded(namespace, limit);
  return (change: Change = {}) => Watched.hollow(scene, namespace, namespace, change);
}

interface Limit {
  readonly plural: 'resourcequotas' | 'limitranges';
  readonly spec: object;
}

const quota = (hard: object): Limit => ({ plural: 'resourcequotas', spec: { hard } });

/** Settles once the limit is counted. */
async function bounded(namespace: string, { plural, spec }: Limit): Promise<void> {
  const where = `/api/v1/namespaces/${namespace}/${plural}`;
  await scene.plane.call('POST', where, { metadata: { name: 'small' }, spec });
  if (plural === 'limitranges') return;
  await until(async () => {
    const { status } = await scene.plane.call<{ status?: { hard?: object } }>('GET', `${where}/small`);
    return status?.hard !== undefined;
  }, `quota of ${namespace}`);
}

const widen = (namespace: string, hard: object) =>
  scene.plane.call('PATCH', `/api/v1/namespaces/${namespace}/resourcequotas/small`, { spec: { hard } }, MERGE);

/** What Splunk has, that begins so. */
const indexed = (beginning: string) =>
  indexedIn(path.join(scene.folder, 'indexed')).filter(({ event }) => (event as string).startsWith(beginning));

const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const LEVELDB = { checkpoint: { type: 'LevelDB', levelDB: {}, dynamoDB: null }, deadLetters: {} };

describe('12 pod security', () => {
  it('a restricted namespace lets in everything that is made: reader, volumes, the Job of a reset', async () => {
    const made = await inside('restricted', { labels: RESTRICTED });
    const stream = made({ ...LEVELDB, podDisruptionBudget: { maxUnavailable: 1 } });
    await stream.apply();
    await stream.heals();
    await stream.apply({ paused: true, resetRequest: { id: 'one', position: { type: 'TrimHorizon' } } });
    await until(async () => (await stream.read()).status?.resetAcknowledged === 'one', 'the reset', 60_000);
    await stream.says({ reason: 'Paused', as: 'Current', ready: 'True', words: [] });
  });

  it('a pod that asks for more is refused, with what it was and what to change', async () => {
    const made = await inside('privileged', { labels: RESTRICTED });
    const stream = made();
    const words = ['restricted', 'privileged', 'does not admit the pod'];
    const privileged = {
      containers: [{ name: 'reader', securityContext: { privileged: true, allowPrivilegeEscalation: true } }],
    };
    await stream.apply({ podTemplate: { spec: privileged } });
    await stream.says({ reason: 'PodsForbidden', as: 'Failed', ready: 'False', words });
    await stream.apply();
    await stream.heals();
  });
});

describe('12 quotas and limits', () => {
  it.each([
    { what: 'pods', hard: { pods: '0' }, wider: { pods: '9' } },
    { what: 'memory', hard: { 'requests.memory': '64Mi' }, wider: { 'requests.memory': '4Gi' } },
  ])('too few of $what are told with the quota’s name, and more of it is enough', async ({ what, hard, wider }) => {
    const made = await inside(`few-${what}`, { limit: quota(hard) });
    const stream = made();
    await stream.apply();
    const words = ['exceeded quota: small', what];
    await stream.says({ reason: 'QuotaExceeded', as: 'Failed', ready: 'False', words });
    await widen(stream.namespace, wider);
    await stream.heals();
  });

  it('no room for a ConfigMap is told before there is a reader, and looked at again with the next change', async () => {
    // The authorities of the cluster are one.
    const made = await inside('few-configs', { limit: quota({ configmaps: '1' }) });
    const stream = made();
    await stream.apply();
    const words = ['ConfigMap few-configs-reader', 'exceeded quota: small', 'Raise the quota'];
    await stream.says({ reason: 'QuotaExceeded', as: 'Failed', ready: 'False', words });
    expect(await stream.pods()).toEqual([]);
    await widen(stream.namespace, { configmaps: '9' });
    await stream.apply({ logLevel: 'Debug' });
    await stream.heals();
  });

  it('a LimitRange that the reader does not fit into is named, and a smaller reader fits', async () => {
    const limits = [{ type: 'Container', max: { memory: '200Mi' } }];
    const made = await inside('limited', { limit: { plural: 'limitranges', spec: { limits } } });
    const stream = made();
    await stream.apply();
    const words = ['maximum memory usage per Container is 200Mi'];
    await stream.says({ reason: 'QuotaExceeded', as: 'Failed', ready: 'False', words });
    await stream.apply({ resources: { limits: { memory: '190Mi' } } });
    await stream.heals();
  });
});

describe('12 a change of a reader that runs', () => {
  const running = async (namespace: string, about: Parameters<typeof inside>[1]) => {
    const stream = (await inside(namespace, about))();
    await stream.apply();
    await stream.heals();
    const pods = await stream.pods();
    expect(pods).toHaveLength(1);
    return { stream, pods };
  };
  const memory = (limit: string): Change => ({
    resources: { requests: { memory: limit }, limits: { memory: limit } },
  });

  it('that pod security refuses leaves it alone, and is over with the next one', async () => {
    const { stream, pods } = await running('kept-restricted', { labels: RESTRICTED });
    await stream.apply({ podTemplate: { spec: { hostNetwork: true } } });
    await stream.saysBesides({ reason: 'PodsForbidden', as: 'Failed', words: ['restricted', 'hostNetwork'] });
    expect(await stream.pods()).toEqual(pods);
    await stream.apply();
    await stream.heals();
    expect(await stream.pods()).toEqual(pods);
  });

  it('that a quota refuses leaves it alone; one that fits in its place is carried out', async () => {
    const limit = quota({ pods: '1', 'requests.memory': '256Mi' });
    const { stream, pods } = await running('kept-quota', { limit });
    await stream.apply(memory('512Mi'));
    const words = ['exceeded quota: small', 'requests.memory=512Mi'];
    await stream.saysBesides({ reason: 'QuotaExceeded', as: 'Failed', words });
    expect(await stream.pods()).toEqual(pods);
    await stream.apply(memory('200Mi'));
    await stream.heals();
    expect(await stream.pods()).not.toEqual(pods);
  });

  it('that a LimitRange refuses leaves it alone', async () => {
    const limits = [{ type: 'Container', max: { memory: '300Mi' } }];
    const { stream, pods } = await running('kept-limits', { limit: { plural: 'limitranges', spec: { limits } } });
    await stream.apply(memory('512Mi'));
    const words = ['maximum memory usage per Container is 300Mi'];
    await stream.saysBesides({ reason: 'QuotaExceeded', as: 'Failed', words });
    expect(await stream.pods()).toEqual(pods);
    await stream.apply();
    await stream.heals();
    expect(await stream.pods()).toEqual(pods);
  });

  it('that a policy refuses leaves it alone, and is carried out when the policy is gone', async () => {
    const { stream, pods } = await running('kept-policy', {});
    const says = 'no new pods today, ask us';
    const policy = await Policy.start(scene.plane, { namespace: 'kept-policy', group: '', resource: 'pods', says });
    await stream.apply({ logLevel: 'Debug' });
    await stream.saysBesides({ reason: 'PodsForbidden', as: 'Failed', words: [says] });
    expect(await stream.pods()).toEqual(pods);
    await policy.end();
    await stream.apply({ logLevel: 'Warn' });
    await stream.heals();
    expect(await stream.pods()).not.toEqual(pods);
  });
});

describe('12 a reader whose change is refused', () => {
  const output = (sourcetype: string): Change => {
    const splunkHEC = { urls: [scene.hec.url], tokenSecretRef: { name: 'splunk-hec', key: 'token' }, sourcetype };
    return { outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC }] };
  };
  const sourcetypes = ({ namespace }: Flow): unknown[] => indexed(`${namespace} `).map(({ sourcetype }) => sourcetype);
  const config = ({ namespace }: Flow) => scene.get('configmap', namespace, 'logs-reader');
  const startedAnew = async ({ namespace }: Flow): Promise<void> => {
    const { node, pod } = await scene.reader(namespace);
    await node.control({ do: 'kill', pod: `${namespace}/${pod.name}`, signal: 'SIGKILL' });
    const isThere = async () =>
      (await scene.readers(namespace)).some(({ pod: { containers } }) => containers[0]!.restarts > 0);
    await until(isThere, `${namespace} started anew`, 60_000);
  };

  it.each([
    { group: '', resource: 'pods', reason: 'PodsForbidden' },
    { group: 'apps', resource: 'deployments', reason: 'InvalidPodTemplate' },
  ])(
    'by a policy on $resource reads on with its configuration, also when it is started anew, and gets the new one when the policy is gone',
    ({ group, resource, reason }) =>
      Flow.with(scene, { namespace: `refused-${resource}`, change: output('before') }, async (flow) => {
        const { namespace, name } = flow;
        await flow.runs();
        const [before, pods] = [await config(flow), await flow.pods()];
        const says = `no new ${resource} today, ask us`;
        const policy = await Policy.start(scene.plane, { namespace, group, resource, says });
        await flow.apply(output('after'));
        await flow.saysBesides({ reason, as: 'Failed', words: [says, 'Correct spec.podTemplate'] });
        expect(await config(flow)).toEqual(before);
        await startedAnew(flow);
        await flow.put();
        await flow.arrived();
        expect(new Set(sourcetypes(flow))).toEqual(new Set(['before']));
        expect(await flow.pods()).toEqual(pods);
        await policy.end();
        // Any change of the LogStream, or five minutes.
        const where = pathOf(KINDS.logStream, namespace, name);
        await scene.plane.call('PATCH', where, { metadata: { annotations: { policy: 'gone' } } }, MERGE);
        await flow.isWell();
        expect(sourcetypes(flow).at(-1)).toBe('after');
      }),
  );
});

describe('12 a namespace that ends', () => {
  it('is left in peace: nothing is made in it over and over, and it goes with all that was in it', async () => {
    const made = await inside('ending', {});
    const stream = made();
    await stream.apply();
    await stream.heals();
    const held = pathOf(KINDS.configMap, 'ending', 'held');
    const metadata = { name: 'held', finalizers: ['kinlog.test/held'] };
    await scene.plane.call('POST', pathOf(KINDS.configMap, 'ending'), { metadata });
    await scene.plane.call('DELETE', '/api/v1/namespaces/ending');
    await until(
      () =>
        stream.read().then(
          () => false,
          () => true,
        ),
      'the LogStream gone',
      60_000,
    );
    await until(async () => (await stream.pods()).length === 0, 'its pods gone', 60_000);
    await scene.plane.call('PATCH', held, { metadata: { finalizers: null } }, MERGE);
    await scene.waitFor('delete', 'namespace/ending', 'default');
    const refused = scene.operatorWrites().filter(({ namespace, status }) => namespace === 'ending' && status >= 400);
    expect(refused.length).toBeLessThan(20);
  });
});

describe('12 large and strange', () => {
  it('a Secret of a megabyte is one like any other', async () => {
    const made = await inside('large', {});
    const whole = { token: TOKEN, other: 'x'.repeat(700_000) };
    await secretWith(scene.plane, { namespace: 'large', name: 'splunk-hec' }, whole);
    const stream = made();
    await stream.apply();
    await stream.heals();
    const before = await stream.pods();
    await secretWith(scene.plane, { namespace: 'large', name: 'splunk-hec' }, { ...whole, other: 'y'.repeat(700_000) });
    await until(async () => {
      const now = await stream.pods();
      return now.length === 1 && now[0] !== before[0];
    }, 'another pod');
    await stream.heals();
  });

  it('what is not ASCII reaches Splunk as it was written', async () => {
    await namespaceWith(scene, 'strange');
    const name = await scene.newStream(1);
    const stream = Watched.real(scene, { namespace: 'strange', name: 'logs', stream: name });
    const splunkHEC = { urls: [scene.hec.url], tokenSecretRef: { name: 'splunk-hec', key: 'token' } };
    const words = { source: 'Ereignis: "größer" #1', sourcetype: '日誌:☃' };
    await scene.put(name, ['strange ünïcode 🎉']);
    await stream.apply({ outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC: { ...splunkHEC, ...words } }] });
    await scene.arrived(['strange ünïcode 🎉'], 'strange ');
    const [event] = indexed('strange ');
    expect(event).toMatchObject({ event: 'strange ünïcode 🎉', ...words });
    await stream.heals();
  });
});
