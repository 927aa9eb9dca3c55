/** One KV store collection: documents by user and key, in the order of their keys. */
import { randomBytes } from 'node:crypto';
import { alternatives, keyBounds, matches, order, projected, sorted, type Document } from './kv-query.ts';

export interface KvSearch {
  readonly query?: unknown;
  readonly sort?: string | undefined;
  readonly fields?: string | undefined;
  readonly skip?: number | undefined;
  readonly limit?: number | undefined;
}

export class KvCollection {
  /** limits.conf, [kvstore] max_rows_per_query. */
  maxRows = 50_000;
  readonly #documents = new Map<string, Document>();
  #keys: string[] = [];

  get size(): number {
    return this.#documents.size;
  }

  /** All of them, for assertions and tampering. */
  all(): Document[] {
    return this.#keys.map((key) => this.#documents.get(key)!);
  }

  copy(): KvCollection {
    const copy = new KvCollection();
    copy.maxRows = this.maxRows;
    for (const document of this.all()) copy.save(String(document['_user']), document);
    return copy;
  }

  get(user: string, key: string): Document | undefined {
    return this.#documents.get(identity(user, key));
  }

  /** Undefined: the key is taken. */
  insert(user: string, document: Document): string | undefined {
    const key = keyIn(document);
    if (this.get(user, key) !== undefined) return undefined;
    return this.save(user, { ...document, _key: key });
  }

  /** Whether or not it is there: the whole document is replaced. */
  save(user: string, document: Document): string {
    const key = keyIn(document);
    const id = identity(user, key);
    if (!this.#documents.has(id)) this.#keys.splice(this.#index(id), 0, id);
    this.#documents.set(id, { ...document, _key: key, _user: user });
    return key;
  }

  /** Cut without a word at `maxRows`. */
  find(user: string, { query = {}, sort, fields, skip = 0, limit = 0 }: KvSearch): Document[] {
    const found = this.#matching(user, query);
    const ordered = sort === undefined || sort === '_key' ? found : sorted(found, sort);
    const rows = Math.min(limit === 0 ? Infinity : limit, this.maxRows);
    const shown = ordered.slice(skip, skip + rows);
    return fields === undefined ? shown : shown.map((one) => projected(one, fields));
  }

  delete(user: string, query: unknown): void {
    const gone = new Set(this.#matching(user, query).map((one) => identity(user, String(one['_key']))));
    for (const id of gone) this.#documents.delete(id);
    this.#keys = this.#keys.filter((id) => !gone.has(id));
  }

  #matching(user: string, query: unknown): Document[] {
    const parts = alternatives(query);
    if (parts === undefined) return this.#bounded(user, query);
    const found = new Set(parts.flatMap((part) => this.#bounded(user, part)));
    return [...found].sort((a, b) => order(a['_key'], b['_key']));
  }

  #bounded(user: string, query: unknown): Document[] {
    const { from, to } = keyBounds(query);
    const first = this.#index(identity(user, from));
    const last = to === undefined ? this.#keys.length : this.#index(identity(user, to));
    return this.#keys
      .slice(first, last)
      .map((id) => this.#documents.get(id)!)
      .filter((one) => one['_user'] === user && matches(one, query));
  }

  #index(id: string): number {
    let low = 0;
    for (let high = this.#keys.length; low < high;) {
      const middle = (low + high) >> 1;
      if (order(this.#keys[middle], id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const identity = (user: string, key: string): string => `${user}/${key}`;

function keyIn(document: Document): string {
  const key = document['_key'];
  return typeof key === 'string' ? key : randomBytes(12).toString('hex');
}
