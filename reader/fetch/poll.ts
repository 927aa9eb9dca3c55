/** One shard being polled: from a position to pages, through whatever a call to Kinesis can meet. */
import { asKinlogError, type KinlogError } from '../../base/errors.ts';
import type { Position } from '../checkpoint/position.ts';
import { startAt, type IteratorStart, type RecordsAnswer } from './api.ts';
import { PageEstimate, type Grant } from './budget.ts';
import { ShardPace } from './pace.ts';
import { EndOfShard } from './end.ts';
import type { PollingContext } from './polling.ts';
import type { RecordPage, Shard } from './source.ts';
import { ShardTrouble } from './trouble.ts';

export interface PollTarget {
  readonly shard: Shard;
  readonly from: Exclude<Position, { readonly kind: 'end' }>;
  readonly signal: AbortSignal;
}

/** Throttles in a row after which somebody should know; some are everyday life where others read too. */
const CROWDED_AFTER = 20;
export class ShardPoll {
  readonly #context: PollingContext;
  readonly #shard: Shard;
  readonly #signal: AbortSignal;
  readonly #pace: ShardPace;
  readonly #expected: PageEstimate;
  readonly #trouble: ShardTrouble;
  readonly #end: EndOfShard;
  /** Where the next iterator begins: the opening position, then after the last record read; never the tip. */
  #start: IteratorStart;
  #iterator: string | undefined;
  #iteratorRefused = false;
  #throttles = 0;
  #ended = false;

  constructor(context: PollingContext, { shard, from, signal }: PollTarget) {
    const { clock, random, idleMs } = context;
    this.#context = context;
    this.#shard = shard;
    this.#signal = signal;
    this.#start = startAt(from);
    this.#pace = new ShardPace({ clock, random, ...(idleMs === undefined ? {} : { idleMs }) });
    this.#expected = new PageEstimate(clock);
    this.#trouble = new ShardTrouble(context, shard.shardId, signal);
    this.#end = new EndOfShard(context.api, shard);
  }

  /** The next page; undefined after the end. One call at a time. */
  async next(): Promise<RecordPage | undefined> {
    while (!this.#ended) {
      const page = await this.#attempt();
      if (page !== undefined) return page;
    }
    return undefined;
  }

  /** Undefined when the attempt must be repeated; the wait for that is over then. */
  async #attempt(): Promise<RecordPage | undefined> {
    await this.#turn();
    // The wait is over before the budget is asked: bytes reserved by sleepers would stop those who could read.
    const grant = await this.#context.budget.acquire(this.#expected.bytes(), this.#signal);
    try {
      const answer = await this.#fetch();
      this.#ended = answer.next === undefined && (await this.#end.confirmed(answer, 'GetRecords', this.#signal));
      return this.#accept(answer, grant);
    } catch (error) {
      grant.release();
      this.#signal.throwIfAborted();
      await this.#react(asKinlogError(error, `reading ${this.#shard.shardId}`));
      return undefined;
    }
  }

  async #turn(): Promise<void> {
    for (let ms = this.#pace.waitMs(); ms > 0; ms = this.#pace.waitMs())
      await this.#context.clock.sleep(ms, this.#signal);
  }

  async #fetch(): Promise<RecordsAnswer> {
    const { api, limit } = this.#context;
    this.#iterator ??= await api.iterator(this.#shard.shardId, this.#start, this.#signal);
    this.#pace.called();
    const answer = await api.records(this.#iterator, limit, this.#signal);
    const { records, bytes, millisBehindLatest } = answer;
    this.#pace.answered({ records: records.length, bytes: bytes + keyBytes(records), millisBehindLatest });
    return answer;
  }

  #accept(answer: RecordsAnswer, grant: Grant): RecordPage {
    const { records, bytes, next, millisBehindLatest, children } = answer;
    this.#throttles = 0;
    this.#trouble.recovered();
    this.#iterator = next;
    this.#iteratorRefused = false;
    const last = records.at(-1);
    if (last !== undefined) this.#start = { kind: 'after', sequenceNumber: last.sequenceNumber };
    grant.resize(this.#expected.learn(answer));
    const release = () => {
      grant.release();
      answer.recycle?.();
    };
    return { records, bytes, millisBehindLatest, children, release };
  }

  /** Settles when the next attempt may begin; throws what only the reader can decide. */
  async #react(error: KinlogError): Promise<void> {
    const { code } = error;
    if (code === 'KINLOG_THROTTLED') this.#slowDown(error);
    else if (code === 'KINLOG_ITERATOR_EXPIRED') this.#renewIterator();
    else if (code === 'KINLOG_REQUEST_REFUSED') this.#renewRefused(error);
    else if (code === 'KINLOG_POSITION_REFUSED') this.#start = await this.#trouble.intoThePast(error, this.#start);
    else {
      if (code === 'KINLOG_STREAM_NOT_FOUND') this.#iterator = undefined;
      await this.#trouble.after(error);
    }
  }

  #slowDown(error: KinlogError): void {
    this.#pace.throttled();
    this.#context.log.emit('fetch.throttled', { shard: this.#shard.shardId });
    this.#throttles++;
    if (this.#throttles >= CROWDED_AFTER) this.#trouble.stall(error);
  }

  #renewIterator(): void {
    this.#iterator = undefined;
    this.#context.log.emit('iterator.expired', { shard: this.#shard.shardId });
  }

  /** A refused iterator is replaced once; a second refusal without a page in between is no matter of age. */
  #renewRefused(error: KinlogError): void {
    if (this.#iterator === undefined || this.#iteratorRefused) throw error;
    this.#iteratorRefused = true;
    this.#renewIterator();
  }
}

// Letters for bytes: keys outside ASCII are rare, and the limit is not that sharp.
function keyBytes(records: RecordsAnswer['records']): number {
  let sum = 0;
  for (const { partitionKey } of records) sum += partitionKey?.length ?? 0;
  return sum;
}
