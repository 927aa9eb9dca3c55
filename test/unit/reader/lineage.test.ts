/** Lineage by example: KCL's published one, first starts, reshards, gaps in listings. */
import { describe, expect, test } from 'vitest';
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';
import type { Shard } from '../../../reader/fetch/source.ts';
import { lineage, type Lineage, type StartPosition } from '../../../reader/shards/lineage.ts';

const stream = { id: 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs', createdMs: 1_700_000_000_000 };
const HORIZON = { kind: 'horizon' } as const;
const END = { kind: 'end' } as const;
const AT = (ms: number) => ({ kind: 'timestamp', ms }) as const;
const AFTER = {
  kind: 'after',
  sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  subSequence: 0,
  partial: false,
} as const;

const shard = (shardId: string, parents: string[] = [], closed = false): Shard => ({
  shardId,
  parents,
  closed,
  startingHashKey: '0',
  endingHashKey: '340282366920938463463374607431768211455',
});
const rowOf = (shardId: string, position: Position): ShardRow => ({
  shardId,
  position,
  parents: [],
  streamCreatedMs: stream.createdMs,
  arrivalMs: 0,
});
const plan = (listed: Shard[], rows: Record<string, Position> = {}, start: StartPosition = AT(1000)) =>
  lineage({
    stream,
    listed,
    rows: new Map(Object.entries(rows).map(([id, position]) => [id, rowOf(id, position)])),
    start,
  });
const created = (found: Lineage<ShardRow>) => found.missing.map((row) => [row.shardId, row.position] as const);
const ready = (found: Lineage<ShardRow>) => found.ready.map((one) => one.shardId);
const waiting = (found: Lineage<ShardRow>) => found.waiting.map((one) => [one.shard.shardId, one.parents]);

/** The example in the comment of KCL's HierarchicalShardSyncer (awslabs/amazon-kinesis-client).
 *
 *     0 1 2 3 4 5
 *     └┬┘ └┬┘ │ │
 *      6   7  4 5
 *      └─┬─┘  │ ├──┐
 *        8    4 9 10
 */
const KCL = [
  shard('0', [], true),
  shard('1', [], true),
  shard('2', [], true),
  shard('3', [], true),
  shard('4'),
  shard('5', [], true),
  shard('6', ['0', '1'], true),
  shard('7', ['2', '3'], true),
  shard('8', ['6', '7']),
  shard('9', ['5']),
  shard('10', ['5']),
];

describe("KCL's example with leases (4, 5, 7)", () => {
  test.each([
    ['horizon', AFTER, HORIZON],
    ['timestamp', AT(1000), AT(1000)],
  ])('from the %s, the shards to begin with are 0 and 1', (_, position, expected) => {
    const found = plan(KCL, { 4: position, 5: position, 7: position });
    const begun = new Set(ready(found));
    expect(created(found).filter(([id]) => begun.has(id))).toEqual([
      ['0', expected],
      ['1', expected],
    ]);
  });

  test('8 waits for both of its parents, 9 and 10 for theirs, and 2 and 3 stay passed over', () => {
    const found = plan(KCL, { 4: AFTER, 5: AFTER, 7: AFTER });
    expect(ready(found)).toEqual(['0', '1', '4', '5', '7']);
    expect(waiting(found)).toEqual([
      ['6', ['0', '1']],
      ['8', ['6', '7']],
      ['9', ['5']],
      ['10', ['5']],
    ]);
    expect(created(found).map(([id]) => id)).toEqual(['0', '1', '6', '8', '9', '10']);
  });

  test('8 begins when the last of 6 and 7 has ended', () => {
    const rows = { 4: AFTER, 5: AFTER, 9: HORIZON, 10: HORIZON, 8: HORIZON, 0: END, 1: END };
    expect(ready(plan(KCL, { ...rows, 6: END, 7: AFTER }))).not.toContain('8');
    expect(ready(plan(KCL, { ...rows, 6: AFTER, 7: END }))).not.toContain('8');
    expect(ready(plan(KCL, { ...rows, 6: END, 7: END }))).toContain('8');
  });
});

describe('first start', () => {
  test('every listed shard gets the start position, closed ones too, so nothing that arrived after the start is skipped', () => {
    const found = plan([shard('p', [], true), shard('a', ['p']), shard('b', ['p'])], {}, AT(77));
    expect(created(found)).toEqual([
      ['p', AT(77)],
      ['a', AT(77)],
      ['b', AT(77)],
    ]);
    expect(ready(found)).toEqual(['p']);
    expect(waiting(found)).toEqual([
      ['a', ['p']],
      ['b', ['p']],
    ]);
  });

  test('rows carry the lineage and the creation time of the stream', () => {
    expect(plan([shard('p', [], true), shard('a', ['p'])]).missing[1]).toEqual({
      shardId: 'a',
      position: AT(1000),
      parents: ['p'],
      startingHashKey: '0',
      endingHashKey: (2n ** 128n - 1n).toString(),
      streamCreatedMs: stream.createdMs,
      arrivalMs: 0,
    });
  });

  test('rows of parents come before rows of children even if the listing has them the other way round', () => {
    const found = plan([
      shard('c', ['b1', 'b2']),
      shard('b2', ['a'], true),
      shard('b1', ['a'], true),
      shard('a', [], true),
    ]);
    expect(found.missing.map((row) => row.shardId)).toEqual(['a', 'b1', 'b2', 'c']);
  });

  test('a parent that is not listed has aged out and holds nobody up', () => {
    expect(ready(plan([shard('a', ['gone']), shard('b', ['gone', 'too'])]))).toEqual(['a', 'b']);
  });

  test('an interrupted first start goes on with the timestamp it began with, not with a new tip', () => {
    const listed = [shard('p', [], true), shard('a', ['p']), shard('q')];
    expect(created(plan(listed, { p: AT(500) }, AT(9999)))).toEqual([
      ['a', AT(500)],
      ['q', AT(500)],
    ]);
  });
});

describe('a stream that was read before', () => {
  test('children of a shard that has moved begin at the horizon, and never at the configured start', () => {
    const found = plan([shard('p', [], true), shard('a', ['p']), shard('b', ['p'])], { p: AFTER }, AT(9999));
    expect(created(found)).toEqual([
      ['a', HORIZON],
      ['b', HORIZON],
    ]);
    expect(ready(found)).toEqual(['p']);
  });

  test('children begin once the end of the parent is stored', () => {
    const listed = [shard('p', [], true), shard('a', ['p']), shard('b', ['p'])];
    expect(ready(plan(listed, { p: END, a: HORIZON, b: HORIZON }))).toEqual(['a', 'b']);
  });

  test('a child of one moved and one unmoved parent begins at the horizon', () => {
    const listed = [shard('p', [], true), shard('q', [], true), shard('m', ['p', 'q'])];
    expect(created(plan(listed, { p: AT(5), q: AFTER }))).toEqual([['m', HORIZON]]);
    expect(created(plan(listed, { p: AFTER, q: AT(5) }))).toEqual([['m', HORIZON]]);
  });

  test('a child that is listed while its parent is still open waits', () => {
    const found = plan([shard('p'), shard('a', ['p'])], { p: AFTER });
    expect(ready(found)).toEqual(['p']);
    expect(waiting(found)).toEqual([['a', ['p']]]);
  });

  test('three generations that appear between two listings are read one after the other', () => {
    const listed = [shard('a', [], true), shard('b', ['a'], true), shard('c', ['b'], true), shard('d', ['c'])];
    expect(ready(plan(listed, { a: AFTER }))).toEqual(['a']);
    expect(ready(plan(listed, { a: END }))).toEqual(['b']);
    expect(ready(plan(listed, { a: END, b: END, c: HORIZON, d: HORIZON }))).toEqual(['c']);
    expect(ready(plan(listed, { a: END, b: END, c: END, d: HORIZON }))).toEqual(['d']);
  });

  test('a shard that aged out before its end was read is reported and holds its children up until its row says so', () => {
    const listed = [shard('a', ['p'])];
    const found = plan(listed, { p: AFTER });
    expect(found.vanished.map((row) => row.shardId)).toEqual(['p']);
    expect(ready(found)).toEqual([]);
    expect(created(found)).toEqual([['a', HORIZON]]);
    const after = plan(listed, { p: END, a: HORIZON });
    expect(after.vanished).toEqual([]);
    expect(ready(after)).toEqual(['a']);
  });

  test('what descends from a listed shard has not aged out, however far the listing is behind', () => {
    const row = (shardId: string, parents: string[], position: Position) => ({ ...rowOf(shardId, position), parents });
    const rows = [row('c', ['b'], HORIZON), row('b', ['a'], END), row('a', [], AFTER), row('x', ['w'], AFTER)];
    const found = lineage({
      stream,
      listed: [shard('a')],
      rows: new Map(rows.map((one) => [one.shardId, one])),
      start: AT(1000),
    });
    expect(found.vanished.map((one) => one.shardId)).toEqual(['x']);
  });

  test('when every shard of old has aged out, the new ones are read from their beginning', () => {
    const found = plan([shard('x'), shard('y', ['unknown'])], { p: END }, AT(9999));
    expect(created(found)).toEqual([
      ['x', HORIZON],
      ['y', HORIZON],
    ]);
    expect(ready(found)).toEqual(['x', 'y']);
  });

  test('a closed ancestor without a row is passed over, an open one is not', () => {
    const rows = { a: AFTER };
    expect(created(plan([shard('p', [], true), shard('a', ['p'])], rows))).toEqual([]);
    expect(ready(plan([shard('p', [], true), shard('a', ['p'])], rows))).toEqual(['a']);
    expect(created(plan([shard('p'), shard('a', ['p'])], rows))).toEqual([['p', HORIZON]]);
  });

  test('a lost row between two stored ones is read again rather than passed over', () => {
    const found = plan([shard('p', [], true), shard('m', ['p'], true), shard('a', ['m'])], { p: END, a: AFTER });
    expect(created(found)).toEqual([['m', HORIZON]]);
    expect(ready(found)).toEqual(['m']);
  });

  test('nothing is left to do for a stream whose shards have all ended', () => {
    const found = plan([shard('p', [], true)], { p: END });
    expect([found.missing, found.ready, found.waiting, found.vanished]).toEqual([[], [], [], []]);
  });
});

test('a listing in which shards are their own ancestors ends', () => {
  const found = plan([shard('a', ['b']), shard('b', ['a']), shard('c', ['c'])]);
  expect(found.ready).toEqual([]);
  expect(found.missing).toHaveLength(3);
});

test('a chain of 20,000 reshards is planned without recursion', () => {
  const listed = Array.from({ length: 20_000 }, (_, n) => shard(`s${n}`, n === 0 ? [] : [`s${n - 1}`], n < 19_999));
  expect(ready(plan(listed.reverse()))).toEqual(['s0']);
});
