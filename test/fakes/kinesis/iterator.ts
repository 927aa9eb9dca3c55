/** Shard iterators and list tokens: opaque to clients, and wholly self-contained, so that one can be used again until it expires. */
import { createHash } from 'node:crypto';

export interface IteratorParts {
  readonly issuedMs: number;
  readonly streamCreatedMs: number;
  readonly shard: number;
  readonly ordinal: number;
  readonly stream: string;
}

export interface ListTokenParts {
  readonly issuedMs: number;
  readonly from: number;
  readonly stream: string;
  readonly filter: string;
}

/** 1 to 512 characters, as the service promises. */
export const makeIterator = (parts: IteratorParts): string =>
  seal('I', [parts.issuedMs, parts.streamCreatedMs, parts.shard, parts.ordinal, parts.stream]);

export function readIterator(token: string): IteratorParts | undefined {
  const [issuedMs, streamCreatedMs, shard, ordinal, stream] = open('I', token) ?? [];
  if (stream === undefined) return undefined;
  return {
    issuedMs: Number(issuedMs),
    streamCreatedMs: Number(streamCreatedMs),
    shard: Number(shard),
    ordinal: Number(ordinal),
    stream,
  };
}

export const makeListToken = (parts: ListTokenParts): string =>
  seal('L', [parts.issuedMs, parts.from, parts.stream, parts.filter]);

export function readListToken(token: string): ListTokenParts | undefined {
  const [issuedMs, from, stream, filter] = open('L', token) ?? [];
  return filter === undefined ? undefined : { issuedMs: Number(issuedMs), from: Number(from), stream: stream!, filter };
}

function seal(kind: string, fields: readonly (string | number)[]): string {
  const text = `${kind}|${fields.join('|')}`;
  return Buffer.from(`${digest(text)}|${text}`).toString('base64');
}

function open(kind: string, token: string): string[] | undefined {
  const [sum, ...fields] = Buffer.from(token, 'base64').toString().split('|');
  return sum === digest(fields.join('|')) && fields[0] === kind ? fields.slice(1) : undefined;
}

const digest = (text: string): string => createHash('md5').update(text).digest('hex').slice(0, 12);
