/** Memory of pages: used again once it was given back, never before, and not kept when nobody catches up. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { PageMemory } from '../../../reader/fetch/page-memory.ts';
import { ReaderScene } from '../../faults/reader-scene.ts';
import { encodeKinlog } from '../../../record/kinlog.ts';

const MIB = 1024 * 1024;

it('a piece serves again once it was given back, and not before', () => {
  const memory = new PageMemory();
  const first = memory.take(MIB);
  const second = memory.take(MIB);
  expect(second.buffer).not.toBe(first.buffer);
  memory.give(first);
  expect(memory.take(MIB).buffer).toBe(first.buffer);
});

it('a piece serves no page of less than half its size, nor one that is larger', () => {
  const memory = new PageMemory();
  const piece = memory.take(2 * MIB);
  memory.give(piece);
  expect(memory.take(4 * MIB).buffer).not.toBe(piece.buffer);
  memory.give(piece);
  expect(memory.take(MIB).buffer).not.toBe(piece.buffer);
});

it('what lies idle stays below its bound, and small answers let go of it', () => {
  const memory = new PageMemory(3 * MIB);
  const pieces = [1, 2, 3, 4].map(() => memory.take(MIB));
  for (const piece of pieces) memory.give(piece);
  expect(memory.idleBytes).toBeLessThanOrEqual(3 * MIB);
  expect(memory.idleBytes).toBeGreaterThan(0);
  while (memory.idleBytes > 0) memory.take(100);
  expect(memory.take(MIB).length).toBeGreaterThanOrEqual(MIB);
});

it('a block of an unbroken stream that waits for an earlier one outlives the memory of its page', async () => {
  const block = (blockId: number) =>
    encodeKinlog({ unbroken: true, encId: 7, blockId, source: 's' }, [{ data: `block ${blockId}\n`, meta: {} }]);
  const filling = () => randomBytes(300_000);
  const scene = new ReaderScene({ shards: 1 });
  const events = () => scene.output.events.length;
  scene.put(block(1));
  scene.put(block(3));
  scene.put(filling());
  const run = scene.start();
  await scene.until(() => events() >= 2);
  for (let page = 0; page < 4; page++) {
    const before = events();
    scene.put(filling());
    await scene.until(() => events() > before);
  }
  scene.put(block(2));
  await scene.until(() => scene.output.texts.includes('block 3\n'));
  await run.stop();
  const texts = scene.output.texts.filter((text) => text.startsWith('block'));
  expect(texts).toEqual(['block 1\n', 'block 2\n', 'block 3\n']);
  expect(scene.output.texts.some((text) => Buffer.byteLength(text) > 100_000)).toBe(true);
});
