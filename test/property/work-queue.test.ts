/** Whatever is added, delayed, retried and finished in whatever order: nothing is lost, and no key is worked on twice at once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WorkQueue } from '../../operator/kube/queue.ts';
import { FakeClock } from '../fakes/clock.ts';

interface Scene {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  /** Added and not taken since. */
  readonly owed: Set<string>;
  readonly running: string[];
}

type Step = (scene: Scene) => Promise<void>;

async function take({ queue, owed, running }: Scene): Promise<void> {
  if (queue.depth === 0) return;
  const key = await queue.take(new AbortController().signal);
  expect(running).not.toContain(key);
  running.push(key);
  owed.delete(key);
}

function finish({ queue, owed, running }: Scene, nth: number, failed: boolean): void {
  const [key] = running.splice(nth, 1);
  if (key === undefined) return;
  if (failed) {
    queue.retry(key);
    owed.add(key);
  }
  queue.done(key);
}

const add = fc
  .record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    priority: fc.constantFrom(-100, 0, 7),
    afterMs: fc.constantFrom(0, 0, 1, 50),
  })
  .map((one): Step => {
    return async ({ queue, owed }) => {
      queue.add(one.key, one);
      owed.add(one.key);
    };
  });
const end = fc.tuple(fc.nat(3), fc.boolean()).map(([nth, failed]): Step => {
  return async (scene) => {
    finish(scene, nth, failed);
  };
});
const pass = fc.constantFrom(1, 20, 400).map((ms): Step => {
  return async ({ clock }) => clock.advance(ms);
});
const steps = fc.array(fc.oneof(add, fc.constant<Step>(take), end, pass), { maxLength: 60 });

test('every key that was added is worked on after its last addition, and never by two', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const clock = new FakeClock();
      const scene: Scene = { clock, queue: new WorkQueue(clock), owed: new Set(), running: [] };
      const { queue, owed, running } = scene;
      for (const step of list) await step(scene);
      while (running.length > 0) finish(scene, 0, false);
      for (let round = 0; round < 10; round++) {
        await clock.advance(60_000);
        while (queue.depth > 0) {
          await take(scene);
          finish(scene, 0, false);
        }
      }
      expect([...owed]).toEqual([]);
      expect([queue.depth, queue.unfinishedMs, clock.sleeping]).toEqual([0, 0, 0]);
    }),
    { numRuns: 300 },
  );
});
