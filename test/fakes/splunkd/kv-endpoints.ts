/** /storage/collections: configuration and data of KV store collections. */
import { created, entries, formOf, ok, refused, type Answer, type Asked } from './answers.ts';
import { KvCollection } from './kv-collection.ts';
import { BadQuery, type Document } from './kv-query.ts';

export class KvEndpoints {
  readonly #collections = new Map<string, KvCollection>();

  declare(app: string, name: string): KvCollection {
    const collection = new KvCollection();
    this.#collections.set(`${app}/${name}`, collection);
    return collection;
  }

  /** All of them as they are now. */
  copy(): KvEndpoints {
    const copy = new KvEndpoints();
    for (const [name, collection] of this.#collections) copy.#collections.set(name, collection.copy());
    return copy;
  }

  config(asked: Asked): Answer {
    const [name] = asked.path;
    if (asked.method === 'GET') return this.#listed(asked, name);
    if (asked.method === 'DELETE' && name !== undefined)
      return this.#collections.delete(`${asked.app}/${name}`) ? ok({}) : refused(404, 'Could not find object.');
    const wanted = formOf(asked)['name'] ?? '';
    if (this.#collections.has(`${asked.app}/${wanted}`))
      return refused(409, `An object with name=${wanted} already exists`);
    this.declare(asked.app, wanted);
    return created({});
  }

  #listed({ app, parameters }: Asked, name: string | undefined): Answer {
    const names = [...this.#collections.keys()]
      .filter((one) => one.startsWith(`${app}/`))
      .map((one) => one.slice(app.length + 1));
    const shown = name === undefined ? names : names.filter((one) => one === name);
    if (name !== undefined && shown.length === 0) return refused(404, 'Could not find object.');
    return entries(
      shown.map((one) => ({ name: one, app, content: { disabled: false } })),
      parameters,
    );
  }

  data(asked: Asked): Answer {
    const [name = '', ...rest] = asked.path;
    const collection = this.#collections.get(`${asked.app}/${name}`);
    if (collection === undefined) return refused(404, `Could not find object id=${name}`);
    try {
      if (rest[0] === 'batch_save') return batchSave(collection, asked);
      if (rest[0] === 'batch_find') return batchFind(collection, asked);
      return rest[0] === undefined ? whole(collection, asked) : single(collection, asked, rest[0]);
    } catch (error) {
      if (error instanceof BadQuery || error instanceof SyntaxError) return refused(400, error.message);
      throw error;
    }
  }
}

function whole(collection: KvCollection, { method, user, body, parameters }: Asked): Answer {
  const query = parameters.get('query');
  if (method === 'GET')
    return ok(
      collection.find(user, {
        query: query === null ? {} : JSON.parse(query),
        sort: parameters.get('sort') ?? undefined,
        fields: parameters.get('fields') ?? undefined,
        skip: Number(parameters.get('skip') ?? 0),
        limit: Number(parameters.get('limit') ?? 0),
      }),
    );
  if (method === 'DELETE') {
    collection.delete(user, query === null ? {} : JSON.parse(query));
    return ok({});
  }
  const key = collection.insert(user, documentIn(JSON.parse(body)));
  return key === undefined
    ? refused(409, 'A document with the same key and user already exists.')
    : created({ _key: key });
}

function single(collection: KvCollection, { method, user, body }: Asked, key: string): Answer {
  const found = collection.get(user, key);
  if (found === undefined) return refused(404, 'Could not find object.');
  if (method === 'GET') return ok(found);
  if (method === 'POST') return ok({ _key: collection.save(user, { ...documentIn(JSON.parse(body)), _key: key }) });
  collection.delete(user, { _key: key });
  return ok({});
}

function batchSave(collection: KvCollection, { user, body }: Asked): Answer {
  const documents: unknown = JSON.parse(body);
  if (!Array.isArray(documents)) return refused(400, 'JSON in the request is invalid.');
  if (documents.length > MAX_BATCH) return refused(400, `Exceeded max number of documents: ${MAX_BATCH}`);
  return ok(documents.map((one) => collection.save(user, documentIn(one))));
}

function batchFind(collection: KvCollection, { user, body }: Asked): Answer {
  const queries: unknown = JSON.parse(body);
  if (!Array.isArray(queries)) return refused(400, 'JSON in the request is invalid.');
  if (queries.length > MAX_BATCH) return refused(400, `Exceeded max number of queries: ${MAX_BATCH}`);
  return ok(queries.map((one: { query?: unknown }) => collection.find(user, { query: one.query ?? {} })));
}

function documentIn(value: unknown): Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('JSON in the request is invalid.');
  return { ...value };
}

/** limits.conf, [kvstore] max_documents_per_batch_save and max_queries_per_batch. */
const MAX_BATCH = 1000;
