/** Laws of the simulator under random puts and resharding. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import type { FakeStream } from '../../fakes/kinesis/stream.ts';

const LAST_HASH = (1n << 128n) - 1n;

const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), key: fc.string({ minLength: 1, unit: 'grapheme' }) }),
  fc.record({ do: fc.constant('split' as const), pick: fc.nat(), at: fc.bigInt({ min: 0n, max: LAST_HASH }) }),
  fc.record({ do: fc.constant('merge' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('resize' as const), shards: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(5000) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const byHash = (stream: FakeStream) =>
  [...stream.open].sort((a, b) => (a.shape.firstHash < b.shape.firstHash ? -1 : 1));

async function run(steps: readonly Step[], after: (fake: FakeKinesis) => void): Promise<void> {
  const clock = new FakeClock();
  const fake = new FakeKinesis({ clock });
  const stream = fake.createStream('s', 2);
  for (const next of steps) {
    if (next.do === 'wait') await clock.advance(next.ms);
    else take(fake, stream, next, clock.now());
    after(fake);
  }
}

function take(fake: FakeKinesis, stream: FakeStream, next: Exclude<Step, { do: 'wait' }>, nowMs: number): void {
  if (next.do === 'put') fake.put('s', { data: 'x', key: next.key });
  else if (next.do === 'resize') stream.resize(next.shards, nowMs);
  else if (next.do === 'split') {
    const parent = stream.open[next.pick % stream.open.length]!;
    const width = parent.shape.lastHash - parent.shape.firstHash;
    if (width > 4n) stream.split(parent, parent.shape.firstHash + 2n + (next.at % (width - 2n)), nowMs);
  } else {
    const open = byHash(stream);
    const at = next.pick % open.length;
    if (at + 1 < open.length) fake.merge('s', open[at]!.shardId, open[at + 1]!.shardId);
  }
}

test('open shards cover every hash from 0 to 2^128 - 1 exactly once, whatever was split and merged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
      run(steps, (fake) => {
        let expected = 0n;
        for (const { shape } of byHash(fake.stream('s'))) {
          expect(shape.firstHash).toBe(expected);
          expected = shape.lastHash + 1n;
        }
        expect(expected).toBe(LAST_HASH + 1n);
      }),
    ),
    { numRuns: 60 },
  );
});

test("a record lies in the shard whose range holds its key's MD5, and sequence numbers grow within each shard", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let fake: FakeKinesis | undefined;
      await run(steps, (now) => (fake = now));
      for (const { shape, records, startingSequenceNumber, endingSequenceNumber } of fake?.stream('s').shards ?? []) {
        let last = BigInt(startingSequenceNumber);
        for (const { sequenceNumber } of records) {
          expect(BigInt(sequenceNumber)).toBeGreaterThan(last);
          last = BigInt(sequenceNumber);
        }
        if (endingSequenceNumber !== undefined) expect(BigInt(endingSequenceNumber)).toBeGreaterThan(last);
        expect(shape.firstHash).toBeLessThanOrEqual(shape.lastHash);
      }
      for (const { shardId, partitionKey } of fake?.records('s') ?? []) {
        const hash = BigInt(`0x${createHash('md5').update(partitionKey!).digest('hex')}`);
        const { shape } = fake!.stream('s').shards[Number(shardId.slice(8))]!;
        expect(hash >= shape.firstHash && hash <= shape.lastHash).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test('reading a shard page by page with any limits gives every record once and in order', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3000), { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      fc.constantFrom('together' as const, 'empty-page' as const),
      (sizes, limits, endOfShard) => {
        const fake = new FakeKinesis({
          clock: new FakeClock(),
          readLimits: false,
          maxPageBytes: 5000,
          endOfShard,
        });
        fake.createStream('s', 1);
        const put = sizes.map((size) => fake.put('s', { data: Buffer.alloc(size) }).sequenceNumber);
        fake.split('s', 'shardId-000000000000');
        const start = { StreamName: 's', ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' };
        let token = fake.call('GetShardIterator', start).fields['ShardIterator'] as string | null;
        const read: string[] = [];
        for (let page = 0; token !== null; page++) {
          const Limit = limits[page % limits.length]!;
          const { fields, records = [], bytes = 0 } = fake.call('GetRecords', { ShardIterator: token, Limit });
          expect(records.length === 1 || bytes <= 5000).toBe(true);
          read.push(...records.map(({ sequenceNumber }) => sequenceNumber));
          token = fields['NextShardIterator'] as string | null;
        }
        expect(read).toEqual(put);
      },
    ),
  );
});
