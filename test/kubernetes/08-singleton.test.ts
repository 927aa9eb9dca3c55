/** Suite 8: one reader, whatever becomes of pods and nodes; where Kubernetes lets two run, the leases see to it that no position goes back and nothing is missing. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { readTable } from '../interop/lease-table.ts';
import type { KubeletProcess } from './kubelet/child.ts';
import { WatchedPositions } from './positions.ts';
import { Scene, type KubeObject, type Placed } from './scene.ts';

/** What a reader that stood still may deliver again: what it had fetched and not stored. */
const IN_FLIGHT = 200;

/** A lost node is given up at once: the smaller of two tolerations counts. */
const IMPATIENT = {
  terminationGracePeriodSeconds: 20,
  tolerations: ['not-ready', 'unreachable'].map((taint) => ({
    key: `node.kubernetes.io/${taint}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 1,
  })),
};

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start({ nodes: ['node-a', 'node-b', 'node-c'], nodeLostSeconds: 6 });
});
afterAll(() => scene.stop());

/** A LogStream under load, two events at a time, for as long as `during` takes; answers how many events came more than once. */
async function underLoad(namespace: string, more: object, during: (reader: Placed) => Promise<void>): Promise<number> {
  await scene.namespace(namespace);
  const stream = await scene.newStream(4);
  await scene.apply(scene.logStream(namespace, stream, more));
  const positions = new WatchedPositions(scene.dynamo.url, `${namespace}.logs`);
  const all: string[] = [];
  let ended = false;
  const load = async () => {
    while (!ended) {
      const texts = numbered(namespace, 2, all.length);
      all.push(...texts);
      await scene.put(stream, texts);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const loading = load();
  try {
    await scene.waitFor('condition=Ready', 'logstream/logs', namespace);
    await until(() => positions.moves > 0, 'the first position');
    await during(await scene.reader(namespace));
    const before = positions.moves;
    await until(() => positions.moves > before, 'positions move on');
  } finally {
    ended = true;
    await loading;
  }
  const twice = await scene.arrived(all, `${namespace} `);
  await positions.stop();
  expect(positions.stepsBack).toEqual([]);
  return twice;
}

/** The most readers that were seen at the same moment until `happened`. */
async function mostUntil(namespace: string, happened: (readers: readonly Placed[]) => boolean): Promise<number> {
  let most = 0;
  await until(
    async () => {
      const readers = await scene.readers(namespace);
      most = Math.max(most, readers.length);
      return happened(readers);
    },
    `another reader in ${namespace}`,
    60_000,
  );
  return most;
}

const isOther =
  (than: Placed) =>
  (readers: readonly Placed[]): boolean =>
    readers.some(({ pod }) => pod.uid !== than.pod.uid && pod.containers[0]!.ready);

const isAlone =
  (than: Placed) =>
  (readers: readonly Placed[]): boolean =>
    readers.length === 1 && isOther(than)(readers);

/** The operator shall see what happens. */
async function awayFromOperator(): Promise<object> {
  const { node } = await scene.operator();
  const hostname = { key: 'kubernetes.io/hostname', operator: 'NotIn', values: [node.name] };
  const required = { nodeSelectorTerms: [{ matchExpressions: [hostname] }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  return { podTemplate: { spec: { ...IMPATIENT, affinity } } };
}

/** Names of the pods whose readers own shards. */
async function ownersOf(namespace: string): Promise<ReadonlySet<string>> {
  const { leases } = await readTable(scene.dynamo.url, `${namespace}.logs`);
  return new Set([...leases.values()].map((item) => item['leaseOwner']?.S?.split('/')[0] ?? ''));
}

const isOwner = async (namespace: string, { pod }: Placed): Promise<boolean> =>
  (await ownersOf(namespace)).has(pod.name);

const logOf = ({ pod }: Placed): string => readFileSync(pod.containers[0]!.log, 'utf8');

const pods = async (namespace: string): Promise<readonly KubeObject[]> =>
  (await scene.plane.call<{ items: KubeObject[] }>('GET', `/api/v1/namespaces/${namespace}/pods`)).items;

async function whileLost(node: KubeletProcess, pods: boolean, meanwhile: () => Promise<void>): Promise<void> {
  await node.freeze({ pods });
  try {
    await meanwhile();
  } finally {
    node.thaw();
  }
}

describe('suite 8: the one reader of a LogStream', () => {
  it('a changed spec: the old one is gone before the new one begins', async () => {
    const twice = await underLoad('rollout', {}, async (reader) => {
      const patch = JSON.stringify({ spec: { logLevel: 'Debug' } });
      await scene.plane.kubectlAside(['-n', 'rollout', 'patch', 'lst/logs', '--type=merge', '-p', patch]);
      expect(await mostUntil('rollout', isAlone(reader))).toBe(1);
    });
    expect(twice).toBe(0);
  });

  it('a pod deleted by hand: its replacement may overlap, nothing is missing, nothing comes twice', async () => {
    const twice = await underLoad('deleted', {}, async (reader) => {
      await scene.plane.kubectlAside(['-n', 'deleted', 'delete', 'pod', reader.pod.name, '--wait=false']);
      await mostUntil('deleted', isAlone(reader));
    });
    expect(twice).toBe(0);
  });

  it('an evicted pod: another one reads', async () => {
    const twice = await underLoad('evicted', {}, async (reader) => {
      await reader.node.control({ do: 'evict', pod: `evicted/${reader.pod.name}` });
      await mostUntil('evicted', isAlone(reader));
    });
    expect(twice).toBeLessThanOrEqual(IN_FLIGHT);
  });

  it('a node that stands still: another reads, and the one that wakes up gives up what it had', async () => {
    const twice = await underLoad('still', await awayFromOperator(), async (reader) => {
      await whileLost(reader.node, true, async () => {
        await mostUntil('still', isOther(reader));
        await until(async () => !(await isOwner('still', reader)), 'all its shards have another owner', 60_000);
        reader.node.thawPods();
        // By itself: nobody on its node has heard of the cluster yet.
        await until(() => logOf(reader).includes('lease.lost'), 'it gives up what it had');
        expect(await isOwner('still', reader)).toBe(false);
      });
      await mostUntil('still', isAlone(reader));
    });
    expect(twice).toBeLessThanOrEqual(IN_FLIGHT);
  });

  it('a node that is cut off: two read, and share the shards', async () => {
    const twice = await underLoad('cut-off', await awayFromOperator(), async (reader) => {
      await whileLost(reader.node, false, async () => {
        await mostUntil('cut-off', isOther(reader));
        await until(async () => (await ownersOf('cut-off')).size === 2, 'both have shards', 60_000);
      });
      await mostUntil('cut-off', isAlone(reader));
    });
    expect(twice).toBeLessThanOrEqual(IN_FLIGHT);
  });

  it('a pod that does not end holds a changed spec up, and overlapping is the way out', async () => {
    const stuckWhile = (namespace: string, more: object, meanwhile: (reader: Placed) => Promise<void>) =>
      underLoad(namespace, more, async (reader) => {
        const pod = `${namespace}/${reader.pod.name}`;
        await reader.node.control({ do: 'stick', pod, stuck: true });
        const patch = JSON.stringify({ spec: { logLevel: 'Debug' } });
        await scene.plane.kubectlAside(['-n', namespace, 'patch', 'lst/logs', '--type=merge', '-p', patch]);
        await meanwhile(reader);
        await reader.node.control({ do: 'stick', pod, stuck: false });
        await mostUntil(namespace, isAlone(reader));
      });
    await stuckWhile('overlapping', { updateStrategy: 'Overlap' }, async (reader) => {
      await mostUntil('overlapping', isOther(reader));
    });
    await stuckWhile('recreating', {}, async (reader) => {
      await until(
        async () => (await pods('recreating')).some(({ metadata }) => metadata['deletionTimestamp'] !== undefined),
        'it is to end',
      );
      await scene.waitFor('condition=Ready=false', 'logstream/logs', 'recreating');
      expect(await mostUntil('recreating', () => true)).toBe(1);
      expect((await scene.readers('recreating'))[0]!.pod.uid).toBe(reader.pod.uid);
    });
  });
});
