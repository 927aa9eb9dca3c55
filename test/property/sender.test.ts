/** The law of the sender, with faults chosen at random: every event has one answer, the answer is true, and order is kept per partition key. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KinlogError, type ErrorCode } from '../../base/errors.ts';
import { Sender } from '../../sender/index.ts';
import { FakeClock, settle } from '../fakes/clock.ts';
import { FakePut, type PutFate } from '../fakes/put.ts';

const SOON: readonly ErrorCode[] = ['KINLOG_THROTTLED', 'KINLOG_SERVICE_UNAVAILABLE'];

type Trouble =
  | { readonly kind: 'none' }
  | { readonly kind: 'entries'; readonly mask: number; readonly code: ErrorCode }
  | { readonly kind: 'before' | 'after'; readonly code: ErrorCode };

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('none' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('entries' as const), mask: fc.nat(255), code: fc.constantFrom(...SOON) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('before' as const, 'after' as const),
      code: fc.constantFrom(...SOON),
    }),
  },
);

function fateOf(one: Trouble | undefined): PutFate | undefined {
  if (one === undefined || one.kind === 'none') return undefined;
  const error = new KinlogError(one.code, 'trouble');
  if (one.kind === 'entries') return { refuse: (_, i) => (((one.mask >> (i % 8)) & 1) === 1 ? error : undefined) };
  return one.kind === 'before' ? { failBefore: error } : { failAfter: error };
}

const event = fc.record({ key: fc.nat(3), bytes: fc.integer({ min: 0, max: 400 }), source: fc.constantFrom('a', 'b') });

it('every write is acknowledged or reported, nothing acknowledged is missing, and the first arrivals of a key keep its order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        events: fc.array(event, { minLength: 1, maxLength: 60 }),
        troubles: fc.array(trouble, { maxLength: 15 }),
        maxBufferedBytes: fc.constantFrom(200, 2000, 1_000_000),
        maxRecordBytes: fc.constantFrom(120, 300, 1_000_000),
        concurrency: fc.integer({ min: 1, max: 4 }),
      }),
      async ({ events, troubles, ...limits }) => {
        const clock = new FakeClock();
        const api = new FakePut(
          (call) => fateOf(troubles[call]),
          (call, signal) => clock.sleep((call * 37) % 90, signal),
        );
        const partitionKey = (_: unknown, { host = '' }: { host?: string }) => host;
        const kinesis = { stream: 's', format: 'raw', compression: 'none', kinesis: api } as const;
        const sender = new Sender({ ...kinesis, partitionKey, clock, random: () => 0.5, ...limits });
        const fates = events.map(({ key, bytes, source }, n) =>
          sender.write({ data: `${n}:${'.'.repeat(bytes)}`, meta: { host: `key${key}`, source } }).then(
            () => 'stored',
            (error: unknown) => (error as KinlogError).code,
          ),
        );
        const settled = Promise.all(fates);
        let outcome: readonly string[] | undefined;
        void settled.then((all) => (outcome = all));
        const closed = sender.close();
        await clock.until(() => outcome !== undefined);
        await closed;
        await settle();
        check(events, outcome!, api, limits.maxRecordBytes);
        expect(sender.stats().bufferedBytes).toBe(0);
        expect(clock.sleeping).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

function check(
  events: readonly { readonly key: number; readonly bytes: number }[],
  outcome: readonly string[],
  api: FakePut,
  maxRecordBytes: number,
): void {
  const arrived = new Map<string, number[]>();
  for (const { partitionKey, data } of api.stored) {
    expect(data.length + partitionKey.length).toBeLessThanOrEqual(maxRecordBytes);
    const list = arrived.get(partitionKey) ?? [];
    arrived.set(partitionKey, list);
    for (const line of Buffer.from(data).toString().trimEnd().split('\n')) list.push(Number(line.split(':')[0]));
  }
  events.forEach(({ key, bytes }, n) => {
    const fits = `${n}:`.length + bytes + 1 + 'key0'.length <= maxRecordBytes;
    expect([n, outcome[n]]).toEqual([n, fits ? 'stored' : 'KINLOG_RECORD_TOO_LARGE']);
    expect(arrived.get(`key${key}`)?.includes(n) ?? false).toBe(fits);
  });
  for (const list of arrived.values()) {
    const first = [...new Set(list)];
    expect(first).toEqual([...first].sort((a, b) => a - b));
  }
}
