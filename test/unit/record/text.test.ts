/** Text. */
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../../record/batch.ts';
import { text, textFormat } from '../../../record/text.ts';
import { decodeAll, decodeOnce } from './payload.ts';

const decode = (payload: string, lines: boolean, capacity = 100) =>
  decodeAll(textFormat({ lines }), Buffer.from(payload), { capacity });

describe('text', () => {
  test('a payload is one event, without one LF at its end', () => {
    for (const [payload, event] of [
      ['one', 'one'],
      ['one\n', 'one'],
      ['one\ntwo\n\n', 'one\ntwo\n'],
      ['one\r\n', 'one\r'],
    ] as const)
      expect(decode(payload, false)).toEqual([{ text: event, meta: {}, mark: 0 }]);
    expect(decode('', false)).toEqual([]);
    expect(decode('\n', false)).toEqual([]);
  });

  test('with lines, every line that is not empty is an event, in batches of any size', () => {
    for (const capacity of [1, 2, 100])
      expect(decode('one\n\n two \r\nthree', true, capacity).map((event) => event.text)).toEqual([
        'one',
        ' two \r',
        'three',
      ]);
  });

  test('any payload is text, and its range inside a page is all that is read', () => {
    expect(text.recognise(new Uint8Array(0))).toBe(true);
    for (const lines of [true, false]) {
      const builder = new BatchBuilder();
      const start = builder.load(Buffer.from('before\nthis\nafter'));
      textFormat({ lines }).decode({ start: start + 7, end: start + 11 }, builder);
      expect([...builder.seal()].map((event) => event.text)).toEqual(['this']);
    }
  });

  test('a full builder takes nothing', () => {
    const builder = new BatchBuilder(undefined, 1);
    decodeOnce(text, Buffer.from('x'), builder);
    for (const lines of [true, false])
      expect(decodeOnce(textFormat({ lines }), Buffer.from('y'), builder)).toEqual({ kind: 'full', resumeAt: 0 });
  });
});
