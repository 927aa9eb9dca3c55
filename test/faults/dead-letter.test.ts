/** A whole reader whose output will never accept certain events. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { DeadLetterFile, type DeadLetter, type DeadLetters } from '../../reader/index.ts';
import { PickyOutput } from '../fakes/picky-output.ts';
import { numbers, ReaderScene, STREAM } from './reader-scene.ts';

const poison = (text: string) => /7$/.test(text);
const good = (texts: readonly string[]) => texts.filter((text) => !poison(text));

interface Line {
  readonly stream: string;
  readonly shard: string;
  readonly sequenceNumber: string;
  readonly reason: string;
  readonly text: string;
}

let folder: string;
let file: string;
let scene: ReaderScene;
let output: PickyOutput;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kinlog-poison-'));
  file = path.join(folder, 'dead.ndjson');
  scene = new ReaderScene();
  output = new PickyOutput(poison);
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (maxBytes?: number): Promise<DeadLetterFile> =>
  DeadLetterFile.open({ file, log: silentLog(), ...(maxBytes === undefined ? {} : { maxBytes }) });

const buried = (): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

interface Place {
  readonly shard: string;
  readonly sequenceNumber: string;
}

/** Each in a record of its own; where it lies. */
function put(texts: readonly string[]): Map<string, Place> {
  const placed = texts.map((text): [string, Place] => {
    const { shardId: shard, sequenceNumber } = scene.fake.put(STREAM, { data: text, key: text });
    return [text, { shard, sequenceNumber }];
  });
  return new Map(placed);
}

/** Stored positions that lie at or behind this record. */
function passed({ shard, sequenceNumber }: Place): unknown[] {
  return scene.store
    .positions(shard)
    .filter((position) => position.kind === 'after' && BigInt(position.sequenceNumber) >= BigInt(sequenceNumber));
}

/** Letters that wait, before or after they are durable, until the test lets them go on. */
class HeldLetters implements DeadLetters {
  readonly #inner: DeadLetters;
  readonly #hold: 'before' | 'after';
  readonly #gate = Promise.withResolvers<undefined>();
  waiting: readonly DeadLetter[] = [];

  constructor(inner: DeadLetters, hold: 'before' | 'after') {
    this.#inner = inner;
    this.#hold = hold;
  }

  release(): void {
    this.#gate.resolve(undefined);
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#inner.ready(signal);
  }

  async put(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void> {
    if (this.#hold === 'after') await this.#inner.put(letters, signal);
    this.waiting = [...this.waiting, ...letters];
    const killed = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    await Promise.race([this.#gate.promise, killed]);
    if (this.#hold === 'before') await this.#inner.put(letters, signal);
  }
}

describe('a reader with dead letters', () => {
  it('delivers everything else in order, and puts what is refused aside with its place', async () => {
    const places = put(numbers(0, 200));
    const deadLetters = await open();
    const run = scene.start({ output, deadLetters });
    await scene.until(() => output.events.length >= 180);
    for (const [text, place] of put(numbers(200, 300))) places.set(text, place);
    await scene.until(() => output.events.length >= 270 && buried().length >= 30);
    await run.stop();
    await deadLetters.close();
    expect(run.error).toBeNull();
    expect([...output.texts].sort()).toEqual(good(numbers(0, 300)).sort());
    for (const shard of new Set([...places.values()].map((place) => place.shard))) {
      const ofShard = output.texts.filter((text) => places.get(text)?.shard === shard);
      expect(ofShard).toEqual(good(numbers(0, 300)).filter((text) => places.get(text)?.shard === shard));
    }
    expect(
      buried()
        .map(({ text }) => text)
        .sort(),
    ).toEqual(numbers(0, 300).filter(poison).sort());
    for (const { text, ...letter } of buried())
      expect(letter).toMatchObject({ stream: STREAM, ...places.get(text), reason: `no place for ${text}` });
    expect(scene.named('events.dead-lettered').length).toBeGreaterThan(0);
  });

  it('moves no position past a refused event before its letter is durable', async () => {
    const places = put(numbers(0, 30));
    const file = await open();
    const deadLetters = new HeldLetters(file, 'before');
    const run = scene.start({ output, deadLetters, checkpointEveryMs: 100 });
    await scene.until(() => deadLetters.waiting.length >= 3);
    await scene.clock.advance(10_000);
    for (const text of numbers(0, 30).filter(poison)) expect(passed(places.get(text)!)).toEqual([]);
    deadLetters.release();
    await scene.until(() => numbers(0, 30).every((text) => passed(places.get(text)!).length > 0));
    await run.stop();
    await file.close();
    expect(buried()).toHaveLength(3);
  });

  it.each([
    ['before', 1],
    ['after', 2],
  ] as const)(
    'killed %s its letters are durable loses nothing, and has each of them at most %d times',
    async (hold, times) => {
      put(numbers(0, 40));
      const first = await open();
      const held = new HeldLetters(first, hold);
      const run = scene.start({ output, deadLetters: held });
      await scene.until(() => held.waiting.length >= 4);
      await run.crash();
      await first.close();
      const second = await open();
      const again = scene.start({ output, deadLetters: second });
      await scene.until(() => new Set(output.texts).size >= 36 && buried().length >= 4 * times);
      await again.stop();
      await second.close();
      expect(new Set(output.texts)).toEqual(new Set(good(numbers(0, 40))));
      const expected = numbers(0, 40).filter(poison);
      expect(
        buried()
          .map(({ text }) => text)
          .sort(),
      ).toEqual(expected.flatMap((text) => Array.from({ length: times }, () => text)).sort());
    },
  );

  it('stops with a clear error when there is no room for a letter, and goes on where there is', async () => {
    const places = put(numbers(0, 8));
    const tiny = await open(0);
    const run = scene.start({ output, deadLetters: tiny });
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_DEAD_LETTERS_FULL' });
    expect(passed(places.get('event 7')!)).toEqual([]);
    await tiny.close();
    const roomy = await open();
    const again = scene.start({ output, deadLetters: roomy });
    await scene.until(() => passed(places.get('event 7')!).length > 0);
    await again.stop();
    await roomy.close();
    expect(new Set(output.texts)).toEqual(new Set(good(numbers(0, 8))));
    expect(buried().map(({ text }) => text)).toEqual(['event 7']);
  });

  it('and without them stops at the first refused event, and no position passes it', async () => {
    const places = put(numbers(0, 8));
    const run = scene.start({ output });
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_EVENTS_REFUSED' });
    expect(passed(places.get('event 7')!)).toEqual([]);
  });
});
