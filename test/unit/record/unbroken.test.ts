/** Blocks of unbroken streams, in the order in which they were written. */
import { describe, expect, it } from 'vitest';
import type { KinlogHeader } from '../../../record/kinlog-lines.ts';
import { UnbrokenOrder, type Released } from '../../../record/unbroken.ts';

const LIMITS = { maxBytes: 1000, maxBlocks: 4, maxAgeMs: 60_000 };
const block = (blockId: number, over: Partial<KinlogHeader> = {}): KinlogHeader => ({
  unbroken: true,
  encId: '9223372036854775806',
  blockId,
  source: 's',
  sourcetype: 't',
  host: 'h',
  index: 'i',
  ...over,
});

/** Feeds ids of one stream, 10 bytes each, one a second. */
function feed(order: UnbrokenOrder<number>, ids: readonly number[]): string[][] {
  return ids.map((id, i) => shown(order.accept(block(id), id, 10, i * 1000)));
}
const shown = (released: readonly Released<number>[]) =>
  released.map(
    ({ block: id, missing, late }) => `${id}${missing > 0 ? ` after ${missing} missing` : ''}${late ? ' late' : ''}`,
  );

describe('blocks of one stream', () => {
  it('in order are delivered at once', () => {
    expect(feed(new UnbrokenOrder(LIMITS), [1, 2, 3])).toEqual([['1'], ['2'], ['3']]);
  });

  it('wait for the ones before them', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    expect(feed(order, [1, 4, 3])).toEqual([['1'], [], []]);
    expect([order.held, order.heldBytes]).toEqual([2, 20]);
    expect(shown(order.accept(block(2), 2, 10, 5000))).toEqual(['2', '3', '4']);
    expect([order.held, order.heldBytes, order.deadline]).toEqual([0, 0, Infinity]);
  });

  it('begin with the first one seen, whatever its id', () => {
    expect(feed(new UnbrokenOrder(LIMITS), [17, 18])).toEqual([['17'], ['18']]);
  });

  it('that come late or twice are delivered at once', () => {
    expect(feed(new UnbrokenOrder(LIMITS), [5, 4, 5, 6])).toEqual([['5'], ['4 late'], ['5 late'], ['6']]);
  });

  it('that come twice while they wait are both delivered', () => {
    expect(feed(new UnbrokenOrder(LIMITS), [1, 3, 3, 2])).toEqual([['1'], [], [], ['2', '3', '3 late']]);
  });

  it('are released with a gap when too many wait', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    expect(feed(order, [1, 9, 4, 5, 7, 10])).toEqual([['1'], [], [], [], [], ['4 after 2 missing', '5']]);
    expect(shown(order.accept(block(2), 2, 10, 9000))).toEqual(['2 late']);
    expect(order.held).toBe(3);
  });

  it('are released with a gap when they take too much memory', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    order.accept(block(1), 1, 10, 0);
    expect(order.accept(block(3), 3, 900, 0)).toEqual([]);
    expect(shown(order.accept(block(5), 5, 101, 0))).toEqual(['3 after 1 missing']);
    expect(shown(order.accept(block(7), 7, 5000, 0))).toEqual(['5 after 1 missing', '7 after 1 missing']);
  });

  it('are released with a gap when they have waited long enough', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    feed(order, [1, 3, 6]);
    expect(order.deadline).toBe(61_000);
    expect(order.expire(60_999)).toEqual([]);
    expect(shown(order.expire(61_000))).toEqual(['3 after 1 missing']);
    expect(shown(order.expire(70_000))).toEqual(['6 after 2 missing']);
    expect(shown(order.accept(block(7), 7, 10, 70_000))).toEqual(['7']);
  });

  it('are all released when the shard ends', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    feed(order, [1, 3, 6, 7]);
    expect(shown(order.drain())).toEqual(['3 after 1 missing', '6 after 2 missing', '7']);
    expect(order.drain()).toEqual([]);
  });
});

describe('blocks of several streams', () => {
  it('do not wait for each other', () => {
    const order = new UnbrokenOrder<string>(LIMITS);
    const accept = (name: string, header: KinlogHeader) => order.accept(header, name, 10, 0).map((one) => one.block);
    expect(accept('a1', block(1))).toEqual(['a1']);
    expect(accept('b7', block(7, { encId: '9223372036854775807' }))).toEqual(['b7']);
    expect(accept('c3', block(3, { host: 'other' }))).toEqual(['c3']);
    expect(accept('a3', block(3))).toEqual([]);
    expect(accept('b8', block(8, { encId: '9223372036854775807' }))).toEqual(['b8']);
    expect(accept('a2', block(2))).toEqual(['a2', 'a3']);
  });

  it('that wait longest are released first', () => {
    const order = new UnbrokenOrder<string>(LIMITS);
    for (const host of ['x', 'y']) order.accept(block(1, { host }), `${host}1`, 10, 0);
    order.accept(block(3, { host: 'y' }), 'y3', 10, 1);
    order.accept(block(3, { host: 'x' }), 'x3', 10, 2);
    const released = order.accept(block(5, { host: 'x' }), 'x5', 995, 3);
    expect(released.map((one) => one.block)).toEqual(['y3', 'x3']);
    expect(order.held).toBe(1);
  });

  it('stay bounded however many there are, and a waiting one is never forgotten', () => {
    const order = new UnbrokenOrder<number>(LIMITS);
    order.accept(block(1), 1, 10, 0);
    order.accept(block(3), 3, 10, 0);
    for (let i = 0; i < 30_000; i++) order.accept(block(1, { encId: String(i) }), 0, 10, 0);
    expect(shown(order.accept(block(2), 2, 10, 0))).toEqual(['2', '3']);
    // Forgotten by now, so this is the first block seen of that process.
    expect(shown(order.accept(block(5, { encId: '1' }), 5, 10, 0))).toEqual(['5']);
  });
});
