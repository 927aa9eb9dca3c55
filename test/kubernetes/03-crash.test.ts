/** Suite 3: the operator is ended after each call that a pass makes, and the next one comes to the same end. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { until } from '../flow/cli-process.ts';
import type { OperatorHere } from './operator-here.ts';
import { ReconcileScene } from './reconcile-scene.ts';

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

/** What a person does, from a LogStream that is there or not, and how its end is seen. */
interface Story {
  readonly before?: object;
  readonly act: (namespace: string) => Promise<void>;
  readonly ended: (namespace: string) => Promise<unknown>;
}

const STORIES: Readonly<Record<string, Story>> = {
  'a LogStream is made': {
    act: (namespace) => scene.create(namespace, { podDisruptionBudget: { maxUnavailable: 1 } }),
    ended: (namespace) => scene.reached(namespace, 'Running'),
  },
  'a LogStream with volumes and a finalizer is made': {
    act: (namespace) => scene.create(namespace, { deadLetters: { volume: {} }, deletionPolicy: 'Delete' }),
    ended: (namespace) => scene.reached(namespace, 'Running'),
  },
  'spec and Secret change': {
    before: {},
    act: async (namespace) => {
      await scene.secret(namespace, 'second');
      await scene.create(namespace, { logLevel: 'Debug', serviceAccount: { create: true, name: 'reader' } });
    },
    ended: (namespace) => scene.reached(namespace, 'Running'),
  },
  'positions are reset': {
    before: { paused: true },
    act: (namespace) =>
      scene.create(namespace, { paused: true, resetRequest: { id: 'one', position: { type: 'TrimHorizon' } } }),
    ended: (namespace) =>
      until(async () => (await scene.stream(namespace))?.status?.resetAcknowledged === 'one', 'acknowledged'),
  },
  'a LogStream is deleted with its positions': {
    before: { deletionPolicy: 'Delete' },
    act: (namespace) => scene.delete(KINDS.logStream, namespace, 'orders'),
    ended: (namespace) => scene.gone(namespace),
  },
};

describe('3 an operator that is ended', () => {
  it.each(Object.entries(STORIES))(
    'after any call while %s leaves what the next one completes',
    async (_name, story) => {
      const { state: expected } = await lived(story, Infinity);
      for (let k = 1; ; k++) {
        const { state, died } = await lived(story, k);
        expect(state, `ended after call ${k}`).toEqual(expected);
        if (!died) return;
      }
    },
    300_000,
  );
});

/** The story with an operator that dies after `calls` calls, and another one after it. */
async function lived({ before, act, ended }: Story, calls: number): Promise<{ state: unknown; died: boolean }> {
  const namespace = await scene.namespace();
  if (before !== undefined) {
    const first = await scene.operator();
    await scene.create(namespace, before);
    await scene.reached(namespace, 'paused' in before ? 'Paused' : 'Running');
    await idle(first);
    await scene.endOperators();
  }
  const mortal = await scene.operator({ diesAfter: calls });
  await act(namespace);
  const over = ended(namespace).then(
    () => true,
    () => false,
  );
  let isOver = false;
  void over.then(() => (isOver = true));
  await until(() => mortal.isDead || (isOver && mortal.isIdle), 'dead, or done', 60_000);
  const died = mortal.isDead;
  await scene.endOperators();
  if (died) await scene.operator();
  expect(await over).toBe(true);
  await scene.settled(namespace);
  const state = await scene.state(namespace);
  await scene.forget(namespace);
  return { state, died };
}

const idle = (operator: OperatorHere): Promise<void> => until(() => operator.isIdle, 'nothing under way');
