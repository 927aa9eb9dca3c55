/** The laws of pace and byte budget, whatever Kinesis answers and whoever waits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget, type Grant } from '../../reader/fetch/budget.ts';
import { ShardPace } from '../../reader/fetch/pace.ts';
import { FakeClock } from '../fakes/clock.ts';

const MIB = 1024 * 1024;

interface Step {
  readonly kind: 'page' | 'throttle' | 'failure';
  readonly bytes: number;
  readonly behindMs: number;
  readonly tookMs: number;
  readonly lateMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('page', 'page', 'page', 'throttle', 'failure'),
  bytes: fc.oneof(fc.constant(0), fc.nat(100_000), fc.nat(10 * MIB)),
  behindMs: fc.oneof(fc.constant(0), fc.nat(1_000_000)),
  tookMs: fc.nat(300),
  lateMs: fc.oneof(fc.constant(0), fc.nat(50)),
});

describe('invariant 12: the pace of a shard', () => {
  it('never allows more than 5 calls in a second, nor 2 MiB a second in the long run, nor a call within 5 s of a full page', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 0, max: 5_000 }),
        async (steps, idleMs) => {
          const clock = new FakeClock();
          const pace = new ShardPace({ clock, idleMs, random: () => 0 });
          const calls: number[] = [];
          let read = 0;
          let closedUntil = 0;
          for (const { kind, bytes, behindMs, tookMs, lateMs } of steps) {
            await clock.advance(pace.waitMs() + lateMs);
            const at = clock.monotonic();
            expect(at).toBeGreaterThanOrEqual(closedUntil);
            expect(read).toBeLessThanOrEqual((at * 2 * MIB) / 1000);
            expect(calls.filter((call) => call > at - 1000).length).toBeLessThan(5);
            calls.push(at);
            pace.called();
            await clock.advance(tookMs);
            if (kind === 'throttle') pace.throttled();
            if (kind !== 'page') continue;
            pace.answered({ records: bytes === 0 ? 0 : 1, bytes, millisBehindLatest: behindMs });
            read += bytes;
            if (bytes >= 10 * MIB) closedUntil = clock.monotonic() + 5_000;
          }
        },
      ),
      { numRuns: 300 },
    );
  }, 120_000);
});

interface Held {
  readonly grant: Grant;
  bytes: number;
}

/** One of the list, if there is any. */
function pick<T>(list: readonly T[], which: number, use: (chosen: T) => void): void {
  const chosen = list[which % Math.max(1, list.length)];
  if (chosen !== undefined) use(chosen);
}

describe('the byte budget', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('acquire' as const), bytes: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('resize' as const), which: fc.nat(), bytes: fc.nat(200) }),
    fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }),
  );

  it('grants in the order of asking, within its limit or alone, and never leaves anybody waiting for nobody', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const limit = 100;
        const budget = new ByteBudget(limit);
        const held: Held[] = [];
        const waiting: { bytes: number; stop: AbortController }[] = [];
        const granted: number[] = [];
        let resized = false;
        const ask = (id: number, bytes: number): void => {
          const stop = new AbortController();
          const entry = { bytes, stop };
          waiting.push(entry);
          void budget.acquire(bytes, stop.signal).then(
            (grant) => {
              waiting.splice(waiting.indexOf(entry), 1);
              granted.push(id);
              held.push({ grant, bytes });
              if (!resized && held.length > 1) expect(budget.held).toBeLessThanOrEqual(limit);
            },
            () => waiting.splice(waiting.indexOf(entry), 1),
          );
        };
        const release = (chosen: Held) => {
          chosen.grant.release();
          chosen.grant.release();
          held.splice(held.indexOf(chosen), 1);
        };
        const resize = (chosen: Held, bytes: number) => {
          resized = true;
          chosen.grant.resize(bytes);
          chosen.bytes = bytes;
        };
        for (const [id, act] of actions.entries()) {
          if (act.kind === 'acquire') ask(id, act.bytes);
          else if (act.kind === 'abort') pick(waiting, act.which, ({ stop }) => stop.abort());
          else
            pick(held, act.which, (chosen) => (act.kind === 'release' ? release(chosen) : resize(chosen, act.bytes)));
          await new Promise((resolve) => setImmediate(resolve));
          expect(budget.held).toBe(held.reduce((sum, { bytes }) => sum + bytes, 0));
          const first = waiting[0];
          if (first !== undefined) expect(held.length > 0 && budget.held + first.bytes > limit).toBe(true);
        }
        expect(granted).toEqual([...granted].sort((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });
});
