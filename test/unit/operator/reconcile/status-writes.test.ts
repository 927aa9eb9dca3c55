/** What a status says, whatever else is in it, in its cluster and in its pods. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = new World();
  world.secret();
  await world.running();
});

const pod = () => world.kube.all(KINDS.pod)[0]!;
const withStatus = (object: KubeObject, status: object) => ({
  ...object,
  status: { ...(object as { status?: object }).status, ...status },
});

describe('a condition of somebody else', () => {
  const theirs = {
    ...{ type: 'Audited', status: 'True', reason: 'Yes', message: 'Theirs.' },
    ...{ lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 7 },
  };
  const audit = () =>
    world.kube.put(
      KINDS.logStream,
      withStatus(world.stream, { conditions: [...world.stream.status!.conditions!, theirs] }),
    );

  it('is no reason to write', async () => {
    audit();
    const before = world.kube.writes.length;
    await world.settle();
    expect(world.writesSince(before)).toEqual([]);
  });

  it('does not say which generation was observed while the hands are off', async () => {
    audit();
    world.annotate({ 'kinlog.io/pause-reconcile': 'true' });
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ observedGeneration: 1 });
  });
});

it('a pod that is not ready counts before its Deployment tells of it', async () => {
  world.kube.put(KINDS.pod, withStatus(pod(), { conditions: [{ type: 'Ready', status: 'False' }] }));
  await world.settle();
  expect(world.condition('Ready')).toMatchObject({ status: 'False', reason: 'Progressing' });
  expect(world.stream.status).toMatchObject({ readyReplicas: 0 });
});

it('half a character in what a kubelet says is none', async () => {
  const waiting = { reason: 'CreateContainerError', message: 'odd \ud83d' };
  const containerStatuses = [{ name: 'reader', restartCount: 0, state: { waiting } }];
  world.kube.put(KINDS.pod, withStatus(pod(), { conditions: [], containerStatuses }));
  await world.settle();
  expect(world.condition('Ready')!.message).toContain('odd \ufffd');
  expect(JSON.stringify(world.stream.status)).not.toContain('\\ud83d');
});

it('a grace of weeks is looked at again each hour: no timer waits longer than 24 days', async () => {
  const { metadata } = pod();
  const going = {
    ...{ finalizers: ['example.com/theirs'], deletionGracePeriodSeconds: 3_000_000 },
    deletionTimestamp: new Date(world.clock.now() + 3_000_000_000).toISOString(),
  };
  world.kube.put(KINDS.pod, { ...pod(), metadata: { ...metadata, ...going } });
  world.edit({ paused: true });
  expect((await world.settle()).requeueAfterMs).toBe(3_600_000);
});

describe('a change that needs a new pod', () => {
  const change = () => world.edit({ logLevel: 'Debug' });
  const statusWrites = () => world.kube.writes.filter(({ path }) => path.endsWith('/status')).length;

  it('is two writes of the status: that the reader ends, and that the new one runs', async () => {
    const before = statusWrites();
    change();
    await world.settle();
    expect(world.stream.status).toMatchObject({ observedGeneration: 1, readyReplicas: 1 });
    world.kube.remove(KINDS.pod, 'logs', pod().metadata.name);
    await world.settle();
    expect(world.stream.status).toMatchObject({ observedGeneration: 2, readyReplicas: 0 });
    expect(world.condition('Ready')).toMatchObject({ status: 'False', reason: 'Progressing' });
    expect(world.condition('ReaderAvailable')).toMatchObject({ status: 'False' });
    world.run();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running', observedGeneration: 2 });
    expect(statusWrites() - before).toBe(2);
  });

  it('is told after a second, though the reader goes on', async () => {
    change();
    expect((await world.settle()).requeueAfterMs).toBe(1000);
    await world.clock.advance(999);
    expect((await world.settle()).requeueAfterMs).toBe(1);
    expect(world.condition('Ready')).toMatchObject({ status: 'True', observedGeneration: 1 });
    await world.clock.advance(1);
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'False', reason: 'Progressing', observedGeneration: 2 });
    expect(world.condition('ReaderAvailable')).toMatchObject({ status: 'True' });
  });

  it('is not told of the new pod by the name of the old one, when the watch of pods is late', async () => {
    const withHash = () => {
      const { spec } = world.deployment as unknown as { spec: { template: { metadata: KubeObject['metadata'] } } };
      const { annotations } = spec.template.metadata;
      world.kube.put(KINDS.pod, { ...pod(), metadata: { ...pod().metadata, annotations: annotations! } });
    };
    withHash();
    await world.settle();
    const [before, old] = [statusWrites(), pod()];
    change();
    await world.settle();
    world.run();
    const born = pod();
    world.kube.remove(KINDS.pod, 'logs', born.metadata.name);
    world.kube.put(KINDS.pod, old);
    await world.settle();
    expect(statusWrites()).toBe(before);
    world.kube.remove(KINDS.pod, 'logs', old.metadata.name);
    world.kube.put(KINDS.pod, born);
    withHash();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ reason: 'Running', observedGeneration: 2 });
    expect(world.stream.status!.reader).toMatchObject({ podName: born.metadata.name });
    expect(statusWrites()).toBe(before + 1);
  });

  it('that is wrong is told at once', async () => {
    change();
    await world.settle();
    world.kube.remove(KINDS.secret, 'logs', 'splunk');
    await world.settle();
    expect(world.condition('ReferencesResolved')).toMatchObject({ status: 'False', reason: 'SecretNotFound' });
  });

  it('that is over before it was told is told together with what the new reader says first', async () => {
    change();
    await world.settle();
    const before = statusWrites();
    world.run();
    world.firstWordMs = 700;
    expect((await world.settle()).requeueAfterMs).toBe(700);
    expect(statusWrites()).toBe(before);
    world.firstWordMs = 0;
    await world.settle();
    expect(world.stream.status).toMatchObject({ observedGeneration: 2 });
    expect(statusWrites()).toBe(before + 1);
  });
});
