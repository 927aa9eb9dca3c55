/** The data of the bench: the same on every machine, and the mix that its figures are about. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hecEvents, recordSizes, type HecEvent } from '../../../bench/data/generate.ts';

const lineOf = (event: HecEvent) => JSON.stringify(event);
const shaOf = (events: Iterable<HecEvent>) => {
  const hash = createHash('sha256');
  for (const event of events) hash.update(lineOf(event));
  return hash.digest('hex');
};

describe('events from a seed', () => {
  it('are the same for the same seed and others for another', () => {
    expect(shaOf(hecEvents(500))).toBe(shaOf(hecEvents(500)));
    expect(shaOf(hecEvents(500, 1))).not.toBe(shaOf(hecEvents(500, 2)));
  });

  it('are half access lines, a quarter JSON texts, a quarter JSON objects with fields', () => {
    const events = [...hecEvents(8000)];
    const part = (is: (event: HecEvent) => boolean) => events.filter(is).length / events.length;
    expect(part(({ sourcetype }) => sourcetype === 'access_combined')).toBeCloseTo(0.5, 1);
    expect(part(({ event }) => typeof event === 'string' && event.startsWith('{'))).toBeCloseTo(0.25, 1);
    expect(part(({ event, fields }) => typeof event !== 'string' && fields !== undefined)).toBeCloseTo(0.25, 1);
  });

  it('have the size and the need for escapes that the figures are about', () => {
    const events = [...hecEvents(4000)];
    const bytes = events.reduce((sum, event) => sum + lineOf(event).length, 0) / events.length;
    const escaped = events.filter((event) => /[&<>]/.test(lineOf(event))).length / events.length;
    expect(bytes).toBeGreaterThan(440);
    expect(bytes).toBeLessThan(520);
    expect(escaped).toBeGreaterThan(0.5);
  });

  it('have times of whole milliseconds that never go back', () => {
    let last = 0;
    for (const { time } of hecEvents(2000)) {
      expect(time).toBeGreaterThanOrEqual(last);
      expect(Math.round(time * 1000) / 1000).toBe(time);
      last = time;
    }
  });
});

it('a record holds 100 to 500 events, the same sizes every time', () => {
  const take = (count: number) => {
    const sizes = recordSizes();
    return Array.from({ length: count }, () => Number(sizes.next().value));
  };
  expect(take(200)).toEqual(take(200));
  expect(Math.min(...take(200))).toBeGreaterThanOrEqual(100);
  expect(Math.max(...take(200))).toBeLessThanOrEqual(500);
});
