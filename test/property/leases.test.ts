/** The laws of readers that share a stream, whatever happens to them, to the store and to the stream. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { seededRandom } from '../fakes/access-log.ts';
import { KEYS, T } from '../faults/shared-scene.ts';
import { FAULTS, SharedModel } from './leases-model.ts';

type Step = (model: SharedModel) => Promise<void> | void;

const named = (name: string, step: Step): Step => Object.assign(step, { toString: () => name });

const put = fc
  .integer({ min: 1, max: 30 })
  .map((count) => named(`put ${count}`, ({ scene }) => scene.put(count, KEYS.slice(0, 6))));
const pass = fc
  .oneof(fc.integer({ min: 1, max: T }), fc.integer({ min: T, max: 6 * T }))
  .map((ms) => named(`pass ${ms}`, ({ scene }) => scene.clock.advance(ms)));
const reshard = fc
  .record({ kind: fc.constantFrom('split' as const, 'merge' as const), pick: fc.nat(7) })
  .map(({ kind, pick }) => named(`${kind} ${pick}`, (model) => model[kind](pick)));
const join = fc.constant(named('join', (model) => model.join()));
const lives = fc
  .record({
    kind: fc.constantFrom(
      'ask' as const,
      'kill' as const,
      'pause' as const,
      'pause' as const,
      'resume' as const,
      'resume' as const,
    ),
    pick: fc.nat(7),
  })
  .map(({ kind, pick }) => named(`${kind} ${pick}`, (model) => model.to(pick, (reader) => reader[kind]())));
const outputs = fc
  .record({ hold: fc.boolean(), pick: fc.nat(7) })
  .map(({ hold, pick }) =>
    named(`output ${pick} ${hold ? 'holds' : 'goes on'}`, (model) =>
      model.to(pick, ({ output }) => (hold ? output.hold() : output.release())),
    ),
  );
const stores = fc
  .record({ away: fc.boolean(), latencyMs: fc.constantFrom(0, 0, 50, 400, 5 * T), lostAnswers: fc.nat(4) })
  .map((weather) =>
    named(`store ${JSON.stringify(weather)}`, ({ scene }) => void Object.assign(scene.weather, weather)),
  );
const parted = fc.record({ away: fc.boolean(), pick: fc.nat(7) }).map(({ away, pick }) =>
  named(`reader ${pick} ${away ? 'parted from' : 'back at'} the store`, (model) =>
    model.to(pick, ({ store }) => {
      store.weather = away ? { away, latencyMs: 0, lostAnswers: 0 } : model.scene.weather;
    }),
  ),
);
const clocks = fc
  .record({ ms: fc.constantFrom(-3_600_000, 3_600_000), pick: fc.nat(7) })
  .map(({ ms, pick }) =>
    named(`clock of ${pick} jumps ${ms}`, (model) => model.to(pick, ({ clock }) => void (clock.wallOffsetMs = ms))),
  );
const kinesis = fc
  .record({ fault: fc.nat(FAULTS.length - 1), times: fc.integer({ min: 1, max: 4 }) })
  .map(({ fault, times }) =>
    named(`GetRecords ${JSON.stringify(FAULTS[fault])} x${times}`, ({ scene }) =>
      scene.fake.next('GetRecords', FAULTS[fault]!, { times }),
    ),
  );

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: put },
    { weight: 7, arbitrary: pass },
    { weight: 4, arbitrary: lives },
    { weight: 2, arbitrary: join },
    { weight: 2, arbitrary: reshard },
    { weight: 1, arbitrary: outputs },
    { weight: 1, arbitrary: stores },
    { weight: 1, arbitrary: parted },
    { weight: 1, arbitrary: clocks },
    { weight: 1, arbitrary: kinesis },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);

const settings = fc.record({
  shards: fc.integer({ min: 1, max: 4 }),
  readers: fc.integer({ min: 1, max: 4 }),
  start: fc.constantFrom('tip' as const, 'horizon' as const),
  checkpointEveryMs: fc.constantFrom(0, 300, 5000),
  endOfShard: fc.constantFrom('together' as const, 'empty-page' as const),
  childShards: fc.boolean(),
  acceptsAfterMs: fc.constantFrom(0, 20, 300),
  maxPageBytes: fc.constantFrom(400, 10 * 1024 * 1024),
});

/** `KINLOG_REPLAY='{"seed":…,"path":"…"}'`, as a failure prints them, runs that one case again. */
const replay = JSON.parse(process.env['KINLOG_REPLAY'] ?? '{}') as fc.Parameters<unknown>;
const RUNS = Number(process.env['KINLOG_RUNS'] ?? 100);

/** The run as a person reads it. */
const trace = ({ scene }: SharedModel): string =>
  scene.entries
    .map(({ at, by, ...entry }) => {
      if (entry.kind !== 'put') return `${at} ${by} ${JSON.stringify(entry)}\n`;
      const { shardId, owner, successor, version, position } = entry.row;
      return `${at} ${by} put ${shardId} v${version} owner ${owner} successor ${successor} ${JSON.stringify(position)}\n`;
    })
    .join('');

test(
  'invariants 1 to 7, 16, 18 and 19 hold for readers that share a stream, whatever happens to them',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, steps, fc.nat(), async (chosen, list, chance) => {
        // What readers choose at random is a part of the run, so that a seed repeats it.
        vi.spyOn(Math, 'random').mockImplementation(seededRandom(chance));
        const model = new SharedModel(chosen);
        await model.begin();
        for (const step of list) await step(model);
        const faults = await model.finish();
        if (process.env['KINLOG_REPLAY'] !== undefined) process.stdout.write(trace(model));
        expect(faults).toEqual([]);
      }),
      // Time to make a failure small is bounded, so that its seed is printed.
      { ...replay, numRuns: RUNS, interruptAfterTimeLimit: 120_000 + RUNS * 1000, markInterruptAsFailure: true },
    );
  },
);
