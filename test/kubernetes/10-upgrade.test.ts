/** Suite 10: the CRD, the operator and the image of readers, each one newer or older than the others. Readers are replaced once when their own pod is another one, never else, and go on where they were. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { Scene } from './scene.ts';
import { conditionOf, namespaceWith, Watched } from './watched.ts';

const NEXT = 'kinlog:next';
const NAMESPACE = 'upgraded';
const SYSTEM = 'kinlog-system';

let scene: Scene;
let stream: string;
/** With a process, and without: its image is said in its spec. */
let logs: Watched;
let pinned: Watched;
let count = 0;

beforeAll(async () => {
  scene = await Scene.start({ hollow: true, alsoNamed: [NEXT] });
  await namespaceWith(scene, NAMESPACE);
  stream = await scene.newStream();
  logs = Watched.real(scene, { namespace: NAMESPACE, name: 'logs', stream });
  pinned = Watched.hollow(scene, NAMESPACE, 'pinned', { image: 'kinlog:mine' });
  await Promise.all([logs.apply(), pinned.apply()]);
  await Promise.all([logs.heals(), pinned.heals()]);
  await deliver();
});
afterAll(() => scene.stop());

const put = (): Promise<void> => scene.put(stream, numbered('upgraded', 20, (count += 20) - 20));

/** Everything that was put is in Splunk; answers how much of it twice. */
const arrived = (): Promise<number> => scene.arrived(numbered('upgraded', count), 'upgraded ');

async function deliver(): Promise<void> {
  await put();
  expect(await arrived()).toBe(0);
}

interface Release {
  readonly pods: readonly string[][];
  readonly rollouts: readonly number[];
}

async function release(): Promise<Release> {
  const each = [logs, pinned];
  return {
    pods: await Promise.all(each.map((one) => one.pods())),
    rollouts: await Promise.all(each.map(({ name }) => generationOf(NAMESPACE, `${name}-reader`))),
  };
}

const generationOf = async (namespace: string, name: string): Promise<number> => {
  const { metadata } = await scene.plane.call<KubeObject>('GET', pathOf(KINDS.deployment, namespace, name));
  return metadata.generation!;
};

interface Group {
  properties: Record<string, Record<string, unknown>>;
}

interface Groups {
  readonly spec: Group;
  readonly status: Group;
}

function omit(group: Group, name: string): void {
  const { [name]: _field, ...others } = group.properties;
  group.properties = others;
}

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly versions: { schema: { openAPIV3Schema: { properties: { spec: Group; status: Group } } } }[];
  };
}

/** What is installed, but for what `change` does to it; settles once the server serves it. */
async function definition(change: (groups: Groups) => void = () => undefined): Promise<void> {
  const text = readFileSync(new URL('../../crds/logstreams.yaml', import.meta.url), 'utf8');
  const whole = parse(text) as Definition;
  change(whole.spec.versions[0]!.schema.openAPIV3Schema.properties);
  const where = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/logstreams.kinlog.io';
  const { metadata } = await scene.plane.call<KubeObject>('GET', where);
  const { resourceVersion } = metadata;
  await scene.plane.call('PUT', where, { ...whole, metadata: { ...whole.metadata, resourceVersion } });
}

/** Until the server holds the other schema against a LogStream. */
const serves = (body: { spec?: object; status?: object }, accepts: boolean): Promise<void> =>
  until(
    async () => {
      const subresource = body.status === undefined ? undefined : 'status';
      const where = `${pathOf(KINDS.logStream, NAMESPACE, 'logs', subresource)}?dryRun=All&fieldValidation=Strict`;
      const answer = scene.plane.call('PATCH', where, body, 'application/merge-patch+json');
      return (
        (await answer.then(
          () => true,
          () => false,
        )) === accepts
      );
    },
    `a definition that ${accepts ? 'takes' : 'refuses'} ${JSON.stringify(body)}`,
  );

async function operator(image: string, readerImage: string): Promise<void> {
  const where = pathOf(KINDS.deployment, SYSTEM, 'kinlog-operator');
  const env = [{ name: 'KINLOG_READER_IMAGE', value: readerImage }];
  const containers = [{ name: await operatorContainer(), image, env }];
  const patch = { spec: { template: { spec: { containers } } } };
  await scene.plane.call('PATCH', where, patch, 'application/strategic-merge-patch+json');
  await scene.plane.kubectlAside(['-n', SYSTEM, 'rollout', 'status', 'deployment/kinlog-operator', '--timeout=50s']);
}

async function operatorContainer(): Promise<string> {
  const deployment = await scene.get<{ spec: { template: { spec: { containers: { name: string }[] } } } }>(
    'deployment',
    SYSTEM,
    'kinlog-operator',
  );
  return deployment.spec.template.spec.containers[0]!.name;
}

/** A change that only an operator at work can make: it has looked at everything before. */
async function isAtWork(): Promise<void> {
  const probe = Watched.hollow(scene, NAMESPACE, `probe-${count}`);
  await probe.apply();
  await probe.heals();
  await scene.plane.call('DELETE', pathOf(KINDS.logStream, NAMESPACE, probe.name));
}

describe('10 a CRD that is newer than the operator', () => {
  beforeAll(async () => {
    await definition(({ spec, status }) => {
      spec.properties['later'] = { type: 'string', default: 'of the next release', description: 'Later.' };
      status.properties['later'] = { type: 'integer', description: 'Later.' };
      (spec.properties['logLevel']!['enum'] as string[]).push('Trace');
    });
    await serves({ spec: { later: 'yes' } }, true);
  });

  it('changes nothing by itself', async () => {
    const before = await release();
    await isAtWork();
    await deliver();
    await Promise.all([logs.heals(), pinned.heals()]);
    expect(await release()).toEqual(before);
  });

  it('offers a field that is not missed, and a word that is refused in the operator’s name', async () => {
    const before = await release();
    await logs.apply({ later: 'said' });
    await logs.heals();
    await logs.apply({ logLevel: 'Trace' });
    const words = ['spec.logLevel "Trace" is of a later version', 'Upgrade the operator'];
    await logs.saysBesides({ reason: 'InvalidConfig', as: 'Failed', words });
    await deliver();
    await logs.apply();
    await logs.heals();
    expect(await release()).toEqual(before);
  });
});

describe('10 another operator', () => {
  it('with the same image of readers touches none of them', async () => {
    const before = await release();
    const { conditions } = (await logs.read()).status!;
    const since = scene.operatorWrites().length;
    await operator(NEXT, scene.image);
    await isAtWork();
    await deliver();
    expect(await release()).toEqual(before);
    const written = scene.operatorWrites().slice(since);
    expect(written.filter(({ name }) => /^(pinned|(logs|pinned)-reader)$/.test(name))).toEqual([]);
    // The figures of a reader that runs may be told meanwhile.
    expect((await logs.read()).status!.conditions).toEqual(conditions);
  });

  it.each([
    ['a newer', NEXT],
    ['an older', undefined],
  ])(
    'with %s image of readers replaces each once that says none itself, and nothing is lost or twice',
    async (_, image) => {
      const before = await release();
      const wanted = image ?? scene.image;
      await put();
      await operator(wanted, wanted);
      await put();
      await until(async () => {
        const { pods } = await release();
        return pods[0]!.length === 1 && pods[0]![0] !== before.pods[0]![0];
      }, 'another reader');
      await logs.heals();
      await put();
      expect(await arrived()).toBe(0);
      await isAtWork();
      const after = await release();
      expect(after.rollouts).toEqual([before.rollouts[0]! + 1, before.rollouts[1]!]);
      expect(after.pods[1]).toEqual(before.pods[1]);
    },
  );
});

let threshold = 300;

/** Changed until it says so: for a second after a change of the CRD watches tell of LogStreams as they were served before. */
const poked = (reason: string): Promise<void> =>
  until(async () => {
    await logs.apply({ monitoring: { lagThresholdSeconds: ++threshold } });
    let last = await logs.read();
    await until(async () => {
      last = await logs.read();
      return last.status?.observedGeneration === last.metadata.generation;
    }, 'the change looked at');
    return conditionOf(last, 'Ready')?.reason === reason;
  }, reason);

describe('10 a CRD that is older than the operator', () => {
  it('takes fields back that only the newer one had, and nobody is disturbed', async () => {
    const before = await release();
    await definition();
    await serves({ spec: { later: 'yes' } }, false);
    await isAtWork();
    await deliver();
    await Promise.all([logs.heals(), pinned.heals()]);
    expect(await release()).toEqual(before);
  });

  it.each([
    {
      what: 'a field of the spec',
      without: ({ spec }: Groups) => omit(spec, 'logLevel'),
      refuses: { spec: { logLevel: 'Info' } },
      words: ['does not know spec.logLevel', 'Install the CRD of this version'],
    },
    {
      what: 'a field of the status',
      without: ({ status }: Groups) => omit(status, 'configHash'),
      refuses: { status: { configHash: 'any' } },
      words: ['configHash', 'Install the CRD of this version'],
    },
  ])('and lacks $what is named, readers go on, and with the CRD of the operator all is well', async (one) => {
    const before = await release();
    await definition(one.without);
    await serves(one.refuses, false);
    await poked('CRDOutdated');
    await logs.saysBesides({ reason: 'CRDOutdated', as: 'Failed', words: one.words });
    await deliver();
    expect(await release()).toEqual(before);
    await definition();
    await serves(one.refuses, true);
    await poked('Running');
    await logs.apply();
    await logs.heals();
  });
});
