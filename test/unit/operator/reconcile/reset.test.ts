/** A reset of the positions is done once for each id, while no reader runs, and is acknowledged when it is done. */
import { beforeEach, describe, expect, it } from 'vitest';
import { describeError, KinlogError } from '../../../../base/errors.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

const REQUEST = { id: 'first', position: { type: 'TrimHorizon' } } as const;
const job = () => world.kube.all(KINDS.job)[0];

async function end(type: 'Complete' | 'Failed'): Promise<void> {
  world.kube.put(KINDS.job, { ...job()!, status: { conditions: [{ type, status: 'True', message: 'Backoff' }] } });
  await world.settle();
}

describe('a reset', () => {
  it('waits for a pause, and for the reader to have ended', async () => {
    await world.running({ resetRequest: REQUEST });
    expect(job()).toBeUndefined();
    world.edit({ paused: true });
    await world.settle();
    expect(world.deployment!.spec.replicas).toBe(0);
    expect(job()).toBeUndefined();
    world.run();
    await world.settle();
    expect(job()).toBeDefined();
    expect(world.stream.status!.resetAcknowledged).toBeUndefined();
  });

  it('is acknowledged when its Job is complete, which is then removed, and is not done again', async () => {
    world.create({ resetRequest: REQUEST, paused: true });
    await world.settle();
    await end('Complete');
    expect(world.stream.status!.resetAcknowledged).toBe('first');
    expect(job()).toBeUndefined();
    world.restart();
    await world.settle();
    world.edit({ paused: false });
    await world.settle();
    world.edit({ paused: true });
    await world.settle();
    expect(job()).toBeUndefined();
    expect(world.stream.status!.resetAcknowledged).toBe('first');
  });

  it('with another id is another one', async () => {
    world.create({ resetRequest: REQUEST, paused: true });
    await world.settle();
    await end('Complete');
    world.edit({ resetRequest: { ...REQUEST, id: 'second' } });
    await world.settle();
    expect(job()).toBeDefined();
    await end('Complete');
    expect(world.stream.status!.resetAcknowledged).toBe('second');
  });

  it('that is taken back, or overtaken by the end of the pause, ends with its Job', async () => {
    world.create({ resetRequest: REQUEST, paused: true });
    await world.settle();
    world.edit({ paused: false });
    await world.settle();
    expect(job()).toBeUndefined();
    expect(world.stream.status!.resetAcknowledged).toBeUndefined();
  });

  it('that fails is told and tried again', async () => {
    world.create({ resetRequest: REQUEST, paused: true });
    await world.settle();
    const { uid } = job()!.metadata;
    await end('Failed');
    expect(world.told.map(({ reason }) => reason)).toContain('ResetFailed');
    expect(world.stream.status!.resetAcknowledged).toBeUndefined();
    await world.clock.advance(10_000);
    await world.settle();
    expect(job()!.metadata.uid).not.toBe(uid);
  });

  it('that fails because of another reader says what can be done in a cluster, not on a command line', async () => {
    world.create({ resetRequest: REQUEST, paused: true });
    await world.settle();
    const ended = new KinlogError('KINLOG_CHECKPOINT_IN_USE', 'the row of shard 1 has changed');
    const message = `kinlog: ${describeError(ended)}`;
    const { metadata } = job()!;
    world.kube.put(KINDS.pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: metadata.namespace!,
        name: `${metadata.name}-1`,
        labels: { ...metadata.labels, 'batch.kubernetes.io/job-name': metadata.name },
      },
      status: { containerStatuses: [{ name: 'reader', state: { terminated: { exitCode: 100, message } } }] },
    });
    await end('Failed');
    const said = world.condition('Ready')!.message;
    expect(said).toContain('the row of shard 1 has changed (KINLOG_CHECKPOINT_IN_USE). Stop every other reader');
    expect(said).not.toContain('--');
  });
});
