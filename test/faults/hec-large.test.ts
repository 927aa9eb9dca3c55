/** An event above the limit that is set is refused here, whatever else a body would have room for. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventsRefused } from '../../reader/output/output.ts';
import { batchOf, HecScene, never } from './hec-scene.ts';

let scene: HecScene;

beforeEach(async () => {
  scene = await HecScene.open();
});
afterEach(() => scene.close());

it('an event above maxEventBytes is not sent when maxBodyBytes is more than that, alone or among others', async () => {
  const output = scene.output({ maxEventBytes: 3000, maxBodyBytes: 100_000 });
  const refusedOf = async (...texts: string[]) => {
    const error: unknown = await scene.settled(
      output.write(batchOf(...texts), never).catch((reason: unknown) => reason),
    );
    return (error as EventsRefused).refused;
  };
  const reason = 'the event is larger than 3000 bytes';
  expect(await refusedOf('x'.repeat(5000))).toEqual([{ index: 0, reason }]);
  expect(await refusedOf('a', 'x'.repeat(5000), 'b')).toEqual([{ index: 1, reason }]);
  expect(scene.texts).toEqual(['a', 'b']);
});
