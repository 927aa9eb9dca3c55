/** What a row is called in the table: KCL's lease keys, of one stream or of several, with names that no AWS account has encoded. Pure. */
import type { StreamKey } from './store.ts';

/** `shard`: the shard's id, as a KCL application with one stream has it. `stream`: `account:stream:creation second:shard`, as KCL's multi-stream mode has it. */
export type KeyForm = 'shard' | 'stream';

/** A lease key taken apart. */
export interface LeaseKey {
  readonly shardId: string;
  /** Only in the form `stream`. */
  readonly stream?: StreamPlace | undefined;
}

/** KCL's stream identifier: awslabs/amazon-kinesis-client, common/StreamIdentifier.java. */
export interface StreamPlace {
  readonly account: string;
  readonly name: string;
  readonly createdS: string;
}

/** For what may not be asked. KCL never writes it, so a table with it can not be handed to a KCL in the form `stream`. */
const UNKNOWN = '0';

export function placeOf(stream: StreamKey): StreamPlace {
  return {
    account: /^arn:[^:]*:kinesis:[^:]*:(\d+):/.exec(stream.arn ?? '')?.[1] ?? UNKNOWN,
    name: stream.id,
    createdS: String(Math.floor(stream.createdMs / 1000)),
  };
}

/** The attributes `streamName` and `shardId` that KCL adds to the lease key in its multi-stream mode. */
export function keyAttributes({ shardId, stream }: LeaseKey): Readonly<Record<string, string>> {
  return stream === undefined ? {} : { streamName: placeText(stream), shardId: encoded(shardId) };
}

export function leaseKeyText({ shardId, stream }: LeaseKey): string {
  return stream === undefined ? encoded(shardId) : `${placeText(stream)}:${encoded(shardId)}`;
}

function placeText({ account, name, createdS }: StreamPlace): string {
  return `${account}:${encoded(name)}:${createdS}`;
}

/** Part of every lease key of the stream, and of no other stream's, in the form `stream`. */
export function streamMark(stream: StreamKey): string {
  return `:${encoded(stream.id)}:`;
}

/** Undefined when it is no lease key of that form. */
export function leaseKeyFrom(text: string, form: KeyForm): LeaseKey | undefined {
  const { place, shard } = (form === 'shard' ? ALONE : WITH_STREAM).exec(text)?.groups ?? {};
  const shardId = decoded(shard);
  const stream = placeFrom(place);
  return shardId === undefined || (form === 'stream' && stream === undefined) ? undefined : { shardId, stream };
}

const ALONE = /^(?<shard>[^:]+)$/;
const WITH_STREAM = /^(?<place>\d+:[^:]+:\d+):(?<shard>[^:]+)$/;

function placeFrom(text: string | undefined): StreamPlace | undefined {
  const [account = '', encodedName, createdS = ''] = text?.split(':') ?? [];
  const name = decoded(encodedName);
  return name === undefined ? undefined : { account, name, createdS };
}

/** A stream is known by its name, as in every store: rows of an earlier stream of that name are its rows too. The account tells two apart where both know theirs. */
export function isPlaceOf(place: StreamPlace, stream: StreamKey): boolean {
  const { account } = placeOf(stream);
  return place.name === stream.id && (place.account === account || place.account === UNKNOWN || account === UNKNOWN);
}

/** When rows of several streams of one name are there, those of the stream as it is now count, otherwise those of the latest. What is not known prefers nothing, so that readers with more and with less permission agree. */
export function currentPlace(places: readonly StreamPlace[], stream: StreamKey): StreamPlace | undefined {
  const { createdS } = placeOf(stream);
  const isNow = (place: StreamPlace): number => Number(createdS !== UNKNOWN && place.createdS === createdS);
  return places.toSorted(
    (a, b) => isNow(b) - isNow(a) || Number(b.createdS) - Number(a.createdS) || Number(b.account) - Number(a.account),
  )[0];
}

export function isSamePlace(a: StreamPlace | undefined, b: StreamPlace | undefined): boolean {
  return a?.account === b?.account && a?.name === b?.name && a?.createdS === b?.createdS;
}

/** What AWS does not allow in names of streams and ids of shards becomes `%` and four hex digits, the empty name `%`; every other name stays as it is. */
function encoded(name: string): string {
  if (name === '') return '%';
  return name.replaceAll(/[^a-zA-Z0-9_.-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const name = text.replaceAll(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (text === '%') return '';
  // Every name has one key: what `encoded` does not write is no name of ours.
  return encoded(name) === text ? name : undefined;
}
