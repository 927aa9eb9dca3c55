/** The whole way: `kubectl apply` of a LogStream, and what is put into the stream is in Splunk, whatever is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { CountingProxy } from './proxy.ts';
import { Scene, secret, type Deployment, type LogStream } from './scene.ts';

const NEW_TOKEN = '6a1c6d3e-0000-4000-8000-000000000002';
const GONE = 'delete';

/** Long enough for each thing that is done again and again. */
const IDLE_MS = 6000;

let scene: Scene;
let proxy: CountingProxy;
beforeAll(async () => {
  let server = '';
  proxy = await CountingProxy.start(() => server);
  scene = await Scene.start({
    podsApiServer: (url) => {
      server = url;
      return proxy.url;
    },
  });
});
afterAll(async () => {
  await scene.stop();
  await proxy.stop();
});

/** A LogStream that runs, in a namespace of its own, and has delivered its first events. */
async function running(namespace: string, more: object = {}) {
  await scene.namespace(namespace);
  const stream = await scene.newStream();
  const logs = scene.logStream(namespace, stream, more);
  const all: string[] = [];
  const put = async (count: number) => {
    const texts = numbered(namespace, count, all.length);
    all.push(...texts);
    await scene.put(stream, texts);
  };
  /** Resolves with how many came more than once. */
  const arrived = () => scene.arrived(all, `${namespace} `);
  const ready = () => scene.waitFor('condition=Ready', 'logstream/logs', namespace);
  await put(100);
  await scene.apply(logs);
  await ready();
  await arrived();
  return { namespace, logs, put, arrived, ready };
}

const rollouts = async (namespace: string): Promise<number> =>
  (await scene.get<Deployment>('deployment', namespace, 'logs-reader')).metadata.generation;

const readyCondition = async (namespace: string) => {
  const { status } = await scene.get<LogStream>('logstream', namespace, 'logs');
  return status?.conditions?.find(({ type }) => type === 'Ready');
};

/** The same program goes on. */
const pidOf = async (namespace: string): Promise<number | undefined> =>
  (await scene.reader(namespace)).pod.containers[0]!.pid;

const stoppedReading = (namespace: string) =>
  until(async () => (await scene.readers(namespace)).length === 0, `no reader in ${namespace}`);

describe('from kubectl apply to Splunk', () => {
  it('everything that was put into the stream is accepted, and nothing twice', async () => {
    const { put, arrived } = await running('whole');
    await put(200);
    expect(await arrived()).toBe(0);
  });

  it('while nothing happens nothing is asked of the API server, but its watches and the lease', async () => {
    const { put, arrived } = await running('idle');
    await put(100);
    await arrived();
    const quiet = async () => {
      const since = proxy.calls.length;
      await sleep(IDLE_MS);
      return proxy.calls.slice(since).filter(({ verb, resource }) => verb !== 'watch' && resource !== 'leases');
    };
    // What the events that have just come change in the status is written once.
    await quiet();
    expect(await quiet()).toEqual([]);
    expect(proxy.calls.some(({ resource }) => resource === 'leases')).toBe(true);
  });

  it('a reader that is killed is there again, and nothing is missing', async () => {
    const { namespace, put, arrived, ready } = await running('killed');
    const { node, pod } = await scene.reader(namespace);
    const before = await pidOf(namespace);
    await put(100);
    await node.control({ do: 'kill', pod: `${namespace}/${pod.name}`, signal: 'SIGKILL' });
    await put(100);
    // What the last second had not stored.
    expect(await arrived()).toBeLessThanOrEqual(100);
    await ready();
    expect(await pidOf(namespace)).not.toBe(before);
    expect((await scene.reader(namespace)).pod.containers[0]!.restarts).toBe(1);
  });

  it('an operator that is killed leaves its readers alone, and writes nothing when it is there again', async () => {
    const { namespace, put, arrived } = await running('headless');
    const reader = await pidOf(namespace);
    const { node, pod } = await scene.operator();
    await node.control({ do: 'kill', pod: `${pod.namespace}/${pod.name}`, signal: 'SIGKILL' });
    const since = scene.operatorWrites().length;
    await put(100);
    expect(await arrived()).toBe(0);
    await until(async () => {
      const container = (await scene.operators())[0]?.pod.containers[0];
      return container?.restarts === 1 && container.ready;
    }, 'the operator is there again');
    expect(await pidOf(namespace)).toBe(reader);
    // It answers again, so it has looked at everything.
    await scene.plane.kubectlAside(['-n', namespace, 'scale', 'logstream/logs', '--replicas=0']);
    await stoppedReading(namespace);
    const writes = scene.operatorWrites().slice(since);
    expect(writes.filter(({ resource }) => resource === 'deployments')).toHaveLength(1);
    // The figures of a reader that runs may be told meanwhile.
    const figures = 'logstreams/status';
    expect(writes.filter((write) => write.namespace !== namespace && write.resource !== figures)).toEqual([]);
  });

  it('a paused one stops reading and says so, and goes on where it was', async () => {
    const { namespace, logs, put, arrived, ready } = await running('paused');
    await scene.apply({ ...logs, spec: { ...(logs['spec'] as object), paused: true } });
    await stoppedReading(namespace);
    await until(async () => (await readyCondition(namespace))?.reason === 'Paused', 'Paused');
    expect((await readyCondition(namespace))?.status).toBe('True');
    await put(100);
    await scene.apply(logs);
    await ready();
    expect(await arrived()).toBe(0);
  });

  it('kubectl scale stops it and starts it again', async () => {
    const { namespace, put, arrived } = await running('scaled');
    const scale = (to: number) =>
      scene.plane.kubectlAside(['-n', namespace, 'scale', 'logstream/logs', `--replicas=${to}`]);
    await scale(0);
    await stoppedReading(namespace);
    await put(100);
    await scale(1);
    expect(await arrived()).toBe(0);
  });

  it('a changed Secret rolls the reader once', async () => {
    const { namespace, put, arrived, ready } = await running('rotated');
    const before = await rollouts(namespace);
    const old = await pidOf(namespace);
    await scene.hec.control({ do: 'token', token: NEW_TOKEN, settings: {} });
    await scene.apply(secret(namespace, 'splunk-hec', { token: NEW_TOKEN }));
    await until(async () => {
      const [reader, ...others] = await scene.readers(namespace);
      const container = reader?.pod.containers[0];
      return others.length === 0 && container?.ready === true && container.pid !== old;
    }, 'another reader');
    await put(100);
    expect(await arrived()).toBe(0);
    await ready();
    expect(await rollouts(namespace)).toBe(before + 1);
  });

  it('a Secret that is gone is told, and what runs goes on', async () => {
    const { namespace, put, arrived } = await running('lost');
    const before = await pidOf(namespace);
    const deployment = await rollouts(namespace);
    await scene.plane.kubectlAside(['-n', namespace, 'delete', 'secret', 'splunk-hec']);
    await scene.waitFor('condition=ReferencesResolved=false', 'logstream/logs', namespace);
    await put(100);
    expect(await arrived()).toBe(0);
    expect(await pidOf(namespace)).toBe(before);
    expect(await rollouts(namespace)).toBe(deployment);
    expect((await readyCondition(namespace))?.status).toBe('True');
  });

  it.each([
    ['in DynamoDB', 'again', {}],
    ['on a volume', 'again-volume', { checkpoint: { type: 'LevelDB', intervalSeconds: 1, levelDB: { size: '1Gi' } } }],
  ])('deleted and applied again it goes on where it was, its positions %s', async (_, namespace, more) => {
    const { logs, put, arrived, ready } = await running(namespace, more);
    await scene.plane.kubectlAside(['-n', namespace, 'delete', 'logstream', 'logs', '--timeout=40s']);
    await scene.waitFor(GONE, 'deployment/logs-reader', namespace);
    await stoppedReading(namespace);
    await put(100);
    await scene.apply(logs);
    await ready();
    expect(await arrived()).toBe(0);
  });
});
