/** Parents before children: which shards may be read now, which wait for whom, and which rows are missing. Pure. */
import type { Position } from '../checkpoint/position.ts';
import type { ShardRow, StreamKey } from '../checkpoint/store.ts';
import type { Shard } from '../fetch/source.ts';

/** Where a stream that was never read begins. The tip is the timestamp that the service's clock showed when the reader was first started. */
export type StartPosition = Extract<Position, { kind: 'horizon' | 'timestamp' }>;

interface LineageInput<Row extends ShardRow> {
  readonly stream: StreamKey;
  /** One complete listing. */
  readonly listed: readonly Shard[];
  /** Every row of the stream, by shard id. */
  readonly rows: ReadonlyMap<string, Row>;
  /** Counts only as long as the stream has no row at all. */
  readonly start: StartPosition;
}

export interface Lineage<Row extends ShardRow> {
  /** Rows to store, one after the other in this order, before any shard is read: parents stand before children, so an interrupted round is completed by the next. */
  readonly missing: readonly ShardRow[];
  /** Shards that may be read: not at their end, and every parent finished. */
  readonly ready: readonly Shard[];
  /** Shards that wait, with the parents they wait for. */
  readonly waiting: readonly { readonly shard: Shard; readonly parents: readonly string[] }[];
  /** Rows of shards that are listed no more and were not read to their end: what they still held has aged out. One with an ancestor that is listed has not, for
   *  it is younger; the listing is behind. Children wait until the row says `end`,
   *  so the loss is noticed before reading goes on. A shard that is being read at this moment may be among them; its reader knows better. */
  readonly vanished: readonly Row[];
  /** Rows at the end of shards that are listed no more, all of whose listed children have rows: nothing needs them once they are old. */
  readonly finished: readonly Row[];
}

/**
 * - A parent is finished when its row says `end`, or when it has no row and needs none. Nothing else finishes a parent: neither a listing that calls it
 *   closed nor a child that is listed already.
 * - A parent that is not listed and has no row aged out before the stream was first read: gone.
 * - First start: every listed shard gets the start position, closed ones too. With a timestamp (so also at the tip) reading a shard that closed
 *   before it takes one empty page, and a shard that closed between the start and the listing is not lost. Whoever lists with the filter FROM_TIMESTAMP
 *   saves these pages; what is not listed then counts as gone.
 * - Later a shard without a row is a child that appeared since: it begins at the horizon. Only while none of its parents has moved from a timestamp does it
 *   take the timestamp over, so that an interrupted first start does not read the past; for a shard younger than the timestamp both are the same.
 * - A closed shard without a row above one with a row was passed over on purpose (the filter, or a KCL table whose finished leases were deleted) and stays so,
 *   unless it descends from a shard that has a row. KCL makes the same assumption (awslabs/amazon-kinesis-client, HierarchicalShardSyncer).
 */
export function lineage<Row extends ShardRow>(input: LineageInput<Row>): Lineage<Row> {
  const { listed, rows, stream } = input;
  const shards = new Map(listed.map((shard) => [shard.shardId, shard]));
  const passedOver = passedOverShards(shards, rows);
  const positions = new Map<string, Position>();
  const missing: ShardRow[] = [];
  const first = rows.size === 0 ? input.start : earliestTimestamp(rows.values());
  for (const shard of parentsFirst(shards)) {
    const row = rows.get(shard.shardId);
    if (row === undefined && passedOver.has(shard.shardId)) continue;
    const position = row?.position ?? firstPosition(shard, positions, first);
    positions.set(shard.shardId, position);
    if (row === undefined) missing.push(newRow(shard, stream.createdMs, position));
  }
  for (const [shardId, row] of rows) if (!shards.has(shardId)) positions.set(shardId, row.position);
  const unlisted = [...rows.values()].filter((row) => !shards.has(row.shardId));
  const awaited = new Set(listed.filter(({ shardId }) => !rows.has(shardId)).flatMap(({ parents }) => parents));
  return {
    missing,
    ...readyAndWaiting(listed, positions),
    vanished: withoutListedAncestor(
      unlisted.filter((row) => row.position.kind !== 'end'),
      shards,
      rows,
    ),
    finished: unlisted.filter((row) => row.position.kind === 'end' && !awaited.has(row.shardId)),
  };
}

/** The first row of a shard. */
export function newRow(shard: Shard, streamCreatedMs: number, position: Position): ShardRow {
  const { shardId, parents, startingHashKey, endingHashKey } = shard;
  return { shardId, position, parents, startingHashKey, endingHashKey, streamCreatedMs, arrivalMs: 0 };
}

function readyAndWaiting(
  listed: readonly Shard[],
  positions: ReadonlyMap<string, Position>,
): Pick<Lineage<ShardRow>, 'ready' | 'waiting'> {
  const ready: Shard[] = [];
  const waiting: { shard: Shard; parents: string[] }[] = [];
  for (const shard of listed) {
    const position = positions.get(shard.shardId);
    if (position === undefined || position.kind === 'end') continue;
    const parents = shard.parents.filter((parent) => (positions.get(parent)?.kind ?? 'end') !== 'end');
    if (parents.length === 0) ready.push(shard);
    else waiting.push({ shard, parents });
  }
  return { ready, waiting };
}

function withoutListedAncestor<Row extends ShardRow>(
  unlisted: readonly Row[],
  shards: ReadonlyMap<string, Shard>,
  rows: ReadonlyMap<string, Row>,
): Row[] {
  if (unlisted.length === 0) return [];
  const younger = new Set<string>();
  for (const { shardId, parents } of parentsFirst(rows))
    if (parents.some((parent) => shards.has(parent) || younger.has(parent))) younger.add(shardId);
  return unlisted.filter(({ shardId }) => !younger.has(shardId));
}

/** Where a shard without a row begins; `positions` holds its parents already. */
function firstPosition(shard: Shard, positions: ReadonlyMap<string, Position>, first: StartPosition): StartPosition {
  const moved = shard.parents.some((parent) => (positions.get(parent)?.kind ?? 'timestamp') !== 'timestamp');
  return moved ? { kind: 'horizon' } : first;
}

/** A first start that was interrupted goes on where it began; when every shard has moved on, whatever is new is read from its beginning. */
function earliestTimestamp(rows: Iterable<ShardRow>): StartPosition {
  let earliest: StartPosition = { kind: 'horizon' };
  for (const { position } of rows)
    if (position.kind === 'timestamp' && (earliest.kind === 'horizon' || position.ms < earliest.ms))
      earliest = position;
  return earliest;
}

/** Closed shards without a row that lie above a shard with a row and below none. */
function passedOverShards(shards: ReadonlyMap<string, Shard>, rows: ReadonlyMap<string, ShardRow>): Set<string> {
  const above = new Set<string>();
  const climb = [...shards.values()].filter((shard) => rows.has(shard.shardId));
  for (let shard = climb.pop(); shard !== undefined; shard = climb.pop())
    for (const id of shard.parents) {
      const parent = shards.get(id);
      if (parent === undefined || above.has(id)) continue;
      above.add(id);
      climb.push(parent);
    }
  const below = new Set<string>();
  for (const { shardId, parents } of parentsFirst(shards))
    if (parents.some((parent) => rows.has(parent) || below.has(parent))) below.add(shardId);
  return new Set([...above].filter((id) => shards.get(id)?.closed === true && !rows.has(id) && !below.has(id)));
}

/** Every shard once, after all of its listed parents. Iterative, because chains grow with every reshard; a listing that runs in a circle still ends. */
export function parentsFirst<Item extends Pick<Shard, 'shardId' | 'parents'>>(
  shards: ReadonlyMap<string, Item>,
): Item[] {
  const order: Item[] = [];
  const seen = new Set<string>();
  const path: { readonly shard: Item; next: number }[] = [];
  for (const root of shards.values()) {
    if (seen.has(root.shardId)) continue;
    seen.add(root.shardId);
    path.push({ shard: root, next: 0 });
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const parent = shards.get(step.shard.parents[step.next++] ?? '');
      if (parent !== undefined && !seen.has(parent.shardId)) {
        seen.add(parent.shardId);
        path.push({ shard: parent, next: 0 });
      } else if (step.next > step.shard.parents.length) {
        order.push(step.shard);
        path.pop();
      }
    }
  }
  return order;
}
