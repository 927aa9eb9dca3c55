/** The ports of reading over the SDK's Kinesis client. */
import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  type GetShardIteratorInput,
  type KinesisClient,
  type Shard as ListedShard,
} from '@aws-sdk/client-kinesis';
import { connectKinesis, regionOf, type KinesisConnection } from '../../base/aws.ts';
import { arnRegion, streamAddress } from '../../base/stream.ts';
import { fromAws, type AwsCall } from '../../base/aws-errors.ts';
import { systemClock, unlessAborted, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { Page } from '../../base/pages.ts';
import type { IteratorStart, RecordsAnswer, ShardApi, StreamApi, StreamDescription } from './api.ts';
import { answerOf, KinesisProtocol } from './protocol.ts';
import type { Shard } from './source.ts';

/** The default of ListShards, and all it returns whatever it is asked for. */
const SHARDS_A_PAGE = 1000;

/** One stream over one client of its own. An aborted call is left behind at once and its answer thrown away. */
export class KinesisApi implements ShardApi, StreamApi {
  readonly #client: KinesisClient;
  readonly #stream: string;
  readonly #region: string | undefined;
  readonly #clock: Clock;
  /** Server's clock minus our monotonic one, by the Date of the latest answer. */
  #serverOffsetMs: number | undefined;

  constructor(connection: KinesisConnection & { readonly stream: string }, clock: Clock = systemClock) {
    this.#stream = connection.stream;
    this.#region = connection.region ?? arnRegion(connection.stream);
    this.#client = connectKinesis({ ...connection, protocol: KinesisProtocol });
    this.#clock = clock;
    this.#client.middlewareStack.add(
      (next) => async (request) => {
        const result = await next(request);
        this.#noteDate(result.response);
        return result;
      },
      // Below the deserialiser, so that a refusal tells the time as well.
      { step: 'deserialize', name: 'kinlogServerTime', priority: 'low' },
    );
  }

  async iterator(shardId: string, start: IteratorStart, signal: AbortSignal): Promise<string> {
    const command = new GetShardIteratorCommand({
      ...streamAddress(this.#stream),
      ShardId: shardId,
      ...startInput(start),
    });
    const call = this.#call('GetShardIterator', shardId);
    const { ShardIterator } = await this.#send(call, signal, () => this.#client.send(command));
    return given(ShardIterator, call);
  }

  async records(iterator: string, limit: number, signal: AbortSignal): Promise<RecordsAnswer> {
    const address = streamAddress(this.#stream);
    const command = new GetRecordsCommand({
      ShardIterator: iterator,
      Limit: limit,
      ...('StreamARN' in address ? address : {}),
    });
    const call = this.#call('GetRecords');
    const output = await this.#send(call, signal, () => this.#client.send(command));
    return given(answerOf(output), call);
  }

  async describe(signal: AbortSignal): Promise<StreamDescription> {
    const command = new DescribeStreamSummaryCommand(streamAddress(this.#stream));
    const call = this.#call('DescribeStreamSummary');
    const output = await this.#send(call, signal, () => this.#client.send(command));
    const summary = given(output.StreamDescriptionSummary, call);
    return {
      name: given(summary.StreamName, call),
      arn: given(summary.StreamARN, call),
      createdMs: summary.StreamCreationTimestamp?.getTime() ?? 0,
      status: given(summary.StreamStatus, call),
      retentionMs: given(summary.RetentionPeriodHours, call) * 3_600_000,
      serverTimeMs: this.serverTimeMs(),
    };
  }

  async shards(token: string | undefined, signal: AbortSignal): Promise<Page<Shard, string>> {
    const call = this.#call('ListShards');
    // A token speaks for the stream; the API refuses both together.
    const which = token === undefined ? streamAddress(this.#stream) : { NextToken: token };
    const command = new ListShardsCommand({ ...which, MaxResults: SHARDS_A_PAGE });
    const output = await this.#send(call, signal, () => this.#client.send(command));
    return { items: given(output.Shards, call).map(listed), next: output.NextToken };
  }

  region(): Promise<string | undefined> {
    return this.#region === undefined ? regionOf(this.#client) : Promise.resolve(this.#region);
  }

  /** Closes the connections; calls still running fail. */
  close(): void {
    this.#client.destroy();
  }

  #call(operation: string, shardId?: string): AwsCall {
    const resource = shardId === undefined ? this.#stream : `${this.#stream} ${shardId}`;
    return { operation, resource, region: this.#region };
  }

  async #send<T>(call: AwsCall, signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      // The SDK's own abort costs a new handler for every call; a call that goes on unheard ends with the client at the latest.
      return await unlessAborted(send(), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw fromAws(error, { ...call, region: call.region ?? (await regionOf(this.#client)) });
    }
  }

  serverTimeMs(): number {
    return this.#serverOffsetMs === undefined
      ? this.#clock.now()
      : Math.round(this.#serverOffsetMs + this.#clock.monotonic());
  }

  #noteDate(response: unknown): void {
    const headers = (response as { headers?: Record<string, string> } | undefined)?.headers ?? {};
    const date = Date.parse(headers['date'] ?? headers['Date'] ?? '');
    if (!Number.isNaN(date)) this.#serverOffsetMs = date - this.#clock.monotonic();
  }
}

function startInput(start: IteratorStart): Omit<GetShardIteratorInput, 'ShardId'> & { ShardIteratorType: string } {
  switch (start.kind) {
    case 'horizon':
      return { ShardIteratorType: 'TRIM_HORIZON' };
    case 'timestamp':
      return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(start.ms) };
    case 'at':
      return { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: start.sequenceNumber };
    case 'after':
      return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: start.sequenceNumber };
  }
}

function listed(shard: ListedShard): Shard {
  return {
    shardId: shard.ShardId ?? '',
    parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined),
    startingHashKey: shard.HashKeyRange?.StartingHashKey ?? '0',
    endingHashKey: shard.HashKeyRange?.EndingHashKey ?? '0',
    closed: shard.SequenceNumberRange?.EndingSequenceNumber !== undefined,
  };
}

/** An answer without what it always carries did not come from Kinesis. */
export function given<T>(value: T | undefined, call: AwsCall): T {
  if (value === undefined)
    throw new KinlogError(
      'KINLOG_UNEXPECTED',
      `${call.operation} on ${call.resource}: the answer lacks a part that Kinesis always sends`,
      {
        remedy: 'Check that the endpoint is a Kinesis endpoint; otherwise report it with the message and the version.',
      },
    );
  return value;
}
