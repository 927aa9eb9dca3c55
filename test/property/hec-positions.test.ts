/** The law of positions over a HEC with acknowledgement: whatever dies or is lost, a stored position never passes an event that is neither indexed nor among the dead letters. */
import { expect, it } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { compareSequence } from '../../reader/checkpoint/position.ts';
import type { ShardRow, StreamKey } from '../../reader/checkpoint/store.ts';
import type { DeadLetter } from '../../reader/output/dead-letter.ts';
import { openHec } from '../../reader/output/hec.ts';
import type { Output } from '../../reader/output/output.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { FakeHec, TOKEN, type Port } from '../fakes/hec/hec.ts';
import { ReaderScene, RecordingStore, STREAM, type Run } from '../faults/reader-scene.ts';

/** Larger than the HEC takes. */
const TOO_LARGE = 'x'.repeat(3000);

class CheckedStore extends RecordingStore {
  readonly #stored: (row: ShardRow) => void;

  constructor(stored: (row: ShardRow) => void) {
    super();
    this.#stored = stored;
  }

  override async put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal) {
    const version = await super.put(stream, row, expected, signal);
    this.#stored(row);
    return version;
  }
}

class Scene {
  readonly reading = new ReaderScene({ shards: 2 });
  readonly hec: FakeHec;
  /** Events that a stored position has passed too early. */
  readonly passed: string[] = [];
  /** Positions that were stored behind an event. */
  stored = 0;
  readonly #store = new CheckedStore((row) => this.#check(row));
  readonly #sent = new Map<string, { readonly sequenceNumber: string; readonly text: string }[]>();
  readonly #letters = new Set<string>();
  readonly #outputs: Output[] = [];
  readonly #random: () => number;
  #port!: Port;
  #run!: Run;
  #dead = new AbortController();
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.hec = new FakeHec({ tokens: { [TOKEN]: { ack: true } }, indexers: 1 + this.#below(2) });
    this.hec.maxEventBytes = 2000;
    this.hec.takesAhead = random() < 0.5;
  }

  async open(): Promise<this> {
    this.#port = await this.hec.open();
    this.#start();
    return this;
  }

  put(): void {
    for (let n = this.#below(20); n >= 0; n--) {
      const text = `${this.#count++} ${this.#random() < 0.05 ? TOO_LARGE : ''}`;
      const { shardId, sequenceNumber } = this.reading.fake.put(STREAM, { data: text, key: `key ${this.#count}` });
      this.#sent.set(shardId, [...(this.#sent.get(shardId) ?? []), { sequenceNumber, text }]);
    }
  }

  /** The process is killed and started again: what it posts from here on may arrive, but it stores nothing. */
  async restart(): Promise<void> {
    this.#store.failWith(new Error('the process is dead'));
    this.#dead.abort();
    const run = this.#run;
    await this.until(() => run.error !== undefined);
    this.#store.failWith(undefined);
    this.#start();
  }

  goWrong(): void {
    const { faults, cut } = this.#port;
    const { indexing, indexers } = this.hec;
    const wrongs = [
      () => faults.refuse(1 + this.#below(3), { code: ([8, 9, 26, 4] as const)[this.#below(4)]! }),
      () => faults.refuse(1 + this.#below(3), { code: 9 }, 'ack'),
      () => faults.loseAnswers(1),
      () => faults.loseAnswers(1, 'ack'),
      () => faults.cutAfter(this.#below(1500), 'request'),
      () => faults.cutAfter(this.#below(300), 'answer'),
      () => faults.stray(1 + this.#below(2)),
      () => cut(),
      () => (indexing.held = true),
      () => indexing.drop(1),
      () => indexing.mute(1),
      () => this.hec.crash(),
      () => {
        this.hec.crash();
        cut();
      },
      () => indexers[this.#below(indexers.length)]!.forget(),
    ];
    wrongs[this.#below(wrongs.length)]!();
  }

  heal(): void {
    const { indexing } = this.hec;
    indexing.held = false;
    indexing.index();
  }

  /** What was sent and is nowhere. */
  get missing(): string[] {
    const safe = this.#safe();
    return [...this.#sent.values()].flat().flatMap(({ text }) => (safe.has(text) ? [] : [text]));
  }

  async finish(): Promise<void> {
    this.heal();
    await this.until(() => this.missing.length === 0);
    this.#dead.abort();
    const run = this.#run;
    await this.until(() => run.error !== undefined);
  }

  async close(): Promise<void> {
    this.#dead.abort();
    let closed = false;
    void Promise.all(this.#outputs.map((output) => output.close())).then(() => (closed = true));
    await this.until(() => closed);
    await this.hec.close();
  }

  /** Lets time pass while the network does what it does. */
  async until(fact: () => boolean, steps = 4000): Promise<void> {
    for (let step = 0; !fact(); step++) {
      if (step > steps) throw new Error(`the fact did not come true; missing: ${this.missing.length}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (step % 2 === 1) await this.reading.clock.advance(1000);
    }
  }

  async pass(turns: number): Promise<void> {
    for (let n = 0; n < turns; n++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.reading.clock.advance(500);
    }
  }

  #start(): void {
    const { clock } = this.reading;
    const output = openHec({
      endpoints: [this.#port.url],
      token: () => Promise.resolve(TOKEN),
      ack: true,
      ...{ ackTimeoutMs: 60_000, maxBodyBytes: 5000, maxUnackedBytes: 50_000 },
      ...{ clock, random: this.#random, log: silentLog() },
    });
    this.#outputs.push(output);
    const put = (letters: readonly DeadLetter[]) => {
      for (const { event } of letters) this.#letters.add(event.text);
      return Promise.resolve();
    };
    const deadLetters = { ready: () => Promise.resolve(), put };
    const stop = new AbortController();
    this.#dead = stop;
    const reader = this.reading.reader({ output, deadLetters, store: this.#store, checkpointEveryMs: 100 });
    const run: Pick<Run, 'error'> = { error: undefined };
    this.#run = run as Run;
    void reader.run(stop.signal).then(
      () => (run.error = null),
      (error: unknown) => (run.error = error),
    );
  }

  #safe(): Set<string> {
    return new Set([...this.hec.events.map(({ event }) => event as string), ...this.#letters]);
  }

  #check({ shardId, position }: ShardRow): void {
    if (position.kind !== 'after') return;
    this.stored++;
    const safe = this.#safe();
    for (const { sequenceNumber, text } of this.#sent.get(shardId) ?? [])
      if (compareSequence(sequenceNumber, position.sequenceNumber) <= 0 && !safe.has(text)) this.passed.push(text);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

const RUNS = Number(process.env['KINLOG_RUNS'] ?? 15);
const FIRST_SEED = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1e9);

async function live(scene: Scene, random: () => number): Promise<void> {
  for (let turn = 0; turn < 25; turn++) {
    scene.put();
    if (random() < 0.4) scene.goWrong();
    if (random() < 0.2) scene.heal();
    await scene.pass(Math.floor(random() * 12));
    if (random() < 0.08) await scene.restart();
  }
  await scene.finish();
  expect(scene.passed).toEqual([]);
}

it('holds for any schedule of faults and crashes', { timeout: 240_000 }, async () => {
  let stored = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const random = seededRandom(seed);
    const scene = await new Scene(random).open();
    try {
      await live(scene, random);
      stored += scene.stored;
    } catch (error) {
      throw new Error(`KINLOG_SEED=${seed} KINLOG_RUNS=1`, { cause: error });
    } finally {
      await scene.close();
    }
  }
  expect(stored).toBeGreaterThan(RUNS);
});
