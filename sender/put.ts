/** The seam to the stream: one PutRecords call, entry by entry answered. */
import { PutRecordsCommand, type KinesisClient, type PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import { fromAws } from '../base/aws-errors.ts';
import { connectKinesis, regionOf, type KinesisConnection } from '../base/aws.ts';
import { streamAddress } from '../base/stream.ts';
import { KinlogError } from '../base/errors.ts';

export interface PutEntry {
  readonly data: Uint8Array;
  readonly partitionKey: string;
}

export interface Stored {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export interface PutApi {
  /** As many results as entries, in their order: where the entry was stored, or why this one was refused. Rejects with a KinlogError when the
   *  call failed as a whole; any entry may be stored nevertheless then. */
  put(entries: readonly PutEntry[], signal: AbortSignal): Promise<readonly (Stored | KinlogError)[]>;
}

/** PutRecords takes no more than this in one call (Kinesis API reference, "PutRecords"); the bytes are those that every endpoint accepts. */
export const CALL_LIMIT = { records: 500, bytes: 5 * 1024 * 1024 } as const;

/** How a sender reaches the stream: by a connection of its own, a client that stays the caller's, or a port that is no Kinesis at all. */
export type PutTarget = Omit<KinesisConnection, 'stream' | 'protocol'> | KinesisClient | PutApi;

/** The port, and what ends a connection that was made for it. */
export function openPut(target: PutTarget, stream: string): { readonly api: PutApi; readonly close: () => void } {
  if ('put' in target) return { api: target, close: nothing };
  if ('send' in target) return { api: kinesisPut(target, stream), close: nothing };
  const client = connectKinesis({ ...target, stream });
  return { api: kinesisPut(client, stream), close: () => client.destroy() };
}

const nothing = (): void => undefined;

export function kinesisPut(kinesis: KinesisClient, stream: string): PutApi {
  const address = streamAddress(stream);
  return {
    async put(entries, signal) {
      const command = new PutRecordsCommand({
        ...address,
        Records: entries.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey })),
      });
      try {
        const answer = await kinesis.send(command, { abortSignal: signal });
        return results(answer.Records ?? [], entries.length, stream);
      } catch (error) {
        signal.throwIfAborted();
        throw fromAws(error, { operation: 'PutRecords', resource: stream, region: await regionOf(kinesis) });
      }
    },
  };
}

function results(
  records: readonly PutRecordsResultEntry[],
  expected: number,
  stream: string,
): (Stored | KinlogError)[] {
  if (records.length !== expected)
    throw new KinlogError(
      'KINLOG_UNEXPECTED',
      `PutRecords on ${stream}: ${expected} records were sent, ${records.length} were answered`,
    );
  return records.map((record) =>
    record.ErrorCode === undefined
      ? { shardId: record.ShardId ?? '', sequenceNumber: record.SequenceNumber ?? '' }
      : refusal(record.ErrorCode, record.ErrorMessage ?? '', stream),
  );
}

function refusal(name: string, message: string, stream: string): KinlogError {
  const error = fromAws({ name, message }, { operation: 'PutRecords', resource: stream });
  if (error.code !== 'KINLOG_THROTTLED') return error;
  return new KinlogError(error.code, error.message, {
    remedy: 'Nothing, if it is rare. Otherwise add shards, or use partition keys that spread over them.',
    cause: error,
  });
}
