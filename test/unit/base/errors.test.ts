/** Errors as users and callers see them. */
import { describe, expect, it } from 'vitest';
import { asKinlogError, describeError, isKinlogError, KinlogError } from '../../../base/errors.ts';
import { pages } from '../../../base/pages.ts';

describe('KinlogError', () => {
  it('says what, which and what to do in one line', () => {
    const error = new KinlogError('KINLOG_STREAM_NOT_FOUND', 'stream web\nis not in eu-west-1', {
      remedy: 'Check the region.',
    });
    expect(describeError(error)).toBe('stream web is not in eu-west-1 (KINLOG_STREAM_NOT_FOUND). Check the region.');
    expect(error.exit).toBe(100);
  });

  it('wraps a foreign error once, keeps it as the cause, and is never retried', () => {
    const cause = new RangeError('odd');
    const error = asKinlogError(cause, 'listing shards');
    expect(error).toMatchObject({ code: 'KINLOG_UNEXPECTED', retry: 'never', cause });
    expect(asKinlogError(error, 'again')).toBe(error);
    expect(isKinlogError(error, 'KINLOG_UNEXPECTED')).toBe(true);
  });
});

describe('pages', () => {
  it('walks a listing to its end', async () => {
    const answers = new Map([
      [undefined, { items: [1, 2], next: 'a' }],
      ['a', { items: [], next: 'b' }],
      ['b', { items: [3], next: undefined }],
    ] as const);
    const seen: number[] = [];
    for await (const item of pages<number, string>(async (token) => answers.get(token as 'a')!)) seen.push(item);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('ends in an error when a listing repeats its token', async () => {
    const walk = async () => {
      for await (const _ of pages<number, string>(async () => ({ items: [1], next: 'again' }))) expect(_).toBe(1);
    };
    await expect(walk()).rejects.toMatchObject({ code: 'KINLOG_UNEXPECTED' });
  });
});
