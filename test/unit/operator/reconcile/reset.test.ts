/** A reset of the positions is done once for each id, while no reader runs, and is acknowledged when it is done. */
import { beforeEach, describe, expect, it } from 'vitest';
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
});
