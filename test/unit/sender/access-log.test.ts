/** The generator of access logs keeps what the demo and the tallies count on. */
import { expect, it } from 'vitest';
import { accessLog, accessLogId } from '../../fakes/access-log.ts';

const COMBINED =
  /^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$/u;

it('every line is Apache combined format and carries its own running id', () => {
  const lines = [...accessLog({ seed: 7, lines: 3000 })];
  for (const line of lines) expect(line).toMatch(COMBINED);
  expect(new Set(lines.map(accessLogId))).toEqual(new Set(lines.map((_line, n) => `log-${n}`)));
});

it('the same seed gives the same lines, another seed other ones', () => {
  const of = (seed: number) => [...accessLog({ seed, lines: 50 })].join('\n');
  expect(of(1)).toBe(of(1));
  expect(of(1)).not.toBe(of(2));
});

it('the awkward lines are there: IPv6 clients, bytes as -, escaped quotes, paths beyond ASCII, empty user agents', () => {
  const fields = [...accessLog({ seed: 3, lines: 2000 })].map((line) => COMBINED.exec(line)!);
  expect(fields.some((field) => field[1]!.includes(':'))).toBe(true);
  expect(fields.some((field) => field[7] === '-')).toBe(true);
  expect(fields.some((field) => field[5]!.includes('\\"'))).toBe(true);
  expect(fields.some((field) => /[^ -~]/u.test(field[5]!))).toBe(true);
  expect(fields.some((field) => field[9] === '')).toBe(true);
});
