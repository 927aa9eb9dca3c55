/** What a run of the bench tells people and machines. */
import { expect, it } from 'vitest';
import { asJson, rowText, summary, type Finished } from '../../../bench/report.ts';
import type { Row } from '../../../bench/row.ts';
import { ROWS } from '../../../bench/rows.ts';

const row: Row = {
  name: 'xml',
  title: 'lines to XML',
  unit: 'MB/s',
  digits: 0,
  ours: { label: 'ours', module: 'ours' },
  baselines: [{ label: 'strings', module: 'strings', goal: { of: 'ratio', kind: 'at least', limit: 2, aim: 7 } }],
  rounds: 2,
  limitS: 1,
};
const measured = (label: string, values: number[]) => ({ label, values, peakMiB: 100, cpuS: 1, also: {} });
const finished = (ours: number[]): Finished => ({
  row,
  seconds: 3,
  result: { ours: measured('ours', ours), baselines: [measured('strings', [100, 100])] },
});

it('the text of a row says ratio, spread, goal, whether it is met and how far it is', () => {
  expect(rowText(finished([200, 300]))).toContain('2.50x (2.00x to 3.00x), goal >= 2.00x, aim 7.00x: MET');
  expect(rowText(finished([140, 160]))).toContain('1.50x (1.40x to 1.60x), goal >= 2.00x, aim 7.00x: NOT MET (75 %');
});

it('a row that broke says so in its place and counts as broken, not as a missed goal', () => {
  const broken: Finished = { row, seconds: 1, error: 'no server' };
  expect(rowText(broken)).toContain('BROKEN: no server');
  expect(summary([broken, finished([200, 300])])).toBe('bench: 1 of 1 goals met, 2 rows, 1 broken');
});

it('a row that lacks something is not run and not broken, and says what it lacks', () => {
  const missing: Finished = { row, seconds: 0, missing: 'java is missing' };
  expect(rowText(missing)).toContain('NOT RUN: java is missing');
  expect(summary([missing, finished([200, 300])])).toBe('bench: 1 of 1 goals met, 2 rows, 0 broken, 1 not run');
});

it('further figures stand below the measure, with their spread', () => {
  const more = finished([200, 300]);
  if (!('result' in more)) throw new Error('has a result');
  const ours = { ...more.result.ours, also: { 'seconds to the first event': [2, 4] } };
  const text = rowText({ ...more, result: { ...more.result, ours } });
  expect(text).toContain('\n    seconds to the first event: 3.0 (2.0 to 4.0)\n');
});

it('the JSON holds every round and every verdict', () => {
  const json = JSON.parse(asJson([finished([140, 160])], 1000, new Date(0))) as { rows: Record<string, unknown>[] };
  expect(json.rows).toMatchObject([
    {
      name: 'xml',
      ours: { values: [140, 160] },
      goals: [{ against: 'strings', verdict: { met: false, median: 1.5 } }],
    },
  ]);
});

it('every row has a goal, a name of its own and an end', () => {
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
  for (const { goal, baselines, limitS } of ROWS) {
    expect([goal, ...baselines.map((baseline) => baseline.goal)].some((found) => found !== undefined)).toBe(true);
    expect(limitS).toBeLessThanOrEqual(300);
  }
});
