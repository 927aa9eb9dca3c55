/** The part of MongoDB's query language that the KV store has. */

export type Document = Readonly<Record<string, unknown>>;

/** What the store refuses with 400. */
export class BadQuery extends Error {}

const COMPARE: Readonly<Record<string, (order: number) => boolean>> = {
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

/** Whether a document has what the query asks for. */
export function matches(document: Document, query: unknown): boolean {
  return Object.entries(objectOf(query)).every(([name, wanted]) => {
    if (name === '$and') return listOf(wanted).every((one) => matches(document, one));
    if (name === '$or') return listOf(wanted).some((one) => matches(document, one));
    if (name === '$not') return !matches(document, wanted);
    if (name.startsWith('$')) throw new BadQuery(`unknown operator: ${name}`);
    return fieldMatches(document[name], wanted);
  });
}

function fieldMatches(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  return Object.entries(wanted).every(([operator, bound]) => {
    if (operator === '$ne') return value !== bound;
    const holds = COMPARE[operator];
    if (holds === undefined) throw new BadQuery(`unknown operator: ${operator}`);
    // Values of different types are never before or after each other.
    return typeof value === typeof bound && holds(order(value, bound));
  });
}

/** `sort=a,b:-1`. */
export function sorted(documents: readonly Document[], sort: string): readonly Document[] {
  const keys = sort.split(',').map((part) => part.split(':'));
  return [...documents].sort((a, b) => {
    for (const [name = '', direction] of keys) {
      const found = order(a[name], b[name]) * (direction === '-1' ? -1 : 1);
      if (found !== 0) return found;
    }
    return 0;
  });
}

/** `fields=a,_key:0`: only what is named, and what is not taken out. */
export function projected(document: Document, fields: string): Document {
  const names = fields.split(',').map((part) => part.split(':'));
  const without = names.filter(([, shown]) => shown === '0').map(([name]) => name);
  const only = names.filter(([, shown]) => shown !== '0').map(([name]) => name);
  return Object.fromEntries(
    Object.entries(document).filter(
      ([name]) => !without.includes(name) && (only.length === 0 || only.includes(name) || name === '_key'),
    ),
  );
}

/** The queries of a lone `$or`, each of which can use the index on `_key`. */
export function alternatives(query: unknown): unknown[] | undefined {
  const parts = objectOf(query);
  return Object.keys(parts).join() === '$or' ? listOf(parts['$or']) : undefined;
}

/** Keys that can match, when the query bounds `_key`: the store has an index on it. */
export function keyBounds(query: unknown): { readonly from: string; readonly to?: string } {
  const key = objectOf(query)['_key'];
  if (typeof key === 'string') return { from: key, to: `${key}\u0000` };
  const { $gte, $gt, $lt } = (typeof key === 'object' && key !== null ? key : {}) as Record<string, unknown>;
  const from = typeof $gte === 'string' ? $gte : typeof $gt === 'string' ? $gt : '';
  return typeof $lt === 'string' ? { from, to: $lt } : { from };
}

export function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new BadQuery('a query is an object');
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new BadQuery('a list of queries is expected');
}
