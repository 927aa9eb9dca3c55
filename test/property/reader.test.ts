/** The law of the whole reader, whatever the stream, the service, the output, the store and the process do: nothing lost, order per key kept, no position
 *  stored that lies beyond what was accepted, and nothing repeated but what no stored position covered. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { aggregate } from '../fakes/kpl-aggregate.ts';
import { expiredIterator, internalFailure, throttled, type Fault } from '../fakes/kinesis/faults.ts';
import { ReaderModel } from './reader-model.ts';

const GET: readonly Fault[] = [
  throttled(),
  internalFailure(),
  expiredIterator(),
  { kind: 'half-body' },
  { kind: 'null-iterator' },
  { kind: 'empty-page' },
  { kind: 'hang' },
  { kind: 'reset' },
  { kind: 'lost-answer' },
  { kind: 'reordered' },
  { kind: 'delay', ms: 2500 },
];
const OTHER: readonly Fault[] = [throttled(), internalFailure(), { kind: 'reset' }, { kind: 'half-body' }];

type Step = (model: ReaderModel) => Promise<void> | void;

const named = (name: string, step: Step): Step => Object.assign(step, { toString: () => name });

const shapes: Readonly<Record<string, (key: string, texts: readonly string[]) => readonly (string | Uint8Array)[]>> = {
  plain: (_, texts) => texts,
  gzip: (_, texts) => texts.map((text) => gzipSync(text)),
  kpl: (key, texts) => [aggregate(texts.map((data) => ({ key, data })))],
  padded: (_, texts) => texts.map((text) => `${text} ${'x'.repeat(120_000)}`),
};

const put = fc
  .record({ key: fc.nat(4), shape: fc.constantFrom(...Object.keys(shapes)), count: fc.integer({ min: 1, max: 6 }) })
  .map(({ key, shape, count }) =>
    named(`put ${count} ${shape} key ${key}`, (model) => model.put(`key ${key}`, count, shapes[shape]!)),
  );
const reshard = fc
  .record({ kind: fc.constantFrom('split', 'merge'), pick: fc.nat(7) })
  .map(({ kind, pick }) =>
    named(`${kind} ${pick}`, (model) => (kind === 'split' ? model.split(pick) : model.merge(pick))),
  );
const faults = fc
  .record({
    operation: fc.constantFrom('GetRecords', 'GetRecords', 'GetRecords', 'GetShardIterator', 'ListShards'),
    pick: fc.nat(GET.length - 1),
    times: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ operation, pick, times }) => {
    const fault = operation === 'GetRecords' ? GET[pick]! : OTHER[pick % OTHER.length]!;
    return named(`${operation} ${JSON.stringify(fault)} x${times}`, ({ scene }) =>
      scene.fake.next(operation, fault, { times }),
    );
  });
const pass = fc
  .oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 3000, max: 40_000 }))
  .map((ms) => named(`pass ${ms}`, ({ scene }) => scene.clock.advance(ms)));
const deaths = fc
  .record({ kind: fc.constantFrom('kill', 'kill', 'stop'), acts: fc.nat(6), done: fc.boolean() })
  .map(({ kind, acts, done }) =>
    named(`${kind} ${acts} ${done}`, (model) => (kind === 'stop' ? model.stop() : model.kill(acts, done))),
  );
const outputs = fc
  .constantFrom('hold', 'release', 'refuse')
  .map((kind) =>
    named(`output ${kind}`, ({ scene: { output } }) =>
      kind === 'refuse' ? output.refuseNext(new KinlogError('KINLOG_OUTPUT_FAILED', 'no')) : output[kind as 'hold'](),
    ),
  );
const stores = fc
  .boolean()
  .map((away) =>
    named(`store ${away ? 'away' : 'back'}`, ({ scene: { store } }) =>
      store.failWith(away ? new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', 'away') : undefined),
    ),
  );

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: put },
    { weight: 5, arbitrary: pass },
    { weight: 2, arbitrary: reshard },
    { weight: 2, arbitrary: faults },
    { weight: 2, arbitrary: deaths },
    { weight: 1, arbitrary: outputs },
    { weight: 1, arbitrary: stores },
  ),
  { minLength: 1, maxLength: 40 },
);

const settings = fc.record({
  shards: fc.integer({ min: 1, max: 3 }),
  start: fc.constantFrom('tip' as const, 'horizon' as const),
  checkpointEveryMs: fc.constantFrom(0, 300, 5000),
  maxBytesInFlight: fc.constantFrom(200_000, 64 * 1024 * 1024),
  endOfShard: fc.constantFrom('together' as const, 'empty-page' as const),
  childShards: fc.boolean(),
  iteratorTtlMs: fc.constantFrom(2000, 300_000),
  window: fc.constantFrom(1, 1, 4),
  settleMs: fc.constantFrom(0, 0, 3000),
});

const RUNS = Number(process.env['KINLOG_RUNS'] ?? 100);

test(
  'invariants 1, 2, 3, 4, 5, 7 and 12 of the reader hold, whatever happens around it',
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, steps, async (chosen, list) => {
        const model = new ReaderModel(chosen);
        await model.begin();
        for (const step of list) {
          await step(model);
          model.revive();
        }
        await model.finish();
        model.check();
        expect(model.faults).toEqual([]);
      }),
      // Time to make a failure small is bounded, so that its seed is printed.
      { numRuns: RUNS, interruptAfterTimeLimit: 120_000, markInterruptAsFailure: true },
    );
  },
);
