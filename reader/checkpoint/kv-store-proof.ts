/** Proves after an insert that it made the row: the KV store has no conditional write, and the key of a version that was swept can be inserted again. */
import type { Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { KvCollection, KvQuery } from './kv-store-api.ts';
import {
  documentFrom,
  endOf,
  isAnchor,
  keyOf,
  lifePrefix,
  type KvDocument,
  type Life,
  type Place,
} from './kv-store-documents.ts';

interface Waiting {
  readonly query: KvQuery;
  readonly resolve: (documents: KvDocument[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Proofs that come due while one is under way share the next request. */
export class KvProof {
  readonly #collection: KvCollection;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(collection: KvCollection, clock: Clock) {
    this.#collection = collection;
    this.#clock = clock;
  }

  /**
   * Whether the document that was just inserted is the row. Why its own look at the store decides it, without a clock (docs/adr/0005):
   * the highest version of a life is never swept, and an anchor is only deleted once the life is over, for ever. So if the version was taken before, then
   * by the time of the insert there was, and still is, a higher one or no anchor. A search head answers from its own copy, which may lag, but a copy that
   * shows our document shows everything that was written before it.
   */
  async holds(place: Place, life: Life, nonce: string): Promise<boolean> {
    for (const waitMs of WAITS_MS) {
      const found = await this.#look(place, life);
      if (found.some((one) => !isAnchor(one) && one.version > life.version)) return false;
      if (found.some((one) => one.version === life.version && one.nonce === nonce))
        return found.some((one) => isAnchor(one) && one.born === life.born);
      await this.#clock.sleep(waitMs);
    }
    throw new KinlogError(
      'KINLOG_CHECKPOINT_UNAVAILABLE',
      `${this.#collection.where} does not show yet what was written to it`,
      {
        remedy: 'If it does not heal by itself, look at the replication of the KV store: splunk show kvstore-status',
      },
    );
  }

  #look({ anchor }: Place, life: Life): Promise<KvDocument[]> {
    const laterOn = { $gte: keyOf(anchor, life), $lt: endOf(lifePrefix(anchor, life.born)) };
    const query = { $or: [{ _key: anchor }, { _key: laterOn }] };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ query, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take())
      try {
        const found = await this.#collection.findEach(batch.map(({ query }) => query));
        for (const [n, one] of batch.entries()) this.#settle(one, found[n] ?? []);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    this.#running = false;
  }

  #take(): Waiting[] {
    return this.#waiting.splice(0, BATCH);
  }

  #settle({ resolve, reject }: Waiting, documents: readonly unknown[]): void {
    try {
      resolve(documents.map((one) => documentFrom(one, this.#collection.where)));
    } catch (error) {
      reject(error);
    }
  }
}

const BATCH = 100;
/** For a copy that lags. */
const WAITS_MS = [50, 100, 200, 400, 800, 1600];
