/** `kinlog shards`: the lineage of a stream, and how far each shard is read. */
import { systemClock } from '../base/clock.ts';
import { streamId } from '../base/stream.ts';
import { ByteTarget } from './byte-target.ts';
import { rowsOf, StreamSide, withPlace } from './checkpoints-scene.ts';
import { targetOf } from './checkpoints-target.ts';
import { EXIT, Interruption, type Surroundings } from './exit.ts';
import type { ShardsValues } from './shards-options.ts';
import { drawTree } from './shards-render.ts';
import { shardTree, type ShardTree } from './shards-tree.ts';

export async function shards(values: ShardsValues, around: Surroundings): Promise<number> {
  const target = await targetOf(values, 'store');
  const show = { stream: streamId(target.connection.streamName), values, around };
  if (target.store !== undefined)
    return withPlace(target, { around }, async (place, side) =>
      print(shardTree(await side.shards(), await rowsOf(place)), true, show),
    );
  const side = new StreamSide(target.connection, new Interruption().signal);
  try {
    return await print(shardTree(await side.shards(), undefined), false, show);
  } finally {
    await side.close();
  }
}

async function print(
  tree: ShardTree,
  stored: boolean,
  { stream, values, around }: { stream: string; values: ShardsValues; around: Surroundings },
): Promise<number> {
  const text = values.json
    ? `${JSON.stringify(jsonOf(tree, stream), null, 2)}\n`
    : drawTree(tree, { ascii: values.ascii, stored, nowMs: systemClock.now() });
  await ByteTarget.stdout(around.stdout).write(text);
  return EXIT.ok;
}

/** Without what is only for drawing. */
function jsonOf({ nodes, ...rest }: ShardTree, stream: string): object {
  return { stream, shards: nodes.map(({ depth: _depth, follows: _follows, ...node }) => node), ...rest };
}
