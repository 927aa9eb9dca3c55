/** Positions in a DynamoDB table that has KCL's lease schema, so that it can be taken over from a KCL and handed back. */
import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  ScanCommand,
  UpdateItemCommand,
  type AttributeValue,
  type ScanCommandInput,
} from '@aws-sdk/client-dynamodb';
import { systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import { checkpointOf, isLease, leaseFrom, rowOf, type Item, type Lease } from './dynamodb-item.ts';
import {
  currentPlace,
  isPlaceOf,
  isSamePlace,
  leaseKeyFrom,
  leaseKeyText,
  placeOf,
  streamMark,
  type KeyForm,
  type LeaseKey,
  type StreamPlace,
} from './dynamodb-keys.ts';
import { LeaseTable, type LeaseTableOptions } from './dynamodb-table.ts';
import { unchanged, updateOf } from './dynamodb-update.ts';
import { rowText } from './row.ts';
import { RowTurns } from './row-turns.ts';
import {
  versionConflict,
  type CheckpointStore,
  type RowRemover,
  type ShardRow,
  type StoredRow,
  type StreamKey,
  type Version,
} from './store.ts';

export interface DynamoStoreOptions extends LeaseTableOptions {
  /** `shard` (default): the table holds one stream, as that of a KCL application does. `stream`: it may hold several. */
  readonly keys?: KeyForm | undefined;
  /** Where reading begins for rows of a KCL that say LATEST or AT_TIMESTAMP, which carry no time, milliseconds since the epoch. Without it such a row is an error. */
  readonly untimedStartMs?: number | undefined;
}

/** Nothing is sent before the first call. Besides the failures of every store: KINLOG_CHECKPOINT_FOREIGN, _MISSING, KINLOG_PERMISSION_REFUSED, KINLOG_CREDENTIALS_*. */
export function openDynamoStore(options: DynamoStoreOptions): CheckpointStore & RowRemover {
  return new DynamoStore(options);
}

/** The row that a write is about. */
interface Place {
  readonly stream: StreamKey;
  readonly key: LeaseKey;
  readonly leaseKey: string;
}

interface Change {
  readonly place: Place;
  readonly expected: Version | 'absent';
  readonly removal: boolean;
  readonly signal: AbortSignal;
  /** Sends the write, on condition that the row still is as it was; returns the row as it is then. */
  readonly write: (before: Lease | undefined, nonce: string) => Promise<Lease | undefined>;
}

/** A write whose result is not known. Its tries carry one nonce and expect one version, so at most one of them happens. */
interface Doubt {
  readonly expected: Version | 'absent';
  readonly nonce: string;
  /** One of the tries was to remove the row. */
  readonly removal: boolean;
}

/** Whether the row is as an earlier try of the same write has left it. A removal whose answer was lost lets no put bring the row back. */
function isTryOf(doubt: Doubt, row: Lease | undefined, removal: boolean): boolean {
  return row === undefined ? removal && doubt.removal : row.nonce === doubt.nonce;
}

class DynamoStore implements CheckpointStore, RowRemover {
  readonly traits = { survivesRestart: true, shared: true };
  readonly #table: LeaseTable;
  readonly #form: KeyForm;
  readonly #untimedStartMs: number | undefined;
  readonly #clock: Clock;
  /** The highest version that was seen of any row. */
  #newest: Version = 0;
  /** By stream id: what a listing found its rows under. */
  readonly #places = new Map<string, StreamPlace>();
  /** By lease key: the row as it was seen last, so that a put knows what it changes without reading it. */
  readonly #known = new Map<string, Lease>();
  readonly #doubts = new Map<string, Doubt>();
  readonly #turns = new RowTurns();
  #closed: Promise<void> | undefined;

  constructor(options: DynamoStoreOptions) {
    this.#table = new LeaseTable(options);
    this.#form = options.keys ?? 'shard';
    this.#untimedStartMs = options.untimedStartMs;
    this.#clock = options.clock ?? systemClock;
  }

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    this.#refuseClosed();
    await this.#table.ready(signal);
    const found: [Place, Item][] = [];
    for await (const item of this.#scan(stream, signal)) {
      const place = this.#placeOfItem(stream, item);
      if (place !== undefined) found.push([place, item]);
    }
    this.#forget(stream, new Set(found.map(([{ leaseKey }]) => leaseKey)));
    const current = currentPlace(
      found.flatMap(([{ key }]) => key.stream ?? []),
      stream,
    );
    if (current === undefined) this.#places.delete(stream.id);
    else this.#places.set(stream.id, current);
    for (const [place, item] of found) {
      signal.throwIfAborted();
      if (isSamePlace(place.key.stream, current)) yield this.#row(place, item);
    }
  }

  async put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version> {
    // Refuses what could not be read back.
    rowText(row, 1);
    const place = this.#place(stream, row.shardId);
    const write = (before: Lease | undefined, nonce: string) => this.#update(place, row, before, nonce);
    const lease = await this.#inTurn({ place, expected, removal: false, signal, write });
    return lease!.version;
  }

  async remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    const place = this.#place(stream, shardId);
    await this.#inTurn({ place, expected, removal: true, signal, write: (before) => this.#delete(place, before) });
  }

  /** Waits for the writes under way. */
  close(): Promise<void> {
    this.#closed ??= this.#turns.ended().then(() => this.#table.close());
    return this.#closed;
  }

  async #inTurn(change: Change): Promise<Lease | undefined> {
    this.#refuseClosed();
    return this.#turns.take(change.place.leaseKey, () => this.#change(change));
  }

  /**
   * A condition that does not hold is no proof that somebody else wrote: the answer of an earlier try may have been lost. So the row is read again, and when
   * it carries the nonce of this write, the write goes on from there. From the first try that was sent the signal no longer matters.
   */
  async #change({ place, expected, removal, signal, write }: Change): Promise<Lease | undefined> {
    await this.#table.ready(signal);
    const doubt = this.#doubt(place, expected);
    let before = await this.#before(place, expected);
    signal.throwIfAborted();
    for (;;) {
      if (versionOf(before) !== expected && !isTryOf(doubt, before, removal)) {
        this.#doubts.delete(place.leaseKey);
        throw versionConflict(place.key.shardId, expected, versionOf(before));
      }
      this.#doubts.set(place.leaseKey, { ...doubt, removal: doubt.removal || removal });
      try {
        return this.#settled(place, await write(before, doubt.nonce));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        before = await this.#read(place);
      }
    }
  }

  /** That of an earlier try of the same write, if there was one. */
  #doubt({ leaseKey }: Place, expected: Version | 'absent'): Doubt {
    const earlier = this.#doubts.get(leaseKey);
    return earlier?.expected === expected ? earlier : { expected, nonce: randomUUID(), removal: false };
  }

  #settled({ leaseKey }: Place, after: Lease | undefined): Lease | undefined {
    this.#doubts.delete(leaseKey);
    if (after === undefined) this.#known.delete(leaseKey);
    else this.#remember(leaseKey, after);
    return after;
  }

  #remember(leaseKey: string, lease: Lease): void {
    this.#known.set(leaseKey, lease);
    this.#newest = Math.max(this.#newest, lease.version);
  }

  /** The time: counted from one, the versions of a row that was removed and made anew would come again, and a writer that slept over it would win. */
  #firstVersion(): Version {
    return Math.max(Math.floor(this.#clock.now()), this.#newest + 1);
  }

  /** What the row is taken for: nothing when it is expected to be absent, what is known when that is what is expected, and what is stored otherwise. */
  async #before(place: Place, expected: Version | 'absent'): Promise<Lease | undefined> {
    if (expected === 'absent') return undefined;
    const known = this.#known.get(place.leaseKey);
    return known?.version === expected ? known : this.#read(place);
  }

  async #read(place: Place): Promise<Lease | undefined> {
    const Key = keyOf(place);
    const command = new GetItemCommand({ TableName: this.#table.name, Key, ConsistentRead: true });
    const { Item: item } = await this.#table.call('GetItem', (client) => client.send(command));
    return item === undefined ? undefined : this.#lease(place, item);
  }

  async #update(place: Place, row: ShardRow, before: Lease | undefined, nonce: string): Promise<Lease> {
    const version = before === undefined ? this.#firstVersion() : before.version + 1;
    const mark = { streamId: place.stream.id, nonce, version };
    const update = updateOf(place.key, row, before, mark);
    const command = new UpdateItemCommand({ TableName: this.#table.name, Key: keyOf(place), ...update });
    await this.#table.call('UpdateItem', (client) => client.send(command));
    return { ...mark, ...checkpointOf(row.position), ...(row.owner === undefined ? {} : { owner: row.owner }) };
  }

  async #delete(place: Place, before: Lease | undefined): Promise<undefined> {
    // An earlier try has removed it.
    if (before === undefined) return;
    const { text, values } = unchanged(before);
    const condition = { ConditionExpression: text, ExpressionAttributeValues: values };
    const command = new DeleteItemCommand({ TableName: this.#table.name, Key: keyOf(place), ...condition });
    await this.#table.call('DeleteItem', (client) => client.send(command));
  }

  /** Every item that is a row of the stream or should not be in its table. */
  async *#scan(stream: StreamKey, signal: AbortSignal): AsyncGenerator<Item> {
    const filter = this.#form === 'stream' ? filterOf(stream) : {};
    const abort = { abortSignal: signal };
    let from: Record<string, AttributeValue> | undefined;
    do {
      signal.throwIfAborted();
      const command = new ScanCommand({
        ...{ TableName: this.#table.name, ConsistentRead: true, ...filter },
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      });
      const page = await this.#table.call('Scan', (client) => client.send(command, abort), signal);
      yield* page.Items ?? [];
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
  }

  #place(stream: StreamKey, shardId: string): Place {
    const { id } = stream;
    const key = { shardId, stream: this.#form === 'shard' ? undefined : (this.#places.get(id) ?? placeOf(stream)) };
    return { stream, key, leaseKey: leaseKeyText(key) };
  }

  /** Undefined for what is no row of the stream but may be in the table; remembers the row. */
  #placeOfItem(stream: StreamKey, item: Item): Place | undefined {
    if (!isLease(item)) return undefined;
    const leaseKey = item['leaseKey']?.S ?? '';
    const key = leaseKeyFrom(leaseKey, this.#form);
    if (key === undefined) throw this.#otherForm(leaseKey);
    if (key.stream !== undefined && !isPlaceOf(key.stream, stream)) return undefined;
    const place = { stream, key, leaseKey };
    this.#remember(leaseKey, this.#lease(place, item));
    return place;
  }

  /** Rows of the stream that are gone. One that was created meanwhile costs a reading. */
  #forget(stream: StreamKey, listed: ReadonlySet<string>): void {
    const mark = this.#form === 'shard' ? '' : streamMark(stream);
    for (const leaseKey of this.#known.keys())
      if (leaseKey.includes(mark) && !listed.has(leaseKey)) this.#known.delete(leaseKey);
  }

  #lease(place: Place, item: Item): Lease {
    const lease = leaseFrom(item, this.#where(place));
    if (this.#form === 'stream' || (lease.streamId ?? place.stream.id) === place.stream.id) return lease;
    throw new KinlogError(
      'KINLOG_CHECKPOINT_FOREIGN',
      `${this.#where(place)} belongs to the stream ${JSON.stringify(lease.streamId)}, not to ${JSON.stringify(place.stream.id)}`,
      { remedy: 'Give every stream a table of its own, or begin a new table with keys that name the stream.' },
    );
  }

  #row(place: Place, item: Item): StoredRow {
    const { shardId } = place.key;
    const untimedStartMs = this.#untimedStartMs;
    return rowOf(item, { shardId, where: this.#where(place), createdMs: createdMsOf(place), untimedStartMs });
  }

  #where({ leaseKey }: Place): string {
    return `the item ${leaseKey} of the table ${this.#table.name}`;
  }

  #otherForm(leaseKey: string): KinlogError {
    const what = this.#form === 'shard' ? 'a shard' : 'a shard with its account and stream';
    return new KinlogError(
      'KINLOG_CHECKPOINT_FOREIGN',
      `the key ${JSON.stringify(leaseKey)} in the table ${this.#table.name} does not name ${what}`,
      {
        remedy:
          this.#form === 'shard'
            ? 'Say keys: stream (--store-keys stream) for a table that holds several streams, or name the table of this stream.'
            : 'Say keys: shard (--store-keys shard) for a table that holds one stream, or name another table.',
      },
    );
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined)
      throw new KinlogError('KINLOG_CLOSED', `the table ${this.#table.name} was used after its store was closed`);
  }
}

/** Besides the stream's own rows everything that should not be there, so that it does not go unseen. */
function filterOf(stream: StreamKey): Partial<ScanCommandInput> {
  return {
    FilterExpression:
      'contains(leaseKey, :mark) OR attribute_not_exists(leaseCounter) OR NOT contains(leaseKey, :separator)',
    ExpressionAttributeValues: { ':mark': { S: streamMark(stream) }, ':separator': { S: ':' } },
  };
}

/** A key holds whole seconds. */
function createdMsOf({ key, stream }: Place): number {
  if (key.stream === undefined) return 0;
  return key.stream.createdS === placeOf(stream).createdS ? stream.createdMs : Number(key.stream.createdS) * 1000;
}

function keyOf({ leaseKey }: Place): Record<string, AttributeValue> {
  return { leaseKey: { S: leaseKey } };
}

function versionOf(lease: Lease | undefined): Version | 'absent' {
  return lease?.version ?? 'absent';
}
