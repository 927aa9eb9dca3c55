/** `kinlog checkpoints set`: a person decides where reading of a shard goes on. */
import { configFaults } from '../base/config.ts';
import { KinlogError } from '../base/errors.ts';
import { withoutLease } from '../reader/checkpoint/export.ts';
import { comparePositions, positionText, type Position } from '../reader/checkpoint/position.ts';
import type { ShardRow, StoredRow } from '../reader/checkpoint/store.ts';
import type { KinesisApi } from '../reader/fetch/kinesis.ts';
import type { Shard } from '../reader/fetch/source.ts';
import { newRow } from '../reader/shards/lineage.ts';
import { refuseAlive } from './checkpoints-alive.ts';
import type { SetValues } from './checkpoints-options.ts';
import { done, promptly, rowsOf, withPlace, type StreamSide } from './checkpoints-scene.ts';
import { targetOf } from './checkpoints-target.ts';
import { confirmed } from './confirm.ts';
import type { Surroundings } from './exit.ts';

export const sayer =
  ({ stderr }: Surroundings) =>
  (text: string): void =>
    void stderr.write(`kinlog: ${text}\n`);

export async function set(values: SetValues, around: Surroundings): Promise<number> {
  return withPlace(await targetOf(values, 'store'), { around }, async (place, side) => {
    const { position } = values;
    const all = await rowsOf(place);
    const before = all.find(({ shardId }) => shardId === values.shard);
    const next = await rowToSet(values, before, { side, stream: place.stream.id });
    if (before !== undefined) await refuseAlive({ rows: [before], all }, place, { ...values, say: sayer(around) });
    const change = `${values.shard}: ${before === undefined ? 'no position' : positionText(before.position)} -> ${positionText(position)}`;
    const question = `${change}. ${consequence(before?.position, position)} Set it?`;
    if (!(await confirmed(question, values.yes, around, place.signal))) return done(false);
    await promptly(() => place.store.put(place.stream, next, before?.version ?? 'absent', place.signal), place.signal);
    sayer(around)(`${place.name}: ${change}`);
    return done(true);
  });
}

function consequence(before: Position | undefined, after: Position): string {
  if (before === undefined) return 'The shard is read from there.';
  return comparePositions(after, before) > 0
    ? 'What lies between is not read by this reader.'
    : 'What lies between is delivered again.';
}

/** The row as it shall be; nothing of it may be wrong, for a reader would stop at it. */
async function rowToSet(
  values: SetValues,
  before: StoredRow | undefined,
  { side, stream }: { side: StreamSide; stream: string },
): Promise<ShardRow> {
  const { position, shard: shardId } = values;
  const listed = await side.shards();
  const shard = listed.find((one) => one.shardId === shardId);
  // A shard that aged out unread is given up like this, and its children are read.
  if (shard === undefined && before !== undefined && position.kind === 'end')
    return { ...withoutLease(before), position };
  if (shard === undefined) throw unknownShard(shardId, listed, stream);
  if (position.kind === 'end' && !shard.closed)
    throw configFaults([`--position end: ${shardId} is open, and what it still gets would never be read`]);
  await refuseForeign(await side.api(), shardId, position, stream);
  const { createdMs } = (await side.description()) ?? { createdMs: before?.streamCreatedMs ?? 0 };
  // Without the times of the old row: a reader would judge by them what has aged out.
  return { ...newRow(shard, createdMs, position), ...childrenOf(before) };
}

function childrenOf(row: StoredRow | undefined): Pick<ShardRow, 'children'> {
  return row?.children === undefined ? {} : { children: row.children };
}

function unknownShard(shardId: string, listed: readonly Shard[], stream: string): KinlogError {
  const some = listed.slice(0, 5).map((shard) => shard.shardId);
  const more = listed.length > some.length ? ` and ${listed.length - some.length} more` : '';
  return configFaults([`--shard: the stream ${stream} has no shard ${shardId}; it has ${some.join(', ')}${more}`]);
}

/** Asks Kinesis, which alone knows whether a sequence number is one of the shard's. */
export async function refuseForeign(
  api: KinesisApi,
  shardId: string,
  position: Position,
  stream: string,
): Promise<void> {
  if (position.kind !== 'after' && position.kind !== 'timestamp') return;
  const signal = AbortSignal.timeout(ASK_MS);
  try {
    await promptly(() => api.iterator(shardId, position, signal), signal);
  } catch (error) {
    if (!(error instanceof KinlogError) || error.code !== 'KINLOG_POSITION_REFUSED') throw error;
    throw new KinlogError(
      'KINLOG_POSITION_REFUSED',
      `Kinesis refuses ${positionText(position)} for ${shardId} of ${stream}: ${error.message}`,
      {
        remedy: 'Nothing was changed. A sequence number must be one of this shard, and a time not in the future.',
        cause: error,
      },
    );
  }
}

const ASK_MS = 60_000;
