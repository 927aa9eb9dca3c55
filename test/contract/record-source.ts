/** What every RecordSource promises, whatever brings the records. */
import { expect, it } from 'vitest';
import type { RecordPage, RecordSource, Shard } from '../../reader/fetch/source.ts';
import { startReading } from '../faults/source-scene.ts';

/** One stream of one shard, still open, and the means to change it. */
export interface RecordSourceSetting {
  readonly source: RecordSource;
  shard(): Shard;
  /** Their sequence numbers. */
  put(...data: readonly string[]): readonly string[];
  /** Closes the shard; the names of its children. */
  split(): readonly string[];
  nowMs(): number;
  until(fact: () => boolean): Promise<void>;
}

export function recordSourceContract(create: () => Promise<RecordSourceSetting>): void {
  const horizon = { kind: 'horizon' } as const;

  it('hands out all records of the shard in the order they were put', async () => {
    const stream = await create();
    const sequences = stream.put('a', 'b', 'c');
    const reading = startReading(stream.source, { shard: stream.shard(), from: horizon });
    await stream.until(() => reading.data.length === 3);
    stream.put('d');
    await stream.until(() => reading.data.length === 4);
    expect(reading.data).toEqual(['a', 'b', 'c', 'd']);
    expect(sequenceNumbers(reading.pages).slice(0, 3)).toEqual(sequences);
    await reading.stop();
  });

  it('goes on after the record that a position names', async () => {
    const stream = await create();
    const [, second] = stream.put('a', 'b', 'c');
    const from = { kind: 'after', sequenceNumber: second!, subSequence: 0, partial: false } as const;
    const reading = startReading(stream.source, { shard: stream.shard(), from });
    await stream.until(() => reading.data.length > 0);
    expect(reading.data).toEqual(['c']);
    await reading.stop();
  });

  it('goes on at the record itself when part of it may be missing', async () => {
    const stream = await create();
    const [, second] = stream.put('a', 'b', 'c');
    const from = { kind: 'after', sequenceNumber: second!, subSequence: 3, partial: true } as const;
    const reading = startReading(stream.source, { shard: stream.shard(), from });
    await stream.until(() => reading.data.length > 0);
    expect(reading.data).toEqual(['b', 'c']);
    await reading.stop();
  });

  it('begins with the first record that arrived at or after a time', async () => {
    const stream = await create();
    stream.put('before');
    const ms = stream.nowMs() + 5_000;
    const waiting = startReading(stream.source, { shard: stream.shard(), from: horizon });
    await stream.until(() => stream.nowMs() > ms);
    await waiting.stop();
    stream.put('after');
    const reading = startReading(stream.source, { shard: stream.shard(), from: { kind: 'timestamp', ms } });
    await stream.until(() => reading.data.length > 0);
    expect(reading.data).toEqual(['after']);
    await reading.stop();
  });

  it('ends after the last records of a closed shard and names its children with them', async () => {
    const stream = await create();
    stream.put('a', 'b');
    const shard = stream.shard();
    const children = stream.split();
    const reading = startReading(stream.source, { shard, from: horizon });
    await stream.until(() => reading.ended);
    expect(reading.data).toEqual(['a', 'b']);
    expect(reading.pages.at(-1)!.children.map((child) => child.shardId)).toEqual(children);
    expect(reading.pages.slice(0, -1).flatMap((page) => page.children)).toEqual([]);
  });

  it('has nothing to hand out after the end', async () => {
    const stream = await create();
    stream.put('a');
    const reading = startReading(stream.source, { shard: stream.shard(), from: { kind: 'end' } });
    await stream.until(() => reading.ended);
    expect(reading.pages).toEqual([]);
  });

  it('stops at once when the signal aborts, also while it waits', async () => {
    const stream = await create();
    const reading = startReading(stream.source, { shard: stream.shard(), from: horizon });
    await stream.until(() => reading.pages.length > 0);
    await reading.stop();
    expect(reading.error).toBe(reading.signal.reason);
  });

  it('tells how far a page lies behind the tip', async () => {
    const stream = await create();
    stream.put('a');
    const reading = startReading(stream.source, { shard: stream.shard(), from: horizon });
    await stream.until(() => reading.data.length > 0);
    expect(reading.pages.at(-1)!.millisBehindLatest).toBe(0);
    expect(reading.pages.at(-1)!.bytes).toBe(1);
    await reading.stop();
  });
}

const sequenceNumbers = (pages: readonly RecordPage[]) =>
  pages.flatMap((page) => page.records.map((record) => record.sequenceNumber));
