/** A simulated stream with a polling source on it, in virtual time. */
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import { PollingSource, type PollingOptions } from '../../reader/fetch/polling.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { STREAM, StreamScene, type Reading, type ReadOptions, type SourceSceneOptions } from './source-scene.ts';

export interface PollingSceneOptions extends SourceSceneOptions {
  readonly source?: Partial<PollingOptions>;
}

export class PollingScene extends StreamScene {
  readonly api: KinesisApi;
  readonly source: PollingSource;

  constructor({ source = {}, ...options }: PollingSceneOptions = {}) {
    super(options);
    const connection = {
      stream: STREAM,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      requestHandler: simulatorHandler(this.fake, { requestTimeoutMs: 30_000 }),
    };
    const { clock, log } = this;
    this.api = new KinesisApi(connection, clock);
    this.source = new PollingSource({ api: this.api, log, clock, random: () => 0.5, ...source });
  }

  /** The SDK reads files before its first call; afterwards everything happens in virtual time. */
  async start(): Promise<this> {
    await this.api.describe(new AbortController().signal);
    this.fake.calls.length = 0;
    return this;
  }

  read(options: ReadOptions = {}): Reading {
    return this.readFrom(this.source, options);
  }
}
