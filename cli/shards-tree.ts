/** The shards of a stream as a tree with what is stored of each, and what of it needs a look. Pure. */
import { positionText } from '../reader/checkpoint/position.ts';
import type { StoredRow } from '../reader/checkpoint/store.ts';
import type { Shard } from '../reader/fetch/source.ts';
import { lineage } from '../reader/shards/lineage.ts';

/** `unread`: the reader has no position of it; the others as `kinlog checkpoints list` has them. */
type ReadState = 'ended' | 'waiting' | 'owned' | 'free' | 'unread';

export interface ShardNode {
  readonly shardId: string;
  readonly open: boolean;
  /** Of all hash keys, 0 to 100. */
  readonly percent: number;
  readonly parents: readonly string[];
  readonly state?: ReadState;
  /** Parents that are not read to their end. */
  readonly waitsFor?: readonly string[];
  readonly position?: string;
  readonly owner?: string;
  readonly arrivalMs?: number;
  readonly readToMs?: number;
  /** How deep it stands in the tree, and for each level whether more follows there. */
  readonly depth: number;
  readonly follows: readonly boolean[];
}

export interface ShardTree {
  /** In the order of the lines. */
  readonly nodes: readonly ShardNode[];
  /** Rows of shards that the stream lists no more; `unread`: records aged out before they were read. */
  readonly gone: readonly { readonly shardId: string; readonly position: string; readonly unread: boolean }[];
  /** Hash keys that no open shard takes, and those that two take: inclusive, decimal. */
  readonly holes: readonly { readonly from: string; readonly to: string }[];
  readonly overlaps: readonly (readonly [string, string])[];
}

/** `rows`: undefined when no store was named. */
export function shardTree(listed: readonly Shard[], rows: readonly StoredRow[] | undefined): ShardTree {
  const stored = new Map((rows ?? []).map((row) => [row.shardId, row]));
  const known = new Set(listed.map(({ shardId }) => shardId));
  const facts = rows === undefined ? undefined : factsOf(listed, stored);
  const nodes = ordered(listed, known).map(({ shard, depth, follows }) => ({
    shardId: shard.shardId,
    open: !shard.closed,
    percent: percentOf(shard),
    parents: shard.parents,
    ...(facts === undefined ? {} : facts(shard)),
    depth,
    follows,
  }));
  const gone = [...stored.values()].filter(({ shardId }) => !known.has(shardId));
  return {
    nodes,
    gone: gone.map(({ shardId, position }) => ({
      shardId,
      position: positionText(position),
      unread: position.kind !== 'end',
    })),
    ...coverage(listed.filter(({ closed }) => !closed)),
  };
}

type Facts = Pick<ShardNode, 'state' | 'waitsFor' | 'position' | 'owner' | 'arrivalMs' | 'readToMs'>;

function factsOf(listed: readonly Shard[], rows: ReadonlyMap<string, StoredRow>): (shard: Shard) => Facts {
  const { waiting } = lineage({ stream: { id: '', createdMs: 0 }, listed, rows, start: { kind: 'horizon' } });
  const parents = new Map(waiting.map(({ shard, parents: list }) => [shard.shardId, list]));
  return ({ shardId }) => {
    const row = rows.get(shardId);
    const waitsFor = parents.get(shardId);
    const waits = waitsFor === undefined ? {} : { waitsFor };
    if (row === undefined) return { state: 'unread', ...waits };
    const { owner, arrivalMs, readToMs } = row;
    const reading = owner === undefined ? 'free' : 'owned';
    return {
      state: row.position.kind === 'end' ? 'ended' : waitsFor === undefined ? reading : 'waiting',
      ...waits,
      position: positionText(row.position),
      ...(owner === undefined ? {} : { owner }),
      ...(arrivalMs === 0 ? {} : { arrivalMs }),
      ...(readToMs === undefined ? {} : { readToMs }),
    };
  };
}

interface Line {
  readonly shard: Shard;
  readonly depth: number;
  readonly follows: readonly boolean[];
}

/** Depth first; a shard stands below the last of its listed parents, so that a merge comes after both. Iterative, because chains grow with every reshard. */
function ordered(listed: readonly Shard[], known: ReadonlySet<string>): Line[] {
  const below = new Map<string | undefined, Shard[]>();
  for (const shard of listed) {
    const parent = shard.parents.findLast((id) => known.has(id) && id !== shard.shardId);
    const siblings = below.get(parent);
    if (siblings === undefined) below.set(parent, [shard]);
    else siblings.push(shard);
  }
  const lines: Line[] = [];
  const stack = linesBelow(below.get(undefined) ?? [], []);
  for (let line = stack.pop(); line !== undefined; line = stack.pop()) {
    lines.push(line);
    stack.push(...linesBelow(below.get(line.shard.shardId) ?? [], line.follows));
  }
  return lines;
}

/** The last one first, for a stack. */
function linesBelow(shards: readonly Shard[], above: readonly boolean[]): Line[] {
  return shards
    .map((shard, at) => ({ shard, depth: above.length, follows: [...above, at < shards.length - 1] }))
    .reverse();
}

const KEYS = 2n ** 128n;

function percentOf({ startingHashKey, endingHashKey }: Shard): number {
  const share = BigInt(endingHashKey) - BigInt(startingHashKey) + 1n;
  return Number((share * 1_000_000n) / KEYS) / 10_000;
}

function coverage(open: readonly Shard[]): Pick<ShardTree, 'holes' | 'overlaps'> {
  const ranges = open
    .map((shard) => ({ shard, from: BigInt(shard.startingHashKey), to: BigInt(shard.endingHashKey) }))
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const holes: { from: string; to: string }[] = [];
  const overlaps: [string, string][] = [];
  let next = 0n;
  let last: Shard | undefined;
  for (const { shard, from, to } of ranges) {
    if (from > next) holes.push({ from: String(next), to: String(from - 1n) });
    if (from < next && last !== undefined) overlaps.push([last.shardId, shard.shardId]);
    if (to >= next) {
      next = to + 1n;
      last = shard;
    }
  }
  if (next < KEYS) holes.push({ from: String(next), to: String(KEYS - 1n) });
  return { holes, overlaps };
}
