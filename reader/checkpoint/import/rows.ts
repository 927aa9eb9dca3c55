/** What another program's table says, as rows of ours: only for shards that the stream still has, and only when everything makes sense. */
import { KinlogError } from '../../../base/errors.ts';
import type { Shard } from '../../fetch/source.ts';
import type { Position } from '../position.ts';
import type { ShardRow, StreamKey } from '../store.ts';
import type { FoundTable } from './layout.ts';

export interface ImportedRows {
  /** Parents before children. */
  readonly rows: readonly ShardRow[];
  /** Shards of the table that the stream lists no more: nothing is left of them to read. */
  readonly leftOut: readonly string[];
}

/** `start` is for shards of which the program stored no position. One KINLOG_INPUT_INVALID names everything that makes no sense. */
export function rowsFromTable(
  found: FoundTable,
  { stream, listed, start }: { stream: StreamKey; listed: readonly Shard[]; start: Position | undefined },
): ImportedRows {
  const shards = new Map(found.shards.map((shard) => [shard.shardId, shard]));
  const present = listed.filter(({ shardId }) => shards.has(shardId));
  const startless = start === undefined ? present.filter((shard) => !shards.get(shard.shardId)?.position) : [];
  refuse([
    ...found.faults,
    ...(shards.size < found.shards.length ? ['a shard has more than one item'] : []),
    ...(startless.length > 0
      ? [
          `no position is stored for ${startless.map(({ shardId }) => shardId).join(', ')}: say with --start where to begin`,
        ]
      : []),
    ...(found.faults.length === 0 && present.length === 0 ? ['it holds no shard that the stream has now'] : []),
  ]);
  if (found.createdMs !== undefined && isAnother(found.createdMs, stream.createdMs))
    throw new KinlogError(
      'KINLOG_STREAM_RECREATED',
      `the positions belong to a stream ${stream.id} that was created at ${new Date(found.createdMs).toISOString()}, not to the one of now`,
      { remedy: 'Let the reader start anew: these positions can not be used.' },
    );
  const rows = present.map(({ shardId, parents, startingHashKey, endingHashKey }) => ({
    shardId,
    position: shards.get(shardId)?.position ?? start ?? { kind: 'horizon' as const },
    ...{ parents, startingHashKey, endingHashKey },
    streamCreatedMs: stream.createdMs,
    arrivalMs: 0,
  }));
  const known = new Set(listed.map(({ shardId }) => shardId));
  return { rows, leftOut: [...shards.keys()].filter((shardId) => !known.has(shardId)) };
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0)
    throw new KinlogError('KINLOG_INPUT_INVALID', `the table can not be imported: ${[...new Set(faults)].join('; ')}`, {
      remedy: 'Nothing was imported. Check the table, --layout and --application.',
    });
}

/** Creation is told to the second by some services. */
function isAnother(foundMs: number, createdMs: number): boolean {
  return createdMs !== 0 && Math.abs(foundMs - createdMs) >= 1000;
}
