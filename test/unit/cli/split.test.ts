/** How input is cut into events. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitter, type SplitOptions } from '../../../cli/split.ts';

const DATE = /^\d{4}[/-]\d{2}[/-]\d{2}/;

function split(text: string, options: Partial<SplitOptions> = {}, chunkBytes = 7): string[] {
  const cut = splitter({ mode: 'newline', starts: DATE, maxLines: 1000, maxBytes: 1024, ...options });
  const bytes = Buffer.from(text);
  const events: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) events.push(...cut.push(bytes.subarray(at, at + chunkBytes)));
  return [...events, ...cut.end()].map((event) => event.toString('latin1'));
}

it('newline: each line is an event that ends in LF; CR and empty lines are dropped, the last line needs no LF', () => {
  expect(split('one\r\n\n\r\ntwo\n three \nlast')).toEqual(['one\n', 'two\n', ' three \n', 'last\n']);
});

it('regex: a matching line starts an event, and empty lines inside are kept', () => {
  expect(split('head\n2026-01-02 a\n\n at b\n2026/01/03 c\n', { mode: 'regex' })).toEqual([
    'head\n',
    '2026-01-02 a\n\n at b\n',
    '2026/01/03 c\n',
  ]);
});

it('none: the whole input is one event', () => {
  expect(split('a\n\nb', { mode: 'none' })).toEqual(['a\n\nb\n']);
});

it('an event of several lines ends after max-lines', () => {
  expect(split('a\nb\nc\n', { mode: 'none', maxLines: 2 })).toEqual(['a\nb\n', 'c\n']);
});

it('a line over the limit is cut into events of that size and loses nothing', () => {
  expect(split('abcdefghij\nk\n', { maxBytes: 4 })).toEqual(['abcd\n', 'efgh\n', 'ij\n', 'k\n']);
  expect(split('abcd\nefgh', { maxBytes: 4 })).toEqual(['abcd\n', 'efgh\n']);
});

it('an event of several lines ends before it grows beyond the limit', () => {
  expect(split('aaa\nbbb\nccc\n', { mode: 'none', maxBytes: 8 })).toEqual(['aaa\nbbb\n', 'ccc\n']);
});

it('no input gives no event', () => {
  for (const mode of ['newline', 'none', 'regex'] as const) expect(split('', { mode })).toEqual([]);
});

it('where the chunks end makes no difference, and no byte of a line is lost', () => {
  const piece = fc.constantFrom('a', 'bb', '\n', '\r\n', '2026-01-02 x', '\n\n', 'é', 'long-long-long-line');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
      fc.constantFrom('newline' as const, 'none' as const, 'regex' as const),
      fc.integer({ min: 1, max: 9 }),
      (text, mode, chunkBytes) => {
        const whole = split(text, { mode, maxBytes: 12 }, 1_000_000);
        expect(split(text, { mode, maxBytes: 12 }, chunkBytes)).toEqual(whole);
        for (const event of whole) expect(event.endsWith('\n')).toBe(true);
        const plain = (value: string) => value.replaceAll(/[\r\n]/g, '');
        expect(plain(whole.join(''))).toBe(plain(Buffer.from(text).toString('latin1')));
      },
    ),
  );
});
