/** Several whole readers on one simulated stream and one shared store, in virtual time, and the log of everything that any of them did. */
import { EventLog, type EventName, type LogLine } from '../../base/events.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { ShardRow, StoredRow } from '../../reader/checkpoint/store.ts';
import { Reader, type ReaderOptions } from '../../reader/index.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import type { ServiceOptions } from '../fakes/kinesis/service.ts';
import { Gate, GatedClock, gatedHandler, GatedOutput, GatedStore, type Weather } from './leases-gate.ts';

export const STREAM = 'shared-logs';
/** The lease period of the scenes, milliseconds. */
export const T = 1000;

/** An event of the stream, by its text. */
export interface PutEvent {
  readonly text: string;
  readonly key: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
}

/** One thing that happened, in the order in which things happened. `by` is the reader's short name, or `hand`. */
export type Entry = { readonly at: number; readonly by: string } & (
  | { readonly kind: 'put'; readonly row: StoredRow; readonly before: StoredRow | undefined }
  | { readonly kind: 'removed'; readonly shardId: string }
  /** Handed to the output. */
  | { readonly kind: 'begun'; readonly shardId: string; readonly texts: readonly string[] }
  | { readonly kind: 'accepted'; readonly shardId: string; readonly texts: readonly string[] }
  | { readonly kind: 'paused' | 'resumed' | 'killed' | 'stopping' | 'stopped' }
);
type Happening = Entry extends infer E ? (E extends Entry ? Omit<E, 'at' | 'by'> : never) : never;

const KEY = { id: STREAM, createdMs: 0 };

export class SharedReader {
  readonly name: string;
  readonly gate = new Gate();
  readonly clock: GatedClock;
  readonly store: GatedStore;
  readonly output: GatedOutput;
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line), 'debug');
  readonly reader: Reader;
  /** Undefined while it runs; null after a good end. */
  error: unknown;
  readonly #scene: SharedScene;
  readonly #stop = new AbortController();

  constructor(scene: SharedScene, name: string, options: Partial<ReaderOptions>) {
    this.#scene = scene;
    this.name = name;
    const { gate } = this;
    this.clock = new GatedClock(gate, scene.clock);
    this.store = new GatedStore(name, { gate, rows: scene.shared, weather: scene.weather });
    const tell = (kind: 'begun' | 'accepted') => (texts: readonly string[]) =>
      scene.tell(name, { kind, texts, shardId: scene.events.get(texts[0]!)!.shardId });
    this.output = new GatedOutput(gate, this.clock, { begun: tell('begun'), accepted: tell('accepted') });
    this.reader = new Reader({
      stream: STREAM,
      kinesis: {
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
        requestHandler: gatedHandler(gate, simulatorHandler(scene.fake, { requestTimeoutMs: 30_000 })),
      },
      store: this.store,
      output: this.output,
      start: { kind: 'horizon' },
      clock: this.clock,
      log: this.log,
      leasePeriodMs: T,
      name,
      ...options,
    } as ReaderOptions);
    void this.reader.run(this.#stop.signal).then(
      () => (this.error = null),
      (error: unknown) => (this.error = error),
    );
  }

  get runs(): boolean {
    return this.error === undefined && !this.gate.dead;
  }

  /** How it calls itself in the rows. */
  get me(): string | undefined {
    return this.reader.status()?.owner;
  }

  /** Unfinished shards that are stored as its own. */
  get shards(): string[] {
    return this.#scene.unfinished.filter((row) => row.owner === this.me).map(({ shardId }) => shardId);
  }

  /** Asks it to stop. */
  ask(): void {
    this.#scene.tell(this.name, { kind: 'stopping' });
    this.#stop.abort();
  }

  async stop(): Promise<void> {
    this.ask();
    await this.#scene.until(() => this.error !== undefined);
    this.#scene.tell(this.name, { kind: 'stopped' });
  }

  /** SIGKILL. */
  kill(): void {
    this.gate.dead = true;
    this.gate.close();
    this.#scene.tell(this.name, { kind: 'killed' });
  }

  /** SIGSTOP. */
  pause(): void {
    this.gate.close();
    this.#scene.tell(this.name, { kind: 'paused' });
  }

  /** SIGCONT. */
  resume(): void {
    this.#scene.tell(this.name, { kind: 'resumed' });
    this.gate.reopen();
  }

  said(name: EventName): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }
}

export class SharedScene {
  readonly clock = new FakeClock();
  readonly fake: FakeKinesis;
  readonly weather: Weather = { away: false, latencyMs: 0, lostAnswers: 0 };
  readonly readers: SharedReader[] = [];
  readonly entries: Entry[] = [];
  readonly events = new Map<string, PutEvent>();
  /** The rows as they are stored at this moment. */
  readonly rows = new Map<string, StoredRow>();
  readonly #memory = new MemoryStore();
  #listings = { at: 0, count: 0 };
  readonly shared = {
    store: this.#memory,
    time: this.clock,
    onPut: (by: string, row: StoredRow) => this.#stored(by, row),
  };

  constructor({ shards = 4, service = {} }: { shards?: number; service?: Omit<ServiceOptions, 'clock'> } = {}) {
    this.fake = new FakeKinesis({ clock: this.clock, ...service });
    this.fake.createStream(STREAM, shards);
    this.fake.on('ListShards', () => this.#listed());
  }

  /** A reader that goes round without a pause would stand virtual time still for ever. */
  #listed(): void {
    const now = this.clock.monotonic();
    this.#listings = this.#listings.at === now ? { at: now, count: this.#listings.count + 1 } : { at: now, count: 1 };
    if (this.#listings.count > 100) throw new Error('a hundred listings without a pause');
  }

  /** A reader that starts now. */
  join(options: Partial<ReaderOptions> = {}): SharedReader {
    const reader = new SharedReader(this, `reader-${this.readers.length + 1}`, options);
    this.readers.push(reader);
    return reader;
  }

  tell(by: string, happening: Happening): void {
    this.entries.push({ at: this.clock.monotonic(), by, ...happening });
  }

  /** Events under these keys in turn, numbered over the whole scene. */
  put(count: number, keys: readonly string[] = KEYS): void {
    for (let i = 0; i < count; i++) {
      const key = keys[i % keys.length]!;
      const text = `${this.events.size} ${key}`;
      this.events.set(text, { text, key, ...this.fake.put(STREAM, { data: text, key }) });
    }
  }

  get unfinished(): StoredRow[] {
    return [...this.rows.values()].filter((row) => row.position.kind !== 'end');
  }

  /** Texts in the order of their acceptance, by whatever reader. */
  get accepted(): string[] {
    return this.entries.flatMap((entry) => (entry.kind === 'accepted' ? entry.texts : []));
  }

  get missing(): number {
    return this.events.size - new Set(this.accepted).size;
  }

  /** Every unfinished shard has an owner that runs, and no reader has two more than another. */
  get balanced(): boolean {
    const loads = this.readers.filter(({ runs }) => runs).map(({ shards }) => shards.length);
    const sum = loads.reduce((total, load) => total + load, 0);
    return this.rows.size > 0 && sum === this.unfinished.length && Math.max(...loads) - Math.min(...loads) <= 1;
  }

  /** Virtual milliseconds until the fact holds. */
  async timeUntil(fact: () => boolean, limitMs?: number): Promise<number> {
    const from = this.clock.monotonic();
    await this.until(fact, limitMs);
    return this.clock.monotonic() - from;
  }

  until(fact: () => boolean, limitMs?: number): Promise<void> {
    return this.clock.until(fact, limitMs);
  }

  async delivered(limitMs?: number): Promise<void> {
    await this.until(() => this.missing === 0, limitMs);
  }

  /** A person, or another program, writes a row. */
  async edit(shardId: string, change: (row: StoredRow) => ShardRow): Promise<void> {
    const { version, ...row } = change(this.rows.get(shardId)!) as StoredRow;
    const signal = new AbortController().signal;
    this.#stored('hand', { ...row, version: await this.#memory.put(KEY, row, version, signal) });
  }

  async remove(shardId: string): Promise<void> {
    await this.#memory.remove(KEY, shardId, this.rows.get(shardId)!.version, new AbortController().signal);
    this.rows.delete(shardId);
    this.tell('hand', { kind: 'removed', shardId });
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    for (const reader of this.readers) {
      reader.gate.reopen();
      reader.output.release();
      if (reader.runs) reader.ask();
    }
    await this.until(() => this.readers.every(({ runs }) => !runs));
  }

  #stored(by: string, row: StoredRow): void {
    this.tell(by, { kind: 'put', row, before: this.rows.get(row.shardId) });
    this.rows.set(row.shardId, row);
  }
}

export const KEYS: readonly string[] = Array.from({ length: 12 }, (_, n) => `key ${n}`);
