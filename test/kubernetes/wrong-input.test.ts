/** Whatever is wrong about a LogStream or about what it names ends in a reason and a remedy; what ran keeps running, and when the wrong is put right nobody has to do anything more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../operator/kube/object.ts';
import { until } from '../flow/cli-process.ts';
import type { Change } from './crd-change.ts';
import { Policy } from './policy.ts';
import { Scene, TOKEN } from './scene.ts';
import { namespaceWith, secretWith, Watched, type Told } from './watched.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start({ hollow: true });
});
afterAll(() => scene.stop());

async function running(namespace: string, change: Change = {}): Promise<{ stream: Watched; pods: string[] }> {
  await namespaceWith(scene, namespace);
  const stream = Watched.hollow(scene, namespace, namespace, change);
  await stream.apply();
  await stream.heals();
  return { stream, pods: await stream.pods() };
}

const post = (kind: ResourceKind, namespace: string, name: string, rest: object = {}) =>
  scene.plane.call<KubeObject>('POST', pathOf(kind, namespace), { ...rest, metadata: { namespace, name } });

const hec = (change: object) => ({
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: { urls: [scene.hec.url], tokenSecretRef: { name: 'splunk-hec', key: 'token' }, ...change },
    },
  ],
});

interface Missing extends Omit<Told, 'as'> {
  readonly what: string;
  readonly change: () => Change;
  readonly mend: (namespace: string) => Promise<unknown>;
}

const MISSING: readonly Missing[] = [
  {
    what: 'a Secret that is not there',
    change: () => hec({ tokenSecretRef: { name: 'other', key: 'token' } }),
    reason: 'SecretNotFound',
    words: ['spec.outputs[0].splunkHEC.tokenSecretRef', 'Secret other does not exist', 'Create it'],
    mend: (namespace) => secretWith(scene.plane, { namespace, name: 'other' }, { token: TOKEN }),
  },
  {
    what: 'a key that is not in its Secret',
    change: () => hec({ tokenSecretRef: { name: 'splunk-hec', key: 'later' } }),
    reason: 'SecretNotFound',
    words: ['Secret splunk-hec has no key later', 'Add it'],
    mend: (namespace) => secretWith(scene.plane, { namespace, name: 'splunk-hec' }, { token: TOKEN, later: TOKEN }),
  },
  {
    what: 'a key with nothing under it',
    change: () => ({ source: { auth: { secretRef: { secretAccessKeyKey: 'empty' } } } }),
    reason: 'SecretNotFound',
    words: ['spec.source.auth.secretRef', 'Secret aws has no key empty'],
    mend: async (namespace) => {
      await secretWith(scene.plane, { namespace, name: 'aws' }, { id: 'test', key: 'test', empty: '' });
      await secretWith(scene.plane, { namespace, name: 'aws' }, { id: 'test', key: 'test', empty: 'test' });
    },
  },
  {
    what: 'authorities that are not there',
    change: () => hec({ tls: { ca: { configMapRef: { name: 'authorities', key: 'ca.crt' } } } }),
    reason: 'ConfigMapNotFound',
    words: ['ConfigMap authorities does not exist', 'Create it'],
    mend: (namespace) => post(KINDS.configMap, namespace, 'authorities', { data: { 'ca.crt': 'any' } }),
  },
  {
    what: 'a ServiceAccount that is not there',
    change: () => ({ serviceAccount: { create: false, name: 'reader-role' } }),
    reason: 'ServiceAccountNotFound',
    words: ['ServiceAccount reader-role does not exist', 'Create it'],
    mend: (namespace) => post(KINDS.serviceAccount, namespace, 'reader-role'),
  },
  {
    what: 'a volume claim that is not there',
    change: () => ({ deadLetters: { volume: { existingClaim: 'letters' } } }),
    reason: 'VolumeClaimNotFound',
    words: ['PersistentVolumeClaim letters does not exist', 'Create it'],
    mend: (namespace) =>
      post(KINDS.volumeClaim, namespace, 'letters', {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      }),
  },
];

describe('what a LogStream names and is not there', () => {
  it('is told before anything is made, and made it is enough', async () => {
    await namespaceWith(scene, 'early');
    const stream = Watched.hollow(scene, 'early', 'early', MISSING[0]!.change());
    await stream.apply();
    const { reason, words, mend } = MISSING[0]!;
    await stream.says({ reason, as: 'InProgress', ready: 'False', words });
    expect(await stream.pods()).toEqual([]);
    await mend('early');
    await stream.heals();
  });

  it.each(MISSING.map((one, i) => ({ ...one, namespace: `missing-${i}` })))(
    'leaves the reader alone that runs: $what',
    async ({ change, reason, words, mend, namespace }) => {
      const { stream, pods } = await running(namespace);
      await stream.apply(change());
      await stream.saysBesides({ reason, as: 'InProgress', words });
      expect(await stream.pods()).toEqual(pods);
      await mend(namespace);
      await stream.heals();
      expect(await stream.pods()).not.toEqual(pods);
    },
  );
});

interface Refused extends Omit<Told, 'as'> {
  readonly what: string;
  readonly change: Change;
}

const container = (change: object) => ({ podTemplate: { spec: { containers: [{ name: 'reader', ...change }] } } });

const REFUSED: readonly Refused[] = [
  {
    what: 'a value that the API server refuses',
    change: { podTemplate: { spec: { dnsPolicy: 'Nobody' } } },
    reason: 'InvalidPodTemplate',
    words: ['Deployment', 'dnsPolicy', 'Nobody', 'Correct spec.podTemplate'],
  },
  {
    what: 'a field that no pod has',
    change: { podTemplate: { spec: { nodeSelektor: { a: 'b' } } } },
    reason: 'InvalidPodTemplate',
    words: ['nodeSelektor', 'Correct spec.podTemplate'],
  },
  {
    what: 'a value of the wrong type',
    change: container({ tty: 'yes' }),
    reason: 'InvalidPodTemplate',
    words: ['tty', 'Correct spec.podTemplate'],
  },
  {
    what: 'a name that no variable has',
    change: container({ env: [{ name: 'A=B', value: 'c' }] }),
    reason: 'InvalidPodTemplate',
    words: ['A=B', 'Correct spec.podTemplate'],
  },
  {
    what: 'what belongs to the operator',
    change: container({ command: ['sh'] }),
    reason: 'InvalidPodTemplate',
    words: ['spec.podTemplate.spec.containers[0].command', 'leave it out'],
  },
  {
    what: 'more asked for than is allowed',
    change: { resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } },
    reason: 'InvalidConfig',
    words: ['spec.resources.requests.memory', 'raise the limit'],
  },
];

describe('a spec that no reader can be made of', () => {
  it('leaves the reader alone that runs, is told at once, and is over with the next one', async () => {
    const { stream, pods } = await running('refused');
    for (const { what, change, reason, words } of REFUSED) {
      await stream.apply(change);
      await stream.saysBesides({ reason, as: 'Failed', words });
      expect(await stream.pods(), what).toEqual(pods);
    }
    await stream.apply();
    await stream.heals();
    expect(await stream.pods()).toEqual(pods);
  });

  it.each([
    { kind: KINDS.deployment, reason: 'InvalidPodTemplate' },
    { kind: KINDS.configMap, reason: 'ChildRefused' },
  ])('a policy of the cluster that refuses the $kind.kind is named', async ({ kind: { kind, plural }, reason }) => {
    const namespace = `policed-${plural}`;
    const group = kind === 'Deployment' ? 'apps' : '';
    const { stream, pods } = await running(namespace);
    const policy = await Policy.start(scene.plane, {
      namespace,
      group,
      resource: plural,
      says: `no ${kind} today, ask us`,
    });
    await stream.apply({ logLevel: 'Debug' });
    await stream.saysBesides({ reason, as: 'Failed', words: [`${kind} ${namespace}-reader`, 'ask us'] });
    expect(await stream.pods()).toEqual(pods);
    await policy.end();
    await stream.apply({ logLevel: 'Warn' });
    await stream.heals();
  });
});

describe('names', () => {
  it('of 48 characters are enough for everything that is made, and of 49 are refused with the reason', async () => {
    await namespaceWith(scene, 'names');
    const longest = Watched.hollow(scene, 'names', 'n'.repeat(48), {
      ...{ checkpoint: { type: 'LevelDB', levelDB: {}, dynamoDB: null }, deadLetters: {} },
      ...{ podDisruptionBudget: { maxUnavailable: 1 }, source: { streamName: 'names' } },
    });
    await longest.apply();
    await longest.heals();
    const longer = Watched.hollow(scene, 'names', 'n'.repeat(49), { source: { streamName: 'names' } });
    await expect(longer.apply()).rejects.toThrow('at most 48 characters');
  });
});

const ANY_POD = {
  selector: { matchLabels: { app: 'theirs' } },
  template: { metadata: { labels: { app: 'theirs' } }, spec: { containers: [{ name: 'app', image: 'theirs' }] } },
};
const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const LEVELDB = { checkpoint: { type: 'LevelDB', levelDB: {}, dynamoDB: null } };

interface InTheWay {
  readonly kind: ResourceKind;
  readonly rest?: object;
  /** That makes it need one. */
  readonly change?: Change;
  readonly suffix?: string;
}

const IN_THE_WAY: readonly InTheWay[] = [
  { kind: KINDS.serviceAccount },
  { kind: KINDS.configMap, rest: { data: { theirs: 'yes' } } },
  { kind: KINDS.volumeClaim, rest: { spec: CLAIM }, change: LEVELDB, suffix: '-positions' },
  { kind: KINDS.deployment, rest: { spec: { replicas: 0, ...ANY_POD } } },
  {
    kind: KINDS.podDisruptionBudget,
    rest: { spec: { maxUnavailable: 1, selector: ANY_POD.selector } },
    change: { podDisruptionBudget: { maxUnavailable: 1 } },
  },
];

describe('objects of somebody else that have the name of a child', () => {
  it(
    'are named and not touched, and once they are gone the reader is made by itself',
    { timeout: 180_000 },
    async () => {
      await namespaceWith(scene, 'theirs');
      const each = IN_THE_WAY.map(async ({ kind, rest, change, suffix = '' }) => {
        const what = kind.kind;
        const name = what.toLowerCase();
        const child = `${name}-reader${suffix}`;
        const theirs = await post(kind, 'theirs', child, rest);
        const stream = Watched.hollow(scene, 'theirs', name, change);
        await stream.apply();
        const words = [`${what} ${child} exists`, 'belongs to nobody', 'Rename or delete it'];
        await stream.says({ reason: 'NameConflict', as: 'Failed', ready: 'False', words });
        const where = pathOf(kind, 'theirs', child);
        const { metadata } = await scene.plane.call<KubeObject>('GET', where);
        expect([metadata.uid, metadata.ownerReferences, metadata.labels]).toEqual([
          theirs.metadata.uid,
          undefined,
          undefined,
        ]);
        await scene.plane.call('DELETE', where);
        await until(async () => (await stream.pods()).length === 1, `${what} out of the way`, 90_000);
        await stream.heals();
      });
      await Promise.all(each);
    },
  );
});

describe('what refuses the reader', () => {
  it('a token that Splunk does not know is told, and a right one in the Secret is enough; nothing is lost', async () => {
    await namespaceWith(scene, 'tokens');
    const name = await scene.newStream(1);
    const stream = Watched.real(scene, { namespace: 'tokens', name: 'logs', stream: name });
    await secretWith(
      scene.plane,
      { namespace: 'tokens', name: 'splunk-hec' },
      { token: TOKEN.replace('feed', 'dead') },
    );
    await scene.put(name, ['tokens 1']);
    await stream.apply();
    const words = ['KINLOG_SPLUNK_REFUSED'];
    await stream.says({ reason: 'OutputRejected', as: 'Failed', ready: 'False', words });
    await secretWith(scene.plane, { namespace: 'tokens', name: 'splunk-hec' }, { token: TOKEN });
    await stream.heals();
    expect(await scene.arrived(['tokens 1'], 'tokens ')).toBe(0);
  });

  it('a stream that does not exist is told, and once it does it is read', async () => {
    await namespaceWith(scene, 'nowhere');
    const stream = Watched.real(scene, { namespace: 'nowhere', name: 'logs', stream: 'nowhere' });
    await stream.apply();
    const words = ['nowhere', 'KINLOG_STREAM_NOT_FOUND'];
    await stream.says({ reason: 'SourceNotFound', as: 'Failed', ready: 'False', words });
    await scene.simulator.control({ do: 'create', stream: 'nowhere', shards: 1 });
    await stream.heals();
  });
});
