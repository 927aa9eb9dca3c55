/** The tree of shards: where each stands, what is said of it, and what needs a look. */
import { expect, it } from 'vitest';
import { drawTree } from '../../../cli/shards-render.ts';
import { shardTree } from '../../../cli/shards-tree.ts';
import type { Position } from '../../../reader/checkpoint/position.ts';
import type { StoredRow } from '../../../reader/checkpoint/store.ts';
import type { Shard } from '../../../reader/fetch/source.ts';

const LAST = 2n ** 128n - 1n;
const quarter = (at: number) => String(2n ** 126n * BigInt(at));

function shard(shardId: string, [from, to]: [number, number], more: Partial<Shard> = {}): Shard {
  const endingHashKey = String(BigInt(quarter(to)) - 1n);
  return { shardId, parents: [], closed: false, startingHashKey: quarter(from), endingHashKey, ...more };
}

const row = (shardId: string, kind: 'end' | 'horizon', more: Partial<StoredRow> = {}): StoredRow => {
  const position: Position = { kind };
  return { shardId, position, parents: [], version: 1, streamCreatedMs: 0, arrivalMs: 0, ...more };
};

/** a splits into b and c, which merge into d, beside e. */
const LISTED = [
  shard('a', [0, 2], { closed: true }),
  shard('b', [0, 1], { closed: true, parents: ['a'] }),
  shard('c', [1, 2], { closed: true, parents: ['a'] }),
  shard('d', [0, 2], { parents: ['b', 'c'] }),
  shard('e', [2, 4]),
];

const draw = (listed: readonly Shard[], rows?: readonly StoredRow[], ascii = false) =>
  drawTree(shardTree(listed, rows), { ascii, stored: rows !== undefined, nowMs: 1_000_000 })
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, ' | '));

it('a shard of a merge stands once, below the later parent, and names both', () => {
  expect(draw(LISTED)).toEqual([
    'SHARD | RANGE',
    'a | closed | 50.0 %',
    '├─ b | closed | 25.0 %',
    '└─ c | closed | 25.0 %',
    ' | └─ d | open | 50.0 % | merged from b and c',
    'e | open | 50.0 %',
    '',
  ]);
  expect(draw(LISTED, undefined, true)[2]).toBe('|- b | closed | 25.0 %');
});

it('each shard says how far it is read, and for whom it waits', () => {
  const rows = [
    row('a', 'end'),
    row('b', 'end'),
    row('c', 'horizon', { owner: 'r-1', arrivalMs: 940_000, readToMs: 999_000 }),
    row('d', 'horizon'),
    row('e', 'horizon'),
  ];
  expect(draw(LISTED, rows)).toEqual([
    'SHARD | RANGE | STATE | OWNER | LAST RECORD | READ TO | POSITION',
    'a | closed | 50.0 % | ended | - | - | - | end',
    '├─ b | closed | 25.0 % | ended | - | - | - | end',
    '└─ c | closed | 25.0 % | owned | r-1 | 1 min ago | 1 s ago | horizon',
    ' | └─ d | open | 50.0 % | waiting | - | - | - | horizon | merged from b and c; waits for c',
    'e | open | 50.0 % | free | - | - | - | horizon',
    '',
  ]);
});

it('rows of shards that are gone, holes, overlaps and shards without a position need a look', () => {
  const listed = [shard('x', [0, 1]), shard('y', [2, 3]), shard('z', [2, 3])];
  const tree = draw(listed, [row('x', 'horizon'), row('old', 'end'), row('lost', 'horizon')]);
  expect(tree.slice(5)).toEqual([
    '! old is gone from the stream, read to its end',
    '! lost is gone from the stream at horizon: what it still held has aged out',
    `! no open shard takes the hash keys ${quarter(1)} to ${BigInt(quarter(2)) - 1n}`,
    `! no open shard takes the hash keys ${quarter(3)} to ${LAST}`,
    '! y and z are open and take the same hash keys',
    '! y is open and has no position yet: a running reader gives it one within half a minute',
    '! z is open and has no position yet: a running reader gives it one within half a minute',
    '',
  ]);
});

it('a sound stream that nobody has read yet needs no look', () => {
  const two = [shard('x', [0, 2]), shard('y', [2, 4])];
  expect(draw(two, []).slice(3)).toEqual(['']);
});

it('a shard of one hash key among many, parents that name each other, and a deep chain are drawn', () => {
  const one = shard('one', [0, 1], { startingHashKey: '5', endingHashKey: '5' });
  expect(shardTree([one], undefined).nodes[0]?.percent).toBe(0);
  const chain = Array.from({ length: 5000 }, (_, at) =>
    shard(`s${at}`, [0, 4], at === 0 ? {} : { parents: [`s${at - 1}`] }),
  );
  expect(shardTree(chain, undefined).nodes.at(-1)).toMatchObject({ shardId: 's4999', depth: 4999 });
});

it('what stands in a store reaches the terminal only as text', () => {
  const rows = [row('x', 'horizon', { owner: '\u001b[31mred\u0007' })];
  const [, line] = draw([shard('x', [0, 4])], rows);
  expect(line).toContain(String.raw`"\u001b[31mred\u0007"`);
});
