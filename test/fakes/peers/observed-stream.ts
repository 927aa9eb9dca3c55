/** One stream on any Kinesis server, through the SDK, as the differential tests use it. */
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  SplitShardCommand,
  type GetRecordsOutput,
  type GetShardIteratorInput,
  type KinesisClient,
  type ListShardsInput,
  type Shard,
} from '@aws-sdk/client-kinesis';

export const shardId = (index: number): string => `shardId-${String(index).padStart(12, '0')}`;
export const short = (id: string | undefined): number | undefined =>
  id === undefined ? undefined : Number(id.slice(8));

export const ACTIVE_MS = 10_000;

/** One stream on one server, made for one observation. */
export class ObservedStream {
  readonly client: KinesisClient;
  readonly name: string;

  private constructor(client: KinesisClient, name: string) {
    this.client = client;
    this.name = name;
  }

  static async make(client: KinesisClient, name: string, shards = 2): Promise<ObservedStream> {
    await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }));
    const stream = new ObservedStream(client, name);
    await stream.active();
    return stream;
  }

  async active(): Promise<void> {
    const deadline = performance.now() + ACTIVE_MS;
    while ((await this.describe())?.StreamStatus !== 'ACTIVE') {
      if (performance.now() > deadline) throw new Error(`${this.name} did not become active`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async describe() {
    return (await this.client.send(new DescribeStreamSummaryCommand({ StreamName: this.name })))
      .StreamDescriptionSummary;
  }

  async put(data: string, place: { key?: string; hash?: string } = {}): Promise<{ shard: number; sequence: string }> {
    const { ShardId, SequenceNumber } = await this.client.send(
      new PutRecordCommand({
        StreamName: this.name,
        Data: Buffer.from(data),
        PartitionKey: place.key ?? 'key',
        ExplicitHashKey: place.hash,
      }),
    );
    return { shard: short(ShardId)!, sequence: SequenceNumber! };
  }

  putMany(entries: { data: Uint8Array; key?: string; hash?: string }[]) {
    const Records = entries.map(({ data, key = 'key', hash }) => ({
      Data: data,
      PartitionKey: key,
      ExplicitHashKey: hash,
    }));
    return this.client.send(new PutRecordsCommand({ StreamName: this.name, Records }));
  }

  async list(more: Partial<ListShardsInput> = {}): Promise<Shard[]> {
    return (await this.client.send(new ListShardsCommand({ StreamName: this.name, ...more }))).Shards ?? [];
  }

  async iterator(shard: number, more: Partial<GetShardIteratorInput> = {}): Promise<string> {
    const start = { ShardIteratorType: 'TRIM_HORIZON' as const, ...more };
    const input = { StreamName: this.name, ShardId: shardId(shard), ...start };
    return (await this.client.send(new GetShardIteratorCommand(input))).ShardIterator!;
  }

  read(ShardIterator: string, Limit?: number): Promise<GetRecordsOutput> {
    return this.client.send(new GetRecordsCommand({ ShardIterator, Limit }));
  }

  async texts(shard: number, more: Partial<GetShardIteratorInput> = {}): Promise<string[]> {
    return texts(await this.read(await this.iterator(shard, more)));
  }

  async split(shard: number, at: bigint): Promise<void> {
    const NewStartingHashKey = at.toString();
    await this.client.send(
      new SplitShardCommand({ StreamName: this.name, ShardToSplit: shardId(shard), NewStartingHashKey }),
    );
    await this.active();
  }

  async merge(left: number, right: number): Promise<void> {
    const pair = { ShardToMerge: shardId(left), AdjacentShardToMerge: shardId(right) };
    await this.client.send(new MergeShardsCommand({ StreamName: this.name, ...pair }));
    await this.active();
  }

  async delete(): Promise<void> {
    await this.client.send(new DeleteStreamCommand({ StreamName: this.name }));
  }
}

export const texts = (page: GetRecordsOutput): string[] =>
  (page.Records ?? []).map(({ Data }) => Buffer.from(Data!).toString());

export async function errorOf(work: Promise<unknown>): Promise<{ name: string; message: string }> {
  try {
    await work;
    return { name: 'accepted', message: '' };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
}

export const named = async (work: Promise<unknown>) => (await errorOf(work)).name;

/** Lies in the first shard. */
export const LOW = { hash: '0' };
export const HALF = 1n << 126n;
