/** Two streams of one name in two regions, one store by mistake, and nobody may ask when they were created: their readers shared the shards and left half of each stream unread. */
import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import { Reader } from '../../reader/index.ts';
import { Gate, GatedOutput, GatedStore } from '../faults/leases-gate.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { answer } from '../fakes/peers/dynamodb-network.ts';

const STREAM = 'logs';

type Handler = NonNullable<NonNullable<ConstructorParameters<typeof Reader>[0]['kinesis']>['requestHandler']>;

/** An identity without kinesis:DescribeStreamSummary. */
function undescribed(handler: Handler): Handler {
  const { handle } = handler as { handle: (request: { headers: Record<string, string> }, options: object) => unknown };
  const refused = { __type: 'AccessDeniedException', message: 'refused' };
  return {
    ...handler,
    handle: (request: { headers: Record<string, string> }, options: object) =>
      request.headers['x-amz-target']?.endsWith('DescribeStreamSummary') === true
        ? answer(refused, 400)
        : handle(request, options),
  } as Handler;
}

test('the rows of a stream are refused to the reader of another one of the same name in another region', async () => {
  const memory = new MemoryStore();
  const gate = new Gate();
  const signal = new AbortController();
  const readers = ['us-east-1', 'eu-west-1'].map((region) => {
    const fake = new FakeKinesis({ readLimits: false });
    fake.createStream(STREAM, 2);
    for (let n = 0; n < 20; n++) fake.put(STREAM, { data: `${region} ${n}`, key: `key ${n}` });
    const accepted = new Set<string>();
    const rows = { store: memory, time: systemClock, onPut: () => undefined };
    const reader = new Reader({
      stream: STREAM,
      kinesis: {
        region,
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
        requestHandler: undescribed(simulatorHandler(fake)),
      },
      store: new GatedStore(region, { gate, rows, weather: { away: false, latencyMs: 0, lostAnswers: 0 } }),
      output: new GatedOutput(gate, systemClock, {
        begun: () => undefined,
        accepted: (texts) => texts.forEach((text) => accepted.add(text)),
      }),
      start: { kind: 'horizon' },
      ...{ name: region, leasePeriodMs: 400, idleMs: 50 },
    });
    return { reader, accepted };
  });
  const [first, second] = [readers[0]!, readers[1]!];
  const run = first.reader.run(signal.signal);
  await expect.poll(() => first.accepted.size, { timeout: 10_000 }).toBe(20);
  await expect(second.reader.run(signal.signal)).rejects.toMatchObject({
    code: 'KINLOG_CHECKPOINT_FOREIGN',
    message: expect.stringMatching(/in us-east-1.* in eu-west-1/) as string,
  });
  expect(second.accepted.size).toBe(0);
  signal.abort();
  await run;
});
