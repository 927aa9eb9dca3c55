/** Positions in a collection of Splunk's KV store: every version of a row is inserted under a key of its own, which only one writer can do. */
import { systemClock, type Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { HttpClient } from '../../base/http.ts';
import { KvCollection, type SplunkAuth } from './kv-store-api.ts';
import { connectSplunkd, type KvConnectionOptions } from './kv-store-connection.ts';
import {
  anchorIn,
  documentFrom,
  documentOf,
  endOf,
  lifePrefix,
  newLife,
  newNonce,
  placeOf,
  readShard,
  rowOf,
  streamPrefix,
  type KvDocument,
  type Life,
  type Place,
} from './kv-store-documents.ts';
import { KvProof } from './kv-store-proof.ts';
import { KvSweeper } from './kv-store-sweep.ts';
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

export interface KvStoreOptions extends KvConnectionOptions {
  /** Asked for every call, so that a token may be renewed while the store is open. */
  readonly auth: SplunkAuth | (() => Promise<SplunkAuth>);
  readonly clock?: Clock | undefined;
  readonly log?: EventLog | undefined;
  /** How long a KV store that is still starting is waited for, milliseconds; default five minutes. */
  readonly readyWithinMs?: number | undefined;
  /** Default: that of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Nothing is asked before the first use. Fails with KINLOG_CONFIG_INVALID. */
export function openKvStore(options: KvStoreOptions): CheckpointStore & RowRemover {
  return new KvStore(connectSplunkd(options, options.env ?? process.env), options);
}

/** A write as the caller wants it. */
interface Change {
  readonly expected: Version | 'absent';
  /** Text of the row at a version; empty for a removal. */
  readonly stateAt: (version: Version) => string;
  readonly removes: boolean;
}

/** What a write builds on. */
interface Ground {
  /** Absent: there is no row. */
  readonly life: Life | undefined;
  /** The change has happened already, by a try whose answer was lost. */
  readonly done?: boolean;
}

interface KnownRow extends Life {
  readonly sweptTo: Version;
}

class KvStore implements CheckpointStore, RowRemover {
  readonly traits = { survivesRestart: true, shared: true };
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #collection: KvCollection;
  readonly #proof: KvProof;
  readonly #sweeper: KvSweeper;
  readonly #known = new Map<string, KnownRow>();
  /** Tries whose answer was lost, by anchor: a document with this nonce is ours. */
  readonly #doubtful = new Map<string, { readonly expected: Version | 'absent'; readonly nonce: string }>();
  /** By anchor, so that a lost try of one write is not taken for that of another. */
  readonly #turns = new RowTurns();
  #lastBorn = 0;
  #closed: Promise<void> | undefined;

  constructor(http: HttpClient, options: KvStoreOptions) {
    const { url, app, collection = 'kinlog_rows', auth, clock = systemClock, readyWithinMs = 300_000 } = options;
    this.#http = http;
    this.#clock = clock;
    const ask = typeof auth === 'function' ? auth : () => Promise.resolve(auth);
    this.#collection = new KvCollection({
      http,
      host: new URL(url).host,
      app,
      collection,
      auth: ask,
      clock,
      readyWithinMs,
    });
    this.#proof = new KvProof(this.#collection, clock);
    this.#sweeper = new KvSweeper(this.#collection, options.log);
  }

  /**
   * A page may be cut anywhere, so the last shard of each is read on its own. Only an empty page is the end, because an answer with fewer rows than asked for
   * may have been cut by a lower limit of the server, about which it says nothing.
   */
  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    this.#refuseClosed();
    const prefix = streamPrefix(stream);
    for (let from = prefix; ;) {
      const query = { _key: { $gte: from, $lt: endOf(prefix) } };
      const page = this.#documents(await this.#collection.find({ query, limit: PAGE }, signal));
      const shards = Map.groupBy(page, (document) => anchorIn(document._key));
      const cut = page.at(-1);
      if (cut === undefined) return;
      from = anchorIn(cut._key);
      for (const [anchor, documents] of shards) {
        signal.throwIfAborted();
        const { latest: shown, over } = readShard(documents);
        for (const born of over) this.#sweeper.over(anchor, born);
        const latest = anchor === from ? await this.#latest(anchor, signal) : shown;
        if (latest === undefined || latest.state === '') continue;
        const row = rowOf(stream, latest, this.#collection.where);
        this.#remember(anchor, latest, latest.version - documents.length + 1);
        yield row;
      }
      from = `${from}/`;
    }
  }

  async put(stream: StreamKey, row: ShardRow, expected: Version | 'absent', signal: AbortSignal): Promise<Version> {
    const place = placeOf(stream, row.shardId);
    const change = { expected, stateAt: (version: Version) => rowText(row, version), removes: false };
    return this.#inTurn(place, async () => {
      const life = await this.#write(place, change, signal);
      this.#remember(place.anchor, life, this.#known.get(place.anchor)?.sweptTo ?? life.version);
      return life.version;
    });
  }

  async remove(stream: StreamKey, shardId: string, expected: Version, signal: AbortSignal): Promise<void> {
    const place = placeOf(stream, shardId);
    await this.#inTurn(place, async () => {
      const { born } = await this.#write(place, { expected, stateAt: () => '', removes: true }, signal);
      this.#known.delete(place.anchor);
      this.#sweeper.over(place.anchor, born);
    });
  }

  /** What is under way ends first. */
  close(): Promise<void> {
    this.#closed ??= this.#turns
      .ended()
      .then(() => this.#sweeper.close())
      .then(() => this.#http.close());
    return this.#closed;
  }

  async #inTurn<T>({ anchor }: Place, work: () => Promise<T>): Promise<T> {
    this.#refuseClosed();
    return this.#turns.take(anchor, work);
  }

  /** Inserts the version that follows the expected one. A key that is taken is looked into: it may be our own, from a try whose answer was lost. */
  async #write(place: Place, change: Change, signal: AbortSignal): Promise<Life> {
    signal.throwIfAborted();
    const { anchor } = place;
    const { expected } = change;
    const before = this.#doubtful.get(anchor);
    const nonce = before?.expected === expected ? before.nonce : newNonce();
    this.#doubtful.set(anchor, { expected, nonce });
    try {
      const life = await this.#inserted(place, change, nonce, signal);
      this.#doubtful.delete(anchor);
      return life;
    } catch (error) {
      if (isKinlogError(error, 'KINLOG_CHECKPOINT_CONFLICT')) this.#doubtful.delete(anchor);
      throw error;
    }
  }

  async #inserted(place: Place, change: Change, nonce: string, signal: AbortSignal): Promise<Life> {
    const { anchor } = place;
    let ground = this.#groundKnown(place, change.expected);
    for (const waitMs of WAITS_MS) {
      ground ??= await this.#groundFound(place, change, nonce, signal);
      if (ground.done === true) return ground.life!;
      const life = ground.life === undefined ? this.#newLife() : { ...ground.life, version: ground.life.version + 1 };
      const document = documentOf(place, life, { nonce, state: change.stateAt(life.version) });
      if (await this.#collection.insert(document, signal)) {
        // An anchor is its own proof: where there is none there is no row.
        if (ground.life === undefined || (await this.#proof.holds(place, life, nonce))) return life;
        // Inserted in vain. Nobody else would ever delete it if the row's life is over.
        this.#sweeper.superseded(anchor, { born: life.born, version: life.version + 1 });
      }
      ground = undefined;
      if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
    }
    throw new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', `${this.#collection.where}: reads lag behind writes`);
  }

  #groundKnown(place: Place, expected: Version | 'absent'): Ground | undefined {
    const known = this.#known.get(place.anchor);
    return known?.version === expected ? { life: known } : undefined;
  }

  /** What is stored, if the change may be made on it; a conflict otherwise. */
  async #groundFound(place: Place, change: Change, nonce: string, signal: AbortSignal): Promise<Ground> {
    const { expected, removes } = change;
    const latest = await this.#latest(place.anchor, signal);
    if (latest?.state === '') {
      if (removes && latest.nonce === nonce) return { life: latest, done: true };
      if (expected !== 'absent') throw versionConflict(place.shardId, expected, 'absent');
      return this.#cleared(place, latest, signal);
    }
    const found = latest === undefined ? 'absent' : rowOf(place.stream, latest, this.#collection.where).version;
    if (found !== expected && latest?.nonce !== nonce) throw versionConflict(place.shardId, expected, found);
    return { life: latest };
  }

  /** A removed row is absent, but its anchor has to go before another can be made. */
  async #cleared(place: Place, removal: KvDocument, signal: AbortSignal): Promise<Ground> {
    this.#lastBorn = Math.max(this.#lastBorn, removal.version);
    await this.#sweeper.bury(place.anchor, removal.born, signal);
    return { life: undefined };
  }

  /** The time, so that no life is born with a version of an earlier one of the same shard, of which nothing may be left. */
  #newLife(): Life {
    this.#lastBorn = Math.max(this.#clock.now(), this.#lastBorn + 1);
    return newLife(this.#lastBorn);
  }

  /** The row of the shard, be it a removal; undefined when there is none. The anchor says which life counts. */
  async #latest(anchor: string, signal: AbortSignal): Promise<KvDocument | undefined> {
    const [first] = this.#documents(await this.#collection.find({ query: { _key: anchor }, limit: 1 }, signal));
    if (first === undefined) return undefined;
    const prefix = lifePrefix(anchor, first.born);
    const query = { _key: { $gte: prefix, $lt: endOf(prefix) } };
    const [last] = this.#documents(await this.#collection.find({ query, descending: true, limit: 1 }, signal));
    return last ?? first;
  }

  #remember(anchor: string, { born, version }: Life, sweptTo: Version): void {
    this.#lastBorn = Math.max(this.#lastBorn, version);
    const due = version - sweptTo >= KEPT;
    if (due) this.#sweeper.superseded(anchor, { born, version });
    this.#known.set(anchor, { born, version, sweptTo: due ? version : sweptTo });
  }

  #documents(found: readonly unknown[]): KvDocument[] {
    return found.map((one) => documentFrom(one, this.#collection.where));
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined)
      throw new KinlogError('KINLOG_CLOSED', `${this.#collection.where} was used after the store was closed`);
  }
}

/** Documents in one answer; below the 50,000 at which the KV store cuts silently. */
const PAGE = 1000;
/** Superseded versions that a row may have before they are swept: fewer would cost more requests, more would cost space and slower listings. */
const KEPT = 8;
/** Between looks at a store whose reads lag behind its writes. */
const WAITS_MS = [0, 50, 100, 200, 400, 800];
