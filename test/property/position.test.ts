/** Positions and rows: their order is total, their text comes back unchanged, and nothing that was damaged passes for one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKinlogError } from '../../base/errors.ts';
import {
  comparePositions,
  compareSequence,
  positionFrom,
  positionText,
  type Position,
} from '../../reader/checkpoint/position.ts';
import { rowFrom, rowText } from '../../reader/checkpoint/row.ts';
import type { ShardRow } from '../../reader/checkpoint/store.ts';

const sequences = fc.bigInt({ min: 0n, max: 10n ** 129n - 1n }).map(String);
const near = fc.oneof(fc.constantFrom('0', '9', '10', '99', '100'), sequences);
const positions: fc.Arbitrary<Position> = fc.oneof(
  fc.constant({ kind: 'horizon' } as const),
  fc.constant({ kind: 'end' } as const),
  fc.record({
    kind: fc.constant('timestamp' as const),
    ms: fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e15, noNaN: true })),
  }),
  fc.record({
    kind: fc.constant('after' as const),
    sequenceNumber: near,
    subSequence: fc.nat({ max: 2 }),
    partial: fc.boolean(),
  }),
);
const times = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const rows: fc.Arbitrary<ShardRow> = fc.record(
  {
    shardId: fc.string({ unit: 'binary' }),
    position: positions,
    owner: fc.string({ unit: 'binary' }),
    parents: fc.array(fc.string(), { maxLength: 2 }),
    children: fc.array(fc.string(), { maxLength: 2 }),
    streamCreatedMs: times,
    arrivalMs: times,
    readToMs: times,
  },
  { requiredKeys: ['shardId', 'position', 'parents', 'streamCreatedMs', 'arrivalMs'] },
);

test('sequence numbers are ordered as the numbers they are, whatever their length', () => {
  fc.assert(
    fc.property(near, near, fc.nat({ max: 3 }), (a, b, zeros) => {
      const expected = BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
      expect(Math.sign(compareSequence(a, b))).toBe(expected);
      expect(Math.sign(compareSequence(`${'0'.repeat(zeros)}${a}`, b))).toBe(expected);
    }),
  );
});

test('positions are totally ordered', () => {
  fc.assert(
    fc.property(positions, positions, positions, (a, b, c) => {
      expect(Math.sign(comparePositions(a, b))).toBe(-Math.sign(comparePositions(b, a)) + 0);
      expect(comparePositions(a, a)).toBe(0);
      if (comparePositions(a, b) === 0) expect(positionText(a)).toBe(positionText(b));
      if (comparePositions(a, b) <= 0 && comparePositions(b, c) <= 0)
        expect(comparePositions(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 1000 },
  );
});

test('a row comes back from its text as it was, and a position from its JSON', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (row, version) => {
      expect(rowFrom(rowText(row, version), 'the row')).toEqual({ ...row, version });
      expect(positionFrom(JSON.parse(JSON.stringify(row.position)), 'the row')).toEqual(row.position);
    }),
  );
});

const refused = (work: () => unknown): boolean => {
  try {
    work();
    return false;
  } catch (error) {
    expect(
      isKinlogError(error, 'KINLOG_CHECKPOINT_UNREADABLE') || isKinlogError(error, 'KINLOG_CHECKPOINT_NEWER'),
    ).toBe(true);
    return true;
  }
};

test('text that lost its tail is never taken for a row', () => {
  fc.assert(
    fc.property(rows, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (row, share) => {
      const text = rowText(row, 1);
      expect(refused(() => rowFrom(text.slice(0, Math.floor(text.length * share)), 'the row'))).toBe(true);
    }),
  );
});

test('whatever stands in for a row or a position is one, or is refused with a code', () => {
  const values = fc.oneof(
    fc.anything(),
    positions,
    fc.constantFrom('horizon', 'end', null, '1', -1, 1.5, Number.NaN, true, [], {}),
  );
  const fields = ['kind', 'ms', 'sequenceNumber', 'subSequence', 'partial'];
  fc.assert(
    fc.property(positions, fc.constantFrom(...fields), values, (position, field, value) => {
      refused(() => positionFrom({ ...position, [field]: value }, 'the row'));
      refused(() => positionFrom(value, 'the row'));
    }),
  );
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom('schema', 'version', 'shardId', 'position', 'owner', 'parents', 'children', 'arrivalMs'),
      fc.jsonValue(),
      (row, field, value) => {
        const damaged = JSON.stringify({ ...(JSON.parse(rowText(row, 1)) as object), [field]: value });
        refused(() => rowFrom(damaged, 'the row'));
      },
    ),
  );
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void refused(() => rowFrom(text, 'the row'))));
});
