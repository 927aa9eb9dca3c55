/** A row as the text that stores keep: JSON with a schema number, read back with every field checked. */
import { KinlogError } from '../../base/errors.ts';
import { positionFrom } from './position.ts';
import type { ShardRow, StoredRow, Version } from './store.ts';

/** Raise it when an older kinlog would lose or misread what a row says. */
export const SCHEMA = 1;

/** Fails with KINLOG_UNEXPECTED for a row that could not be read back: it would block every later start. */
export function rowText(row: ShardRow, version: Version): string {
  const { shardId, position, owner, successor, parents, children, streamCreatedMs, arrivalMs, readToMs, region } = row;
  const { startingHashKey, endingHashKey } = row;
  const lease = { owner, successor, parents, children, startingHashKey, endingHashKey };
  const times = { streamCreatedMs, arrivalMs, readToMs, region };
  const text = JSON.stringify({ schema: SCHEMA, version, shardId, position, ...lease, ...times });
  try {
    rowFrom(text, `the row of ${shardId}`);
  } catch (cause) {
    throw new KinlogError('KINLOG_UNEXPECTED', `the row of ${shardId} makes no sense: ${text}`, { cause });
  }
  return text;
}

/** The row in `text`; `where` names it in errors. KINLOG_CHECKPOINT_NEWER for a later schema, KINLOG_CHECKPOINT_UNREADABLE for anything that is no row. */
export function rowFrom(text: string, where: string): StoredRow {
  const fields = objectIn(text, where);
  refuseNewer(fields['schema'], where);
  const take = <T>(name: string, is: (value: unknown) => value is T): T => {
    const value = fields[name];
    if (!is(value)) throw unreadable(`${where} (${name})`);
    return value;
  };
  return {
    version: take('version', isVersion),
    shardId: take('shardId', isText),
    position: positionFrom(fields['position'], where),
    ...('owner' in fields ? { owner: take('owner', isText) } : {}),
    ...('successor' in fields ? { successor: take('successor', isText) } : {}),
    parents: take('parents', isTexts),
    ...('children' in fields ? { children: take('children', isTexts) } : {}),
    ...('startingHashKey' in fields ? { startingHashKey: take('startingHashKey', isHashKey) } : {}),
    ...('endingHashKey' in fields ? { endingHashKey: take('endingHashKey', isHashKey) } : {}),
    streamCreatedMs: take('streamCreatedMs', isTime),
    arrivalMs: take('arrivalMs', isTime),
    ...('readToMs' in fields ? { readToMs: take('readToMs', isTime) } : {}),
    ...('region' in fields ? { region: take('region', isText) } : {}),
  };
}

/** Fails with KINLOG_CHECKPOINT_NEWER when `schema` is later than this version knows, with KINLOG_CHECKPOINT_UNREADABLE when it is none. */
export function refuseNewer(schema: unknown, where: string): void {
  if (!isVersion(schema)) throw unreadable(where);
  if (schema > SCHEMA)
    throw new KinlogError(
      'KINLOG_CHECKPOINT_NEWER',
      `${where} has schema ${schema}, and this version knows none later than ${SCHEMA}`,
    );
}

type Fields = Partial<Record<string, unknown>>;

export function objectIn(text: string, where: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch (cause) {
    throw unreadable(where, cause);
  }
  throw unreadable(where);
}

function unreadable(where: string, cause?: unknown): KinlogError {
  return new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${where} is damaged`, { cause });
}

function isVersion(value: unknown): value is Version {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isHashKey(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,39}$/.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}
