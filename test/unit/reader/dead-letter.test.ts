/** Events that the output never accepts are found and put aside; everything else arrives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { KinlogError } from '../../../base/errors.ts';
import { BatchBuilder, type EventBatch } from '../../../record/batch.ts';
import { DeadLetterOutput, type DeadLetter, type DeadLetters } from '../../../reader/output/dead-letter.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';
import { PickyOutput } from '../../fakes/picky-output.ts';

type Kept = Pick<DeadLetter, 'stream' | 'shard' | 'index' | 'reason'> & { sequenceNumber: string; text: string };

class FakeLetters implements DeadLetters {
  readonly kept: Kept[] = [];
  full: KinlogError | undefined;
  gate: Promise<undefined> | undefined;

  ready(): Promise<void> {
    return this.full === undefined ? Promise.resolve() : Promise.reject(this.full);
  }

  async put(letters: readonly DeadLetter[]): Promise<void> {
    await this.gate;
    for (const { stream, shard, record, index, event, reason } of letters)
      this.kept.push({ stream, shard, index, reason, sequenceNumber: record.sequenceNumber, text: event.text });
  }
}

class Scene {
  readonly clock = new FakeClock();
  readonly letters = new FakeLetters();
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line));
  readonly inner: PickyOutput;
  readonly output: DeadLetterOutput;
  readonly signal = new AbortController();

  constructor(refuses: (text: string) => boolean, attempts = 3) {
    this.inner = new PickyOutput(refuses);
    const { clock, letters, log } = this;
    const place = { stream: 's', shard: 'shardId-0' };
    this.output = new DeadLetterOutput(this.inner, { clock, letters, log, attempts, ...place });
  }

  /** Settles when the write has, however long its back-off. */
  async write(batch: EventBatch): Promise<void> {
    let over = false;
    const write = this.output.write(batch, this.signal.signal).finally(() => (over = true));
    write.catch(() => undefined);
    await this.clock.until(() => over);
    await write;
  }
}

/** Records of one or more events, named after their place. */
function batchOf(sizes: readonly number[]): EventBatch {
  const builder = new BatchBuilder();
  for (const [k, size] of sizes.entries()) {
    builder.record({ sequenceNumber: String(k), subSequence: 0, arrivalMs: 0 });
    for (let i = 0; i < size; i++) {
      const bytes = Buffer.from(`${k}/${i}`);
      const at = builder.load(bytes);
      builder.add(at, at + bytes.length, NaN, 0);
    }
  }
  return builder.seal();
}

const texts = (sizes: readonly number[]): string[] =>
  sizes.flatMap((size, k) => Array.from({ length: size }, (_, i) => `${k}/${i}`));

describe('an output with dead letters', () => {
  it('delivers all but the refused events in order, and puts those aside with their place and reason', async () => {
    const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.func(fc.boolean()), fc.boolean(), async (given, chosen, all) => {
        const refuses = (text: string) => all || chosen(text);
        const scene = new Scene(refuses);
        await scene.write(batchOf(given));
        const sent = texts(given);
        const refused = sent.filter(refuses);
        expect(scene.inner.texts).toEqual(sent.filter((text) => !refuses(text)));
        expect(scene.letters.kept).toEqual(
          refused.map((text) => {
            const [sequenceNumber, index] = text.split('/') as [string, string];
            const place = { stream: 's', shard: 'shardId-0', sequenceNumber, index: Number(index) };
            return { ...place, text, reason: `no place for ${text}` };
          }),
        );
        expect(scene.log.total('events_dead_lettered')).toBe(refused.length);
        const halvings = Math.ceil(Math.log2(sent.length + 1)) + 1;
        expect(scene.inner.writes).toBeLessThanOrEqual(3 + 2 * refused.length * halvings);
      }),
      { numRuns: 200 },
    );
  });

  it('announces what it put aside, once a batch, with the first place', async () => {
    const scene = new Scene((text) => text.startsWith('1/'));
    await scene.write(batchOf([2, 3, 1]));
    expect(scene.lines).toMatchObject([
      {
        name: 'events.dead-lettered',
        level: 'error',
        fields: { events: 3, shard: 'shardId-0', sequenceNumber: '1', index: 0, reason: 'no place for 1/0' },
      },
    ]);
  });

  it('gives a batch more than one chance, with a pause in between', async () => {
    let chances = 0;
    const scene = new Scene(() => ++chances < 3);
    const before = scene.clock.monotonic();
    await scene.write(batchOf([1]));
    expect(scene.inner.texts).toEqual(['0/0']);
    expect(scene.letters.kept).toEqual([]);
    expect(scene.clock.monotonic() - before).toBeGreaterThanOrEqual(300);
  });

  it('settles a write only when the letters are durable', async () => {
    const scene = new Scene(() => true, 1);
    const gate = Promise.withResolvers<undefined>();
    scene.letters.gate = gate.promise;
    let settled = false;
    const write = scene.output.write(batchOf([1]), scene.signal.signal).then(() => (settled = true));
    await settle();
    expect(settled).toBe(false);
    gate.resolve(undefined);
    await write;
    expect(scene.letters.kept).toHaveLength(1);
  });

  it('lets every other failure through as it is, also in the middle of the search, and puts nothing aside', async () => {
    const outage = new KinlogError('KINLOG_OUTPUT_FAILED', 'away');
    const untouched = new Scene(() => false);
    untouched.inner.refuseNext(outage);
    await expect(untouched.write(batchOf([1]))).rejects.toBe(outage);
    const scene = new Scene((text) => text === '0/3');
    scene.inner.refuseNext(outage);
    await expect(scene.write(batchOf([4]))).rejects.toBe(outage);
    expect(scene.letters.kept).toEqual([]);
  });

  it('does not take a batch apart when there is no room for letters', async () => {
    const scene = new Scene((text) => text === '0/3');
    scene.letters.full = new KinlogError('KINLOG_DEAD_LETTERS_FULL', 'full');
    await expect(scene.write(batchOf([4]))).rejects.toBe(scene.letters.full);
    expect(scene.inner.texts).toEqual([]);
  });

  it('stops waiting when the signal aborts', async () => {
    const scene = new Scene(() => true);
    const write = scene.output.write(batchOf([1]), scene.signal.signal);
    await settle();
    scene.signal.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    expect(scene.inner.writes).toBe(1);
    expect(scene.letters.kept).toEqual([]);
  });
});
