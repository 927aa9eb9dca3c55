/** What must be true of a reader: a stream that knows what was put, lives of a reader that end in every way, and everything noticed on the way. */
import { KinlogError } from '../../base/errors.ts';
import type { CheckpointStore, ShardRow, StoredRow, StreamKey } from '../../reader/checkpoint/store.ts';
import { compareSequence, type Position } from '../../reader/checkpoint/position.ts';
import type { Output } from '../../reader/output/output.ts';
import type { EventBatch } from '../../record/batch.ts';
import { ReaderScene, STREAM, type Run } from '../faults/reader-scene.ts';

export interface ModelSettings {
  readonly shards: number;
  readonly start: 'tip' | 'horizon';
  readonly checkpointEveryMs: number;
  readonly maxBytesInFlight: number;
  readonly endOfShard: 'together' | 'empty-page';
  readonly childShards: boolean;
  readonly iteratorTtlMs: number;
  /** Batches of a shard that wait for the output at the same time. */
  readonly window: number;
  /** Longest time from taking a batch to saying that it is safe. */
  readonly settleMs: number;
}

interface PutEvent {
  readonly id: string;
  readonly key: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subSequence: number;
}

/** One process: what it does reaches store and output until it is dead. */
class Life {
  readonly run: Run;
  readonly positions = new Map<string, Position>();
  readonly firstCall: number;
  readonly firstEvent: number;
  dead = false;
  /** Acts left until it dies; undefined = it lives on. */
  fuse: { acts: number; readonly done: boolean } | undefined;

  constructor(model: ReaderModel) {
    const { scene, settings } = model;
    this.firstCall = scene.fake.calls.length;
    this.firstEvent = scene.output.events.length;
    for (const row of scene.store.puts) this.positions.set(row.shardId, row.position);
    const { start, checkpointEveryMs, maxBytesInFlight } = settings;
    this.run = scene.start({
      store: this.#store(model),
      output: this.#output(model),
      start: { kind: start },
      checkpointEveryMs,
      maxBytesInFlight,
    });
  }

  /** Something that reaches the world: it happens whole or not at all, and death may come before or after it. */
  async act<T>(what: () => Promise<T>): Promise<T> {
    const last = this.fuse !== undefined && this.fuse.acts-- <= 0;
    if (last && this.fuse?.done === true && !this.dead) await what();
    if (last) this.dead = true;
    if (this.dead) throw new KinlogError('KINLOG_CLOSED', 'the process is dead');
    return what();
  }

  #store(model: ReaderModel): CheckpointStore {
    const { store } = model.scene;
    return {
      traits: store.traits,
      rows: (stream: StreamKey, signal: AbortSignal): AsyncIterable<StoredRow> => store.rows(stream, signal),
      put: (stream, row, expected, signal) =>
        this.act(async () => {
          const version = await store.put(stream, row, expected, signal);
          model.stored(row);
          return version;
        }),
      close: () => Promise.resolve(),
    };
  }

  #output({ scene: { output, clock }, settings, safe }: ReaderModel): Output {
    const { window, settleMs } = settings;
    let writes = 0;
    return {
      window,
      write: async (batch: EventBatch, signal: AbortSignal) => {
        await this.act(() => output.write(batch, signal));
        // Neighbours overtake each other.
        if (settleMs > 0) await clock.sleep((++writes * 7919) % settleMs, signal);
        for (const event of batch) safe.add(idOf(event));
      },
      close: () => Promise.resolve(),
    };
  }
}

export class ReaderModel {
  readonly settings: ModelSettings;
  readonly scene: ReaderScene;
  readonly faults: string[] = [];
  /** Events of writes that settled. */
  readonly safe = new Set<string>();
  readonly #put: PutEvent[] = [];
  readonly #bySequence = new Map<string, PutEvent>();
  readonly #lives: Life[] = [];

  constructor(settings: ModelSettings) {
    this.settings = settings;
    const { shards, endOfShard, childShards, iteratorTtlMs } = settings;
    this.scene = new ReaderScene({ shards, service: { endOfShard, childShards, iteratorTtlMs } });
  }

  get #life(): Life {
    return this.#lives.at(-1)!;
  }

  /** Settles once the reader has stored where it begins: what is put from then on must arrive. */
  async begin(): Promise<void> {
    this.#lives.push(new Life(this));
    await this.scene.until(() => this.scene.store.puts.length >= this.settings.shards);
  }

  put(
    key: string,
    count: number,
    shape: (key: string, texts: readonly string[]) => readonly (string | Uint8Array)[],
  ): void {
    const ids = Array.from({ length: count }, (_, i) => `${this.#put.length + i}`);
    const records = shape(key, ids);
    const users = ids.length / records.length;
    records.forEach((data, i) => {
      const place = this.scene.fake.put(STREAM, { data, key });
      for (let sub = 0; sub < users; sub++) {
        const event = { id: ids[i * users + sub]!, key, ...place, subSequence: sub };
        this.#put.push(event);
        this.#bySequence.set(`${place.sequenceNumber}:${sub}`, event);
      }
    });
  }

  split(pick: number): void {
    const { open } = this.scene.fake.stream(STREAM);
    if (open.length < 6) this.scene.fake.split(STREAM, open[pick % open.length]!.shardId);
  }

  merge(pick: number): void {
    const open = [...this.scene.fake.stream(STREAM).open].sort((a, b) =>
      a.shape.firstHash < b.shape.firstHash ? -1 : 1,
    );
    if (open.length < 2) return;
    const left = pick % (open.length - 1);
    this.scene.fake.merge(STREAM, open[left]!.shardId, open[left + 1]!.shardId);
  }

  /** Stopped in peace, it leaves nothing accepted that is not stored. */
  async stop(): Promise<void> {
    const { clock, store, output } = this.scene;
    const { run, firstEvent } = this.#life;
    const before = { ms: clock.monotonic(), failures: store.failures };
    await run.stop();
    const inPeace = run.error === null && store.failures === before.failures && clock.monotonic() < before.ms + 4000;
    if (!inPeace) return;
    const stored = new Map(store.puts.map((row) => [row.shardId, row.position]));
    for (const kept of output.events.slice(firstEvent)) {
      const event = this.#bySequence.get(`${kept.sequenceNumber}:${kept.subSequence}`)!;
      if (!covers(stored.get(event.shardId)!, event)) this.faults.push(`stopped without storing event ${event.id}`);
    }
  }

  /** Dies with one of its next acts, or a little later when it does nothing. */
  async kill(acts: number, done: boolean): Promise<void> {
    this.#life.fuse = { acts, done };
    await this.scene.clock.advance(3000);
    this.#life.dead = true;
    await this.#life.run.stop();
  }

  /** Whatever ended a reader, somebody starts the next one. */
  revive(): void {
    if (this.#life.run.error !== undefined) this.#lives.push(new Life(this));
  }

  /** All is well again, and the rest arrives. */
  async finish(): Promise<void> {
    const { fake, store, output } = this.scene;
    fake.faults.clear();
    store.failWith(undefined);
    output.release();
    await this.scene.until(() => {
      this.revive();
      return new Set(output.events.map(idOf)).size >= this.#put.length;
    });
    await this.stop();
  }

  /** Told at every row that was stored: is everything it covers accepted? */
  stored({ shardId, position }: ShardRow): void {
    for (const event of this.#put)
      if (event.shardId === shardId && covers(position, event) && !this.safe.has(event.id))
        this.faults.push(`stored ${JSON.stringify(position)} of ${shardId} before event ${event.id} was accepted`);
  }

  check(): void {
    const { scene } = this;
    for (const shardId of scene.store.wentBack()) this.faults.push(`the position of ${shardId} went back`);
    for (const shardId of scene.childrenReadTooEarly()) this.faults.push(`${shardId} was read before its parents`);
    for (const name of ['stream.data-loss', 'shard.failed'] as const)
      for (const line of scene.named(name)) this.faults.push(`${name} ${JSON.stringify(line.fields)}`);
    if (this.settings.window === 1) this.#checkOrder();
    this.#lives.forEach((life, n) => {
      this.#checkRepeats(life, this.#lives[n + 1]);
      this.#checkRate(life, this.#lives[n + 1]);
    });
  }

  #checkOrder(): void {
    const first = [...new Set(this.scene.output.events.map(idOf))];
    const keys = new Map(this.#put.map(({ id, key }) => [id, key]));
    for (const key of new Set(keys.values())) {
      const arrived = first.filter((id) => keys.get(id) === key);
      const put = this.#put.filter((event) => event.key === key).map(({ id }) => id);
      if (arrived.join() !== put.join()) this.faults.push(`${key}: put ${put.join()}, arrived ${arrived.join()}`);
    }
  }

  /** A life delivers nothing twice, and nothing that was stored as accepted when it began. */
  #checkRepeats(life: Life, next: Life | undefined): void {
    const seen = new Set<string>();
    for (const kept of this.scene.output.events.slice(life.firstEvent, next?.firstEvent)) {
      const event = this.#bySequence.get(`${kept.sequenceNumber}:${kept.subSequence}`)!;
      const position = life.positions.get(event.shardId);
      if (seen.has(event.id)) this.faults.push(`event ${event.id} came twice in one life`);
      if (position !== undefined && covers(position, event)) this.faults.push(`event ${event.id} came again`);
      seen.add(event.id);
    }
  }

  /** Five calls in any second; two MiB a second over any ten, and one page. */
  #checkRate(life: Life, next: Life | undefined): void {
    const calls = this.scene.fake.calls
      .slice(life.firstCall, next?.firstCall)
      .filter(({ operation }) => operation === 'GetRecords');
    for (const shardId of new Set(calls.map((call) => call.shardId))) {
      const mine = calls.filter((call) => call.shardId === shardId);
      mine.forEach(({ at }, i) => {
        if (mine.slice(i).filter((call) => call.at < at + 1000).length > 5)
          this.faults.push(`${shardId}: calls at ${at}`);
        const bytes = mine.slice(i + 1).reduce((sum, call) => sum + (call.at < at + 10_000 ? call.bytes : 0), 0);
        if (bytes > 30 * 1024 * 1024) this.faults.push(`${shardId}: ${bytes} bytes in ten seconds from ${at}`);
      });
    }
  }
}

const idOf = ({ text }: { readonly text: string }): string => text.split(' ')[0]!;

function covers(position: Position, { sequenceNumber, subSequence }: PutEvent): boolean {
  if (position.kind === 'end') return true;
  if (position.kind !== 'after') return false;
  const order = compareSequence(sequenceNumber, position.sequenceNumber);
  return order < 0 || (order === 0 && (!position.partial || subSequence <= position.subSequence));
}
