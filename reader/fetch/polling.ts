/** Records by GetRecords: the path of a page from a position to the reader, one page ahead of it at most. */
import { systemClock, type Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import type { Position } from '../checkpoint/position.ts';
import type { ShardApi, StreamApi } from './api.ts';
import { oneAhead } from './ahead.ts';
import { ByteBudget } from './budget.ts';
import { ShardPoll } from './poll.ts';
import type { RecordPage, RecordSource, Shard } from './source.ts';

export interface PollingOptions {
  readonly api: ShardApi & StreamApi;
  readonly log: EventLog;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Shared by all shards of the process. */
  readonly budget?: ByteBudget;
  /** Longest wait between two calls on a shard without new records, milliseconds. */
  readonly idleMs?: number;
  /** Records in one answer at most. */
  readonly limit?: number;
  /** Creation of the stream that the positions belong to, milliseconds since the epoch; 0 = unknown. */
  readonly createdMs?: number;
  /** What a person must mend: wait and ask again slowly, or stop with the error. */
  readonly whenRefused?: 'wait' | 'stop';
}

export type PollingContext = Required<Omit<PollingOptions, 'idleMs'>> & Pick<PollingOptions, 'idleMs'>;

/** GetRecords returns no more, and refuses to be asked for more. */
const MOST_RECORDS = 10_000;

export class PollingSource implements RecordSource {
  readonly #context: PollingContext;

  constructor(options: PollingOptions) {
    this.#context = {
      clock: systemClock,
      random: Math.random,
      budget: new ByteBudget(),
      limit: MOST_RECORDS,
      createdMs: 0,
      whenRefused: 'wait',
      ...options,
    };
  }

  async *open(shard: Shard, from: Position, signal: AbortSignal): AsyncGenerator<RecordPage, void, undefined> {
    if (from.kind === 'end') return;
    yield* oneAhead((left) => new ShardPoll(this.#context, { shard, from, signal: AbortSignal.any([signal, left]) }));
  }
}
