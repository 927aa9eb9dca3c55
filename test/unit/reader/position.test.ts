/** Positions as logs show them and as stores give them back. */
import { expect, test } from 'vitest';
import { rowText } from '../../../reader/checkpoint/row.ts';
import { comparePositions, positionFrom, positionText, type Position } from '../../../reader/checkpoint/position.ts';

const AFTER: Position = { kind: 'after', sequenceNumber: '42', subSequence: 7, partial: false };

test.each<[Position, string]>([
  [{ kind: 'horizon' }, 'horizon'],
  [{ kind: 'timestamp', ms: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }, 'timestamp 2026-01-02T03:04:05.678Z'],
  [{ kind: 'timestamp', ms: 9e15 }, 'timestamp 9000000000000000'],
  [AFTER, 'after 42:7'],
  [{ ...AFTER, partial: true }, 'after 42:7+'],
  [{ kind: 'end' }, 'end'],
])('%j reads as %j', (position, text) => {
  expect(positionText(position)).toBe(text);
});

test('a start time lies before the horizon, the horizon before every record, every record before the end', () => {
  const order: Position[] = [
    { kind: 'timestamp', ms: 1 },
    { kind: 'timestamp', ms: 2 },
    { kind: 'horizon' },
    { ...AFTER, sequenceNumber: '9' },
    { ...AFTER, subSequence: 6 },
    { ...AFTER, partial: true },
    AFTER,
    { ...AFTER, subSequence: 8, partial: true },
    { ...AFTER, sequenceNumber: '100', subSequence: 0 },
    { kind: 'end' },
  ];
  expect([...order].reverse().sort(comparePositions)).toEqual(order);
});

test.each([
  undefined,
  null,
  'end',
  [],
  {},
  { kind: 'tip' },
  { kind: '__proto__' },
  { kind: 'timestamp' },
  { kind: 'timestamp', ms: '5' },
  { kind: 'timestamp', ms: null },
  { kind: 'timestamp', ms: -1 },
  { kind: 'after', sequenceNumber: '1', subSequence: 0 },
  { kind: 'after', sequenceNumber: 1, subSequence: 0, partial: false },
  { kind: 'after', sequenceNumber: '01', subSequence: 0, partial: false },
  { kind: 'after', sequenceNumber: '1x', subSequence: 0, partial: false },
  { kind: 'after', sequenceNumber: '1'.repeat(130), subSequence: 0, partial: false },
  { kind: 'after', sequenceNumber: '1', subSequence: -1, partial: false },
  { kind: 'after', sequenceNumber: '1', subSequence: 0.5, partial: false },
])('%j is no position, and the error names the row', (value) => {
  expect(() => positionFrom(value, 'row x')).toThrow(
    expect.objectContaining({ code: 'KINLOG_CHECKPOINT_UNREADABLE', message: expect.stringContaining('row x') }),
  );
});

test.each([
  { arrivalMs: Number.NaN },
  { streamCreatedMs: -1 },
  { position: { kind: 'timestamp', ms: Infinity } as const },
])('a row that could not be read back is not written: %j', (over) => {
  const row = { shardId: 's', position: AFTER, parents: [], streamCreatedMs: 0, arrivalMs: 0, ...over };
  expect(() => rowText(row, 1)).toThrow(expect.objectContaining({ code: 'KINLOG_UNEXPECTED' }));
});
