/** Unbroken streams under any order of arrival. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UnbrokenOrder } from '../../record/unbroken.ts';

const header = (stream: number, blockId: number) => ({
  unbroken: true,
  encId: String(stream),
  blockId,
  source: 's',
  sourcetype: 't',
  host: 'h',
  index: 'i',
});

it('every block is delivered exactly once, and in order as long as the limits allow', () => {
  const arrivals = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 12 }))
    .chain(([streams, blocks]) => {
      const first = Array.from({ length: streams }, (_, stream) => [stream, 0] as const);
      const rest = Array.from(
        { length: streams * (blocks - 1) },
        (_, i) => [i % streams, 1 + Math.floor(i / streams)] as const,
      );
      return fc.shuffledSubarray(rest, { minLength: rest.length }).map((shuffled) => [...first, ...shuffled]);
    });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 40 }), (blocks, maxBlocks) => {
      const order = new UnbrokenOrder<readonly [number, number]>({ maxBytes: 1e9, maxBlocks, maxAgeMs: 1e9 });
      const delivered = blocks.flatMap((block) => order.accept(header(block[0], block[1]), block, 1, 0));
      expect(order.held).toBeLessThanOrEqual(maxBlocks);
      expect(order.held + delivered.length).toBe(blocks.length);
      delivered.push(...order.drain());
      expect(delivered.map(({ block }) => String(block)).sort()).toEqual(blocks.map(String).sort());
      for (const stream of new Set(blocks.map(([id]) => id))) {
        const own = delivered.filter(({ block, late }) => block[0] === stream && !late).map(({ block }) => block[1]);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
      if (maxBlocks >= blocks.length) expect(delivered.some(({ late, missing }) => late || missing > 0)).toBe(false);
    }),
  );
});
