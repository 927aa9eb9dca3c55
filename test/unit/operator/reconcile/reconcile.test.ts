/** A pass over a LogStream brings its children about, touches nothing of anybody else's, and writes nothing when nothing is to be done. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeError } from '../../../../operator/kube/api.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { KEY, NAMESPACE, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

describe('a new LogStream', () => {
  it('says that its reader is being started, and is ready once that is', async () => {
    world.create();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'False', reason: 'Progressing' });
    expect(world.condition('Reconciling')?.status).toBe('True');
    world.run();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running' });
  });

  it('is told to be ready together with the first word of its reader, while that is worth waiting for', async () => {
    world.create();
    await world.settle();
    world.run();
    world.firstWordMs = 700;
    const before = world.kube.writes.length;
    world.operator.look();
    expect(await world.operator.pass()).toEqual({ requeueAfterMs: 700 });
    expect(world.writesSince(before)).toEqual([]);
    world.firstWordMs = 0;
    await world.settle();
    expect(world.writesSince(before)).toHaveLength(1);
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running' });
  });

  it('does not count as ready when its first pass fails', async () => {
    world.create();
    world.kube.intercept = ({ path }) => {
      if (path.includes('/configmaps/')) throw new KubeError('no answer', { sort: 'transport', status: 0 });
    };
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ sort: 'transport' });
    expect(world.condition('Ready')).toMatchObject({ status: 'Unknown', reason: 'Initializing' });
  });

  it('has children that it owns, all with its labels', async () => {
    await world.running();
    for (const kind of [KINDS.serviceAccount, KINDS.configMap, KINDS.deployment]) {
      const { metadata } = world.child(kind)!;
      expect(metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([world.stream.metadata.uid]);
      expect(metadata.labels).toMatchObject({ 'kinlog.io/logstream': 'orders' });
    }
  });

  it('that is gone again is forgotten', async () => {
    await world.running();
    world.kube.remove(KINDS.logStream, NAMESPACE, 'orders');
    world.operator.look();
    expect(await world.operator.pass()).toEqual({});
  });
});

describe('a LogStream as it should be', () => {
  it('is not written again: not by another pass, a restart, or a pass that sees less than was written', async () => {
    const before = await world.running();
    await world.settle();
    world.restart();
    await world.settle();
    await world.settle();
    expect(world.writesSince(before)).toEqual([]);
  });

  it('is brought about with five writes: three children, and that they are made, and ready', async () => {
    await world.running();
    expect(world.kube.writes).toHaveLength(5);
  });

  it('does not apply twice what the caches do not show yet', async () => {
    world.create();
    world.operator.look();
    await world.operator.pass();
    const before = world.kube.writes.length;
    await world.operator.pass();
    expect(world.writesSince(before)).toEqual([]);
  });

  it('keeps what others add to its children', async () => {
    const before = await world.running();
    const { metadata } = world.deployment!;
    world.kube.put(KINDS.deployment, {
      ...world.deployment!,
      metadata: { ...metadata, annotations: { ...metadata.annotations, 'example.com/note': 'kept' } },
    });
    await world.settle();
    expect(world.writesSince(before)).toEqual([]);
    expect(world.deployment!.metadata.annotations).toMatchObject({ 'example.com/note': 'kept' });
  });

  it('is repaired when somebody changes or deletes a child', async () => {
    await world.running();
    world.kube.put(KINDS.deployment, { ...world.deployment!, spec: { ...world.deployment!.spec, replicas: 3 } });
    world.kube.remove(KINDS.configMap, NAMESPACE, 'orders-reader');
    await world.settle();
    expect(world.deployment!.spec.replicas).toBe(1);
    expect(world.child(KINDS.configMap)).toBeDefined();
  });

  it('is repaired more and more seldom when somebody keeps changing it, and that is told', async () => {
    await world.running();
    const before = world.kube.writes.length;
    for (let i = 0; i < 120; i++) {
      world.kube.put(KINDS.deployment, { ...world.deployment!, spec: { ...world.deployment!.spec, replicas: 3 } });
      world.operator.look();
      await world.operator.pass();
      await world.clock.advance(500);
    }
    const applies = world.writesSince(before).filter((call) => call.includes('/deployments/'));
    expect(applies.length).toBeLessThan(12);
    expect(world.told.map(({ reason }) => reason)).toContain('FieldsContested');
  });
});

describe('an object that is not ours', () => {
  const foreign = (kind: KubeObject['kind'], more: object = {}) => ({
    apiVersion: 'v1',
    kind,
    metadata: { namespace: NAMESPACE, name: 'orders-reader', ...more },
  });

  it('is not touched, however it got its name, and the Deployment waits for it', async () => {
    world.kube.put(KINDS.configMap, { ...foreign('ConfigMap'), data: { theirs: 'yes' } });
    world.create();
    const { requeueAfterMs } = await world.settle();
    expect(world.condition('Ready')?.reason).toBe('NameConflict');
    expect(world.child(KINDS.configMap)).toMatchObject({ data: { theirs: 'yes' } });
    expect(world.child(KINDS.configMap)!.metadata.labels).toBeUndefined();
    expect(world.deployment).toBeUndefined();
    expect(requeueAfterMs).toBeLessThanOrEqual(60_000);
    world.kube.remove(KINDS.configMap, NAMESPACE, 'orders-reader');
    await world.settle();
    expect(world.deployment).toBeDefined();
  });

  it('of another controller is not touched either, whatever its labels say', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'kinlog-operator', 'kinlog.io/logstream': 'orders' };
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Other', name: 'x', uid: 'else', controller: true }];
    world.kube.put(KINDS.deployment, foreign('Deployment', { labels, ownerReferences }));
    world.create();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ reason: 'NameConflict' });
    expect(world.condition('Ready')!.message).toContain('Other x');
  });

  it('that an earlier LogStream of the name left to the garbage collector is waited for', async () => {
    await world.running();
    const { spec } = world.stream;
    world.kube.remove(KINDS.logStream, NAMESPACE, 'orders');
    world.create(spec);
    const { requeueAfterMs } = await world.settle();
    expect(requeueAfterMs).toBeLessThanOrEqual(5_000);
    expect(world.condition('Ready')?.reason).not.toBe('NameConflict');
    world.kube.collectGarbage();
    await world.settle();
    expect(world.deployment!.metadata.ownerReferences![0]!.uid).toBe(world.stream.metadata.uid);
  });

  it('that was left without an owner by kubectl delete --cascade=orphan is taken up without a new pod', async () => {
    await world.running();
    const template = JSON.stringify(world.deployment!.spec.template);
    const { spec } = world.stream;
    world.kube.remove(KINDS.logStream, NAMESPACE, 'orders');
    for (const kind of [KINDS.serviceAccount, KINDS.configMap, KINDS.deployment]) {
      const child = world.child(kind)!;
      world.kube.put(kind, { ...child, metadata: { ...child.metadata, ownerReferences: [] } });
    }
    world.create(spec);
    await world.settle();
    expect(world.deployment!.metadata.ownerReferences![0]!.uid).toBe(world.stream.metadata.uid);
    expect(JSON.stringify(world.deployment!.spec.template)).toBe(template);
  });
});

describe('a reference that can not be resolved', () => {
  it('leaves the reader as it is, and says which and where', async () => {
    const before = await world.running();
    const template = JSON.stringify(world.deployment!.spec);
    world.kube.remove(KINDS.secret, NAMESPACE, 'splunk');
    world.edit({ logLevel: 'Debug' });
    const { requeueAfterMs } = await world.settle();
    expect(JSON.stringify(world.deployment!.spec)).toBe(template);
    expect(world.writesSince(before).every((call) => call.includes('/logstreams/'))).toBe(true);
    expect(requeueAfterMs).toBeLessThanOrEqual(30_000);
    world.secret();
    await world.settle();
    expect(JSON.stringify(world.deployment!.spec)).not.toBe(template);
  });

  it('does not keep a pause from being obeyed', async () => {
    await world.running();
    world.kube.remove(KINDS.secret, NAMESPACE, 'splunk');
    world.edit({ paused: true });
    await world.settle();
    expect(world.deployment!.spec.replicas).toBe(0);
  });

  it('that is renewed gives the pod one new template together with all else that changed', async () => {
    await world.running();
    const before = world.kube.writes.length;
    world.secret('splunk', { token: 'bmV3' });
    world.edit({ logLevel: 'Debug' });
    await world.settle();
    expect(world.writesSince(before).filter((call) => call.includes('/deployments/'))).toHaveLength(1);
  });
});

describe('hands off', () => {
  it('changes nothing but a condition', async () => {
    const before = await world.running();
    world.annotate({ 'kinlog.io/pause-reconcile': 'true' });
    world.kube.remove(KINDS.configMap, NAMESPACE, 'orders-reader');
    world.edit({ paused: true });
    await world.settle();
    expect(world.writesSince(before).every((call) => call.endsWith('/logstreams/orders/status'))).toBe(true);
    expect(world.deployment!.spec.replicas).toBe(1);
    expect(world.stream.status!.observedGeneration).toBe(1);
  });
});

describe('a LogStream whose cache is behind', () => {
  it('is not written over a newer one by another process', async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
    const behind = world.operator;
    world.restart();
    await world.settle();
    const newest = JSON.stringify(world.deployment!.spec);
    // It sees the new children, but not the spec that they are from.
    const { logStreams } = behind.caches;
    const old = logStreams.get(NAMESPACE, 'orders')!;
    behind.look();
    logStreams.put({ ...old, metadata: { ...old.metadata, resourceVersion: '1' } });
    const before = world.kube.writes.length;
    await behind.pass(KEY);
    expect(JSON.stringify(world.deployment!.spec)).toBe(newest);
    expect(world.writesSince(before).filter((call) => !call.endsWith('/status'))).toEqual([]);
  });
});

describe('a child that is not wanted any more', () => {
  it('is removed, and nothing else', async () => {
    world.create({ podDisruptionBudget: { maxUnavailable: 1 } });
    await world.settle();
    const other = { namespace: NAMESPACE, name: 'other', labels: { 'kinlog.io/logstream': 'orders' } };
    world.kube.put(KINDS.podDisruptionBudget, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: other,
    });
    world.kube.put(KINDS.logStream, {
      ...world.stream,
      spec: { ...world.stream.spec, podDisruptionBudget: undefined },
    });
    await world.settle();
    expect(world.child(KINDS.podDisruptionBudget)).toBeUndefined();
    expect(world.child(KINDS.podDisruptionBudget, 'other')).toBeDefined();
  });

  it('that a reader still uses stays until that has ended', async () => {
    await world.running();
    world.kube.put(KINDS.serviceAccount, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: NAMESPACE, name: 'theirs' },
    });
    world.edit({ serviceAccount: { create: false, name: 'theirs' } });
    await world.settle();
    expect(world.child(KINDS.serviceAccount)).toBeDefined();
    world.run();
    await world.settle();
    expect(world.child(KINDS.serviceAccount)).toBeUndefined();
  });

  it('is never a claim', async () => {
    world.create({ deadLetters: { volume: {} }, deletionPolicy: 'Delete' });
    await world.settle();
    world.kube.put(KINDS.logStream, { ...world.stream, spec: { ...world.stream.spec, deadLetters: undefined } });
    await world.settle();
    expect(world.child(KINDS.volumeClaim, 'orders-reader-dead-letters')).toBeDefined();
  });
});
