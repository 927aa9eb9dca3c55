/** With deletionPolicy Delete the positions outside the cluster go before the LogStream does; with any other nothing outside is touched. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeError } from '../../../../operator/kube/api.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { NAMESPACE, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

const job = () => world.kube.all(KINDS.job)[0];
const gone = () => (world.stream as object | undefined) === undefined;

/** As the API server does when a finalizer is there. */
async function asked(): Promise<void> {
  const { metadata } = world.stream;
  if ((metadata.finalizers ?? []).length === 0) world.kube.remove(KINDS.logStream, NAMESPACE, 'orders');
  else
    world.kube.put(KINDS.logStream, {
      ...world.stream,
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    });
  await world.settle();
}

function end(type: 'Complete' | 'Failed'): void {
  world.kube.put(KINDS.job, { ...job()!, status: { conditions: [{ type, status: 'True', message: 'BackoffLimit' }] } });
}

/** The pods of the Deployment that is gone. */
function readersEnd(): void {
  for (const pod of world.kube.all(KINDS.pod)) world.kube.remove(KINDS.pod, NAMESPACE, pod.metadata.name);
}

describe('the finalizer', () => {
  it('is there only while positions outside the cluster shall be deleted', async () => {
    await world.running();
    expect(world.stream.metadata.finalizers ?? []).toEqual([]);
    world.edit({ deletionPolicy: 'Delete' });
    await world.settle();
    expect(world.stream.metadata.finalizers).toEqual(['kinlog.io/positions']);
    world.edit({ deletionPolicy: 'Retain' });
    await world.settle();
    expect(world.stream.metadata.finalizers).toEqual([]);
  });

  it('is not needed for positions on a volume', async () => {
    await world.running({
      deletionPolicy: 'Delete',
      checkpoint: { type: 'LevelDB', intervalSeconds: 1, leasePeriodSeconds: 10, levelDB: {} },
    });
    expect(world.stream.metadata.finalizers ?? []).toEqual([]);
    const claim = world.child(KINDS.volumeClaim, 'orders-reader-positions')!;
    expect(claim.metadata.ownerReferences).toHaveLength(1);
  });

  it('of somebody else is left alone', async () => {
    world.create({ deletionPolicy: 'Delete' }, { finalizers: ['example.com/theirs'] });
    await world.settle();
    expect(world.stream.metadata.finalizers).toEqual(['example.com/theirs', 'kinlog.io/positions']);
    world.edit({ deletionPolicy: 'Retain' });
    await world.settle();
    expect(world.stream.metadata.finalizers).toEqual(['example.com/theirs']);
  });
});

describe('deleting a LogStream', () => {
  it('with Retain touches nothing and keeps its claim, and the next one goes on with that', async () => {
    const checkpoint = { type: 'LevelDB', intervalSeconds: 1, leasePeriodSeconds: 10, levelDB: {} } as const;
    await world.running({ checkpoint });
    const before = world.kube.writes.length;
    await asked();
    world.kube.collectGarbage();
    expect(world.writesSince(before)).toEqual([]);
    const claim = world.child(KINDS.volumeClaim, 'orders-reader-positions')!;
    await world.running({ checkpoint });
    expect(world.child(KINDS.volumeClaim, 'orders-reader-positions')!.metadata.uid).toBe(claim.metadata.uid);
  });

  it('with Delete ends the reader, then deletes the positions, then lets go, and leaves nothing', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    expect(world.deployment).toBeUndefined();
    expect(job()).toBeUndefined();
    readersEnd();
    await world.settle();
    expect(job()!.metadata.ownerReferences).toBeUndefined();
    expect(gone()).toBe(false);
    end('Complete');
    await world.settle();
    expect(gone()).toBe(true);
    const left = [KINDS.job, KINDS.configMap, KINDS.serviceAccount, KINDS.deployment].flatMap((kind) =>
      world.kube.all(kind),
    );
    expect(left).toEqual([]);
    expect(world.told.map(({ reason }) => reason)).toContain('PositionsDeleted');
  });

  it('goes on where it was when the operator was ended at any call', async () => {
    for (let k = 1; ; k++) {
      world = new World();
      world.secret();
      await world.running({ deletionPolicy: 'Delete' });
      const calls = world.kube.calls.length;
      world.kube.intercept = () => {
        if (world.kube.calls.length > calls + k) throw new Error('killed');
      };
      const wasKilled = await throughDeletion().then(
        () => false,
        () => true,
      );
      world.kube.intercept = () => undefined;
      world.restart();
      if (!gone()) await throughDeletion();
      expect(gone()).toBe(true);
      expect([KINDS.configMap, KINDS.serviceAccount, KINDS.job].flatMap((kind) => world.kube.all(kind))).toEqual([]);
      if (!wasKilled) return;
    }
  });

  it.each([
    ['its Deployment', () => [...world.operator.caches.children.deployment.list()].length],
    ['its pod', () => [...world.operator.caches.pods.list()].length],
  ])('deletes no positions as long as there is a reader of which the caches do not know %s', async (what, known) => {
    await world.running({ deletionPolicy: 'Delete' });
    if (what === 'its pod') world.kube.remove(KINDS.deployment, NAMESPACE, 'orders-reader');
    const { metadata } = world.stream;
    world.kube.put(KINDS.logStream, {
      ...world.stream,
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    });
    // A leader that begins, whose watches of these kinds are late.
    world.restart();
    world.operator.caches.logStreams.put(world.stream);
    expect(known()).toBe(0);
    await world.operator.pass();
    expect(world.deployment).toBeUndefined();
    expect(job()).toBeUndefined();
    readersEnd();
    await world.settle();
    expect(job()).toBeDefined();
  });

  it('makes nothing anew while the cache does not know yet that it is over', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    readersEnd();
    await world.settle();
    end('Complete');
    const { caches } = world.operator;
    const behind = caches.logStreams.get(NAMESPACE, 'orders')!;
    await world.settle();
    expect(gone()).toBe(true);
    caches.logStreams.put(behind);
    const before = world.kube.writes.length;
    await world.operator.pass();
    expect(world.writesSince(before)).toEqual([]);
  });

  it('does what the Job needs anew when the garbage collector took it in a foreground deletion', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    readersEnd();
    world.kube.remove(KINDS.configMap, NAMESPACE, 'orders-reader');
    await world.settle();
    expect(world.child(KINDS.configMap)!.metadata.ownerReferences).toBeUndefined();
    expect(job()).toBeDefined();
  });

  it('tells a Job that fails, with what it said, and makes the next one after growing pauses', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    readersEnd();
    await world.settle();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const name = job()!.metadata.name;
      const terminated = { exitCode: 100, message: `noise\nkinlog: refused (KINLOG_PERMISSION_REFUSED). Allow it.` };
      world.kube.put(KINDS.pod, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          namespace: NAMESPACE,
          name: `${name}-x`,
          labels: {
            'app.kubernetes.io/name': 'kinlog-reader',
            'kinlog.io/logstream': 'orders',
            'batch.kubernetes.io/job-name': name,
          },
        },
        status: { containerStatuses: [{ name: 'reader', state: { terminated } }] },
      });
      end('Failed');
      const { requeueAfterMs } = await world.settle();
      waits.push(requeueAfterMs!);
      const { uid } = job()!.metadata;
      await world.clock.advance(requeueAfterMs!);
      await world.settle();
      expect(job()?.metadata.uid).not.toBe(uid);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    const told = world.told.filter(({ reason }) => reason === 'PositionsNotDeleted');
    expect(told.length).toBeGreaterThanOrEqual(8);
    expect(told[0]!.note).toContain('KINLOG_PERMISSION_REFUSED');
    expect(told[0]!.note).not.toContain('noise');
    expect(gone()).toBe(false);
  });

  it('lets go when the annotation says so, and tells that the positions stay', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    readersEnd();
    await world.settle();
    world.annotate({ 'kinlog.io/force-delete': 'true' });
    await world.settle();
    expect(gone()).toBe(true);
    expect([KINDS.job, KINDS.configMap, KINDS.serviceAccount].flatMap((kind) => world.kube.all(kind))).toEqual([]);
    expect(world.told.map(({ reason }) => reason)).toContain('PositionsKept');
  });

  it('lets go when the policy goes back to Retain', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    await asked();
    world.edit({ deletionPolicy: 'Retain' });
    await world.settle();
    expect(gone()).toBe(true);
  });

  it('lets go in a namespace that ends, because no Job can be made there', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    world.kube.intercept = ({ method, path }) => {
      if (method === 'PATCH' && !path.includes('/logstreams/'))
        throw new KubeError('namespace logs is being terminated', { sort: 'terminating', status: 403 });
    };
    readersEnd();
    await asked();
    expect(gone()).toBe(true);
    expect(world.told.map(({ reason }) => reason)).toContain('PositionsKept');
  });

  it('does not wait for ever for a reader on a lost node', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    const [pod] = world.kube.all(KINDS.pod);
    const deletionTimestamp = new Date(world.clock.now() + 60_000).toISOString();
    world.kube.put(KINDS.pod, {
      ...pod!,
      metadata: { ...pod!.metadata, deletionTimestamp, deletionGracePeriodSeconds: 60, finalizers: ['x'] },
    });
    await asked();
    expect(job()).toBeUndefined();
    await world.clock.advance(121_000);
    await world.settle();
    expect(job()).toBeDefined();
  });
});

async function throughDeletion(): Promise<void> {
  await asked();
  readersEnd();
  await world.settle();
  for (let i = 0; i < 2 && !gone(); i++) {
    end('Complete');
    await world.settle();
  }
}
