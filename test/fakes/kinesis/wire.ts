/** Protocol awsJson1_1: requests in, answers as chunks that are never joined or copied here. */
import { randomUUID } from 'node:crypto';
import type { KinesisFailure } from './failure.ts';
import type { Output } from './service.ts';
import type { StoredRecord } from './shard.ts';

export interface WireRequest {
  /** X-Amz-Target without its prefix. */
  readonly operation: string;
  readonly body: string;
  /** From the signature, when there is one. */
  readonly accessKey: string | undefined;
  readonly region: string | undefined;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunks: readonly Buffer[];
  /** The connection breaks after half of the bytes. */
  readonly cut: boolean;
  /** A body that goes on for minutes, instead of `chunks`. It ends when the signal aborts, and throws ConnectionReset where the connection breaks. */
  readonly pushed?: (signal: AbortSignal) => AsyncGenerator<Buffer, void, undefined>;
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export function readRequest(headers: Headers, body: string): WireRequest {
  const header = (name: string) => [headers[name] ?? headers[name.toLowerCase()] ?? ''].flat()[0]!;
  const credential = /Credential=([^/,]+)\/\d+\/([^/,]+)\//.exec(header('Authorization'));
  const [, operation = ''] = header('X-Amz-Target').split('.');
  return { operation, body, accessKey: credential?.[1], region: credential?.[2] };
}

export function renderAnswer(output: Output, nowMs: number, options: { reordered: boolean; cut: boolean }): WireAnswer {
  return wireAnswer(200, bodyOf(output, options.reordered), nowMs, options.cut);
}

export function renderFailure(failure: Pick<KinesisFailure, 'type' | 'message' | 'status'>, nowMs: number): WireAnswer {
  const body = JSON.stringify({ __type: failure.type, message: failure.message });
  return wireAnswer(failure.status, [Buffer.from(body)], nowMs, false);
}

export function renderSubscription(pushed: NonNullable<WireAnswer['pushed']>, nowMs: number): WireAnswer {
  const headers = {
    'content-type': 'application/vnd.amazon.eventstream',
    'x-amzn-requestid': randomUUID(),
    date: new Date(nowMs).toUTCString(),
  };
  return { status: 200, headers, chunks: [], cut: false, pushed };
}

function wireAnswer(status: number, chunks: readonly Buffer[], nowMs: number, cut: boolean): WireAnswer {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': String(length),
    'x-amzn-requestid': randomUUID(),
    date: new Date(nowMs).toUTCString(),
  };
  return { status, headers, chunks, cut };
}

export function bodyOf({ fields, records }: Output, reordered: boolean): readonly Buffer[] {
  if (records === undefined) return Object.keys(fields).length === 0 ? [] : [Buffer.from(JSON.stringify(fields))];
  const rest = JSON.stringify(fields).slice(1, -1);
  if (!reordered) return [Buffer.from(`{${rest},"Records":[`), ...slices(records), Buffer.from(']}')];
  const turned = records.map((record) => JSON.stringify(backwards(parseRecord(record))));
  return [Buffer.from(`{"Records":[${turned.join(', ')}], ${JSON.stringify(backwards(fields)).slice(1)}`)];
}

/** Neighbours in a slab go out as one piece. */
function slices(records: readonly StoredRecord[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let i = 0; i < records.length;) {
    const { slab, start } = records[i]!;
    let end = start;
    while (i < records.length && records[i]!.slab === slab && (end === start || records[i]!.start === end))
      end = records[i++]!.end;
    // The comma of the very first record has nothing to follow.
    pieces.push(slab.subarray(pieces.length === 0 ? start + 1 : start, end));
  }
  return pieces;
}

export interface RecordFields {
  readonly Data: string;
  readonly PartitionKey?: string;
  readonly ApproximateArrivalTimestamp: number;
  readonly SequenceNumber: string;
}

export const parseRecord = ({ slab, start, end }: StoredRecord): RecordFields =>
  JSON.parse(slab.toString('utf8', start + 1, end)) as RecordFields;

const backwards = (fields: object): object => Object.fromEntries(Object.entries(fields).reverse());
