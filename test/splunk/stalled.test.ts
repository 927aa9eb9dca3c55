/** splunkd takes nothing for ten minutes: the whole path from the stream to the pipe, in virtual time. */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { EventLog, type EventName, type LogLine } from '../../base/events.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { StoredRow } from '../../reader/checkpoint/store.ts';
import { EventPipe, ModularInputOutput, Reader } from '../../reader/index.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { EventDocument } from './splunkd/event-document.ts';

const STREAM = 'logs';
const KIB = 1024;
const MINUTE = 60_000;
const BUDGET = 4 * KIB * KIB;
const PIPE_BYTES = 64 * KIB;
const PERIOD_MS = 10_000;

/** As a full pipe: what was written last waits for its callback. */
class Stdout extends Writable {
  readonly document = new EventDocument();
  #stalled = false;
  #waiting: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: PIPE_BYTES });
  }

  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    const take = () => {
      this.document.write(chunk);
      taken();
    };
    if (this.#stalled) this.#waiting = take;
    else take();
  }
}

/** As one that readers share, so that leases must be kept. */
class SharedMemory extends MemoryStore {
  override readonly traits = { survivesRestart: true, shared: true };
}

test('a pipe that is full for ten minutes: memory bounded, leases kept, nothing fetched beyond the budget, then everything arrives once', async () => {
  const clock = new FakeClock();
  const fake = new FakeKinesis({ clock });
  fake.createStream(STREAM, 4);
  let put = 0;
  const more = (count: number) => {
    for (let n = 0; n < count; n++, put++)
      fake.put(STREAM, { data: `event ${put} ${'x'.repeat(50 * KIB)}`, key: `${put}` });
  };
  const lines: LogLine[] = [];
  const log = new EventLog((line) => lines.push(line), 'debug');
  const said = (name: EventName) => lines.filter((line) => line.name === name);
  const stdout = new Stdout();
  const store = new SharedMemory();
  const pipe = new EventPipe(stdout, { log, clock });
  const reader = new Reader({
    stream: STREAM,
    kinesis: {
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      requestHandler: simulatorHandler(fake, { requestTimeoutMs: 30_000 }),
    },
    store,
    output: new ModularInputOutput(pipe, 'kinesis_log://prod'),
    start: { kind: 'horizon' },
    clock,
    log,
    leasePeriodMs: PERIOD_MS,
    maxBytesInFlight: BUDGET,
  });
  const stop = new AbortController();
  const running = reader.run(stop.signal);
  const rows = async () => {
    const all: StoredRow[] = [];
    for await (const row of store.rows({ id: STREAM, createdMs: 0 }, stop.signal)) all.push(row);
    return all;
  };

  more(20);
  await clock.until(() => stdout.document.events.length === put);
  stdout.stall();
  more(800);
  const before = fake.callsOf('GetRecords').reduce((sum, { bytes }) => sum + bytes, 0);
  await clock.advance(MINUTE);
  const held = () => fake.callsOf('GetRecords').reduce((sum, { bytes }) => sum + bytes, 0) - before;
  // A page that was under way when the budget was used up is the one thing beyond it.
  expect(held()).toBeLessThan(BUDGET + 10 * KIB * KIB);
  const calls = fake.callsOf('GetRecords').length;
  const owners = new Set((await rows()).map(({ owner }) => owner));
  const writes = async () => (await rows()).reduce((sum, { version }) => sum + version, 0);
  const written = await writes();
  await clock.advance(9 * MINUTE);
  expect(fake.callsOf('GetRecords').length).toBe(calls);
  expect(stdout.writableLength).toBeLessThan(1024 * KIB);
  // In every period the reader shows that it lives.
  expect((await writes()) - written).toBeGreaterThanOrEqual((9 * MINUTE) / PERIOD_MS);
  expect(new Set((await rows()).map(({ owner }) => owner))).toEqual(owners);
  expect(said('output.stalled')).toHaveLength(1);

  stdout.resume();
  await clock.until(() => stdout.document.events.length >= put);
  expect(said('output.resumed')).toHaveLength(1);
  for (const name of ['lease.lost', 'shard.failed', 'stream.data-loss'] as const) expect(said(name)).toEqual([]);
  // Iterators that were ten minutes old have been renewed behind the last record, not at the tip.
  expect(
    fake
      .callsOf('GetShardIterator')
      .slice(4)
      .every(({ start }) => start!.startsWith('AFTER_SEQUENCE_NUMBER')),
  ).toBe(true);
  stop.abort();
  await clock.until(() => reader.status()?.state === 'stopped');
  await running;
  await pipe.close();
  const { fault, whole, events } = stdout.document;
  expect({ fault, whole, events: new Set(events.map(({ fields }) => fields['data'])).size }).toEqual({
    fault: undefined,
    whole: true,
    events: put,
  });
  expect(events).toHaveLength(put);
});
