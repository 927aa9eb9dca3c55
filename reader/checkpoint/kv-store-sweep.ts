/** Deletes documents that can not be the row any more: versions below a later one, and lives that ended in a removal. */
import { asKinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { KvCollection, KvQuery } from './kv-store-api.ts';
import { documentFrom, endOf, keyOf, lifePrefix, type Life } from './kv-store-documents.ts';

/** Works beside the writes, one request at a time; what comes due meanwhile is swept together. A sweep that fails is no harm: a later one covers it. */
export class KvSweeper {
  readonly #collection: KvCollection;
  readonly #log: EventLog | undefined;
  /** By the prefix of the life: everything in it below a version. */
  readonly #superseded = new Map<string, KvQuery>();
  readonly #over = new Map<string, { readonly anchor: string; readonly born: string }>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(collection: KvCollection, log: EventLog | undefined) {
    this.#collection = collection;
    this.#log = log;
  }

  /** Everything of the life below its version: a later one is stored, or the life is over. */
  superseded(anchor: string, life: Life): void {
    const prefix = lifePrefix(anchor, life.born);
    this.#superseded.set(prefix, { _key: { $gte: prefix, $lt: keyOf(anchor, life) } });
    this.#start();
  }

  /** A life that seems to be over. */
  over(anchor: string, born: string): void {
    this.#over.set(lifePrefix(anchor, born), { anchor, born });
    this.#start();
  }

  /**
   * Deletes what is left of a life, if its latest version is a removal, above which nobody ever writes. That an anchor is not seen would prove nothing:
   * a listing may pass its place before it is inserted, and the next answer may come from an older copy of the store. The anchor goes first, so that no
   * earlier version can come back as the row.
   */
  async bury(anchor: string, born: string, signal: AbortSignal): Promise<void> {
    const prefix = lifePrefix(anchor, born);
    const query = { _key: { $gte: prefix, $lt: endOf(prefix) } };
    const [last] = await this.#collection.find({ query, descending: true, limit: 1 }, signal);
    if (last === undefined || documentFrom(last, this.#collection.where).state !== '') return;
    await this.#collection.delete({ _key: anchor, born }, signal);
    await this.#collection.delete(query, signal);
  }

  /** Ends what is under way, unless that takes too long: what is not swept does no harm. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), CLOSE_MS);
    await this.#running;
    clearTimeout(timer);
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#superseded.size > 0 || this.#over.size > 0) {
        const queries = this.#take();
        if (queries.length > 0) await this.#collection.delete({ $or: queries }, this.#stop.signal);
        for (const [key, { anchor, born }] of this.#over) {
          this.#over.delete(key);
          await this.bury(anchor, born, this.#stop.signal);
        }
      }
    } catch (error) {
      this.#superseded.clear();
      this.#over.clear();
      this.#log?.emit('checkpoint.unswept', { error: asKinlogError(error, 'sweeping').message });
    }
  }

  #take(): KvQuery[] {
    const taken = [...this.#superseded].slice(0, BATCH);
    for (const [prefix] of taken) this.#superseded.delete(prefix);
    return taken.map(([, query]) => query);
  }
}

/** A query travels in the address, where 8 KB are safe; each takes about 330 bytes there. */
const BATCH = 20;
const CLOSE_MS = 1000;
