/** A stream was deleted and created again while a reader stood still: what others have stored of the new stream is not its to touch. */
import { afterEach, expect, it } from 'vitest';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import { SharedScene, STREAM, T } from '../faults/shared-scene.ts';
import { puts } from '../property/leases-laws.ts';

let scene: SharedScene;
afterEach(() => scene.close());

it.each(['stands still', 'has no shard'])(
  'a reader of the earlier stream that %s meanwhile ends, and writes nothing',
  async (when) => {
    scene = new SharedScene({ shards: 2 });
    const old = scene.join({ listEveryMs: 2 * T });
    await scene.until(() => scene.balanced);
    scene.put(12);
    await scene.delivered();
    if (when === 'has no shard') {
      scene.join();
      await scene.until(() => scene.balanced);
      scene.join();
    }
    await scene.clock.advance(3 * T);
    for (const reader of scene.readers) reader.pause();
    scene.fake.deleteStream(STREAM);
    await scene.clock.advance(60_000);
    scene.fake.createStream(STREAM, 2);
    await scene.clock.advance(60_000);
    const early = [...scene.readers];
    const next = scene.join({ onLostPosition: 'horizon' });
    await scene.until(() => next.shards.length === 2);
    scene.put(24);
    await scene.delivered();
    const from = scene.entries.length;
    for (const reader of early) reader.resume();
    await scene.clock.advance(20 * T);
    scene.put(24);
    await scene.delivered();
    for (const reader of early) expect(reader.error).toMatchObject({ code: 'KINLOG_STREAM_RECREATED' });
    expect(puts(scene).filter((put) => scene.entries.indexOf(put) >= from && put.by !== next.name)).toEqual([]);
    for (const { row, before } of puts(scene).filter(
      ({ by, before }) => by === next.name && before?.streamCreatedMs !== 0,
    ))
      if (before?.streamCreatedMs === row.streamCreatedMs)
        expect(comparePositions(row.position, before.position)).toBeGreaterThanOrEqual(0);
    expect(old.error).toBeDefined();
  },
);
