/** Suite 4: an operator that hears of everything late does nothing wrong meanwhile. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { until } from '../flow/cli-process.ts';
import { ReconcileScene } from './reconcile-scene.ts';

const LATE_MS = 5_000;

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

/** Every state that the reader's configuration has, in order, without repetitions. */
class History {
  readonly states: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(namespace: string) {
    this.#running = this.#follow(namespace);
    // Told by end(): a test that fails before does not wait for it.
    this.#running.catch(() => undefined);
  }

  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#running;
    return this.states;
  }

  async #follow(namespace: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const config = await scene.get<ConfigMap>(KINDS.configMap, namespace, 'orders-reader');
      const index = /index: (\S+)/.exec(Object.values(config?.data ?? {}).join())?.[1];
      if (index !== undefined && index !== this.states.at(-1)) this.states.push(index);
    }
  }
}

const withIndex = (index: string) => ({
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: { urls: ['https://splunk:8088'], tokenSecretRef: { name: 'splunk', key: 'token' }, index },
    },
  ],
});

describe('4 caches that are late', () => {
  it('the states of a LogStream follow each other as they were applied, and never come back', async () => {
    const operator = await scene.operator({ watchesLateMs: LATE_MS });
    const namespace = await scene.namespace();
    const history = new History(namespace);
    for (let i = 1; i <= 8; i++) {
      await scene.create(namespace, withIndex(`i${i}`));
      await until(() => operator.isIdle, 'nothing under way');
      // Each while the news of the ones before are still under way.
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    await scene.reached(namespace, 'Running');
    await until(() => history.states.at(-1) === 'i8', 'the last state');
    const numbers = (await history.end()).map((index) => Number(index.slice(1)));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    const writes = operator.writes.filter(({ path }) => path.includes('/configmaps/'));
    expect(writes.length).toBeLessThanOrEqual(8);
  });

  it('a leader that has not heard of the newest state does not write an older one over it', async () => {
    const namespace = await scene.namespace();
    const first = await scene.operator();
    await scene.create(namespace, withIndex('old'));
    await scene.reached(namespace, 'Running');
    // Sees what the other one makes of the change before it hears of the change.
    const second = await scene.operator({ watchesLateMs: LATE_MS, lateKind: 'logstreams' });
    await scene.create(namespace, withIndex('new'));
    const history = new History(namespace);
    const before = second.writes.length;
    await until(() => history.states.at(-1) === 'new', 'the first one has acted');
    await until(() => first.isIdle, 'and has done all of it');
    await first.kill();
    second.feed.resync(0, Math.random);
    await until(() => second.watching.caches.logStreams.get(namespace, 'orders')?.metadata.generation === 2, 'news');
    await until(() => second.isIdle, 'nothing under way');
    const states = await history.end();
    expect(states.slice(states.indexOf('new'))).toEqual(['new']);
    const written = second.writes.slice(before).filter(({ path }) => !path.includes('/logstreams/'));
    expect(written).toEqual([]);
  });

  it('a child that somebody deletes is made again once, however late that is told', async () => {
    const operator = await scene.operator({ watchesLateMs: LATE_MS });
    const namespace = await scene.namespace();
    await scene.create(namespace);
    await scene.reached(namespace, 'Running');
    const before = operator.writes.length;
    await scene.delete(KINDS.configMap, namespace, 'orders-reader');
    await until(async () => {
      const config = await scene.get<ConfigMap>(KINDS.configMap, namespace, 'orders-reader');
      return config !== undefined;
    }, 'made again');
    const { resourceVersion } = (await scene.get<ConfigMap>(KINDS.configMap, namespace, 'orders-reader'))!.metadata;
    await until(
      () =>
        operator.watching.caches.children.configMap.get(namespace, 'orders-reader')?.metadata.resourceVersion ===
        resourceVersion,
      'the cache has it',
    );
    await until(() => operator.isIdle, 'nothing under way');
    const writes = operator.writes.slice(before).filter(({ path }) => path.includes('/configmaps/'));
    expect(writes).toHaveLength(1);
  });
});
