/** A simulated stream with a source of enhanced fan-out on it, in virtual time. */
import { FanOutApi } from '../../reader/fetch/fan-out-api.ts';
import { FanOutSource, type FanOutSourceOptions } from '../../reader/fetch/fan-out.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import type { Call } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { FIRST, STREAM, StreamScene, type Reading, type ReadOptions, type SourceSceneOptions } from './source-scene.ts';

export const CONSUMER = 'splunk';

export interface FanOutSceneOptions extends SourceSceneOptions {
  readonly source?: Partial<FanOutSourceOptions>;
  /** Whether the consumer is there already. */
  readonly registered?: boolean;
}

export class FanOutScene extends StreamScene {
  readonly api: KinesisApi;
  readonly pushing: FanOutApi;
  readonly source: FanOutSource;

  constructor({ source = {}, registered = true, ...options }: FanOutSceneOptions = {}) {
    super(options);
    const { clock, log } = this;
    if (registered) this.register();
    const connection = {
      stream: STREAM,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      requestHandler: simulatorHandler(this.fake),
    };
    this.api = new KinesisApi(connection, clock);
    this.pushing = new FanOutApi(connection, clock);
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
  takeOver(shardId = FIRST): void {
    const ConsumerARN = this.fake.stream(STREAM).consumers[0]!.arn;
    this.fake.call('SubscribeToShard', { ConsumerARN, ShardId: shardId, StartingPosition: { Type: 'LATEST' } });
  }

  read(options: ReadOptions = {}): Reading {
    return this.readFrom(this.source, options);
  }

  get subscribes(): readonly Call[] {
    return this.fake.callsOf('SubscribeToShard');
  }
}
