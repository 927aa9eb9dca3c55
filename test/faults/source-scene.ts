/** A simulated stream in virtual time, for one source of records; and readers that keep what the source gives them. */
import { EventLog, type LogLine } from '../../base/events.ts';
import type { Position } from '../../reader/checkpoint/position.ts';
import type { RecordPage, RecordSource, Shard } from '../../reader/fetch/source.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import type { ServiceOptions } from '../fakes/kinesis/service.ts';

export const STREAM = 'access-logs';
export const HORIZON = { kind: 'horizon' } as const;
export const FIRST = 'shardId-000000000000';
export const SECOND = 'shardId-000000000001';
/** Belongs to the last shard. */
export const LAST_KEY = (2n ** 128n - 1n).toString();
export const MIB = 1024 * 1024;

export interface SourceSceneOptions {
  readonly shards?: number;
  readonly service?: Omit<ServiceOptions, 'clock'>;
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

/** What a scene has whatever its source is. */
export class StreamScene {
  readonly clock = new FakeClock();
  readonly fake: FakeKinesis;
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line), 'debug');

  constructor({ shards = 1, service = {} }: SourceSceneOptions) {
    this.fake = new FakeKinesis({ clock: this.clock, ...service });
    this.fake.createStream(STREAM, shards);
  }

  put(...data: readonly string[]): string[] {
    return data.map((text) => this.fake.put(STREAM, { data: text }).sequenceNumber);
  }

  /** Records of a MiB each with their key, told apart by their first bytes, which are returned. */
  fill(count: number, explicitHashKey = '0'): string[] {
    return Array.from({ length: count }, (_, i) => {
      const name = `${String(i).padStart(6, '0')} `;
      this.fake.put(STREAM, { data: name.padEnd(MIB - 3, 'x'), key: 'key', explicitHashKey });
      return name;
    });
  }

  shard(shardId = FIRST): Shard {
    const found = this.fake.stream(STREAM).shards.find((shard) => shard.shardId === shardId)!;
    return {
      shardId,
      parents: [],
      startingHashKey: found.shape.firstHash.toString(),
      endingHashKey: found.shape.lastHash.toString(),
      closed: found.closedMs !== undefined,
    };
  }

  /** Virtual time passes until the fact holds. */
  until(fact: () => boolean): Promise<void> {
    return this.clock.until(fact);
  }

  named(name: LogLine['name']): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }

  protected readFrom(source: RecordSource, options: ReadOptions): Reading {
    const { shard = this.shard(), from = HORIZON, take } = options;
    return startReading(source, { shard, from, ...(take === undefined ? {} : { take }) });
  }
}

/** The first bytes of records that `fill` made. */
export const names = (data: readonly string[]): string[] => data.map((text) => text.slice(0, 7));

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
