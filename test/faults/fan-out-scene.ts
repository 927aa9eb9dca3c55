/** A simulated stream with a source of enhanced fan-out on it, in virtual time. */
import { EventLog, type LogLine } from '../../base/events.ts';
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FanOutSource, type FanOutSourceOptions } from '../../reader/fetch/fan-out.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import type { Shard } from '../../reader/fetch/source.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis, type Call } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import type { ServiceOptions } from '../fakes/kinesis/service.ts';
import { HORIZON, startReading, STREAM, type ReadOptions, type Reading } from './polling-scene.ts';

export const CONSUMER = 'splunk';

export interface FanOutSceneOptions {
  readonly shards?: number;
  readonly service?: Omit<ServiceOptions, 'clock'>;
  readonly source?: Partial<FanOutSourceOptions>;
  /** Whether the consumer is there already. */
  readonly registered?: boolean;
}

export class FanOutScene {
  readonly clock = new FakeClock();
  readonly fake: FakeKinesis;
  readonly api: KinesisApi;
  readonly pushing: FanOutApi;
  readonly source: FanOutSource;
  readonly lines: LogLine[] = [];

  constructor({ shards = 1, service = {}, source = {}, registered = true }: FanOutSceneOptions = {}) {
    const { clock } = this;
    this.fake = new FakeKinesis({ clock, ...service });
    this.fake.createStream(STREAM, shards);
    if (registered) this.register();
    const connection = {
      stream: STREAM,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      requestHandler: simulatorHandler(this.fake),
    };
    this.api = new KinesisApi(connection, clock);
    this.pushing = new FanOutApi(connection, clock);
    const log = new EventLog((line) => this.lines.push(line), 'debug');
    const parts = { api: this.api, pushing: this.pushing, log, clock, consumer: CONSUMER };
    this.source = new FanOutSource({ ...parts, random: () => 0.5, ...source });
  }

  /** The SDK reads files before its first call; afterwards everything happens in virtual time. */
  async start(): Promise<this> {
    const { signal } = new AbortController();
    await this.api.describe(signal);
    await this.pushing.find({ StreamARN: this.fake.stream(STREAM).arn, ConsumerName: 'nobody' }, signal);
    this.fake.calls.length = 0;
    return this;
  }

  register(name = CONSUMER): string {
    const { Consumer } = this.fake.call('RegisterStreamConsumer', {
      StreamARN: this.fake.stream(STREAM).arn,
      ConsumerName: name,
    }).fields;
    return (Consumer as { ConsumerARN: string }).ConsumerARN;
  }

  /** Another reader with the same consumer subscribes. */
  takeOver(shardId = 'shardId-000000000000'): void {
    const ConsumerARN = this.fake.stream(STREAM).consumers[0]!.arn;
    this.fake.call('SubscribeToShard', { ConsumerARN, ShardId: shardId, StartingPosition: { Type: 'LATEST' } });
  }

  put(...data: readonly string[]): string[] {
    return data.map((text) => this.fake.put(STREAM, { data: text }).sequenceNumber);
  }

  shard(shardId = 'shardId-000000000000'): Shard {
    const found = this.fake.stream(STREAM).shards.find((shard) => shard.shardId === shardId)!;
    return {
      shardId,
      parents: [],
      startingHashKey: found.shape.firstHash.toString(),
      endingHashKey: found.shape.lastHash.toString(),
      closed: found.closedMs !== undefined,
    };
  }

  read(options: ReadOptions = {}): Reading {
    const { shard = this.shard(), from = HORIZON, take } = options;
    return startReading(this.source, { shard, from, ...(take === undefined ? {} : { take }) });
  }

  get subscribes(): readonly Call[] {
    return this.fake.callsOf('SubscribeToShard');
  }

  /** Virtual time passes until the fact holds. */
  until(fact: () => boolean): Promise<void> {
    return this.clock.until(fact);
  }

  named(name: LogLine['name']): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }
}
