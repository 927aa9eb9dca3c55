/** How rows lie in a KV store collection: documents that are only ever inserted and deleted, and which of them is the row. */
import { createHash, randomBytes } from 'node:crypto';
import { KinlogError } from '../../base/errors.ts';
import { refuseNewer, rowFrom } from './row.ts';
import type { StoredRow, StreamKey, Version } from './store.ts';

/**
 * One row is an anchor, which the creation of the row inserts, and a document for every later version:
 *
 *     _key                                   born  version  state
 *     <stream>.<shard>                       b     b        {…}      anchor
 *     <stream>.<shard>.<b>.<b + 1>           b     b + 1    {…}      superseded
 *     <stream>.<shard>.<b>.<b + 2>           b     b + 2    {…}      the row
 *
 * `b` is never used twice, so documents of a row that was removed can not pass for those of a later one. The names are hashed: any name, of any length, is
 * a short key of safe characters, and keys sort by shard, then the anchor first, then by version.
 */
export interface KvDocument {
  readonly _key: string;
  readonly schema: number;
  /** For people; nothing is read from `stream` and `shard`. */
  readonly stream: string;
  readonly shard: string;
  readonly version: Version;
  readonly born: string;
  /** Tells a try of ours whose answer was lost from somebody else's write. */
  readonly nonce: string;
  /** The row's text; empty: the row was removed. */
  readonly state: string;
}

/** Raise it when an older kinlog would misread the documents; the row's own text has a schema besides. */
const SCHEMA = 1;

/** Where a shard's documents lie. */
export interface Place {
  readonly stream: StreamKey;
  readonly shardId: string;
  /** Key of the anchor. */
  readonly anchor: string;
}

/** A row's life from its creation to its removal, and how far it has got. */
export interface Life {
  readonly born: string;
  readonly version: Version;
}

export const placeOf = (stream: StreamKey, shardId: string): Place => ({
  stream,
  shardId,
  anchor: `${keyPart(stream.id)}.${keyPart(shardId)}`,
});

/** Begins every key of the stream. */
export const streamPrefix = (stream: StreamKey): string => `${keyPart(stream.id)}.`;

/** Begins every key of a life but the anchor's. */
export const lifePrefix = (anchor: string, born: string): string => `${anchor}.${born}.`;

export const keyOf = (anchor: string, { born, version }: Life): string =>
  `${lifePrefix(anchor, born)}${digits(version)}`;

/** The key that follows all that begin with `prefix`, which ends in a dot. */
export const endOf = (prefix: string): string => `${prefix.slice(0, -1)}/`;

/** The anchor's key in the key of any document of its row. */
export const anchorIn = (key: string): string => key.split('.', 2).join('.');

export const newNonce = (): string => randomBytes(9).toString('base64url');

/** An anchor when the life begins with this version. */
export function documentOf(place: Place, life: Life, written: Pick<KvDocument, 'nonce' | 'state'>): KvDocument {
  const { stream, shardId, anchor } = place;
  const { born, version } = life;
  return {
    _key: born === digits(version) ? anchor : keyOf(anchor, life),
    schema: SCHEMA,
    stream: plain(stream.id),
    shard: plain(shardId),
    version,
    born,
    ...written,
  };
}

/** The life of a row that is created with this version. */
export const newLife = (version: Version): Life => ({ born: digits(version), version });

/** Fails with KINLOG_CHECKPOINT_NEWER for documents of a later version of kinlog, _UNREADABLE for what is none of ours. */
export function documentFrom(value: unknown, where: string): KvDocument {
  const fields: Partial<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
  refuseNewer(fields['schema'], `a document in ${where}`);
  const text = (name: string): string => {
    const found = fields[name];
    if (typeof found !== 'string') throw unreadable(where, name);
    return found;
  };
  const version = fields['version'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) throw unreadable(where, 'version');
  return {
    _key: text('_key'),
    schema: SCHEMA,
    stream: text('stream'),
    shard: text('shard'),
    version,
    born: text('born'),
    nonce: text('nonce'),
    state: text('state'),
  };
}

/** The row that `document` holds; it must lie under its own key. */
export function rowOf(stream: StreamKey, document: KvDocument, where: string): StoredRow {
  const name = `${document._key} in ${where}`;
  const row = rowFrom(document.state, name);
  if (placeOf(stream, row.shardId).anchor !== anchorIn(document._key) || row.version !== document.version)
    throw new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${name} is another shard's row, or another version of it`);
  return row;
}

/** What the documents of one shard say: the latest of the anchor's life, and lives that are over but left documents. */
export function readShard(documents: readonly KvDocument[]): { latest: KvDocument | undefined; over: string[] } {
  const anchor = documents.find(isAnchor);
  const ofLife = documents.filter((one) => one.born === anchor?.born);
  const latest = ofLife.reduce<KvDocument | undefined>(
    (a, b) => (a === undefined || b.version > a.version ? b : a),
    undefined,
  );
  const over = new Set(documents.filter((one) => one.born !== anchor?.born).map((one) => one.born));
  if (latest?.state === '') over.add(latest.born);
  return { latest, over: [...over] };
}

export const isAnchor = (document: KvDocument): boolean => document._key === anchorIn(document._key);

/** 96 bits of a hash: no two names of one installation meet. The JSON form keeps broken surrogates apart, which UTF-8 would not. */
function keyPart(name: string): string {
  return createHash('sha256').update(JSON.stringify(name)).digest('hex').slice(0, 24);
}

/** The name itself unless it has characters that a JSON string escapes: no field ever holds a control character or half a surrogate pair. */
const plain = (name: string): string => JSON.stringify(name).slice(1, -1);

/** As many digits as the greatest safe integer has, so that keys sort as numbers. */
const digits = (version: Version): string => String(version).padStart(16, '0');

function unreadable(where: string, name: string): KinlogError {
  return new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `a document in ${where} is damaged (${name})`);
}
