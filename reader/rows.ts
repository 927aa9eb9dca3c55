/** The rows of one stream as this reader knows them. Every write is conditional; on a store that readers share, losing a race is no failure. */
import { isKinlogError, KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import type { CheckpointStore, RowRemover, ShardRow, StoredRow, StreamKey } from './checkpoint/store.ts';
import { Turns } from '../base/turns.ts';
import type { Patience } from './patience.ts';

/** Puts under way at the same time: a network store answers in milliseconds, and a stream may have thousands of shards. */
const ABREAST = 16;

export class StreamRows {
  readonly stream: StreamKey;
  readonly #store: CheckpointStore & Partial<RowRemover>;
  readonly #patience: Patience;
  readonly #log: EventLog;
  readonly #drain: AbortSignal;
  #rows = new Map<string, StoredRow>();
  /** Rows of an earlier stream of the same name. */
  #strangers = new Map<string, StoredRow>();
  /** Rows that this reader wrote since the last reading of all rows began: that reading may have missed them. */
  readonly #written = new Map<string, StoredRow>();
  readonly #creating = new Turns();
  #reading: Promise<void> = Promise.resolve();
  #nextReading: Promise<Map<string, StoredRow>> | undefined;

  constructor(
    stream: StreamKey,
    parts: { store: CheckpointStore & Partial<RowRemover>; patience: Patience; log: EventLog; drain: AbortSignal },
  ) {
    this.stream = stream;
    this.#store = parts.store;
    this.#patience = parts.patience;
    this.#log = parts.log;
    this.#drain = parts.drain;
  }

  /** By shard id. */
  get known(): ReadonlyMap<string, StoredRow> {
    return this.#rows;
  }

  get strangers(): ReadonlyMap<string, StoredRow> {
    return this.#strangers;
  }

  /** Reads every row anew. */
  async read(signal: AbortSignal): Promise<void> {
    await this.#patience.wait('reading the stored positions', () => this.#readOnce(signal), signal);
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    this.#written.clear();
    const rows = new Map<string, StoredRow>();
    const strangers = new Map<string, StoredRow>();
    for await (const row of this.#store.rows(this.stream, signal)) {
      this.#refuseOtherRegion(row);
      (this.#isStranger(row) ? strangers : rows).set(row.shardId, row);
    }
    for (const [shardId, row] of this.#written)
      if (row.version > (rows.get(shardId)?.version ?? 0)) rows.set(shardId, row);
    this.#rows = rows;
    this.#strangers = strangers;
  }

  #isStranger({ streamCreatedMs }: StoredRow): boolean {
    return streamCreatedMs !== 0 && this.stream.createdMs !== 0 && streamCreatedMs !== this.stream.createdMs;
  }

  /** Readers of two streams would share the shards of both, and each would leave half of its own unread. */
  #refuseOtherRegion({ shardId, region }: StoredRow): void {
    const { id, region: ours } = this.stream;
    if (region === undefined || ours === undefined || region === ours) return;
    throw new KinlogError(
      'KINLOG_CHECKPOINT_FOREIGN',
      `the row of ${shardId} belongs to the stream ${id} in ${region}, and this reader reads the one in ${ours}`,
      { remedy: 'Give every stream a table, collection or directory of its own, or correct the region.' },
    );
  }

  /** The row of a shard as it is stored now. Whoever asks while a reading of the rows is under way shares the next one: a reader that is asked for hundreds of shards at once would read the table hundreds of times. */
  async reread(shardId: string): Promise<StoredRow | undefined> {
    this.#nextReading ??= this.#reading.then(() => {
      this.#nextReading = undefined;
      const reading = this.#readAll();
      this.#reading = reading.then(ignore, ignore);
      return reading;
    });
    return (await this.#nextReading).get(shardId);
  }

  async #readAll(): Promise<Map<string, StoredRow>> {
    const rows = new Map<string, StoredRow>();
    for await (const row of this.#store.rows(this.stream, this.#drain)) rows.set(row.shardId, row);
    return rows;
  }

  /** Somebody who reads the shard has written its row. */
  note(row: StoredRow): void {
    this.#rows.set(row.shardId, row);
    this.#written.set(row.shardId, row);
  }

  /** Stores new rows so that none is there before those of its parents: whoever is interrupted leaves nothing that looks passed over.
   *  One after the other: two parents that end at once, and the listing, may each want the row of the same child. */
  async create(rows: readonly ShardRow[], signal: AbortSignal): Promise<void> {
    await this.#creating.take(signal);
    try {
      for (const generation of generations(rows.filter(({ shardId }) => !this.#rows.has(shardId))))
        await Promise.all(
          generation.map((row) => this.put(row, this.#strangers.get(row.shardId)?.version ?? 'absent', signal)),
        );
    } finally {
      this.#creating.leave();
    }
  }

  /** Undefined when another reader was quicker. */
  async put(row: ShardRow, expected: number | 'absent', signal: AbortSignal): Promise<StoredRow | undefined> {
    const { store, stream } = { store: this.#store, stream: this.stream };
    const stamped = stream.region === undefined ? row : { ...row, region: stream.region };
    try {
      const version = await this.#patience.wait(
        `storing the row of ${row.shardId}`,
        () => store.put(stream, stamped, expected, signal),
        signal,
      );
      this.#strangers.delete(row.shardId);
      const stored = { ...stamped, version };
      this.note(stored);
      return stored;
    } catch (error) {
      if (store.traits.shared && isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) return undefined;
      throw error;
    }
  }

  /** What can not be removed now is removed by a later try, or another reader. */
  async remove(rows: readonly StoredRow[], signal: AbortSignal): Promise<void> {
    if (this.#store.remove === undefined) return;
    for (const { shardId, version } of rows) {
      try {
        await this.#store.remove(this.stream, shardId, version, signal);
        this.#rows.delete(shardId);
        this.#strangers.delete(shardId);
        this.#log.count('rows_removed');
      } catch (error) {
        signal.throwIfAborted();
        if (isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) continue;
        if (isKinlogError(error) && error.retry !== 'never') return;
        throw error;
      }
    }
  }
}

function ignore(): void {
  // Whoever asked has met the failure.
}

/** Rows that may be stored side by side: parents lie in an earlier part. The input has every parent before its children. */
export function generations(rows: readonly ShardRow[]): ShardRow[][] {
  const parts: ShardRow[][] = [];
  let part: ShardRow[] = [];
  let ids = new Set<string>();
  for (const row of rows) {
    if (part.length === ABREAST || row.parents.some((parent) => ids.has(parent))) {
      parts.push(part);
      part = [];
      ids = new Set();
    }
    part.push(row);
    ids.add(row.shardId);
  }
  return part.length === 0 ? parts : [...parts, part];
}
