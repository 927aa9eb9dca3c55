/** What a writer can count on: acknowledgement, order, bounds, and an answer for every event. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog } from '../../../base/events.ts';
import { Sender, type SenderOptions } from '../../../sender/index.ts';
import type { PutEntry } from '../../../sender/put.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';
import { FakePut } from '../../fakes/put.ts';

const meta = { source: 'web', sourcetype: 'access_combined', host: 'h1', index: 'main' };

function open(api: FakePut, options: Partial<SenderOptions> = {}) {
  const clock = new FakeClock();
  const log = new EventLog(() => undefined);
  return {
    clock,
    log,
    sender: new Sender({ kinesis: api, stream: 's', meta, clock, log, random: () => 1, ...options }),
  };
}

interface KinlogRecord {
  readonly meta: Record<string, unknown>;
  readonly events: readonly string[];
}

function unpack({ data }: PutEntry): KinlogRecord {
  const [first, ...rest] = gunzipSync(data)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { meta: first!, events: rest.map((event) => Buffer.from(event['data'] as string, 'base64').toString()) };
}

/** Lets the thread pool and the queue work until the fact holds. */
async function until(fact: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!fact()) {
    if (performance.now() > limit) throw new Error('the fact did not come true');
    await settle(1);
  }
}

it('a write settles when Kinesis has the event, in a kinlog record of its metadata', async () => {
  const api = new FakePut();
  const { sender, clock } = open(api);
  const writes = [sender.write({ data: 'one\n' }), sender.write({ data: Buffer.from('two\n') })];
  await settle();
  expect(api.calls).toHaveLength(0);
  await clock.advance(1000);
  await Promise.all(writes);
  expect(api.stored.map(unpack)).toEqual([
    { meta: { unbroken: false, ...meta, enc_id: expect.any(Number), block_id: 0 }, events: ['one\n', 'two\n'] },
  ]);
  expect(api.stored[0]!.partitionKey).toMatch(/^broken-\d{1,19}$/);
  expect(sender.stats()).toMatchObject({ eventsSent: 2, recordsSent: 1, bufferedBytes: 0 });
  await sender.close();
});

it('events of different metadata go in records of their own, in one call', async () => {
  const api = new FakePut();
  const { sender } = open(api);
  for (const source of ['a', 'b', 'a']) sender.tryWrite({ data: source, meta: { source } });
  await sender.close();
  expect(api.stored.map((entry) => [unpack(entry).meta['source'], unpack(entry).events.length]).sort()).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
});

it('a record is closed at 256 KiB of events without waiting for the time', async () => {
  const api = new FakePut();
  const { sender } = open(api, { compression: 'none', format: 'raw' });
  const line = 'x'.repeat(1023);
  for (let n = 0; n < 600; n++) sender.tryWrite({ data: line });
  await until(() => api.stored.length === 2);
  await sender.close();
  expect(api.stored.map(({ data }) => data.length)).toEqual([256 * 1024, 256 * 1024, 600 * 1024 - 512 * 1024]);
});

it('events of one partition key arrive in the order they were written, whatever their metadata and however often records are refused', async () => {
  const api = new FakePut((call) =>
    call % 3 === 0 ? { refuse: () => new KinlogError('KINLOG_THROTTLED', 'slow') } : undefined,
  );
  const { sender, clock } = open(api, { partitionKey: { fixed: 'k' } });
  for (let n = 0; n < 30; n++) sender.tryWrite({ data: String(n), meta: { source: n % 4 < 2 ? 'a' : 'b' } });
  const closed = sender.close();
  await until(() => api.calls.length > 0);
  // Compression takes real time, of which a busy machine gives little.
  while (sender.stats().eventsSent < 30) {
    await clock.advance(1000);
    await settle(2);
  }
  await closed;
  expect(api.stored.flatMap((entry) => unpack(entry).events)).toEqual(Array.from({ length: 30 }, (_, n) => String(n)));
  expect(new Set(api.stored.map(({ partitionKey }) => partitionKey))).toEqual(new Set(['k']));
});

it('a record over the limit is split, and an event that fits into none is rejected alone', async () => {
  const api = new FakePut();
  const { sender } = open(api, {
    compression: 'none',
    format: 'raw',
    maxRecordBytes: 100,
    partitionKey: { fixed: 'k' },
  });
  const small = Array.from({ length: 12 }, (_, n) => sender.write({ data: `${n} ${'s'.repeat(20)}` }));
  const big = sender.write({ data: 'b'.repeat(100) });
  const after = sender.write({ data: 'after' });
  const closed = sender.close();
  await expect(big).rejects.toMatchObject({ code: 'KINLOG_RECORD_TOO_LARGE' });
  await Promise.all([...small, after, closed]);
  for (const { data } of api.stored) expect(data.length).toBeLessThanOrEqual(99);
  expect(
    api
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual([...Array.from({ length: 12 }, (_, n) => String(n)), 'after']);
});

it('a full buffer makes tryWrite say no and write wait, and nothing is lost', async () => {
  const api = new FakePut();
  const { sender } = open(api, { maxBufferedBytes: 1000, format: 'raw', compression: 'none' });
  let taken = 0;
  while (sender.tryWrite({ data: 'y'.repeat(100) })) taken++;
  expect(taken).toBe(7);
  const waited = sender.write({ data: 'waited' });
  const ready = sender.ready();
  await Promise.all([ready, sender.flush()]);
  await sender.close();
  await waited;
  expect(api.text()).toContain('waited');
  expect(sender.stats().bufferedBytes).toBe(0);
});

it('told not to wait, write rejects with KINLOG_BUFFER_FULL and counts the event as dropped', async () => {
  const { sender, log } = open(new FakePut(), { maxBufferedBytes: 100, whenFull: 'error' });
  const first = sender.write({ data: 'z'.repeat(200) });
  await expect(sender.write({ data: 'more' })).rejects.toMatchObject({ code: 'KINLOG_BUFFER_FULL' });
  expect(log.total('sender_drops')).toBe(1);
  await sender.close();
  await first;
});

it('an open batch that fills the whole buffer does not wait for the time', async () => {
  const api = new FakePut();
  const { sender } = open(api, { maxBufferedBytes: 300, flushAfterMs: 3_600_000 });
  const writes = Array.from({ length: 20 }, (_, n) => sender.write({ data: `${n} ${'w'.repeat(50)}` }));
  const closed = sender.close();
  await Promise.all([...writes, closed]);
  expect(api.stored.flatMap((entry) => unpack(entry).events)).toHaveLength(20);
});

it('what a person must heal rejects the writer with the name of the permission, and flush tells about events nobody waited for', async () => {
  const refusal = new KinlogError('KINLOG_PERMISSION_REFUSED', 'not allowed kinesis:PutRecords on s');
  const { sender, log } = open(new FakePut(() => ({ failBefore: refusal })));
  const write = sender.write({ data: 'a' });
  sender.tryWrite({ data: 'b' });
  const flushed = sender.flush();
  await expect(write).rejects.toBe(refusal);
  await expect(flushed).rejects.toMatchObject({ code: 'KINLOG_PERMISSION_REFUSED' });
  await sender.flush();
  expect(sender.stats()).toMatchObject({ eventsFailed: 2, bufferedBytes: 0 });
  expect(log.total('sender_failures')).toBe(1);
  await sender.close();
});

it('close gives up after the time it is given and rejects what is left', async () => {
  const { sender, clock } = open(
    new FakePut(() => ({ failBefore: new KinlogError('KINLOG_SERVICE_UNAVAILABLE', 'down') })),
  );
  const fate = sender.write({ data: 'a' }).catch((error: unknown) => error);
  const closed = sender.close(3000);
  await until(() => sender.stats().calls > 0);
  await clock.advance(3000);
  await closed;
  expect(await fate).toMatchObject({ code: 'KINLOG_SEND_FAILED' });
  await expect(sender.write({ data: 'late' })).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
  expect(() => sender.tryWrite({ data: 'late' })).toThrow(expect.objectContaining({ code: 'KINLOG_CLOSED' }));
});

it('check puts the null record of the original sender', async () => {
  const api = new FakePut();
  const { sender } = open(api);
  await sender.check();
  const nothing = '__null__';
  expect(unpack(api.stored[0]!)).toMatchObject({
    meta: { source: nothing, sourcetype: nothing, host: nothing, index: nothing },
    events: [],
  });
  expect(api.stored[0]!.partitionKey).toBe(nothing);
  await sender.close();
});

it('check fails at once when only a person can heal it, and after three tries when the stream does not answer', async () => {
  const refused = open(new FakePut(() => ({ failBefore: new KinlogError('KINLOG_STREAM_NOT_FOUND', 'no s') })));
  await expect(refused.sender.check()).rejects.toMatchObject({ code: 'KINLOG_STREAM_NOT_FOUND' });
  const down = new FakePut(() => ({ failBefore: new KinlogError('KINLOG_SERVICE_UNAVAILABLE', 'down') }));
  const { sender, clock } = open(down);
  let code = '';
  sender.check().catch((error: unknown) => (code = (error as KinlogError).code));
  await until(() => down.calls.length > 0);
  await clock.until(() => code !== '');
  expect([code, down.calls.length]).toEqual(['KINLOG_SERVICE_UNAVAILABLE', 3]);
});

it('as a Writable it takes text, bytes and events, holds back the writer while full, and finishes when Kinesis has them all', async () => {
  const api = new FakePut();
  const { sender } = open(api, { maxBufferedBytes: 500, format: 'raw', compression: 'none' });
  const stream = sender.createWriteStream();
  const done = new Promise<void>((resolve, reject) => stream.once('finish', resolve).once('error', reject));
  for (let n = 0; n < 50; n++) stream.write(n % 2 === 0 ? `text ${n}` : { data: Buffer.from(`bytes ${n}`) });
  expect(stream.writableNeedDrain).toBe(true);
  stream.end();
  await done;
  expect(api.text().trimEnd().split('\n')).toHaveLength(50);
  await sender.close();
});

it('the Writable is destroyed with the error of the first event that Kinesis never will have', async () => {
  const { sender } = open(new FakePut(() => ({ failBefore: new KinlogError('KINLOG_STREAM_NOT_FOUND', 'no s') })));
  const stream = sender.createWriteStream();
  const failed = new Promise((resolve) => stream.once('error', resolve));
  stream.end('x');
  expect(await failed).toMatchObject({ code: 'KINLOG_STREAM_NOT_FOUND' });
  await sender.close();
});

it.each([
  [
    'hec',
    'zstd',
    zstdDecompressSync,
    '{"time":1767225600.5,"host":"h1","source":"web","sourcetype":"access_combined","index":"main","event":"line"}\n',
  ],
  [
    'json',
    'gzip',
    gunzipSync,
    '{"time":"2026-01-01T00:00:00.500Z","source":"web","sourcetype":"access_combined","host":"h1","index":"main","message":"line"}\n',
  ],
  ['raw', 'none', (bytes: Uint8Array) => Buffer.from(bytes), 'line\n'],
] as const)('the format %s with compression %s', async (format, compression, unpacked, expected) => {
  const api = new FakePut();
  const { sender } = open(api, { format, compression });
  sender.tryWrite({ data: 'line', timeMs: Date.UTC(2026, 0, 1) + 500 });
  await sender.close();
  expect(unpacked(api.stored[0]!.data).toString()).toBe(expected);
});

it('a JSON object is sent as it is in the format json', async () => {
  const api = new FakePut();
  const { sender } = open(api, { format: 'json', compression: 'none' });
  sender.tryWrite({ data: '{"id":9223372036854775807, "a":1}\n' });
  sender.tryWrite({ data: '{"broken":' });
  await sender.close();
  const [first, second] = api.text().trimEnd().split('\n');
  expect(first).toBe('{"id":9223372036854775807, "a":1}');
  expect(JSON.parse(second!)).toMatchObject({ message: '{"broken":' });
});
