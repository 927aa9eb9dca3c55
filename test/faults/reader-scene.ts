/** A whole reader on a simulated stream, in virtual time, with a store and an output that remember everything. */
import { EventLog, type EventName, type LogLine } from '../../base/events.ts';
import { comparePositions, type Position } from '../../reader/checkpoint/position.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { CheckpointStore, ShardRow, StoredRow, StreamKey } from '../../reader/checkpoint/store.ts';
import { Reader, type ReaderOptions } from '../../reader/index.ts';
import { hashOf } from '../../record/kpl.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import type { ServiceOptions } from '../fakes/kinesis/service.ts';
import { FakeOutput } from '../fakes/output.ts';

export const STREAM = 'access-logs';
export const FIRST = 'shardId-000000000000';
export const SECOND = 'shardId-000000000001';

/** Remembers every put that won, and fails when told to. */
export class RecordingStore implements CheckpointStore {
  readonly traits = { survivesRestart: true, shared: false };
  readonly puts: ShardRow[] = [];
  readonly #inner = new MemoryStore();
  #failure: Error | undefined;
  failures = 0;
  #rowsFailure: Error | undefined;

  rowsFailWith(error: Error | undefined): void {
    this.#rowsFailure = error;
  }

  failWith(error: Error | undefined): void {
    this.#failure = error;
  }

  /** Fails, when told to, after the rows: whoever reads them again must not keep half of them twice. */
  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    yield* this.#inner.rows(stream, signal);
    if (this.#rowsFailure !== undefined) throw this.#rowsFailure;
  }

  async put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal): Promise<number> {
    if (this.#failure !== undefined) {
      this.failures++;
      throw this.#failure;
    }
    const version = await this.#inner.put(stream, row, expected, signal);
    this.puts.push(row);
    return version;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  positions(shardId: string): Position[] {
    return this.puts.filter((row) => row.shardId === shardId).map((row) => row.position);
  }

  /** Another reader writes the row in between. */
  async takeOver(shardId: string): Promise<void> {
    const signal = new AbortController().signal;
    for await (const { version, ...row } of this.rows({ id: STREAM, createdMs: 0 }, signal))
      if (row.shardId === shardId) await this.#inner.put({ id: STREAM, createdMs: 0 }, row, version, signal);
  }

  /** Shards whose stored position once went back. */
  wentBack(): string[] {
    const ids = [...new Set(this.puts.map((row) => row.shardId))];
    return ids.filter((id) =>
      this.positions(id).some((position, i, all) => i > 0 && comparePositions(position, all[i - 1]!) < 0),
    );
  }
}

export interface Run {
  /** Undefined while it runs; null after a good end. */
  error: unknown;
  stop(): Promise<void>;
  /** As if the process had been killed: nothing it does from here on reaches the store or the output. */
  crash(): Promise<void>;
}

export class ReaderScene {
  readonly clock = new FakeClock();
  readonly fake: FakeKinesis;
  readonly store = new RecordingStore();
  readonly output = new FakeOutput();
  readonly lines: LogLine[] = [];

  constructor({ shards = 2, service = {} }: { shards?: number; service?: Omit<ServiceOptions, 'clock'> } = {}) {
    this.fake = new FakeKinesis({ clock: this.clock, ...service });
    this.fake.createStream(STREAM, shards);
  }

  put(data: string | Uint8Array, key = 'key'): void {
    this.fake.put(STREAM, { data, key });
  }

  /** A reader on the scene that the test runs and stops itself. */
  reader(options: Partial<ReaderOptions> = {}): Reader {
    return new Reader({
      stream: STREAM,
      kinesis: {
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
        requestHandler: simulatorHandler(this.fake, { requestTimeoutMs: 30_000 }),
      },
      store: this.store,
      output: this.output,
      start: { kind: 'horizon' },
      clock: this.clock,
      log: new EventLog((line) => this.lines.push(line), 'debug'),
      ...options,
    } as ReaderOptions);
  }

  start(options: Partial<ReaderOptions> = {}): Run {
    const stop = new AbortController();
    const reader = this.reader(options);
    const run: Run = {
      error: undefined,
      stop: async () => {
        stop.abort();
        await this.until(() => run.error !== undefined);
      },
      crash: async () => {
        this.store.failWith(new Error('the process is dead'));
        stop.abort();
        await this.until(() => run.error !== undefined);
        this.store.failWith(undefined);
      },
    };
    void reader.run(stop.signal).then(
      () => (run.error = null),
      (error: unknown) => (run.error = error),
    );
    return run;
  }

  until(fact: () => boolean, limitMs?: number): Promise<void> {
    return this.clock.until(fact, limitMs);
  }

  /** The open shard that takes a key's records. */
  shardOf(key: string): string {
    const hash = hashOf(key);
    const open = this.fake.stream(STREAM).shards.filter((shard) => shard.closedMs === undefined);
    return open.find(({ shape }) => shape.firstHash <= hash && hash <= shape.lastHash)!.shardId;
  }

  /** Two open shards side by side. */
  openNeighbours(): [string, string] {
    const open = this.fake.stream(STREAM).shards.filter((shard) => shard.closedMs === undefined);
    open.sort((a, b) => (a.shape.firstHash < b.shape.firstHash ? -1 : 1));
    return [open[0]!.shardId, open[1]!.shardId];
  }

  /** Shards of which a record was asked for before the end of all their parents was stored. */
  childrenReadTooEarly(): string[] {
    const order = this.store.puts.map((row) => ({ id: row.shardId, ended: row.position.kind === 'end' }));
    return this.store.puts
      .filter(
        (row, i) =>
          row.position.kind === 'after' &&
          row.parents.some((parent) => !order.slice(0, i).some(({ id, ended }) => ended && id === parent)),
      )
      .map((row) => row.shardId);
  }

  named(name: EventName): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }
}

export const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `event ${from + i}`);

/** A partition key whose records lie in this shard. */
export function keyFor(fake: FakeKinesis, shardId: string): string {
  const { shape } = fake.stream(STREAM).shards.find((shard) => shard.shardId === shardId)!;
  for (let n = 0; ; n++) {
    const hash = hashOf(`key ${n}`);
    if (shape.firstHash <= hash && hash <= shape.lastHash) return `key ${n}`;
  }
}
