/** Suite 9: a LogStream is deleted in all its ways. What shall stay stays, what shall go goes, and nothing hangs. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { until } from '../flow/cli-process.ts';
import { CHILDREN, ReconcileScene } from './reconcile-scene.ts';

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
  // The garbage collector looks for new kinds every half minute; before that a deletion takes so long.
  const operator = await scene.operator();
  const namespace = await scene.namespace();
  await scene.create(namespace);
  await scene.reached(namespace, 'Running');
  await scene.delete(KINDS.logStream, namespace, 'orders', 'Foreground');
  await until(async () => (await left(namespace)).length === 0, 'the garbage collector knows LogStreams', 90_000);
  await operator.kill();
}, 150_000);
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

const LEVELDB = { checkpoint: { type: 'LevelDB' } };
const CLAIM = 'orders-reader-positions';

/** What is there of a LogStream. */
async function left(namespace: string): Promise<string[]> {
  const lists = await Promise.all(CHILDREN.map((kind) => scene.list(kind, namespace)));
  const pods = await scene.list(KINDS.pod, namespace);
  return [...lists.flat(), ...pods]
    .filter(({ metadata }) => metadata.labels?.['kinlog.io/logstream'] !== undefined)
    .map(({ metadata }) => `${metadata.name} ${metadata.labels?.['app.kubernetes.io/component'] ?? ''}`);
}

async function nothingLeft(namespace: string): Promise<void> {
  let there: string[] = [];
  const isEmpty = async () => (there = await left(namespace)).length === 0;
  await until(isEmpty, `nothing left in ${namespace}`, 60_000).catch((error: unknown) => {
    throw new Error(`${String(error)} but ${there.join(', ')}`);
  });
}

async function running(spec: object = {}): Promise<string> {
  const namespace = await scene.namespace();
  await scene.create(namespace, spec);
  await scene.reached(namespace, 'Running');
  return namespace;
}

describe('9 deletion with Retain', () => {
  it.each(['Background', 'Foreground'])('in the %s makes no Job, and nothing but its children goes', async (how) => {
    const operator = await scene.operator();
    const namespace = await running();
    const before = operator.writes.length;
    await scene.delete(KINDS.logStream, namespace, 'orders', how);
    await scene.gone(namespace);
    await nothingLeft(namespace);
    expect(operator.writes.slice(before)).toEqual([]);
  });

  it('needs no operator', async () => {
    const operator = await scene.operator();
    const namespace = await running();
    await operator.kill();
    await scene.delete(KINDS.logStream, namespace, 'orders');
    await scene.gone(namespace);
    await nothingLeft(namespace);
  });

  it('keeps the claim of a position, and the next LogStream of the name goes on with it', async () => {
    await scene.operator();
    const namespace = await running(LEVELDB);
    const claim = (await scene.get(KINDS.volumeClaim, namespace, CLAIM))!;
    await scene.delete(KINDS.logStream, namespace, 'orders', 'Foreground');
    await scene.gone(namespace);
    await until(async () => (await left(namespace)).every((one) => one.startsWith(CLAIM)), 'all but the claim gone');
    await scene.create(namespace, LEVELDB);
    await scene.reached(namespace, 'Running');
    expect((await scene.get(KINDS.volumeClaim, namespace, CLAIM))!.metadata.uid).toBe(claim.metadata.uid);
  });

  it('that is deleted and made again at once gets children of its own', async () => {
    await scene.operator();
    const namespace = await running();
    const { uid } = (await scene.get(KINDS.deployment, namespace, 'orders-reader'))!.metadata;
    await scene.delete(KINDS.logStream, namespace, 'orders');
    await scene.create(namespace);
    const stream = await scene.reached(namespace, 'Running');
    const deployment = (await scene.get(KINDS.deployment, namespace, 'orders-reader'))!;
    expect(deployment.metadata.uid).not.toBe(uid);
    expect(deployment.metadata.ownerReferences!.map((owner) => owner.uid)).toEqual([stream.metadata.uid]);
  });

  it('that leaves its children behind lets the reader go on, and the next LogStream takes it up', async () => {
    await scene.operator();
    const namespace = await running();
    const pods = async () => (await scene.list(KINDS.pod, namespace)).map(({ metadata }) => metadata.uid);
    const was = await pods();
    await scene.delete(KINDS.logStream, namespace, 'orders', 'Orphan');
    await scene.gone(namespace);
    await until(async () => {
      const deployment = await scene.get(KINDS.deployment, namespace, 'orders-reader');
      return (deployment?.metadata.ownerReferences ?? []).length === 0;
    }, 'left alone');
    await scene.create(namespace);
    const stream = await scene.reached(namespace, 'Running');
    const deployment = (await scene.get(KINDS.deployment, namespace, 'orders-reader'))!;
    expect(deployment.metadata.ownerReferences!.map((owner) => owner.uid)).toEqual([stream.metadata.uid]);
    expect(await pods()).toEqual(was);
  });
});

describe('9 deletion with Delete', () => {
  const DELETE = { deletionPolicy: 'Delete' };

  it.each(['Background', 'Foreground'])('in the %s ends the reader, runs its Job, and leaves nothing', async (how) => {
    const operator = await scene.operator();
    const namespace = await running(DELETE);
    await scene.delete(KINDS.logStream, namespace, 'orders', how);
    await scene.gone(namespace);
    await nothingLeft(namespace);
    expect(operator.calls.some(({ method, path }) => method === 'PATCH' && path.includes('/jobs/'))).toBe(true);
    expect(operator.told.map(({ reason }) => reason)).toContain('PositionsDeleted');
  });

  it('takes the claim of a position along, without a Job', async () => {
    const operator = await scene.operator();
    const namespace = await running({ ...DELETE, ...LEVELDB });
    await scene.delete(KINDS.logStream, namespace, 'orders');
    await scene.gone(namespace);
    await nothingLeft(namespace);
    expect(operator.calls.some(({ path }) => path.includes('/jobs/'))).toBe(false);
  });

  it('waits for an operator that is absent, and needs none to be taken back', async () => {
    const operator = await scene.operator();
    const namespace = await running(DELETE);
    await operator.kill();
    await scene.delete(KINDS.logStream, namespace, 'orders');
    expect((await scene.stream(namespace))?.metadata.deletionTimestamp).toBeDefined();
    await scene.operator();
    await scene.gone(namespace);
    await nothingLeft(namespace);
  });

  it('that AWS refuses is said with the reason, and the annotation lets go', async () => {
    const operator = await scene.operator();
    const namespace = await running(DELETE);
    // No node takes its pod, so that the test can say how it ends.
    await scene.create(namespace, {
      ...DELETE,
      paused: true,
      podTemplate: { spec: { nodeSelector: { no: 'where' } } },
    });
    await scene.reached(namespace, 'Paused');
    await scene.delete(KINDS.logStream, namespace, 'orders');
    await refuse(namespace);
    await until(async () => {
      const stalled = (await scene.stream(namespace))?.status?.conditions?.find(({ type }) => type === 'Stalled');
      return stalled?.status === 'True' && stalled.message.includes('KINLOG_PERMISSION_REFUSED');
    }, 'told');
    expect(operator.told.map(({ reason }) => reason)).toContain('PositionsNotDeleted');
    const annotations = { 'kinlog.io/force-delete': 'true' };
    await scene.patch(KINDS.logStream, namespace, 'orders', { metadata: { annotations } });
    await scene.gone(namespace);
    expect(operator.told.map(({ reason }) => reason)).toContain('PositionsKept');
    await nothingLeft(namespace);
  });

  it('together with its namespace does not keep that from ending', async () => {
    await scene.operator();
    const namespace = await running(DELETE);
    await scene.plane.call('DELETE', `/api/v1/namespaces/${namespace}`);
    await until(
      async () => {
        const { items } = await scene.plane.call<{ items: KubeObject[] }>('GET', '/api/v1/namespaces');
        return items.every(({ metadata }) => metadata.name !== namespace);
      },
      `${namespace} gone`,
      60_000,
    );
  });

  /** As a kubelet tells of a Job's pod whose program has failed. */
  async function refuse(namespace: string): Promise<void> {
    let pod: KubeObject | undefined;
    await until(async () => {
      const pods = await scene.list(KINDS.pod, namespace);
      pod = pods.find(({ metadata }) => metadata.labels?.['batch.kubernetes.io/job-name'] !== undefined);
      return pod !== undefined;
    }, 'the pod of the Job');
    const message = 'kinlog: may not delete rows (KINLOG_PERMISSION_REFUSED). Allow dynamodb:DeleteItem.';
    const terminated = { exitCode: 100, reason: 'Error', message };
    const container = { name: 'reader', image: 'kinlog', imageID: '', ready: false, restartCount: 0 };
    const status = { phase: 'Failed', containerStatuses: [{ ...container, state: { terminated } }] };
    const where = `${pathOf(KINDS.pod, namespace, pod!.metadata.name)}/status`;
    await scene.plane.call('PATCH', where, { status }, 'application/merge-patch+json');
  }
});
