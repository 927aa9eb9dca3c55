/** Readers that die: real processes, SIGKILL at every step, at random ones too, and the tally of what was put against what arrived. */
import { afterEach, describe, expect, it } from 'vitest';
import type { CrashOptions } from './crash-reader.ts';
import { CrashScene } from './crash-scene.ts';

type At = NonNullable<CrashOptions['at']>;

const kill = (event: At['event'], nth = 1, withText?: string): At => ({
  event,
  nth,
  signal: 'SIGKILL',
  ...(withText === undefined ? {} : { with: withText }),
});
const END = '"position":"end"';
const STEPS: readonly (readonly [name: string, at: At])[] = [
  ['before the first read', kill('reader.started')],
  ['when a shard begins', kill('shard.started')],
  ['after a fetch', kill('page.fetched')],
  ['after a later fetch', kill('page.fetched', 3)],
  ['after decoding', kill('page.decoded')],
  ['after a write', kill('batch.written')],
  ['after a later write', kill('batch.written', 3)],
  ['before a checkpoint', kill('checkpoint.storing')],
  ['after a checkpoint', kill('checkpoint.stored')],
  ['after a later checkpoint', kill('checkpoint.stored', 2)],
  ['before the end of a shard is stored', kill('checkpoint.storing', 1, END)],
  ['after the end of a shard was stored', kill('checkpoint.stored', 1, END)],
  ['when a shard has ended', kill('shard.ended')],
];

let scene: CrashScene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

function expectNothingLost(of: CrashScene): void {
  expect(of.missing).toBe(0);
  expect(of.passed).toEqual([]);
  expect(of.outOfOrder()).toEqual([]);
  expect(of.repeated).toBeLessThanOrEqual(of.mayRepeat);
}

describe('a reader that is killed', () => {
  it('invariants 1, 2, 4 and 7: loses nothing, keeps order and repeats only what was not stored, at every step', async () => {
    scene = await new CrashScene(1).open();
    for (const [name, at] of STEPS) {
      scene.put(12);
      scene.reshard();
      scene.put(12);
      const { exitCode, said } = await scene.dieAt(at);
      expect(exitCode, `${name}: ${said}`).toBeUndefined();
      expect(scene.passed, name).toEqual([]);
    }
    const { exitCode, said } = await scene.finish();
    expect(exitCode, said).toBe(0);
    expectNothingLost(scene);
  });

  const kills = Number(process.env['KINLOG_RANDOM_KILLS'] ?? 20);
  const seed = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);

  it(
    `invariants 1, 2, 4 and 7: ${kills} kills at random steps while the stream reshards (KINLOG_SEED=${seed})`,
    { timeout: 20_000 + kills * 4000 },
    async () => {
      scene = await new CrashScene(seed).open();
      const events = STEPS.map(([, at]) => at);
      for (let n = 0; n < kills; n++) {
        scene.put(Math.floor(scene.random() * 30));
        if (scene.random() < 0.4) scene.reshard();
        scene.put(Math.floor(scene.random() * 30));
        const at = events[Math.floor(scene.random() * events.length)]!;
        await scene.dieAt({ ...at, nth: 1 + Math.floor(scene.random() * 4) });
        expect(scene.passed, `kill ${n} at ${at.event}`).toEqual([]);
      }
      const { exitCode, said } = await scene.finish();
      expect(exitCode, said).toBe(0);
      expectNothingLost(scene);
    },
  );

  it('invariant 4: stores no position of what lies behind a full pipe', async () => {
    scene = await new CrashScene(3).open();
    scene.put(100, 'x'.repeat(8000));
    await scene.dieStalled();
    expect(scene.missing).toBeGreaterThan(0);
    expect(scene.passed).toEqual([]);
    await scene.finish();
    expectNothingLost(scene);
  });

  it.runIf(process.platform === 'linux').each([
    ['page.fetched', 1],
    ['batch.written', 1],
    ['checkpoint.storing', 1],
  ] as const)(
    'invariant 6: paused at %s it keeps its positions to itself, and goes on without loss or repetition',
    async (event, nth) => {
      scene = await new CrashScene(4).open();
      scene.put(40);
      const { life, second } = await scene.pauseAt({ event, nth, signal: 'SIGSTOP' }, () => scene?.put(40));
      expect(second.exitCode).not.toBe(0);
      expect(second.said).toContain('KINLOG_CHECKPOINT_LOCKED');
      expect(life.exitCode, life.said).toBe(0);
      expectNothingLost(scene);
      expect(scene.repeated).toBe(0);
    },
  );

  it('repeats nothing when it was asked to stop', async () => {
    scene = await new CrashScene(2).open();
    for (let life = 0; life < 3; life++) {
      scene.put(20);
      const { exitCode, said } = await scene.finish();
      expect(exitCode, said).toBe(0);
    }
    expectNothingLost(scene);
    expect(scene.repeated).toBe(0);
  });
});
