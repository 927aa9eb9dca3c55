/** What splunkd's end of the pipe sees, and when the reader may move its position. */
import { Buffer } from 'node:buffer';
import { Writable } from 'node:stream';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { isAbort } from '../../../base/clock.ts';
import { EventLog } from '../../../base/events.ts';
import { EventPipe, ModularInputOutput, type EventPipeOptions } from '../../../reader/output/modular-input.ts';
import { BatchBuilder, type EventBatch } from '../../../record/batch.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';

/** A pipe whose reader takes one write only when told; like the kernel it keeps no copy before that. */
class Splunkd extends Writable {
  readonly #pending: { chunk: Buffer; done: (error?: Error) => void }[] = [];
  readonly #taken: Buffer[] = [];
  open: boolean;

  constructor(open = true) {
    super({ highWaterMark: 1 });
    this.open = open;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#pending.push({ chunk, done });
    if (this.open) this.take();
  }

  /** Takes what was written so far, one write after the other. */
  take(): void {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      this.#taken.push(Buffer.from(next.chunk));
      next.done();
    }
  }

  leave(): void {
    this.#pending.shift()!.done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  }

  get text(): string {
    return Buffer.concat(this.#taken).toString();
  }
}

function setUp(splunkd: Splunkd, options: Partial<EventPipeOptions> = {}) {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log = new EventLog(({ name }) => lines.push(name), 'debug');
  const pipe = new EventPipe(splunkd, { log, clock, ...options });
  const output = new ModularInputOutput(pipe, 'kinesis_log://prod');
  return { clock, lines, pipe, output };
}

function batchOf(...texts: string[]): EventBatch {
  const builder = new BatchBuilder();
  const page = Buffer.from(texts.join(''));
  let at = builder.load(page);
  for (const text of texts) builder.add(at, (at += Buffer.byteLength(text)), NaN, 0);
  return builder.seal();
}

/** Event texts, by an XML parser that nobody of us wrote; throws unless the document is well-formed and complete. */
function eventsOf(xml: string): string[] {
  const events: string[] = [];
  let data: string | undefined;
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name }) => {
    if (name === 'data') data = '';
  });
  parser.on('text', (text) => {
    if (data !== undefined) data += text;
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'data') events.push(data!);
    data = undefined;
  });
  parser.write(xml).close();
  return events;
}

const never = new AbortController().signal;
const outcome = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => (isAbort(error) ? 'aborted' : (error as { code: string }).code),
  );

describe('the event pipe', () => {
  it('writes one well-formed document that holds every event once, in order', async () => {
    const splunkd = new Splunkd();
    const { output, pipe } = setUp(splunkd, { chunkBytes: 512 });
    const texts = Array.from({ length: 300 }, (_, i) => `${i} ${'<&\r'.repeat(i)}`);
    for (let i = 0; i < texts.length; i += 50) await output.write(batchOf(...texts.slice(i, i + 50)), never);
    await pipe.close();
    expect(splunkd.text).toMatch(/^<stream>\n<event stanza="kinesis_log:\/\/prod">/);
    expect(eventsOf(splunkd.text)).toEqual(texts);
  });

  it('writes nothing at all when there was nothing to write', async () => {
    const splunkd = new Splunkd();
    const { output, pipe } = setUp(splunkd);
    await output.write(batchOf(), never);
    await pipe.close();
    expect(splunkd.text).toBe('');
  });

  it('accepts a batch only when the pipe has taken its last byte', async () => {
    const splunkd = new Splunkd(false);
    const { output } = setUp(splunkd);
    let accepted = false;
    const write = output.write(batchOf('a'), never).then(() => (accepted = true));
    await settle();
    splunkd.take();
    await write;
    expect(accepted).toBe(true);
    accepted = false;
    const second = output.write(batchOf('b'), never).then(() => (accepted = true));
    await settle();
    expect(accepted).toBe(false);
    splunkd.take();
    await second;
  });

  it('keeps batches of several shards whole and in order of arrival', async () => {
    const splunkd = new Splunkd(false);
    const { output, pipe } = setUp(splunkd, { chunkBytes: 256 });
    const batches = Array.from({ length: 8 }, (_, k) => Array.from({ length: 20 }, (_, i) => `shard ${k} event ${i}`));
    const writes = batches.map((texts) => output.write(batchOf(...texts), never));
    await settle();
    splunkd.open = true;
    splunkd.take();
    await Promise.all(writes);
    await pipe.close();
    expect(eventsOf(splunkd.text)).toEqual(batches.flat());
  });

  it('holds no more than three chunks of a batch while nobody takes them', async () => {
    const splunkd = new Splunkd(false);
    const { output } = setUp(splunkd, { chunkBytes: 1024 });
    void output.write(batchOf('x'.repeat(1_000_000)), never);
    await settle();
    expect(splunkd.writableLength).toBeLessThanOrEqual(3 * 1024);
  });

  it('refuses everything that was not taken when the reader of the pipe is gone', async () => {
    const splunkd = new Splunkd(false);
    const { output, pipe } = setUp(splunkd);
    const writes = ['a', 'b', 'c'].map((text) => outcome(output.write(batchOf(text), never)));
    await settle();
    splunkd.leave();
    expect(await Promise.all(writes)).toEqual(Array(3).fill('KINLOG_OUTPUT_CLOSED'));
    expect(await outcome(output.write(batchOf('d'), never))).toBe('KINLOG_OUTPUT_CLOSED');
    expect(await outcome(pipe.close())).toBe('KINLOG_OUTPUT_CLOSED');
    expect(pipe.failed.aborted).toBe(true);
  });

  it('tells once that nothing is taken, and that it goes on', async () => {
    const splunkd = new Splunkd(false);
    const { output, clock, lines } = setUp(splunkd, { stalledAfterMs: 30_000 });
    const write = output.write(batchOf('a'), never);
    await clock.advance(29_000);
    expect(lines).toEqual([]);
    await clock.advance(100_000);
    expect(lines).toEqual(['output.stalled']);
    splunkd.open = true;
    splunkd.take();
    await write;
    expect(lines).toEqual(['output.stalled', 'output.resumed']);
  });

  it('leaves no timer behind once it is closed', async () => {
    const { output, pipe, clock } = setUp(new Splunkd());
    await output.write(batchOf('a'), never);
    await pipe.close();
    await settle();
    expect(clock.sleeping).toBe(0);
  });
});

describe('a write that is told to stop', () => {
  it('ends at once while it waits for its turn, and the one before it is not touched', async () => {
    const splunkd = new Splunkd(false);
    const { output, pipe } = setUp(splunkd, { chunkBytes: 256 });
    const stop = new AbortController();
    const long = 'x'.repeat(5000);
    const first = outcome(output.write(batchOf(long), never));
    const second = outcome(output.write(batchOf('never'), stop.signal));
    await settle();
    stop.abort();
    expect(await second).toBe('aborted');
    splunkd.open = true;
    splunkd.take();
    expect(await first).toBe('accepted');
    await pipe.close();
    expect(eventsOf(splunkd.text)).toEqual([long]);
  });

  it('gives up at once when it was cut in the middle, and nothing follows the cut event', async () => {
    const splunkd = new Splunkd(false);
    const { output, pipe } = setUp(splunkd, { chunkBytes: 256 });
    const stop = new AbortController();
    const cut = outcome(output.write(batchOf('x'.repeat(5000)), stop.signal));
    await settle();
    stop.abort();
    expect(await cut).toBe('aborted');
    expect(await outcome(output.write(batchOf('y'), never))).toBe('KINLOG_OUTPUT_CLOSED');
    expect(await outcome(pipe.close())).toBe('KINLOG_OUTPUT_CLOSED');
  });

  it('leaves the document whole when all of it was on its way', async () => {
    const splunkd = new Splunkd(false);
    const { output, pipe } = setUp(splunkd);
    const stop = new AbortController();
    const given = outcome(output.write(batchOf('x'), stop.signal));
    await settle();
    stop.abort();
    expect(await given).toBe('aborted');
    splunkd.open = true;
    splunkd.take();
    await pipe.close();
    expect(eventsOf(splunkd.text)).toEqual(['x']);
  });

  it('does not begin when it was told before', async () => {
    const splunkd = new Splunkd();
    const { output } = setUp(splunkd);
    expect(await outcome(output.write(batchOf('a'), AbortSignal.abort()))).toBe('aborted');
    expect(splunkd.text).toBe('');
  });

  it('is refused once the output was closed', async () => {
    const { output } = setUp(new Splunkd());
    await output.close();
    expect(await outcome(output.write(batchOf('a'), never))).toBe('KINLOG_CLOSED');
  });
});
