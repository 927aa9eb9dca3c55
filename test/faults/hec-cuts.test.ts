/** Connections to HEC that are cut behind any byte, of what is sent and of what is answered: nothing is lost, and nothing comes twice that was not taken. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never } from './hec-scene.ts';

let scene: HecScene;

afterEach(() => scene.close());

const timesOf = (text: string) => scene.texts.filter((other) => other === text).length;

/** Behind every byte until one lies beyond the end of the conversation. */
async function cutEverywhere(direction: 'request' | 'answer'): Promise<number[]> {
  const times: number[] = [];
  for (let bytes = 0, retries = -1; scene.log.total('output_retries') > retries; bytes++) {
    retries = scene.log.total('output_retries');
    const output = await scene.opened();
    scene.port.faults.cutAfter(bytes, direction);
    await scene.settled(output.write(batchOf(`cut ${bytes}`), never));
    await output.close();
    times.push(timesOf(`cut ${bytes}`));
  }
  return times;
}

beforeEach(async () => {
  scene = await HecScene.open();
});

it('in the request', { timeout: 60_000 }, async () => {
  const times = await cutEverywhere('request');
  expect(times.length).toBeGreaterThan(200);
  expect(new Set(times)).toEqual(new Set([1]));
});

it('in the answer', { timeout: 60_000 }, async () => {
  const times = await cutEverywhere('answer');
  expect(times.length).toBeGreaterThan(100);
  // What was taken before the cut is sent again, because nobody said so.
  expect(new Set(times.slice(0, -1))).toEqual(new Set([2]));
  expect(times.at(-1)).toBe(1);
});

it.each(['request', 'answer'] as const)(
  'in the %s, with acknowledgement: the connection is asked and told more, and may be cut there',
  { timeout: 120_000 },
  async (direction) => {
    scene.hec.tokens.set(TOKEN, { ack: true });
    for (let bytes = 0; bytes < 1500; bytes += 11) {
      scene.port.faults.cutAfter(bytes, direction);
      const output = scene.output({ ack: true, ackTimeoutMs: 30_000 });
      await scene.settled(output.write(batchOf(`cut ${bytes}`), never));
      await output.close();
      expect(timesOf(`cut ${bytes}`)).toBeGreaterThanOrEqual(1);
      expect(timesOf(`cut ${bytes}`)).toBeLessThanOrEqual(2);
    }
  },
);
