/** A simulated stream with a polling source on it, in virtual time, and readers that keep what they are given. */
import { EventLog, type LogLine } from '../../base/events.ts';
import type { Position } from '../../reader/checkpoint/position.ts';
import { KinesisApi } from '../../reader/fetch/kinesis.ts';
import { PollingSource, type PollingOptions } from '../../reader/fetch/polling.ts';
import type { RecordPage, RecordSource, Shard } from '../../reader/fetch/source.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import type { ServiceOptions } from '../fakes/kinesis/service.ts';

export const STREAM = 'access-logs';
export const HORIZON = { kind: 'horizon' } as const;

export interface SceneOptions {
  readonly shards?: number;
  readonly service?: Omit<ServiceOptions, 'clock'>;
  readonly source?: Partial<PollingOptions>;
}

export interface Reading {
  readonly data: string[];
  readonly pages: RecordPage[];
  readonly signal: AbortSignal;
  /** What ended it. */
  error: unknown;
  ended: boolean;
  stop(): Promise<void>;
}

export interface ReadOptions {
  readonly shard?: Shard;
  readonly from?: Position;
  /** What the reader does with each page before it takes the next one. */
  readonly take?: (page: RecordPage) => Promise<void> | void;
}

export class PollingScene {
  readonly clock = new FakeClock();
  readonly fake: FakeKinesis;
  readonly api: KinesisApi;
  readonly source: PollingSource;
  readonly lines: LogLine[] = [];

  constructor({ shards = 1, service = {}, source = {} }: SceneOptions = {}) {
    this.fake = new FakeKinesis({ clock: this.clock, ...service });
    this.fake.createStream(STREAM, shards);
    const connection = {
      stream: STREAM,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
      requestHandler: simulatorHandler(this.fake, { requestTimeoutMs: 30_000 }),
    };
    this.api = new KinesisApi(connection, this.clock);
    const log = new EventLog((line) => this.lines.push(line), 'debug');
    this.source = new PollingSource({ api: this.api, log, clock: this.clock, random: () => 0.5, ...source });
  }

  /** The SDK reads files before its first call; afterwards everything happens in virtual time. */
  async start(): Promise<this> {
    await this.api.describe(new AbortController().signal);
    this.fake.calls.length = 0;
    return this;
  }

  put(...data: readonly string[]): void {
    for (const text of data) this.fake.put(STREAM, { data: text });
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

  /** Virtual time passes until the fact holds. */
  until(fact: () => boolean): Promise<void> {
    return this.clock.until(fact);
  }

  named(name: LogLine['name']): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }
}

export function startReading(
  source: RecordSource,
  { shard, from, take }: Required<Pick<ReadOptions, 'shard' | 'from'>> & ReadOptions,
): Reading {
  const stop = new AbortController();
  const reading: Reading = {
    data: [],
    pages: [],
    signal: stop.signal,
    error: undefined,
    ended: false,
    stop: async () => {
      stop.abort();
      await done;
    },
  };
  const run = async () => {
    for await (const page of source.open(shard, from, stop.signal)) {
      reading.pages.push(page);
      reading.data.push(...page.records.map((record) => Buffer.from(record.data).toString()));
      await take?.(page);
      page.release();
    }
    reading.ended = true;
  };
  const done = run().catch((error: unknown) => {
    reading.error = error;
  });
  return reading;
}
