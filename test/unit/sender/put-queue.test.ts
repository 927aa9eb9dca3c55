/** Which records go when, and which go again. */
import { expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { PutQueue, type PutQueueOptions } from '../../../sender/put-queue.ts';
import type { PutEntry } from '../../../sender/put.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';
import { FakePut } from '../../fakes/put.ts';

const throttled = () => new KinlogError('KINLOG_THROTTLED', 'too fast');
const entry = (text: string, partitionKey = text): PutEntry => ({ data: Buffer.from(text), partitionKey });

function open(api: FakePut, options: Partial<PutQueueOptions> = {}) {
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const log = new EventLog((line) => lines.push(line), 'debug');
  const whenRefused = 'reject' as const;
  const defaults = { stream: 's', concurrency: 3, giveUpAfterMs: Infinity, random: () => 1, whenRefused };
  const queue = new PutQueue({ api, clock, log, ...defaults, ...options });
  const fates = new Map<string, string>();
  const add = (text: string, partitionKey = text, ordered = false) =>
    queue.add(entry(text, partitionKey), ordered, (error) => fates.set(text, error?.code ?? 'stored'));
  return { queue, clock, lines, fates, add };
}

it('only the refused entries of a call are sent again, in their order, and new ones join them', async () => {
  const refused = new Set(['b', 'd']);
  const api = new FakePut((call) => ({
    refuse: ({ data }) => (call === 0 && refused.has(Buffer.from(data).toString()) ? throttled() : undefined),
  }));
  const { clock, fates, add } = open(api, { concurrency: 1 });
  for (const text of ['a', 'b', 'c', 'd']) add(text);
  await settle();
  await clock.until(() => fates.size === 4);
  expect(api.calls.map((call) => call.map(({ partitionKey }) => partitionKey))).toEqual([
    ['a', 'b', 'c', 'd'],
    ['b', 'd'],
  ]);
  expect(api.text()).toBe('acbd');
});

it('a record is not sent ahead of a refused earlier one of its partition key, while other keys go on', async () => {
  const api = new FakePut((call) => ({
    refuse: ({ data }) => (call < 3 && Buffer.from(data).toString() === '1' ? throttled() : undefined),
  }));
  const { clock, fates, add } = open(api);
  for (const text of ['1', '2', '3']) add(text, 'hot', true);
  add('x', 'other', true);
  await settle();
  expect(fates).toEqual(new Map([['x', 'stored']]));
  await clock.until(() => fates.size === 4);
  expect(api.text()).toBe('x123');
});

it('a call carries at most 500 records and 5 MiB with the keys', async () => {
  const api = new FakePut();
  const { queue, clock, fates, add } = open(api);
  for (let n = 0; n < 1001; n++) add(`r${n}`);
  await clock.until(() => fates.size === 1001);
  expect(api.calls.map((call) => call.length)).toEqual([500, 500, 1]);
  let stored = 0;
  const big = { data: Buffer.alloc(1024 * 1024 - 1), partitionKey: 'k' };
  for (let n = 0; n < 6; n++) queue.add(big, false, () => stored++);
  await clock.until(() => stored === 6);
  expect(api.calls.slice(3).map((call) => call.length)).toEqual([5, 1]);
  expect(api.mostAtOnce).toBeLessThanOrEqual(3);
});

it('waits double while nothing gets through and start small again after any progress', async () => {
  const api = new FakePut((call) => (call < 4 || call === 5 ? { failBefore: throttled() } : undefined));
  const { clock, lines, fates, add } = open(api, { concurrency: 1 });
  add('a');
  await clock.until(() => fates.has('a'));
  add('b');
  await clock.until(() => fates.has('b'));
  const waits = lines.filter(({ name }) => name === 'sender.retried').map(({ fields }) => fields['waitMs']);
  expect(waits).toEqual([200, 400, 800, 1600, 200]);
});

it('while nothing gets through no other call is tried', async () => {
  const api = new FakePut((call) => (call === 0 ? { failBefore: throttled() } : undefined));
  const { clock, fates, add } = open(api);
  add('a');
  await settle();
  add('b');
  await settle();
  expect(api.calls).toHaveLength(1);
  await clock.until(() => fates.size === 2);
  expect(api.text()).toBe('ab');
});

it('a refused permission rejects the records at once, or is asked again slowly when told to wait', async () => {
  const refusal = new KinlogError('KINLOG_PERMISSION_REFUSED', 'no kinesis:PutRecords');
  const rejecting = open(new FakePut(() => ({ failBefore: refusal })));
  rejecting.add('a');
  await settle();
  expect(rejecting.fates.get('a')).toBe('KINLOG_PERMISSION_REFUSED');

  const waiting = open(new FakePut((call) => (call < 2 ? { failBefore: refusal } : undefined)), {
    whenRefused: 'wait',
  });
  waiting.add('a');
  await waiting.clock.until(() => waiting.fates.has('a'));
  expect(waiting.fates.get('a')).toBe('stored');
  expect(waiting.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
});

it('an error without a name is not repeated', async () => {
  const api = new FakePut(() => {
    throw new TypeError('surprise');
  });
  const { fates, add } = open(api);
  add('a');
  await settle();
  expect(fates.get('a')).toBe('KINLOG_UNEXPECTED');
  expect(api.calls).toHaveLength(1);
});

it('a call refused as malformed is repeated record by record, so that one bad record takes no other with it', async () => {
  const bad = new KinlogError('KINLOG_REQUEST_REFUSED', 'member must have length less than or equal to 1048576');
  const api: FakePut = new FakePut((call) =>
    api.calls[call]!.some(({ partitionKey }) => partitionKey === 'bad') ? { failBefore: bad } : undefined,
  );
  const { clock, fates, add } = open(api);
  for (const text of ['a', 'bad', 'c']) add(text);
  await clock.until(() => fates.size === 3);
  expect(Object.fromEntries(fates)).toEqual({ a: 'stored', bad: 'KINLOG_REQUEST_REFUSED', c: 'stored' });
  expect(api.text()).toBe('ac');
});

it('a record that was not taken for the given time is rejected with KINLOG_SEND_FAILED', async () => {
  const { clock, fates, add } = open(new FakePut(() => ({ failBefore: throttled() })), { giveUpAfterMs: 5000 });
  add('a');
  await clock.until(() => fates.has('a'));
  expect(fates.get('a')).toBe('KINLOG_SEND_FAILED');
  expect(clock.monotonic()).toBeGreaterThanOrEqual(5000);
  expect(clock.monotonic()).toBeLessThan(20_000);
});

it('a stream that takes nothing for long raises one warning, and one line when it takes records again', async () => {
  const { clock, lines, fates, add } = open(
    new FakePut((call) => (call < 12 ? { failBefore: throttled() } : undefined)),
  );
  add('a');
  await clock.until(() => fates.has('a'));
  const names = lines.map(({ name }) => name).filter((name) => name !== 'sender.retried');
  expect(names).toEqual(['sender.stalled', 'sender.resumed']);
});

it('stop rejects everything that is not settled, also what hangs in a call', async () => {
  const hang = (_call: number, signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  const { queue, fates, add } = open(new FakePut(() => undefined, hang));
  add('1', 'k', true);
  add('2', 'k', true);
  add('3');
  await settle();
  queue.stop();
  add('late');
  await settle();
  expect([...fates.values()]).toEqual(Array.from({ length: 4 }, () => 'KINLOG_SEND_FAILED'));
});
