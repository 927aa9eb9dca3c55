/** One shard being polled: from a position to pages, through whatever a call to Kinesis can meet. */
import { backoffMs } from '../../base/retry.ts';
import { asKinlogError, isKinlogError, KinlogError } from '../../base/errors.ts';
import { pages } from '../../base/pages.ts';
import type { Position } from '../checkpoint/position.ts';
import type { IteratorStart, RecordsAnswer } from './api.ts';
import { PageEstimate, type Grant } from './budget.ts';
import { ShardPace } from './pace.ts';
import type { PollingContext } from './polling.ts';
import type { RecordPage, Shard } from './source.ts';

export interface PollTarget {
  readonly shard: Shard;
  readonly from: Exclude<Position, { readonly kind: 'end' }>;
  readonly signal: AbortSignal;
}

/** Failures in a row after which somebody should know. */
const STALLED_AFTER = 5;
/** Throttles in a row after which somebody should know; some are everyday life where others read too. */
const CROWDED_AFTER = 20;
/** Refusals in a row, each after a slow wait, after which a shard that Kinesis does not know is not waited for any more. */
const GONE_AFTER = 3;

export class ShardPoll {
  readonly #context: PollingContext;
  readonly #shard: Shard;
  readonly #signal: AbortSignal;
  readonly #pace: ShardPace;
  readonly #expected: PageEstimate;
  /** Where the next iterator begins: the opening position, then after the last record read; never the tip. */
  #start: IteratorStart;
  #iterator: string | undefined;
  #iteratorRefused = false;
  #timeMoved = false;
  #failures = 0;
  #throttles = 0;
  #missing = 0;
  #stalled = false;
  #ended = false;

  constructor(context: PollingContext, { shard, from, signal }: PollTarget) {
    const { clock, random, idleMs } = context;
    this.#context = context;
    this.#shard = shard;
    this.#signal = signal;
    this.#start = startAt(from);
    this.#pace = new ShardPace({ clock, random, ...(idleMs === undefined ? {} : { idleMs }) });
    this.#expected = new PageEstimate(clock);
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
      if (answer.next === undefined) await this.#confirmEnd(answer);
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
    this.#recovered();
    this.#iterator = next;
    this.#iteratorRefused = false;
    const last = records.at(-1);
    if (last !== undefined) this.#start = { kind: 'after', sequenceNumber: last.sequenceNumber };
    this.#ended = next === undefined;
    grant.resize(this.#expected.learn(answer));
    const release = () => {
      grant.release();
      answer.recycle?.();
    };
    return { records, bytes, millisBehindLatest, children, release };
  }

  /** An end without children may be a slip of the service, and whoever believes it never reads the shard again. Other servers never name children,
   *  so the listing decides: as long as it calls the shard open, the same iterator is asked again. */
  async #confirmEnd({ children }: RecordsAnswer): Promise<void> {
    const { shardId, closed } = this.#shard;
    if (closed || children.length > 0) return;
    const { api } = this.#context;
    for await (const shard of pages((token: string | undefined) => api.shards(token, this.#signal)))
      if (shard.shardId === shardId && !shard.closed)
        throw new KinlogError(
          'KINLOG_SERVICE_UNAVAILABLE',
          `GetRecords calls ${shardId} ended, ListShards calls it open`,
        );
  }

  /** Settles when the next attempt may begin; throws what only the reader can decide. */
  async #react(error: KinlogError): Promise<void> {
    const { code } = error;
    if (code === 'KINLOG_THROTTLED') this.#slowDown(error);
    else if (code === 'KINLOG_ITERATOR_EXPIRED') this.#renewIterator();
    else if (code === 'KINLOG_REQUEST_REFUSED') this.#renewRefused(error);
    else if (code === 'KINLOG_POSITION_REFUSED') await this.#intoThePast(error);
    else if (code === 'KINLOG_STREAM_NOT_FOUND') await this.#confirmGone(error);
    else if (error.retry === 'slow' && this.#context.whenRefused === 'stop') throw error;
    else await this.#waitAfter(error);
  }

  #slowDown(error: KinlogError): void {
    this.#pace.throttled();
    this.#context.log.emit('fetch.throttled', { shard: this.#shard.shardId });
    this.#throttles++;
    if (this.#throttles >= CROWDED_AFTER) this.#stall(error);
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

  /** A time ahead of the server's clock is refused. From then on it is the server's present, kept for every later iterator: asking for a new
   *  present each time would skip what arrived in between. */
  async #intoThePast(refused: KinlogError): Promise<void> {
    if (this.#start.kind !== 'timestamp' || this.#timeMoved) throw refused;
    try {
      const { serverTimeMs } = await this.#context.api.describe(this.#signal);
      this.#start = { kind: 'timestamp', ms: Math.min(this.#start.ms, serverTimeMs) };
      this.#timeMoved = true;
    } catch (error) {
      this.#signal.throwIfAborted();
      await this.#waitAfter(asKinlogError(error, 'asking for the time of the server'));
    }
  }

  /** Whether it is the stream that is missing, asked of the stream itself. As long as that cannot be told the shard waits. */
  async #confirmGone(error: KinlogError): Promise<void> {
    const code = await this.#fateOfStream();
    this.#iterator = undefined;
    await this.#waitAfter(code === undefined ? error : new KinlogError(code, error.message, { cause: error }));
  }

  async #fateOfStream(): Promise<
    'KINLOG_STREAM_DELETED' | 'KINLOG_STREAM_RECREATED' | 'KINLOG_SHARD_GONE' | undefined
  > {
    const { api, createdMs } = this.#context;
    try {
      const found = await api.describe(this.#signal);
      if (found.status === 'DELETING') return 'KINLOG_STREAM_DELETED';
      const isAnother = createdMs !== 0 && found.createdMs !== 0 && found.createdMs !== createdMs;
      if (isAnother) return 'KINLOG_STREAM_RECREATED';
      return ++this.#missing < GONE_AFTER ? undefined : 'KINLOG_SHARD_GONE';
    } catch (error) {
      this.#signal.throwIfAborted();
      return isKinlogError(error, 'KINLOG_STREAM_NOT_FOUND') ? 'KINLOG_STREAM_DELETED' : undefined;
    }
  }

  async #waitAfter(error: KinlogError): Promise<void> {
    if (error.retry === 'never') throw error;
    const { clock, log, random } = this.#context;
    this.#failures++;
    const waitMs = backoffMs(error, this.#failures, random);
    const fields = { shard: this.#shard.shardId, code: error.code, error: error.message, waitMs };
    log.emit('fetch.retried', fields);
    if (error.retry === 'slow' || this.#failures >= STALLED_AFTER) this.#stall(error);
    await clock.sleep(waitMs, this.#signal);
  }

  #stall({ code, message, remedy }: KinlogError): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#context.log.emit('shard.stalled', { shard: this.#shard.shardId, code, error: message, remedy });
  }

  #recovered(): void {
    this.#failures = 0;
    this.#throttles = 0;
    this.#missing = 0;
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#context.log.emit('shard.recovered', { shard: this.#shard.shardId });
  }
}

// Letters for bytes: keys outside ASCII are rare, and the limit is not that sharp.
function keyBytes(records: RecordsAnswer['records']): number {
  let sum = 0;
  for (const { partitionKey } of records) sum += partitionKey?.length ?? 0;
  return sum;
}

function startAt(from: PollTarget['from']): IteratorStart {
  if (from.kind !== 'after') return from;
  return { kind: from.partial ? 'at' : 'after', sequenceNumber: from.sequenceNumber };
}
