/** Suites 8 and 9 and wrong input, where it takes minutes or comes late: a pod that never ends, memory that is used up, a Secret that nobody brings, a spec that is too large, another table, an AWS that refuses at the very end. */
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { dynamoClient } from '../fakes/peers/dynalite.ts';
import { until } from '../flow/cli-process.ts';
import { readTable } from '../interop/lease-table.ts';
import { Flow } from './refused-flow.ts';
import { RefusingDynamo } from './refusing-dynamo.ts';
import { Scene, TOKEN, type Placed } from './scene.ts';
import { SilentWebhook } from './silent-webhook.ts';
import { makeTable } from './their-table.ts';
import { conditionOf, namespaceWith, secretWith, Watched } from './watched.ts';

const MINUTE_MS = 60_000;
/** For what is told after a minute or two. */
const PATIENCE = { timeout: 5 * MINUTE_MS };

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start({ hollow: true });
});
afterAll(() => scene.stop());

/** Stalled for this reason, whenever that comes, in these words; answers when it did. */
async function stalls(stream: Watched, reason: string, words: readonly string[] = []): Promise<number> {
  let found: ReturnType<typeof conditionOf>;
  const isTold = async () => {
    found = conditionOf(await stream.read(), 'Stalled');
    if (found?.status !== 'True' || found.reason !== reason) return false;
    return words.every((word) => found!.message.includes(word));
  };
  await until(isTold, `${stream.namespace} stalled: ${reason}`, 4 * MINUTE_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(found)}`);
  });
  return Date.parse(found!.lastTransitionTime);
}

async function since(stream: Watched, type: string): Promise<number> {
  return Date.parse(conditionOf(await stream.read(), type)!.lastTransitionTime);
}

describe.concurrent('8 a pod that never ends', () => {
  it('is told a minute after its grace, with what to do, and nothing is missing once it is gone', PATIENCE, () =>
    Flow.with(
      scene,
      { namespace: 'stuck', change: { podTemplate: { spec: { terminationGracePeriodSeconds: 5 } } } },
      async (flow) => {
        await flow.runs();
        const { node, pod } = await scene.reader('stuck');
        await node.control({ do: 'stick', pod: `stuck/${pod.name}`, stuck: true });
        await flow.apply({ logLevel: 'Debug' });
        const stalledMs = await stalls(flow, 'PodStuckTerminating');
        await flow.isTold({
          reason: 'PodStuckTerminating',
          as: 'Failed',
          words: [pod.name, 'its node is probably lost', `kubectl delete pod --force ${pod.name}`],
        });
        const where = pathOf(KINDS.pod, 'stuck', pod.name);
        // When its grace is over.
        const { deletionTimestamp } = (await scene.plane.call<KubeObject>('GET', where)).metadata;
        expect(stalledMs).toBeGreaterThanOrEqual(Date.parse(deletionTimestamp!) + MINUTE_MS);
        expect((await scene.readers('stuck')).map((one) => one.pod.uid)).toEqual([pod.uid]);
        await node.control({ do: 'stick', pod: `stuck/${pod.name}`, stuck: false });
        await flow.isWell();
      },
    ),
  );
});

describe.concurrent('a Secret that nobody brings', () => {
  it(
    'is waited for two minutes, then somebody has to look; the reader of the spec before goes on',
    PATIENCE,
    async () => {
      await namespaceWith(scene, 'unbrought');
      const stream = Watched.hollow(scene, 'unbrought', 'unbrought');
      await stream.apply();
      await stream.heals();
      const pods = await stream.pods();
      const named = {
        urls: [scene.hec.url],
        tokenSecretRef: { name: 'later', key: 'token' },
      };
      await stream.apply({ outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC: named }] });
      const words = ['Secret later does not exist', 'Create it'];
      await stream.saysBesides({ reason: 'SecretNotFound', as: 'InProgress', words });
      const stalledMs = await stalls(stream, 'SecretNotFound');
      await stream.saysBesides({ reason: 'SecretNotFound', as: 'Failed', words });
      const missingMs = await since(stream, 'ReferencesResolved');
      expect(stalledMs).toBeGreaterThanOrEqual(missingMs + 2 * MINUTE_MS);
      expect(await stream.pods()).toEqual(pods);
      await secretWith(scene.plane, { namespace: 'unbrought', name: 'later' }, { token: TOKEN });
      await stream.heals();
    },
  );
});

describe.concurrent('memory', () => {
  it('that is used up again and again is told as that, and once there is more of it nothing is missing', PATIENCE, () =>
    Flow.with(scene, { namespace: 'memory' }, async (flow) => {
      await flow.runs();
      const grow = ({ node, pod }: Placed) => node.control({ do: 'out-of-memory', pod: `memory/${pod.name}` });
      await flow.whileEnding(grow, async () => {
        await flow.put();
        await flow.isTold({
          reason: 'ReaderCrashLooping',
          as: 'Failed',
          words: ['ends again and again', 'exit code 137, OOMKilled', 'Raise spec.resources.limits.memory'],
        });
      });
      await flow.apply({ resources: { limits: { memory: '1Gi' } } });
      await flow.isWell();
    }),
  );
});

/** Names stand twice in a Deployment: as they are, and in the list of who owns which field. */
const LARGE = {
  podTemplate: {
    spec: {
      containers: [
        {
          name: 'reader',
          env: Array.from({ length: 14 }, (_, i) => ({ name: `${'N'.repeat(60_000)}${i}`, value: '' })),
        },
      ],
    },
  },
};

describe.concurrent('a spec of which an object would be larger than the API server takes', () => {
  it(
    'is told with the object, leaves the reader alone that runs, and is over with a shorter one',
    PATIENCE,
    async () => {
      await namespaceWith(scene, 'large');
      const stream = Watched.hollow(scene, 'large', 'large');
      await stream.apply();
      await stream.heals();
      const pods = await stream.pods();
      await stream.apply(LARGE);
      const words = ['Deployment large-reader', 'Shorten the spec'];
      await stream.saysBesides({ reason: 'ConfigTooLarge', as: 'Failed', words });
      expect(await stream.pods()).toEqual(pods);
      await stream.apply();
      await stream.heals();
      expect(await stream.pods()).toEqual(pods);
    },
  );
});

describe.concurrent('a webhook that is down and that nobody insists on', () => {
  it('delays a changed spec as it delays everybody, and no more', PATIENCE, async () => {
    await namespaceWith(scene, 'silent');
    const stream = Watched.hollow(scene, 'silent', 'silent');
    await stream.apply();
    await stream.heals();
    const [before] = await stream.pods();
    const webhook = await SilentWebhook.start(scene.plane, 'silent');
    try {
      const asked = webhook.asked;
      await stream.apply({ logLevel: 'Debug' });
      await until(async () => (await stream.pods()).some((pod) => pod !== before), 'a new pod', 4 * MINUTE_MS);
      expect(webhook.asked).toBeGreaterThan(asked);
      await stream.heals();
    } finally {
      await webhook.stop();
    }
  });
});

describe.concurrent('another table for positions', () => {
  it('is refused while a reader runs, which goes on; taken in a pause, it begins anew there', PATIENCE, () =>
    Flow.with(scene, { namespace: 'table' }, async (flow) => {
      const other = { checkpoint: { dynamoDB: { tableName: 'another-table' } } };
      await flow.runs();
      const pods = await flow.pods();
      await expect(flow.apply(other)).rejects.toThrow(/tableName can only change while paused: positions do not move/);
      expect(await flow.isWell()).toBe(0);
      expect(await flow.pods()).toEqual(pods);
      await flow.apply({ paused: true });
      await flow.says({ reason: 'Paused', as: 'Current', ready: 'True', words: ['positions are kept'] });
      const before = await readTable(scene.dynamo.url, 'table.logs');
      await flow.apply({ ...other, paused: true });
      await flow.apply(other);
      // All that was there, from the start position of the spec.
      expect(await flow.isWell()).toBe(40);
      expect((await readTable(scene.dynamo.url, 'another-table')).leases.size).toBe(1);
      expect(await readTable(scene.dynamo.url, 'table.logs')).toEqual(before);
    }),
  );
});

describe.concurrent('a table for positions that somebody deletes', () => {
  it('is told, since nothing is read without it; once there is one, nothing is missing', PATIENCE, () =>
    Flow.with(scene, { namespace: 'deleted' }, async (flow) => {
      await flow.runs();
      const dynamo = dynamoClient(scene.dynamo.url);
      try {
        await dynamo.send(new DeleteTableCommand({ TableName: 'deleted.logs' }));
        await flow.put();
        await flow.isTold({
          reason: 'CheckpointUnusable',
          as: 'Failed',
          words: ['there is no table deleted.logs', 'make the table'],
          code: 'KINLOG_CHECKPOINT_MISSING',
        });
        await makeTable(dynamo, 'deleted.logs', 'leaseKey');
      } finally {
        dynamo.destroy();
      }
      const runs = async () => conditionOf(await flow.read(), 'Ready')?.reason === 'Running';
      await until(runs, 'the new table found', 3 * MINUTE_MS);
      await flow.isWell();
    }),
  );
});

interface WayOut {
  readonly what: string;
  readonly namespace: string;
  readonly take: (flow: Flow, dynamo: RefusingDynamo) => unknown;
  /** Rows of the one shard that are left. */
  readonly left: number;
}

const WAYS_OUT: readonly WayOut[] = [
  {
    what: 'the action is allowed',
    namespace: 'allowed',
    take: (_flow, dynamo) => (dynamo.refuses = undefined),
    left: 0,
  },
  {
    what: 'the positions may stay after all',
    namespace: 'retained',
    take: (flow) => flow.apply({ deletionPolicy: 'Retain' }),
    left: 1,
  },
];

describe.concurrent('9 positions that shall go and that DynamoDB does not let go', () => {
  it.each(WAYS_OUT)('are told in the words of the Job, and the LogStream goes once $what', PATIENCE, async (way) => {
    const { namespace, take, left } = way;
    const dynamo = await RefusingDynamo.start(scene.dynamo.url);
    const change = { deletionPolicy: 'Delete', checkpoint: { dynamoDB: { endpoint: dynamo.url } } };
    const rows = async () => (await readTable(scene.dynamo.url, `${namespace}.logs`)).leases.size;
    try {
      await Flow.with(scene, { namespace, change }, async (flow) => {
        await flow.runs();
        dynamo.refuses = 'DeleteItem';
        const where = pathOf(KINDS.logStream, namespace, 'logs');
        await scene.plane.call('DELETE', where);
        const cause = ['KINLOG_PERMISSION_REFUSED', 'Allow the IAM action dynamodb:DeleteItem'];
        await stalls(flow, 'PositionsNotDeleted', [...cause, 'spec.deletionPolicy to Retain']);
        await flow.isNoted('PositionsNotDeleted', cause);
        expect(await rows()).toBe(1);
        await take(flow, dynamo);
        const isGone = () =>
          scene.plane.call('GET', where).then(
            () => false,
            (error: unknown) => String(error).includes(' 404 '),
          );
        await until(isGone, `${namespace} gone`, 2 * MINUTE_MS);
        expect(await rows()).toBe(left);
        await until(
          async () => (await leftOver(namespace)).length === 0,
          `nothing left in ${namespace}`,
          2 * MINUTE_MS,
        );
      });
    } finally {
      await dynamo.stop();
    }
  });
});

/** What was made for its LogStream and is there. */
async function leftOver(namespace: string): Promise<string[]> {
  const kinds = [KINDS.job, KINDS.configMap, KINDS.serviceAccount, KINDS.deployment, KINDS.pod];
  const label = 'labelSelector=kinlog.io%2Flogstream';
  const lists = kinds.map((kind) =>
    scene.plane.call<{ items: KubeObject[] }>('GET', `${pathOf(kind, namespace)}?${label}`),
  );
  return (await Promise.all(lists)).flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
}
