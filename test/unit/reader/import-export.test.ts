/** Positions as a file: what comes back, and what is said of files that are not right. */
import { expect, it } from 'vitest';
import { exportedRows, exportLines } from '../../../reader/checkpoint/export.ts';
import type { StoredRow } from '../../../reader/checkpoint/store.ts';

const stream = { id: 'logs', createdMs: 0 };
const ROWS: StoredRow[] = [
  {
    ...{ shardId: 'shardId-0', version: 7, owner: 'a', successor: 'b', parents: ['x', 'y'], children: ['shardId-1'] },
    position: { kind: 'after', sequenceNumber: '49590338271490256608', subSequence: 3, partial: true },
    ...{ startingHashKey: '0', endingHashKey: '340282366920938463463374607431768211455' },
    ...{ streamCreatedMs: 5, arrivalMs: 6, readToMs: 7.5 },
  },
  { shardId: 'shardId-"1"\n', version: 1, parents: [], position: { kind: 'end' }, streamCreatedMs: 0, arrivalMs: 0 },
];
const file = [...exportLines(stream, ROWS)].join('');

it('what was exported comes back unchanged, odd names and all', () => {
  expect(exportedRows(file, 'logs', 'f')).toEqual(ROWS);
  expect(exportedRows([...exportLines(stream, [])].join(''), 'logs', 'f')).toEqual([]);
  expect(file.split('\n')).toHaveLength(4);
});

it('every fault of a file is named with its line, and nothing comes back', () => {
  const [first, row] = file.split('\n');
  const lines = [first, row, row, 'no json', '{"schema":9}', row!.replace('"parents":', '"partners":')];
  expect(() => exportedRows(lines.join('\n'), 'other', 'rows.jsonl')).toThrow(
    expect.objectContaining({
      code: 'KINLOG_INPUT_INVALID',
      message: [
        'rows.jsonl: line 1: these are positions of the stream "logs", not of other',
        'line 3 is a second row of shardId-0',
        'line 4 is damaged',
        'line 5 has schema 9, and this version knows none later than 1',
        'line 6 (parents) is damaged',
        'line 1 announces 2 rows, and 5 follow',
      ].join('; '),
    }),
  );
});

it('a file that was cut short is noticed, at a line end and inside a line', () => {
  const lines = file.trimEnd().split('\n');
  expect(() => exportedRows(lines.slice(0, -1).join('\n'), 'logs', 'f')).toThrow(
    /line 1 announces 2 rows, and 1 follow/,
  );
  expect(() => exportedRows(file.slice(0, -20), 'logs', 'f')).toThrow(/line 3 is damaged/);
});

it.each(['', '{}', '[]', 'x', '{"schema":1}'])('%j is not taken for exported positions', (text) => {
  expect(() => exportedRows(text, 'logs', 'f')).toThrow(expect.objectContaining({ code: 'KINLOG_INPUT_INVALID' }));
});

it('a file of nothing but faults names the first twenty', () => {
  const text = `${JSON.stringify({ schema: 1, stream: 'logs', rows: 30 })}\n${'x\n'.repeat(30)}`;
  expect(() => exportedRows(text, 'logs', 'f')).toThrow(/line 21 is damaged; and 10 more$/);
});
