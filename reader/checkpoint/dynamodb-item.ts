/** A row as an item of KCL's lease table, attribute for attribute, and what KCL has no place for in one attribute beside them. Pure. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { KinlogError } from '../../base/errors.ts';
import type { Position } from './position.ts';
import { objectIn, refuseNewer, rowFrom, SCHEMA } from './row.ts';
import type { ShardRow, StoredRow, Version } from './store.ts';

export type Item = Readonly<Record<string, AttributeValue>>;

/** What an item says of the lease, before anybody asks for its position. */
export interface Lease {
  /** `leaseCounter` + 1: KCL creates with 0, and a version is never 0. */
  readonly version: Version;
  readonly owner?: string;
  /** As KCL writes it: digits, TRIM_HORIZON, LATEST, AT_TIMESTAMP or SHARD_END. */
  readonly checkpoint: string;
  readonly subSequence: number;
  /** Names the put that wrote the item last; absent when another program wrote it since. */
  readonly nonce?: string;
  /** The stream that kinlog wrote the item for. */
  readonly streamId?: string;
}

/** The item's own marks of a write. */
export interface Mark {
  readonly streamId: string;
  readonly nonce: string;
  readonly version: Version;
}

/**
 * The attribute `kinlog`, a JSON text:
 *
 *     {"schema":1, "nonce":…, "counter":…, "stream":…,           the write it belongs to; another counter: somebody else wrote since
 *      "checkpoint":…, "sub":…,                                   the checkpoint it belongs to; another one: what follows is stale
 *      "partial":…, "ms":…, "childless":…, "streamCreatedMs":…, "arrivalMs":…, "readToMs":…, "successor":…, "region":…}
 */
const EXTRAS = 'kinlog';

type Extras = Partial<Record<string, unknown>>;

/** KCL 3.5 keeps its other entities in the same table. */
export function isLease(item: Item): boolean {
  const entity = item['entityType']?.S;
  return entity === undefined || entity === 'LEASE';
}

export function leaseFrom(item: Item, where: string): Lease {
  const checkpoint = item['checkpoint']?.S;
  const version = numberIn(item, 'leaseCounter') + 1;
  const subSequence = 'checkpointSubSequenceNumber' in item ? numberIn(item, 'checkpointSubSequenceNumber') : 0;
  if (checkpoint === undefined || !Number.isSafeInteger(version) || !Number.isSafeInteger(subSequence))
    throw new KinlogError('KINLOG_CHECKPOINT_FOREIGN', `${where} is no lease of a KCL or of kinlog`);
  const owner = item['leaseOwner']?.S;
  return { version, ...(owner === undefined ? {} : { owner }), checkpoint, subSequence, ...markOf(item, where) };
}

function markOf(item: Item, where: string): Pick<Lease, 'nonce' | 'streamId'> {
  const extras = extrasOf(item, where);
  const { nonce, stream: streamId } = extras;
  return {
    ...(typeof nonce === 'string' && isOurs(item, extras) ? { nonce } : {}),
    ...(typeof streamId === 'string' ? { streamId } : {}),
  };
}

export interface RowReading {
  readonly shardId: string;
  readonly where: string;
  /** When the stream of the row was made, as far as its key says it; 0 = unknown. */
  readonly createdMs: number;
  /** Where reading begins for LATEST and AT_TIMESTAMP of a KCL, which carry no time. */
  readonly untimedStartMs?: number | undefined;
}

/** Fails with KINLOG_CHECKPOINT_UNREADABLE or _NEWER. */
export function rowOf(item: Item, reading: RowReading): StoredRow {
  const { shardId, where } = reading;
  const lease = leaseFrom(item, where);
  const extras = extrasOf(item, where);
  const ours = isOurs(item, extras);
  const current = extras['checkpoint'] === lease.checkpoint && extras['sub'] === lease.subSequence;
  const kept = current ? extras : {};
  const row = rowFrom(
    JSON.stringify({
      ...{ schema: SCHEMA, version: lease.version, shardId, owner: lease.owner },
      position: positionOf(lease, kept, reading),
      // It asked an owner that another program may have replaced since.
      successor: ours ? kept['successor'] : undefined,
      ...lineageOf(item, kept),
      ...timesOf(kept, reading),
    }),
    where,
  );
  return ours ? row : { ...row, foreign: true };
}

/** Sets come back in any order, and DynamoDB has no empty ones. */
function lineageOf(item: Item, kept: Extras): Extras {
  const children = item['childShardIds']?.SS ?? (kept['childless'] === true ? [] : undefined);
  return {
    parents: (item['parentShardId']?.SS ?? []).toSorted(),
    children: children?.toSorted(),
    startingHashKey: item['startingHashKey']?.S,
    endingHashKey: item['endingHashKey']?.S,
  };
}

function timesOf({ streamCreatedMs, arrivalMs, readToMs, region }: Extras, { createdMs }: RowReading): Extras {
  return { streamCreatedMs: streamCreatedMs ?? createdMs, arrivalMs: arrivalMs ?? 0, readToMs, region };
}

/** Every attribute that a row decides; undefined = to be removed. */
export function leaseAttributes(row: ShardRow, mark: Mark): Readonly<Record<string, AttributeValue | undefined>> {
  const { checkpoint, subSequence } = checkpointOf(row.position);
  return {
    leaseOwner: text(row.owner),
    leaseCounter: { N: String(mark.version - 1) },
    checkpoint: { S: checkpoint },
    checkpointSubSequenceNumber: { N: String(subSequence) },
    parentShardId: set(row.parents),
    childShardIds: set(row.children ?? []),
    startingHashKey: text(row.startingHashKey),
    endingHashKey: text(row.endingHashKey),
    [EXTRAS]: { S: extrasText(row, mark) },
  };
}

/** Where a KCL resumes: AT the sequence number, dropping what is not after the pair. */
export function checkpointOf(position: Position): Pick<Lease, 'checkpoint' | 'subSequence'> {
  switch (position.kind) {
    case 'after':
      return { checkpoint: position.sequenceNumber, subSequence: position.subSequence };
    case 'end':
      return { checkpoint: 'SHARD_END', subSequence: 0 };
    case 'horizon':
      return { checkpoint: 'TRIM_HORIZON', subSequence: 0 };
    case 'timestamp':
      return { checkpoint: 'AT_TIMESTAMP', subSequence: 0 };
  }
}

function extrasText(row: ShardRow, { streamId, nonce, version }: Mark): string {
  const { position, children, successor, streamCreatedMs, arrivalMs, readToMs, region } = row;
  const { checkpoint, subSequence: sub } = checkpointOf(position);
  return JSON.stringify({
    ...{ schema: SCHEMA, nonce, counter: version - 1, stream: streamId, checkpoint, sub },
    ...(position.kind === 'after' ? { partial: position.partial } : {}),
    ...(position.kind === 'timestamp' ? { ms: position.ms } : {}),
    ...(children?.length === 0 ? { childless: true } : {}),
    ...{ streamCreatedMs, arrivalMs, readToMs, successor, region },
  });
}

/** Whether a position was stored that a KCL would call another checkpoint. */
export function hasMoved(lease: Lease, row: ShardRow): boolean {
  const { checkpoint, subSequence } = checkpointOf(row.position);
  return checkpoint !== lease.checkpoint || subSequence !== lease.subSequence;
}

function positionOf({ checkpoint, subSequence }: Lease, kept: Extras, reading: RowReading): unknown {
  switch (checkpoint) {
    case 'TRIM_HORIZON':
      return { kind: 'horizon' };
    case 'SHARD_END':
      return { kind: 'end' };
    case 'AT_TIMESTAMP':
    case 'LATEST':
      return { kind: 'timestamp', ms: kept['ms'] ?? reading.untimedStartMs ?? untimed(checkpoint, reading) };
    default:
      // A KCL's checkpoint does not say whether its aggregate goes on.
      return { kind: 'after', sequenceNumber: checkpoint, subSequence, partial: kept['partial'] ?? true };
  }
}

function untimed(checkpoint: string, { where }: RowReading): never {
  throw new KinlogError(
    'KINLOG_CHECKPOINT_UNREADABLE',
    `${where} says ${checkpoint}, and which time that means stands only in the configuration of the program that wrote it`,
    { remedy: 'Say from when such rows are to be read: untimedStart of the store, or --store-untimed-start.' },
  );
}

/** Empty when kinlog never wrote the item. */
function extrasOf(item: Item, where: string): Extras {
  const stored = item[EXTRAS]?.S;
  if (stored === undefined) return {};
  const extras = objectIn(stored, where);
  refuseNewer(extras['schema'], where);
  return extras;
}

/** KCL moves the counter with all it writes but what its leader begins a hand-over with: checkpointOwner. */
function isOurs(item: Item, extras: Extras): boolean {
  return extras['counter'] === numberIn(item, 'leaseCounter') && item['checkpointOwner'] === undefined;
}

function numberIn(item: Item, name: string): number {
  return Number(item[name]?.N ?? NaN);
}

const text = (value: string | undefined): AttributeValue | undefined =>
  value === undefined ? undefined : { S: value };

const set = (values: readonly string[]): AttributeValue | undefined =>
  values.length === 0 ? undefined : { SS: [...new Set(values)] };
