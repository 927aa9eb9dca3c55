/** What the bench makes of its rounds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compared, judge, median, spread, type Goal } from '../../../bench/statistics.ts';

const numbers = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 });

describe('the median', () => {
  it('is the middle of an odd number of values and the mean of the two middle ones of an even number', () => {
    expect(median([30, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 4])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('leaves its values as they were, has half of them on either side, and lies inside the spread', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const before = [...values];
        const { median: middle, min, max } = spread(values);
        expect(values).toEqual(before);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(middle >= min && middle <= max).toBe(true);
      }),
    );
  });
});

describe('a comparison', () => {
  it('pairs the rounds, so that a machine that was slow for both in one round changes no ratio', () => {
    expect(compared('ratio', [20, 2, 20], [10, 1, 10])).toEqual({ median: 2, min: 2, max: 2 });
    expect(compared('more', [70, 80], [40, 40])).toEqual({ median: 35, min: 30, max: 40 });
    expect(compared('value', [3, 1, 2], [])).toEqual({ median: 2, min: 1, max: 3 });
  });

  it('judges by the median and tells how much of the way was gone, in both directions', () => {
    const atLeast: Goal = { of: 'ratio', kind: 'at least', limit: 2, aim: 9 };
    expect(judge(atLeast, [4, 4, 1], [2, 2, 2])).toMatchObject({ met: true, median: 2, reached: 1 });
    expect(judge(atLeast, [3, 3, 9], [2, 2, 2])).toMatchObject({ met: false, median: 1.5, reached: 0.75 });
    const atMost: Goal = { of: 'value', kind: 'at most', limit: 200 };
    expect(judge(atMost, [200], [])).toMatchObject({ met: true, reached: 1 });
    expect(judge(atMost, [250], [])).toMatchObject({ met: false, reached: 0.8 });
  });
});
