import { describe, expect, it } from 'vitest';
import { EventLog, type EventName } from '../../../../base/events.ts';
import { KinlogError } from '../../../../base/errors.ts';
import { KubeError, type FailureSort } from '../../../../operator/kube/api.ts';
import { WorkQueue } from '../../../../operator/kube/queue.ts';
import { TerminalError } from '../../../../operator/reconcile/failures.ts';
import { Workers, type ReconcileFault, type ReconcileResult } from '../../../../operator/workers.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';

const STREAM = { apiVersion: 'kinlog.io/v1alpha1', kind: 'LogStream', metadata: { name: 'a', namespace: 'logs' } };

class Scene {
  readonly clock = new FakeClock();
  readonly queue = new WorkQueue(this.clock);
  readonly stop = new AbortController();
  readonly giveUp = new AbortController();
  readonly passes: { readonly key: string; readonly atMs: number }[] = [];
  readonly said: EventName[] = [];
  readonly events: string[] = [];
  readonly results: ReconcileResult[] = [];
  readonly faults: ReconcileFault[] = [];
  pass: (key: string, signal: AbortSignal) => Promise<{ requeueAfterMs?: number }> = async () => ({});
  readonly workers: Workers;
  readonly done: Promise<void>;

  constructor(count = 1) {
    this.workers = new Workers({
      queue: this.queue,
      reconcile: (key, signal) => {
        this.passes.push({ key, atMs: this.clock.monotonic() });
        return this.pass(key, signal);
      },
      streamOf: () => STREAM,
      recorder: { event: (_about, _type, reason) => this.events.push(reason) },
      clock: this.clock,
      log: new EventLog(({ name }) => this.said.push(name), 'debug'),
      count,
      onResult: (result) => this.results.push(result),
      onFault: (fault) => this.faults.push(fault),
    });
    this.done = this.workers.run(this.stop.signal, this.giveUp.signal);
  }

  fails(error: Error): void {
    this.pass = () => Promise.reject(error);
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.done;
    this.queue.close();
  }
}

const refused = (sort: FailureSort, retryAfterMs?: number) =>
  new KubeError(`refused: ${sort}`, { sort, status: 0, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });

describe('a worker', () => {
  it('brings a LogStream up to date, and looks again when it was asked to', async () => {
    const scene = new Scene();
    scene.pass = async () => (scene.passes.length === 1 ? { requeueAfterMs: 30_000 } : {});
    scene.queue.add('logs/a');
    await scene.clock.advance(29_999);
    expect(scene.passes).toHaveLength(1);
    await scene.clock.advance(1_000_000);
    expect(scene.passes).toHaveLength(2);
    expect(scene.results).toEqual(['requeue_after', 'success']);
    await scene.end();
  });

  it('leaves everybody else a turn after each pass, however many in a row find nothing to do', async () => {
    const scene = new Scene();
    for (let i = 0; i < 100; i++) scene.queue.add(`logs/${i}`);
    let turns = 0;
    while (scene.passes.length < 100) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(turns).toBeGreaterThanOrEqual(100);
    await scene.end();
  });

  it.each(['transport', 'unauthorized', 'conflict', 'exists', 'expired', 'missing'] as const)(
    'tries again soon, later each time, after %s',
    async (sort) => {
      const scene = new Scene();
      scene.fails(refused(sort));
      scene.queue.add('logs/a');
      await scene.clock.advance(1000);
      expect(scene.passes.length).toBeGreaterThan(5);
      await scene.clock.advance(600_000);
      const [before, last] = scene.passes.slice(-2);
      expect(last!.atMs - before!.atMs).toBeGreaterThan(60_000);
      expect(scene.said).not.toContain('reconcile.refused');
      await scene.end();
    },
  );

  it('waits for as long as the API server asks', async () => {
    const scene = new Scene();
    scene.fails(refused('transport', 20_000));
    scene.queue.add('logs/a');
    await scene.clock.advance(19_000);
    expect(scene.passes).toHaveLength(1);
    await scene.clock.advance(2000);
    expect(scene.passes).toHaveLength(2);
    await scene.end();
  });

  it.each([0, 1000])('is never hurried by what the API server asks, such as %i ms', async (askedMs) => {
    const scene = new Scene();
    scene.fails(refused('transport', askedMs));
    scene.queue.add('logs/a');
    await scene.clock.advance(600_000);
    expect(scene.passes.length).toBeLessThan(30);
    await scene.end();
  });

  it.each(['quota', 'too-large', 'invalid', 'undeclared'] as const)(
    'asks again every five minutes and at the next change after %s',
    async (sort) => {
      const scene = new Scene();
      scene.fails(refused(sort));
      scene.queue.add('logs/a');
      await scene.clock.advance(299_000);
      expect(scene.passes).toHaveLength(1);
      await scene.clock.advance(2000);
      expect(scene.passes).toHaveLength(2);
      scene.queue.add('logs/a');
      await scene.clock.advance(0);
      expect(scene.passes).toHaveLength(3);
      expect(scene.faults).toEqual(['terminal', 'terminal', 'terminal']);
      expect(scene.events).toEqual([]);
      await scene.end();
    },
  );

  it('does not say RBACDenied of a pod that nobody may make', async () => {
    const scene = new Scene();
    scene.fails(new TerminalError({ reason: 'PodsForbidden', message: 'no' }, refused('forbidden')));
    scene.queue.add('logs/a');
    await scene.clock.advance(299_000);
    expect(scene.passes).toHaveLength(1);
    expect(scene.events).toEqual([]);
    await scene.end();
  });

  it.each<[string, Error]>([
    ['is told so', refused('forbidden')],
    ['has it explained', new TerminalError({ reason: 'RBACDenied', message: 'no' }, refused('forbidden'))],
  ])('that lacks a right and %s says RBACDenied, and asks every five minutes', async (_how, error) => {
    const scene = new Scene();
    scene.fails(error);
    scene.queue.add('logs/a');
    await scene.clock.advance(11_000);
    expect(scene.passes).toHaveLength(2);
    await scene.clock.advance(298_000);
    expect(scene.events).toEqual(['RBACDenied']);
    await scene.clock.advance(2000);
    expect(scene.events).toEqual(['RBACDenied', 'RBACDenied']);
    expect(scene.faults).toEqual(['terminal', 'terminal', 'terminal']);
    await scene.end();
  });

  it('does not believe the first refusal of an API server that may have just started', async () => {
    const scene = new Scene();
    scene.pass = async () => {
      if (scene.passes.length === 1) throw refused('forbidden');
      return {};
    };
    scene.queue.add('logs/a');
    await scene.clock.advance(11_000);
    expect(scene.results).toEqual(['error', 'success']);
    expect([scene.events, scene.said]).toEqual([[], ['reconcile.done']]);
    await scene.end();
  });

  it('leaves a namespace that ends alone', async () => {
    const scene = new Scene();
    scene.fails(refused('terminating'));
    scene.queue.add('logs/a');
    await scene.clock.advance(1_000_000);
    expect(scene.passes).toHaveLength(1);
    expect(scene.said).toEqual([]);
    await scene.end();
  });

  it('lives through a fault of ours, names it, and goes on with the others', async () => {
    const scene = new Scene();
    scene.pass = async (key) => {
      if (key === 'logs/a') throw new TypeError('spec is undefined');
      return {};
    };
    scene.queue.add('logs/a');
    scene.queue.add('logs/b');
    await scene.clock.advance(60_000);
    expect(scene.passes.map(({ key }) => key)).toEqual(['logs/a', 'logs/b']);
    expect(scene.said).toEqual(['reconcile.crashed', 'reconcile.done']);
    expect(scene.faults).toEqual(['panic']);
    await scene.end();
  });

  it('gives up a pass at its deadline and tries again', async () => {
    const scene = new Scene();
    scene.pass = (_key, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('gave up'))));
    scene.queue.add('logs/a');
    await scene.clock.advance(179_000);
    expect(scene.workers.active).toBe(1);
    scene.pass = async () => ({});
    await scene.clock.advance(2000);
    expect(scene.faults).toEqual(['timeout']);
    expect(scene.results).toEqual(['error', 'success']);
    await scene.end();
  });

  it('is said to hang when a pass does not end even then', async () => {
    const scene = new Scene();
    const hung = Promise.withResolvers<{ requeueAfterMs?: number }>();
    scene.pass = () => hung.promise;
    scene.queue.add('logs/a');
    await scene.clock.advance(239_000);
    expect(scene.workers.stuck).toEqual([]);
    await scene.clock.advance(2000);
    expect(scene.workers.stuck).toEqual(['logs/a']);
    hung.resolve({});
    await settle();
    expect(scene.workers.stuck).toEqual([]);
    await scene.end();
  });

  it('says nothing and tries nothing once this operator does not lead', async () => {
    const scene = new Scene();
    scene.fails(new KinlogError('KINLOG_LEADERSHIP_LOST', 'held back'));
    scene.queue.add('logs/a');
    await scene.clock.advance(1_000_000);
    expect(scene.passes).toHaveLength(1);
    expect(scene.said).toEqual([]);
    await scene.end();
  });
});

describe('workers', () => {
  it('never work on one LogStream twice at once, and on no more than their number', async () => {
    const scene = new Scene(3);
    const open = new Map<string, () => void>();
    let most = 0;
    scene.pass = (key) =>
      new Promise((resolve) => {
        expect(open.has(key)).toBe(false);
        open.set(key, () => {
          open.delete(key);
          resolve({});
        });
        most = Math.max(most, open.size);
      });
    for (const key of ['a', 'b', 'c', 'd', 'a', 'b']) scene.queue.add(key);
    await settle();
    scene.queue.add('a');
    await settle();
    expect([...open.keys()]).toEqual(['a', 'b', 'c']);
    for (let i = 0; i < 10; i++) {
      for (const finish of [...open.values()]) finish();
      await settle();
    }
    expect(most).toBe(3);
    expect(scene.passes.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd', 'a']);
    await scene.end();
  });

  it('finish what is under way when they are stopped, and take nothing new', async () => {
    const scene = new Scene(1);
    const running = Promise.withResolvers<{ requeueAfterMs?: number }>();
    scene.pass = () => running.promise;
    scene.queue.add('a');
    scene.queue.add('b');
    await settle();
    scene.stop.abort();
    let ended = false;
    void scene.done.then(() => (ended = true));
    await settle();
    expect(ended).toBe(false);
    running.resolve({});
    await scene.done;
    expect(scene.passes.map(({ key }) => key)).toEqual(['a']);
    scene.queue.close();
  });

  it('give up what does not end', async () => {
    const scene = new Scene(1);
    scene.pass = (_key, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError'))),
      );
    scene.queue.add('a');
    await settle();
    scene.stop.abort();
    scene.giveUp.abort();
    await scene.done;
    expect(scene.said).toEqual([]);
    scene.queue.close();
  });
});
