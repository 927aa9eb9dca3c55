/** Law of the watermark: whatever the order of acceptance, the position is the end of the accepted prefix and never goes back. Invariants 4 and 5. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { comparePositions, type Position } from '../../reader/checkpoint/position.ts';
import { Watermark, type Run } from '../../reader/checkpoint/watermark.ts';

/** A run each: how many records it completes (none when it ends inside one), and the last user record's place in its aggregate. */
const runs = fc.array(
  fc.record({ records: fc.integer({ min: 0, max: 3 }), sub: fc.integer({ min: 0, max: 4 }), partial: fc.boolean() }),
  { minLength: 1, maxLength: 40 },
);

interface Opened {
  readonly run: Run;
  readonly end: Position;
  readonly arrivalMs: number;
  accepted: boolean;
}

function expectedPosition(opened: readonly Opened[], start: Position): Position {
  let position = start;
  for (const one of opened) {
    if (!one.accepted) break;
    position = one.end;
  }
  return position;
}

test('invariants 4 and 5: the position is the end of the accepted prefix, and it only moves forward', () => {
  fc.assert(
    fc.property(runs, fc.infiniteStream(fc.nat()), fc.boolean(), (planned, choices, startsAtHorizon) => {
      const start: Position = startsAtHorizon
        ? { kind: 'horizon' }
        : { kind: 'after', sequenceNumber: '99', subSequence: 3, partial: true };
      const watermark = new Watermark(start);
      const opened: Opened[] = [];
      let sequence = 100;
      let before: Position = start;
      const open = (next: (typeof planned)[number]) => {
        const last = opened.at(-1)?.end ?? start;
        sequence += next.records;
        const end: Position =
          next.records === 0
            ? last
            : { kind: 'after', sequenceNumber: String(sequence), subSequence: next.sub, partial: next.partial };
        const arrivalMs = 1000 + opened.length;
        opened.push({ run: watermark.open(end, arrivalMs), end, arrivalMs, accepted: false });
      };
      const settle = (one: Opened) => {
        one.accepted = true;
        const moved = watermark.accept(one.run);
        const expected = expectedPosition(opened, start);
        expect(watermark.position).toEqual(expected);
        expect(moved).toBe(comparePositions(expected, before) > 0);
        expect(comparePositions(watermark.position, before)).toBeGreaterThanOrEqual(0);
        before = watermark.position;
      };
      const waiting = [...planned];
      for (;;) {
        const unaccepted = opened.filter((one) => !one.accepted);
        if (waiting.length === 0 && unaccepted.length === 0) break;
        const choice = choices.next().value ?? 0;
        if (waiting.length > 0 && (unaccepted.length === 0 || choice % 2 === 0)) open(waiting.shift()!);
        else settle(unaccepted[(choice >> 1) % unaccepted.length]!);
        expect(watermark.settled).toBe(opened.every((one) => one.accepted));
      }
      expect(watermark.position).toEqual(opened.at(-1)!.end);
      expect(watermark.arrivalMs).toBe(opened.at(-1)!.arrivalMs);
    }),
    { numRuns: 2000 },
  );
});
