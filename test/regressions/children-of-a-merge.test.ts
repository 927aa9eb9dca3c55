/** Two parents that end at the same moment both want the row of their child, and so may the listing. */
import { expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { ShardRow, StreamKey } from '../../reader/checkpoint/store.ts';
import { ReaderScene, STREAM } from '../faults/reader-scene.ts';

/** A disk that takes its time, as disks do when something else writes. */
class SlowStore extends MemoryStore {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override async put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal) {
    await this.#clock.sleep(1500);
    return super.put(stream, row, expected, signal);
  }
}

it('both parents of a merge end at once: a reader that has the store for itself goes on', async () => {
  const scene = new ReaderScene({ shards: 2 });
  const run = scene.start({ store: new SlowStore(scene.clock) });
  await scene.until(() => scene.named('shard.started').length === 2);
  for (const round of [1, 2, 3]) {
    scene.fake.merge(STREAM, ...scene.openNeighbours());
    await scene.until(() => scene.named('shard.started').length === 3 * round || run.error !== undefined);
    scene.fake.split(STREAM, scene.fake.stream(STREAM).open[0]!.shardId);
    await scene.until(() => scene.named('shard.started').length === 3 * round + 2 || run.error !== undefined);
    expect(run.error).toBeUndefined();
  }
  await run.stop();
});
