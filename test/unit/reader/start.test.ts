/** A start as it is stored: never a time that has not come. */
import { expect, it } from 'vitest';
import { storedStart } from '../../../reader/shards/start.ts';

const NOW = 1_000_000;

it('the tip is a little before what the clock of the service shows', () =>
  expect(storedStart({ kind: 'tip' }, NOW)).toEqual({ kind: 'timestamp', ms: NOW - 5000 }));

it('a time that has not come is the tip, for what arrives before it must not be missing', () => {
  expect(storedStart({ kind: 'timestamp', ms: NOW + 1 }, NOW)).toEqual({ kind: 'timestamp', ms: NOW - 5000 });
  expect(storedStart({ kind: 'timestamp', ms: NOW }, NOW)).toEqual({ kind: 'timestamp', ms: NOW });
});

it('the horizon and the past are taken as they are', () => {
  expect(storedStart({ kind: 'horizon' }, NOW)).toEqual({ kind: 'horizon' });
  expect(storedStart({ kind: 'timestamp', ms: 1 }, NOW)).toEqual({ kind: 'timestamp', ms: 1 });
});
