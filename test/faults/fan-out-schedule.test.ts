/** Enhanced fan-out under random schedules: whatever happens to its subscriptions, every record comes, once, and in the order it was put. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteBudget } from '../../reader/fetch/budget.ts';
import { internalFailure, kms, type Fault, type FaultPoint } from '../fakes/kinesis/faults.ts';
import { FanOutScene } from './fan-out-scene.ts';
import { STREAM } from './source-scene.ts';

const FAULTS: readonly (readonly [FaultPoint, Fault])[] = [
  ['SubscribeToShard', internalFailure()],
  ['SubscribeToShard', { kind: 'reset' }],
  ['SubscribeToShard', { kind: 'lost-answer' }],
  ['SubscribeToShard', { kind: 'hang' }],
  ['SubscribeToShard', { kind: 'delay', ms: 3_000 }],
  ['SubscribeToShardEvent', { kind: 'error', type: 'InternalFailureException' }],
  ['SubscribeToShardEvent', kms('KMSDisabledException')],
  ['SubscribeToShardEvent', { kind: 'error', type: 'ResourceInUseException' }],
  ['SubscribeToShardEvent', { kind: 'end' }],
  ['SubscribeToShardEvent', { kind: 'reset' }],
  ['SubscribeToShardEvent', { kind: 'half-body' }],
  ['SubscribeToShardEvent', { kind: 'hang' }],
  ['SubscribeToShardEvent', { kind: 'empty-page' }],
  ['SubscribeToShardEvent', { kind: 'null-iterator' }],
  ['SubscribeToShardEvent', { kind: 'reordered' }],
  ['SubscribeToShardEvent', { kind: 'delay', ms: 20_000 }],
];

type Step =
  | { readonly do: 'put'; readonly count: number; readonly bytes: number }
  | { readonly do: 'fault'; readonly which: number }
  | { readonly do: 'take-over' }
  | { readonly do: 'pass'; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('put' as const), count: fc.integer({ min: 1, max: 20 }), bytes: fc.nat(100_000) }),
    fc.record({ do: fc.constant('fault' as const), which: fc.nat(FAULTS.length - 1) }),
    fc.record({ do: fc.constant('take-over' as const) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 400_000 }) }),
  ),
  { minLength: 3, maxLength: 25 },
);

const schedules = fc.record({
  steps,
  /** What the reader takes for each page, in turn. */
  takesMs: fc.array(fc.constantFrom(0, 0, 10, 1_000, 90_000), { minLength: 1, maxLength: 5 }),
  endOfShard: fc.constantFrom('together' as const, 'empty-page' as const),
  budgetBytes: fc.constantFrom(50_000, 1_000_000, 64_000_000),
});

it('every record comes once and in order, no call is too early, and nothing stays behind', async () => {
  const run = fc.asyncProperty(schedules, async ({ steps: plan, takesMs, endOfShard, budgetBytes }) => {
    const budget = new ByteBudget(budgetBytes);
    const scene = await new FanOutScene({ service: { endOfShard }, source: { budget } }).start();
    const shard = scene.shard();
    let taken = 0;
    const take = async () => {
      const ms = takesMs[taken++ % takesMs.length]!;
      if (ms > 0) await scene.clock.sleep(ms);
    };
    const reading = scene.read({ shard, take });
    const put: string[] = [];
    for (const step of plan) await perform(scene, step, put);
    await scene.clock.advance(10_000);
    scene.fake.split(STREAM, shard.shardId);
    await scene.clock.until(() => reading.ended || reading.error !== undefined, 24 * 3_600_000);
    expect(reading.error).toBe(undefined);
    expect(reading.data.map(nameOf)).toEqual(put);
    expect(scene.subscribes.filter(({ answer }) => answer === 'LimitExceededException')).toEqual([]);
    await scene.clock.advance(1);
    expect(budget.held).toBe(0);
    expect(scene.clock.sleeping).toBe(0);
  });
  // A failure prints its seed and the shortest schedule that fails.
  await fc.assert(run, { numRuns: 150 });
});

async function perform(scene: FanOutScene, step: Step, put: string[]): Promise<void> {
  switch (step.do) {
    case 'put':
      for (let i = 0; i < step.count; i++) {
        const name = String(put.length).padStart(6, '0');
        put.push(name);
        scene.put(name.padEnd(6 + step.bytes, 'x'));
      }
      break;
    case 'fault':
      scene.fake.next(...FAULTS[step.which]!);
      break;
    case 'take-over':
      otherReader(scene);
      break;
    case 'pass':
      await scene.clock.advance(step.ms);
  }
}

/** As ours, the other is refused for five seconds after a subscription and gives up then. Its calls leave the rate of ours alone. */
function otherReader(scene: FanOutScene): void {
  const { settings } = scene.fake;
  settings.readLimits = false;
  try {
    scene.takeOver();
  } catch {
    // Refused.
  }
  settings.readLimits = true;
}

const nameOf = (data: string): string => data.slice(0, 6);
