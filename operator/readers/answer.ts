/** What a reader's /status says, taken apart without trust: whatever it is, the result is small and has the right types. */
import type { ErrorPart } from '../../base/error-parts.ts';
import type { ReaderError, ReaderFacts } from '../reconcile/facts.ts';

const MOST_ERRORS = 10;
const LONGEST_TEXT = 500;
const LONGEST_VERSION = 64;
const MOST_SHARDS = 2 ** 31 - 1;

type Json = Readonly<Record<string, unknown>>;

/** Undefined: that is no status of a reader. */
export function factsIn(text: string, podName: string, atMs: number): ReaderFacts | undefined {
  const status = objectIn(parsed(text));
  const stream = objectIn(listIn(status?.['streams'])[0]);
  if (status === undefined || stream === undefined) return undefined;
  const shards = listIn(objectIn(stream['reader'])?.['shards'])
    .map(objectIn)
    .filter((shard) => shard !== undefined);
  return {
    podName,
    atMs,
    version: textIn(status['version']).slice(0, LONGEST_VERSION),
    ready: stream['ready'] === true && listIn(status['outputs']).every((output) => objectIn(output)?.['ok'] === true),
    notReady: stream['notReady'] === undefined ? undefined : textIn(stream['notReady']),
    ...countsOf(shards),
    behindMs: furthest(shards),
    positionStored: timeIn(stream['positionStored']),
    eventsDelivered: timeIn(stream['eventsDelivered']),
    errors: listIn(stream['errors'])
      .slice(0, MOST_ERRORS)
      .flatMap((error) => errorIn(objectIn(error)) ?? []),
  };
}

/** A shard with children is closed: nothing is put into it any more. */
function countsOf(shards: readonly Json[]): Pick<ReaderFacts, 'openShards' | 'closedShardsPending'> {
  const parents = new Set(shards.flatMap((shard) => listIn(shard['parents'])));
  const unread = shards.filter((shard) => shard['state'] !== 'ended');
  const closed = unread.filter((shard) => parents.has(shard['shardId'])).length;
  return {
    openShards: Math.min(unread.length - closed, MOST_SHARDS),
    closedShardsPending: Math.min(closed, MOST_SHARDS),
  };
}

function furthest(shards: readonly Json[]): number | undefined {
  let most: number | undefined;
  for (const { behindMs } of shards)
    if (typeof behindMs === 'number' && Number.isFinite(behindMs)) most = Math.max(most ?? 0, behindMs);
  return most;
}

function errorIn(error: Json | undefined): ReaderError | undefined {
  const part = PARTS.find((known) => known === error?.['part']);
  if (error === undefined || part === undefined) return undefined;
  const since = timeIn(error['since']);
  return {
    part,
    code: textIn(error['code']),
    message: textIn(error['message']),
    remedy: textIn(error['remedy']),
    ...(since === undefined ? {} : { since }),
  };
}

const PARTS: readonly ErrorPart[] = ['source', 'output', 'store', 'reader'];

/** On one line, without what terminals take for commands. */
function textIn(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .slice(0, LONGEST_TEXT)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .toWellFormed();
}

function timeIn(value: unknown): string | undefined {
  return typeof value === 'string' &&
    /^\d{4}-\d{2}-\d{2}T[\d:.]{8,12}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
    ? value
    : undefined;
}

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const objectIn = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
