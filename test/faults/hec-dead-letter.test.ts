/** Events that HEC names as bad go to the dead letters with their place; everything else arrives once, and the window of acknowledgements stays open. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeadLetterOutput, type DeadLetter } from '../../reader/output/dead-letter.ts';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never, numbered } from './hec-scene.ts';

let scene: HecScene;

beforeEach(async () => {
  scene = await HecScene.open();
  scene.hec.takesAhead = false;
});
afterEach(() => scene.close());

const events = numbered('event', 30).map((text, i) => (i % 10 === 4 ? { text, fields: '{"a":{"b":1}}' } : { text }));

it.each([false, true])('with acknowledgement: %s', async (ack) => {
  scene.hec.tokens.set(TOKEN, { ack });
  const kept: string[] = [];
  const letters = {
    ready: () => Promise.resolve(),
    put: (list: readonly DeadLetter[]) => {
      for (const { event, index, reason } of list) kept.push(`${index} ${event.text} ${reason}`);
      return Promise.resolve();
    },
  };
  const { log, clock } = scene;
  const output = new DeadLetterOutput(scene.output({ ack }), { letters, stream: 's', shard: '0', log, clock });
  expect(output.window).toBe(ack ? 8 : 1);
  await scene.settled(output.write(batchOf(...events), never));
  const reason = 'Error in handling indexed fields (HEC code 15)';
  expect(kept).toEqual([4, 14, 24].map((n) => `${n} event ${n} ${reason}`));
  const good = numbered('event', 30).filter((_, i) => i % 10 !== 4);
  // With acknowledgement bodies go side by side.
  expect(ack ? scene.texts.toSorted() : scene.texts).toEqual(ack ? good.toSorted() : good);
  // For each bad event the body that holds it, and what is ahead of it by itself; then the rest. The first stands so near the front that what follows goes in halves.
  expect(scene.posts()).toBe(8);
});
