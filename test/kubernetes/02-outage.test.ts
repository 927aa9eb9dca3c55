/** Suite 2: the API server or etcd goes away while 200 LogStreams are made; in the end everything is as if it had not, and nothing was written twice. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { HOLLOW, Scene, type Deployment, type KubeObject, type LogStream } from './scene.ts';

const COUNT = 200;
const OUTAGE_MS = 3000;
const IDLE_MS = 5000;
/** Of the operator: as many answers may be lost. */
const WORKERS = 5;

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start({ hollow: true, statusSeconds: 0 });
});
afterAll(() => scene.stop());
vi.setConfig({ testTimeout: 400_000 });

/** Made one after the other, each tried until the server has it, as kubectl in a loop; `half` is called half-way. */
async function makeAll(namespace: string, half: () => Promise<void>): Promise<void> {
  const where = `/apis/kinlog.io/v1alpha1/namespaces/${namespace}/logstreams`;
  let outage: Promise<void> | undefined;
  for (let n = 0; n < COUNT; n++) {
    if (n === COUNT / 2) outage = half();
    const logs = scene.logStream(namespace, 'stream', HOLLOW);
    const body = { ...logs, metadata: { ...logs.metadata, name: `logs-${n}` } };
    await until(
      () =>
        scene.plane.call('POST', where, body).then(
          () => true,
          (error: unknown) => String(error).includes(' 409 '),
        ),
      `${namespace}/logs-${n} is made`,
      60_000,
    );
  }
  await outage;
}

async function list<T>(where: string): Promise<readonly T[]> {
  return (await scene.plane.call<{ items: T[] }>('GET', where)).items;
}

const isReady = ({ status }: LogStream): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

async function converged(namespace: string): Promise<void> {
  let late: readonly LogStream[] = [];
  const allReady = async () => {
    const streams = await list<LogStream>(`/apis/kinlog.io/v1alpha1/namespaces/${namespace}/logstreams`);
    late = streams.filter((stream) => !isReady(stream));
    return streams.length === COUNT && late.length === 0;
  };
  await until(() => allReady().catch(() => false), `${COUNT} Ready in ${namespace}`, 250_000).catch(
    async (error: unknown) => {
      const { node, pod } = await scene.operator();
      const log = await node.log(`${pod.namespace}/${pod.name}`);
      throw new Error(`${late.length} late, such as ${JSON.stringify(late[0])}; the operator: ${log.slice(-3000)}`, {
        cause: error,
      });
    },
  );
  const deployments = await list<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments`);
  // A second apply with another content would have moved it.
  expect(deployments.map(({ metadata }) => metadata.generation)).toEqual(Array(COUNT).fill(1));
  expect(await list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`)).toHaveLength(COUNT);
  for (const kind of ['serviceaccounts', 'configmaps']) {
    const objects = await list<KubeObject>(`/api/v1/namespaces/${namespace}/${kind}?labelSelector=kinlog.io/logstream`);
    expect(objects).toHaveLength(COUNT);
  }
}

/** Applies of children that the server took although it had them already. */
function appliedTwice(namespace: string): string[] {
  const seen = new Set<string>();
  return scene
    .operatorWrites()
    .filter((write) => write.namespace === namespace && write.resource !== 'logstreams/status' && write.status < 300)
    .map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)
    .filter((write) => seen.size === seen.add(write).size);
}

async function isQuiet(): Promise<void> {
  const before = scene.operatorWrites().length;
  await sleep(IDLE_MS);
  expect(scene.operatorWrites().slice(before)).toEqual([]);
}

async function portIsFree(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  await until(
    async () => {
      const socket = connect(Number(port), hostname);
      const refused = await Promise.race([
        once(socket, 'connect').then(() => false),
        once(socket, 'error').then(() => true),
      ]).catch(() => true);
      socket.destroy();
      return refused;
    },
    'the old server listens no more',
    70_000,
  );
}

describe('suite 2: outages while LogStreams are made', () => {
  it('the API server is killed', async () => {
    const namespace = await scene.namespace('killed');
    await makeAll(namespace, async () => {
      await scene.plane.kill('kube-apiserver');
      await sleep(OUTAGE_MS);
      await scene.plane.run('kube-apiserver');
    });
    await converged(namespace);
    expect(appliedTwice(namespace).length).toBeLessThanOrEqual(WORKERS);
    await isQuiet();
  });

  it('the API server is asked to end, and another one starts while it drains', async () => {
    const namespace = await scene.namespace('drained');
    await makeAll(namespace, async () => {
      process.kill(scene.plane.pid('kube-apiserver'), 'SIGTERM');
      await portIsFree(scene.plane.url);
      await scene.plane.run('kube-apiserver');
    });
    await converged(namespace);
    expect(appliedTwice(namespace).length).toBeLessThanOrEqual(WORKERS);
    await isQuiet();
  });

  it('etcd is stopped', async () => {
    const namespace = await scene.namespace('stopped');
    await makeAll(namespace, async () => {
      await scene.plane.kill('etcd');
      await sleep(OUTAGE_MS);
      await scene.plane.run('etcd');
    });
    await converged(namespace);
    expect(appliedTwice(namespace).length).toBeLessThanOrEqual(WORKERS);
    await isQuiet();
  });
});
