/** The seam of importers: what the items of another program's table say about one stream. One way only; nothing is written back. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { isKinlogError } from '../../../base/errors.ts';
import { positionFrom, type Position } from '../position.ts';

export type Item = Readonly<Record<string, AttributeValue>>;

export interface Sought {
  /** The stream's name, without its ARN. */
  readonly stream: string;
  /** How the other program calls the group of its readers, where a table holds several. */
  readonly application?: string | undefined;
  /** By our wall clock, for leases that name a time. */
  readonly nowMs: number;
}

export interface FoundShard {
  readonly shardId: string;
  /** Absent: the program knows the shard and has stored no position. */
  readonly position?: Position;
}

export interface FoundTable {
  readonly shards: readonly FoundShard[];
  /** Signs that a worker is at work, each a sentence. */
  readonly alive: readonly string[];
  /** Everything that makes no sense, each a sentence; nothing may be imported unless it is empty. */
  readonly faults: readonly string[];
  /** Creation of the stream that the positions belong to, where the program keeps it. */
  readonly createdMs?: number;
}

export type Layout = (items: readonly Item[], sought: Sought) => FoundTable;

/** The text of an attribute; undefined when it is absent, empty or of another type. */
export function textOf(item: Item | undefined, name: string): string | undefined {
  const text = item?.[name]?.S;
  return text === '' ? undefined : text;
}

/** A map as another item. */
export function mapOf(item: Item | undefined, name: string): Item {
  return item?.[name]?.M ?? {};
}

/** `complete`: the program takes a record as a whole; otherwise user records of an aggregate share the sequence number, and later ones may be missing. */
export function afterSequence(sequenceNumber: string, complete: boolean): Position | undefined {
  try {
    return positionFrom({ kind: 'after', sequenceNumber, subSequence: 0, partial: !complete }, '');
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_CHECKPOINT_UNREADABLE')) return undefined;
    throw error;
  }
}

/** A lease that names its end, as gokini and its descendants write it: RFC 3339 with any number of decimals. */
export function leaseSign(item: Item, owner: string, { nowMs }: Sought): string | undefined {
  const holder = textOf(item, owner);
  const until = Date.parse(textOf(item, 'LeaseTimeout') ?? '');
  if (holder === undefined || !(until > nowMs)) return undefined;
  return `${textOf(item, 'ShardID') ?? 'a shard'} is leased by ${holder} until ${new Date(until).toISOString()}`;
}

/** Picks the only candidate, or the one that was asked for. */
export function chosen(
  candidates: readonly string[],
  wanted: string | undefined,
  what: string,
): { readonly name: string } | { readonly fault: string } {
  const list = candidates.length === 0 ? 'none' : candidates.join(', ');
  if (wanted !== undefined)
    return candidates.includes(wanted)
      ? { name: wanted }
      : { fault: `there is no ${what} ${wanted}; there is ${list}` };
  const [only, second] = candidates;
  if (only !== undefined && second === undefined) return { name: only };
  return { fault: `one ${what} must be named, and there is ${list}` };
}
