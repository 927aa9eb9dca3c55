/** What every Output promises, wherever the events go. */
import { expect, it } from 'vitest';
import type { ErrorCode } from '../../base/errors.ts';
import { BatchBuilder, type EventBatch } from '../../record/batch.ts';
import type { Output } from '../../reader/output/output.ts';

/** An output over something that takes what it is given, or, while held, nothing. */
export interface OutputSetting {
  readonly output: Output;
  /** Texts of the events that have left, in order. */
  readonly texts: () => Promise<readonly string[]>;
  readonly hold: () => void;
  readonly release: () => void;
  /** The receiver is gone: for good, unless it is one that comes back. */
  readonly cut: () => void;
  readonly dispose: () => Promise<void>;
  /** What writes end in once the receiver is gone. Default KINLOG_OUTPUT_CLOSED. */
  readonly lost?: ErrorCode;
}

export function batchOf(...texts: readonly string[]): EventBatch {
  const builder = new BatchBuilder();
  builder.record({ sequenceNumber: '1', subSequence: 0, arrivalMs: 0 });
  for (const text of texts) {
    const bytes = Buffer.from(text);
    const at = builder.load(bytes);
    builder.add(at, at + bytes.length, NaN, 0);
  }
  return builder.seal();
}

export interface OutputTraits {
  /** A receiver that is gone is waited for, and comes back with `release`. */
  readonly returns?: boolean;
  /** It has several ways out, so that batches of several callers may mix. */
  readonly parallel?: boolean;
  /** Parts of one batch may pass each other. */
  readonly unordered?: boolean;
}

const never = new AbortController().signal;
const numbered = (name: string, count: number, padding = ''): string[] =>
  Array.from({ length: count }, (_, i) => `${name} ${i}${padding}`);
/** More than any pipe between the output and its receiver takes by itself. */
const BIG = 'x'.repeat(2_000_000);

export function outputContract(create: () => Promise<OutputSetting>, traits: OutputTraits = {}): void {
  const on = async (work: (setting: OutputSetting) => Promise<void>) => {
    const setting = await create();
    try {
      await work(setting);
    } finally {
      setting.release();
      await setting.dispose();
    }
  };

  it('delivers the events of a batch in order, and of several batches in the order of their writes', () =>
    on(async ({ output, texts }) => {
      for (const name of ['a', 'b']) await output.write(batchOf(...numbered(name, 100)), never);
      await output.write(batchOf('c'), never);
      expect(await texts()).toEqual([...numbered('a', 100), ...numbered('b', 100), 'c']);
    }));

  const padding = 'y'.repeat(2000);
  const writeFour = ({ output }: OutputSetting) =>
    Promise.all(['a', 'b', 'c', 'd'].map((name) => output.write(batchOf(...numbered(name, 500, padding)), never)));

  const inOrder = traits.unordered === true ? '' : ' and in order';
  it(`delivers each event of every caller once${inOrder} while several write at the same time`, () =>
    on(async (setting) => {
      await writeFour(setting);
      const texts = await setting.texts();
      expect(texts).toHaveLength(2000);
      for (const name of ['a', 'b', 'c', 'd']) {
        const [theirs, sent] = [texts.filter((text) => text.startsWith(name)), numbered(name, 500, padding)];
        if (traits.unordered === true) expect(theirs.sort()).toEqual(sent.sort());
        else expect(theirs).toEqual(sent);
      }
    }));

  if (traits.parallel !== true)
    it('keeps each batch whole while several callers write at the same time', () =>
      on(async (setting) => {
        await writeFour(setting);
        const owners = (await setting.texts()).map((text) => text[0]);
        expect(owners.filter((owner, i) => owner !== owners[i - 1])).toHaveLength(4);
      }));

  it('settles a write of no events', () => on(({ output }) => output.write(batchOf(), never)));

  it('does not settle a write before the receiver took it', () =>
    on(async ({ output, hold, release, texts }) => {
      hold();
      let settled = false;
      const write = output.write(batchOf(BIG), never).then(() => (settled = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(settled).toBe(false);
      release();
      await write;
      expect(await texts()).toEqual([BIG]);
    }));

  it('rejects at once a write that is aborted while it waits, and with the reason', () =>
    on(async ({ output, hold }) => {
      hold();
      const stop = new AbortController();
      const first = output.write(batchOf(BIG), stop.signal);
      const second = output.write(batchOf('behind it'), stop.signal);
      stop.abort();
      await expect(second).rejects.toMatchObject({ name: 'AbortError' });
      await expect(first).rejects.toBeInstanceOf(Error);
    }));

  if (traits.returns === true)
    it('settles every write, waiting or later, when a receiver that was gone is back', () =>
      on(async ({ output, hold, cut, release, texts }) => {
        hold();
        const writes = [output.write(batchOf('a'), never), output.write(batchOf('b'), never)];
        cut();
        writes.push(output.write(batchOf('c'), never));
        release();
        await Promise.all(writes);
        expect(new Set(await texts())).toEqual(new Set(['a', 'b', 'c']));
      }));
  else
    it('rejects every write, waiting or later, when the receiver is gone', () =>
      on(async ({ output, hold, cut, lost: code = 'KINLOG_OUTPUT_CLOSED' }) => {
        hold();
        const waiting = [output.write(batchOf(BIG), never), output.write(batchOf('behind it'), never)];
        cut();
        for (const write of waiting) await expect(write).rejects.toMatchObject({ code });
        await expect(output.write(batchOf('later'), never)).rejects.toMatchObject({ code });
      }));

  it('closes, and takes nothing afterwards', () =>
    on(async ({ output, texts }) => {
      await output.write(batchOf('last'), never);
      await output.close();
      expect(await texts()).toEqual(['last']);
      await expect(output.write(batchOf('too late'), never)).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
      await output.close();
    }));
}
