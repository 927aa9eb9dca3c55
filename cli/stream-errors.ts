/** What stands in the way of one stream of `kinlog run` now: what its reader, its shards and its position store met. */
import { ERRORS, readDescription, type DescribedError, type ErrorCode } from '../base/errors.ts';
import type { Fields, LogLine } from '../base/events.ts';
import type { ReaderStatus } from '../reader/index.ts';
import { errorOf, StandingErrors, type StandingError } from './standing-errors.ts';

/** These pass by themselves within seconds, and come with every stream that is read well. */
const WEATHER: readonly string[] = ['KINLOG_THROTTLED', 'KINLOG_ITERATOR_EXPIRED', 'KINLOG_LISTING_EXPIRED'];
/** Nothing ends the loss of records; so long somebody shall see it. */
const LOSS_LASTS_MS = 3_600_000;
/** A position was stored; or this reader stores none for the shard any more, or begins with what is stored. */
const NOT_DELAYED: readonly string[] = [
  'checkpoint.stored',
  'shard.started',
  'shard.ended',
  'shard.failed',
  'lease.lost',
  'lease.given',
];
const OVER: readonly string[] = ['shard.started', 'shard.recovered', 'shard.ended', 'lease.lost', 'lease.given'];

export class StreamErrors {
  readonly #standing = new StandingErrors();

  note({ name, fields }: LogLine, nowMs: number): void {
    const shard = `shard ${String(fields['shard'])}`;
    this.#noteStore(name, shard, fields, nowMs);
    if (OVER.includes(name)) this.#standing.end(shard);
    else if (name === 'shard.stalled') this.#begin(shard, stallOf(fields), nowMs);
    else if (name === 'shard.failed' || name === 'reader.stalled' || name === 'reader.failed')
      this.#begin(name === 'shard.failed' ? shard : `reader ${String(fields['doing'])}`, saidIn(fields), nowMs);
    else if (name === 'reader.resumed') this.#standing.end(`reader ${String(fields['doing'])}`);
    else if (name === 'reader.started') this.#standing.endAll('reader ');
    else if (name === 'stream.data-loss')
      this.#standing.begin(`loss ${shard}`, { error: lossOf(fields), lastsMs: LOSS_LASTS_MS }, nowMs);
  }

  #noteStore(name: string, shard: string, fields: Fields, nowMs: number): void {
    const key = `store of ${shard}`;
    if (NOT_DELAYED.includes(name)) this.#standing.end(key);
    else if (name === 'checkpoint.delayed') this.#standing.begin(key, { error: saidIn(fields), part: 'store' }, nowMs);
  }

  /** `failed`: with what reading ended. Shards count while they are this reader's. */
  list(nowMs: number, status: ReaderStatus | undefined): StandingError[] {
    const ours = new Set(
      status?.shards.filter(({ state }) => OURS.includes(state)).map(({ shardId }) => `shard ${shardId}`),
    );
    return this.#standing.list(nowMs, (key) => !key.startsWith('shard ') || ours.has(key));
  }

  #begin(key: string, error: DescribedError, nowMs: number): void {
    if (!WEATHER.includes(error.code)) this.#standing.begin(key, { error }, nowMs);
  }
}

const OURS: readonly string[] = ['reading', 'handing-over', 'failed'];

function saidIn({ error }: Fields): DescribedError {
  const text = String(error);
  return readDescription(text) ?? errorOf('KINLOG_UNEXPECTED', text);
}

function stallOf({ shard, code, error, remedy }: Fields): DescribedError {
  const known = Object.hasOwn(ERRORS, String(code)) ? (code as ErrorCode) : 'KINLOG_UNEXPECTED';
  return errorOf(known, `${String(shard)} can not be read for now: ${String(error)}`, String(remedy));
}

function lossOf({ shard, from, to }: Fields): DescribedError {
  return errorOf(
    'KINLOG_POSITION_LOST',
    `records of ${String(shard)} between ${String(from)} and ${String(to)} were not read and are gone`,
    'Find out why reading fell behind by the whole retention of the stream, or lengthen that.',
  );
}
