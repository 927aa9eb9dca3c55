/** Holes in a listing of shards: a shard that is not listed is not read, so that a listing that leaves something out must be noticed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Shard } from '../../../reader/fetch/source.ts';
import { uncovered } from '../../../reader/shards/coverage.ts';

const END = 2n ** 128n;

function listed(shardId: string, from: bigint, to: bigint, rest: Partial<Shard> = {}): Shard {
  return { shardId, startingHashKey: `${from}`, endingHashKey: `${to - 1n}`, parents: [], closed: false, ...rest };
}

describe('a listing', () => {
  it('of one shard with the whole range has no hole', () => {
    expect(uncovered([listed('a', 0n, END)])).toBeUndefined();
  });

  it('of nothing leaves everything out', () => {
    expect(uncovered([])).toEqual({ from: 0n, to: END - 1n });
  });

  it('leaves out its beginning, its middle or its end', () => {
    expect(uncovered([listed('a', 5n, END)])).toEqual({ from: 0n, to: 4n });
    expect(uncovered([listed('a', 0n, 10n), listed('b', 11n, END)])).toEqual({ from: 10n, to: 10n });
    expect(uncovered([listed('a', 0n, END - 1n)])).toEqual({ from: END - 1n, to: END - 1n });
  });

  it('is whole with children in the place of their parent, in whatever order', () => {
    const parent = listed('p', 0n, END, { closed: true });
    const children = [listed('r', 8n, END, { parents: ['p'] }), listed('l', 0n, 8n, { parents: ['p'] })];
    expect(uncovered([...children, parent])).toBeUndefined();
  });

  it('is whole while a closed shard has no listed child: its children follow', () => {
    expect(uncovered([listed('p', 0n, END, { closed: true })])).toBeUndefined();
  });

  it('misses the second child of a split: its parent does not count any more', () => {
    const parent = listed('p', 0n, END, { closed: true });
    expect(uncovered([parent, listed('l', 0n, 8n, { parents: ['p'] })])).toEqual({ from: 8n, to: END - 1n });
  });

  it('may show a child while its parent still seems open', () => {
    expect(uncovered([listed('p', 0n, END), listed('l', 0n, 8n, { parents: ['p'] })])).toBeUndefined();
  });

  it('of any cuts of the range is whole, and without any one shard it is not', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.bigInt({ min: 1n, max: END - 1n }), { maxLength: 30 }), fc.nat(), (cuts, pick) => {
        const edges = [0n, ...cuts.sort((a, b) => (a < b ? -1 : 1)), END];
        const shards = edges.slice(1).map((to, i) => listed(`s${i}`, edges[i]!, to));
        expect(uncovered(shards)).toBeUndefined();
        const [gone] = shards.splice(pick % shards.length, 1);
        expect(uncovered(shards)).toEqual({ from: BigInt(gone!.startingHashKey), to: BigInt(gone!.endingHashKey) });
      }),
    );
  });
});
