/** What all operations stand on: streams by name, the service's time, its rules, and the shape of requests and answers. */
import { systemClock, type Clock } from '../../../base/clock.ts';
import { KinesisFailure, invalidArgument, streamNotFound } from './failure.ts';
import type { StoredRecord } from './shard.ts';
import { CallLimit } from './limits.ts';
import { FakeStream } from './stream.ts';
import type { Subscription } from './subscribe.ts';

/** Rules that tests may change at any time. */
export interface Settings {
  /** The service's clock minus the given clock, milliseconds. */
  clockOffsetMs: number;
  iteratorTtlMs: number;
  listTokenTtlMs: number;
  /** `together`: the last records come with the null iterator; `empty-page`: one more, empty answer ends the shard. Both were seen on real servers. */
  endOfShard: 'together' | 'empty-page';
  /** Whether the end of a shard names its children. */
  childShards: boolean;
  /** What happens to a well-formed sequence number that has aged out; no source settles it. */
  agedSequence: 'horizon' | 'refuse';
  /** 5 calls/s and 2 MiB/s per shard and their penalties, 2 MiB/s per subscription, and the rates of the other calls. */
  readLimits: boolean;
  /** 1 MiB/s and 1,000 records/s per shard. */
  writeLimits: boolean;
  /** Milliseconds that creating, deleting and resharding take. */
  changeMs: number;
  maxRequestBytes: number;
  maxPageBytes: number;
  /** Data and keys in one pushed event. */
  maxEventBytes: number;
  /** How long a subscription lasts. */
  subscriptionMs: number;
  /** Longest time between two pushed events; those without records carry progress. */
  progressMs: number;
  /** Known access keys; undefined = all. */
  accessKeys: ReadonlySet<string> | undefined;
  /** Allowed operations; undefined = all. */
  allow: ReadonlySet<string> | undefined;
  /** Refuse requests signed for another region: there, no stream of this name exists. */
  checkRegion: boolean;
}

const MIB = 1024 * 1024;

const defaultSettings = (): Settings => ({
  clockOffsetMs: 0,
  iteratorTtlMs: 300_000,
  listTokenTtlMs: 300_000,
  endOfShard: 'together',
  childShards: true,
  agedSequence: 'horizon',
  readLimits: true,
  writeLimits: false,
  changeMs: 0,
  maxRequestBytes: 10 * MIB,
  maxPageBytes: 10 * MIB,
  maxEventBytes: MIB,
  subscriptionMs: 300_000,
  progressMs: 5_000,
  accessKeys: undefined,
  allow: undefined,
  checkRegion: false,
});

export interface PutEntry {
  readonly Data: string;
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
}

/** Every field a request may have (API reference of Amazon Kinesis Data Streams, 2013-12-02). */
export interface Input extends Partial<PutEntry> {
  readonly StreamName?: string;
  readonly StreamARN?: string;
  readonly ShardCount?: number;
  readonly StreamModeDetails?: { readonly StreamMode: string };
  readonly NextToken?: string;
  readonly MaxResults?: number;
  readonly ExclusiveStartShardId?: string;
  readonly StreamCreationTimestamp?: number;
  readonly ShardFilter?: { readonly Type: string; readonly ShardId?: string; readonly Timestamp?: number };
  readonly Limit?: number;
  readonly ShardId?: string;
  readonly ShardIteratorType?: string;
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: number;
  readonly ShardIterator?: string;
  readonly Records?: readonly PutEntry[];
  readonly ShardToSplit?: string;
  readonly NewStartingHashKey?: string;
  readonly ShardToMerge?: string;
  readonly AdjacentShardToMerge?: string;
  readonly TargetShardCount?: number;
  readonly RetentionPeriodHours?: number;
  readonly MaxRecordSizeInKiB?: number;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
  readonly StartingPosition?: {
    readonly Type?: string;
    readonly SequenceNumber?: string;
    readonly Timestamp?: number;
  };
}

export interface Output {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Records of GetRecords. */
  readonly records?: readonly StoredRecord[];
  readonly bytes?: number;
  /** Of SubscribeToShard. */
  readonly subscription?: Subscription;
}

export interface ServiceOptions extends Partial<Settings> {
  readonly clock?: Clock;
  readonly region?: string;
  readonly account?: string;
}

export class Service {
  readonly clock: Clock;
  readonly region: string;
  readonly account: string;
  readonly settings: Settings;
  readonly streams = new Map<string, FakeStream>();
  readonly describes = new CallLimit(20);
  readonly consumerDescribes = new CallLimit(20);
  /** Newest second in a sequence number of a deleted stream, by name. */
  readonly #buriedS = new Map<string, number>();

  constructor({ clock = systemClock, region = 'us-east-1', account = '000000000000', ...settings }: ServiceOptions) {
    this.clock = clock;
    this.region = region;
    this.account = account;
    this.settings = { ...defaultSettings(), ...settings };
  }

  /** The service's wall clock, milliseconds. */
  now(): number {
    return Math.floor(this.clock.now() + this.settings.clockOffsetMs);
  }

  /** A stream of any status, with everything due done. */
  known(name: string): FakeStream | undefined {
    const stream = this.streams.get(name);
    stream?.settle(this.now());
    return this.streams.get(name);
  }

  /** The stream that a request names. */
  named({ StreamName, StreamARN }: Input): FakeStream {
    const name = StreamName ?? StreamARN?.split(':stream/')[1];
    if (name === undefined) throw invalidArgument('Either StreamName or StreamARN should be provided.');
    const stream = this.known(name);
    if (stream === undefined) throw streamNotFound(name, this.account);
    return stream;
  }

  /** The stream that a request names, if it may be changed now. */
  active(input: Input): FakeStream {
    const stream = this.named(input);
    if (stream.status !== 'ACTIVE')
      throw new KinesisFailure(
        'ResourceInUseException',
        `Stream ${stream.shape.name} under account ${this.account} not ACTIVE, instead in state ${stream.status}`,
      );
    return stream;
  }

  create(name: string, shardCount: number, onDemand = false): FakeStream {
    const createdMs = Math.max(this.now(), ((this.#buriedS.get(name) ?? -1) + 1) * 1000);
    const { account, region } = this;
    const stream = new FakeStream({ name, account, region, createdMs, onDemand }, shardCount);
    this.streams.set(name, stream);
    return stream;
  }

  bury(stream: FakeStream): void {
    this.#buriedS.set(stream.shape.name, stream.newestS);
    this.streams.delete(stream.shape.name);
    for (const shard of stream.shards) shard.changes.announce();
  }
}
