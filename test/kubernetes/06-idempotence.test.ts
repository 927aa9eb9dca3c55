/** Suite 6: nothing is written when nothing is to be done, however often it is looked at, and however the same is spelled. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import { until } from '../flow/cli-process.ts';
import type { OperatorHere } from './operator-here.ts';
import { ReconcileScene } from './reconcile-scene.ts';

const REPLICA_SET = { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', namespaced: true };
let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

async function idle(operator: OperatorHere): Promise<void> {
  await until(() => operator.isIdle, 'nothing under way');
}

describe('6 idempotence', () => {
  it('a LogStream is brought to Ready in five writes', async () => {
    const operator = await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace);
    await scene.reached(namespace, 'Running');
    await idle(operator);
    expect(operator.writes).toHaveLength(5);
  });

  it('another look, a resync and a restart write nothing', async () => {
    const first = await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace, { podDisruptionBudget: { maxUnavailable: 1 }, deletionPolicy: 'Delete' });
    await scene.create(namespace, { checkpoint: { type: 'LevelDB' }, deadLetters: { volume: {} } }, 'other');
    await scene.reached(namespace, 'Running');
    await scene.reached(namespace, 'Running', 'other');
    await idle(first);
    const before = first.writes.length;
    first.feed.resync(0, Math.random);
    await idle(first);
    expect(first.writes.slice(before)).toEqual([]);
    await scene.endOperators();
    const second = await scene.operator();
    await until(() => second.watching.caches.logStreams.size >= 2, 'everything known');
    await idle(second);
    second.feed.resync(0, Math.random);
    await idle(second);
    expect(second.writes).toEqual([]);
  });

  it('a Secret and a ConfigMap that change within a second roll the reader once, and so does a Secret made anew', async () => {
    await scene.operator();
    const namespace = await scene.namespace();
    const authority = async (text: string) => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'ca' }, data: { ca: text } };
      const where = `${pathOf(KINDS.configMap, namespace, 'ca')}?fieldManager=person&force=true`;
      await scene.plane.call('PATCH', where, object, 'application/apply-patch+yaml');
    };
    const templates = async () => (await scene.list(REPLICA_SET, namespace)).length;
    const rolled = (count: number) =>
      until(async () => (await templates()) >= count, `${count} templates`).then(() =>
        scene.reached(namespace, 'Running'),
      );
    await authority('first');
    const splunkHEC = {
      ...{ urls: ['https://splunk:8088'], tokenSecretRef: { name: 'splunk', key: 'token' } },
      tls: { ca: { configMapRef: { name: 'ca', key: 'ca' } } },
    };
    await scene.create(namespace, { outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC }] });
    await rolled(1);
    await scene.secret(namespace, 'second');
    await authority('second');
    await rolled(2);
    await scene.delete(KINDS.secret, namespace, 'splunk');
    await scene.secret(namespace, 'second');
    await rolled(3);
    // One that knows nothing yet finds nothing that is still to be done.
    await scene.endOperators();
    const next = await scene.operator();
    await until(() => next.watching.caches.logStreams.size > 0, 'everything known');
    await idle(next);
    expect(next.writes).toEqual([]);
    expect(await templates()).toBe(3);
  });

  it('the same spelled otherwise rolls no pod and is written once at most', async () => {
    const operator = await scene.operator();
    const namespace = await scene.namespace();
    const resources = (cpu: string, memory: string) => ({
      resources: { requests: { cpu, memory }, limits: { memory } },
    });
    await scene.create(namespace, resources('500m', '1024Mi'));
    await scene.reached(namespace, 'Running');
    await idle(operator);
    const pods = async () => (await scene.list(KINDS.pod, namespace)).map(({ metadata }) => metadata.name);
    const was = await pods();
    for (const [cpu, memory] of [
      ['0.5', '1Gi'],
      ['0.50', '1048576Ki'],
      ['500e-3', '1073741824'],
    ] as const) {
      const before = operator.writes.length;
      await scene.create(namespace, resources(cpu, memory));
      await scene.reached(namespace, 'Running');
      await idle(operator);
      const deployments = operator.writes.slice(before).filter(({ path }) => path.includes('/deployments/'));
      expect(deployments.length).toBeLessThanOrEqual(1);
      expect(await pods()).toEqual(was);
    }
  });

  it.each(SPECS())('%s settles, and is not written again', async (_name, spec) => {
    const operator = await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace, spec);
    await scene.reached(namespace, (spec as { paused?: boolean }).paused === true ? 'Paused' : 'Running');
    await idle(operator);
    const before = operator.writes.length;
    operator.feed.resync(0, Math.random);
    await idle(operator);
    expect(operator.writes.slice(before)).toEqual([]);
  });
});

/** Of what the server normalises, drops or fills in. */
function SPECS(): [string, object][] {
  const container = (more: object) => ({ podTemplate: { spec: { containers: [{ name: 'reader', ...more }] } } });
  return [
    ['a paused one', { paused: true }],
    [
      'an annotated service account',
      { serviceAccount: { create: true, annotations: { 'eks.amazonaws.com/role-arn': 'arn' } } },
    ],
    ['empty groups in the pod', { podTemplate: { spec: { nodeSelector: {}, affinity: {}, tolerations: [] } } }],
    ['false and zero in the pod', { podTemplate: { spec: { hostNetwork: false, priority: 0, hostname: '' } } }],
    [
      'environment without a value',
      container({
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'A', value: 'b' },
        ],
      }),
    ],
    [
      'quantities as numbers',
      { resources: { requests: { cpu: 1, memory: '1.5Gi' }, limits: { cpu: 2, memory: '2e9' } } },
    ],
    [
      'volumes with sizes',
      { podTemplate: { spec: { volumes: [{ name: 'more', emptyDir: { sizeLimit: '0.5Gi' } }] } } },
    ],
    [
      'a sidecar',
      { podTemplate: { spec: { containers: [{ name: 'beside', image: 'beside', ports: [{ containerPort: 80 }] }] } } },
    ],
    ['overlap', { updateStrategy: 'Overlap' }],
    ['unicode', { podTemplate: { metadata: { annotations: { note: 'Grüße 日本 🚀' } } } }],
  ];
}
