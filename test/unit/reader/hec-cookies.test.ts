/** Cookies of a load balancer: kept and sent, and what their changes say. */
import { expect, test } from 'vitest';
import { Cookies } from '../../../reader/output/hec-cookies.ts';

test('are sent as they were given, without what concerns browsers', () => {
  const cookies = new Cookies();
  expect(cookies.header).toBe('');
  expect(cookies.keep(['a=1; Path=/; HttpOnly', 'b=x-y'])).toBe(false);
  expect(cookies.header).toBe('a=1; b=x-y');
  expect(cookies.keep([])).toBe(false);
  expect(cookies.header).toBe('a=1; b=x-y');
});

test('a cookie that had kept its value and changes means another server', () => {
  const cookies = new Cookies();
  cookies.keep(['AWSELB=first']);
  expect(cookies.keep([])).toBe(false);
  expect(cookies.keep(['AWSELB=second'])).toBe(true);
  expect(cookies.keep(['AWSELB=second'])).toBe(false);
  expect(cookies.keep(['AWSELB=third'])).toBe(true);
});

test('a cookie that changes with every answer means nothing', () => {
  const cookies = new Cookies();
  for (let n = 0; n < 9; n++) expect(cookies.keep([`AWSALB=${n}`])).toBe(false);
  expect(cookies.header).toBe('AWSALB=8');
});

test('one that is new says nothing, and neither does another beside a sticky one', () => {
  const cookies = new Cookies();
  cookies.keep(['a=1']);
  cookies.keep([]);
  expect(cookies.keep(['b=1'])).toBe(false);
  expect(cookies.header).toBe('a=1; b=1');
});

test('what no request can carry is left out, and there is an end to them', () => {
  const cookies = new Cookies();
  cookies.keep(['a=\u00e4', 'b=x y', '=', ';', 'c', 'd="e,\r\nf"', 'g=1']);
  expect(cookies.header).toBe('g=1');
  cookies.keep(Array.from({ length: 99 }, (_, n) => `n${n}=1`));
  expect(cookies.header.split('; ')).toHaveLength(20);
});
