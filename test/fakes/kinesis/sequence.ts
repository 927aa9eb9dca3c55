/** Sequence numbers, shard names and hash keys as the service writes them. */
import { createHash } from 'node:crypto';

/** What a sequence number of version 2 tells; the layout was worked out by mhart/kinesalite (db/index.js) and is no contract:
 *  hex 2 | shard creation second 9 | low digit of shard 1 | index in shard 16 | 00 | write second 9 | shard 8 | version 2. */
export interface SequenceParts {
  readonly createdS: number;
  readonly index: bigint;
  readonly writtenS: number;
  readonly shard: number;
}

/** Sequence index that no record reaches; ends a closed shard. */
export const LAST_INDEX = 0x7fffffffffffffffn;

/** 56 decimal digits; grows with `index` within one shard. */
export function sequenceNumber({ createdS, index, writtenS, shard }: SequenceParts): string {
  const high = (2n << 184n) | (BigInt(createdS) << 148n) | (BigInt(shard & 15) << 144n);
  return (high | (index << 80n) | (BigInt(writtenS) << 36n) | (BigInt(shard) << 4n) | 2n).toString();
}

/** Undefined for anything this service never wrote. */
export function parseSequence(text: string): SequenceParts | undefined {
  if (!/^\d{1,129}$/.test(text)) return undefined;
  const number = BigInt(text);
  if (number >> 184n !== 2n || (number & 15n) !== 2n) return undefined;
  return {
    createdS: Number((number >> 148n) & 0xfffffffffn),
    index: (number >> 80n) & 0xffffffffffffffffn,
    writtenS: Number((number >> 36n) & 0xfffffffffn),
    shard: Number((number >> 4n) & 0xffffffffn),
  };
}

export const shardName = (index: number): string => `shardId-${String(index).padStart(12, '0')}`;

export const HASH_LIMIT = 1n << 128n;

/** Where a record goes: the MD5 of the key's UTF-8 as an unsigned 128-bit integer. */
export const hashOfKey = (partitionKey: string): bigint =>
  BigInt(`0x${createHash('md5').update(partitionKey, 'utf8').digest('hex')}`);
