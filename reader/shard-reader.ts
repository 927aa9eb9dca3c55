/** The life of one shard: fetch → deliver → store, until it ends or reading stops. */
import { asKinlogError, isKinlogError } from '../base/errors.ts';
import type { Delivery } from './deliver.ts';
import type { RecordPage, RecordSource, Shard } from './fetch/source.ts';
import type { ShardProgress } from './shards/progress.ts';

export interface ShardWork {
  readonly shard: Shard;
  readonly source: RecordSource;
  readonly delivery: Delivery;
  readonly progress: ShardProgress;
  /** Told of a failure at once: storing what was accepted before it may take as long as the store is away. */
  readonly failing: (error: unknown) => void;
}

export interface ReadSignals {
  /** No further page is fetched. */
  readonly stop: AbortSignal;
  /** What is under way is given up too. */
  readonly drain: AbortSignal;
}

/** True when the shard was read and accepted to its end and that is stored; false when it was stopped. Whatever happens, what was accepted is stored before it settles. */
export async function readShard(work: ShardWork, signals: ReadSignals): Promise<boolean> {
  const { delivery, progress } = work;
  let children = new Set<string>();
  try {
    for await (const page of pagesOf(work, signals.stop)) {
      progress.noticeLoss();
      try {
        await delivery.deliver(page, signals.drain);
      } finally {
        page.release();
      }
      if (page.children.length > 0) children = new Set(page.children.map((child) => child.shardId));
      if (page.millisBehindLatest === 0) await delivery.settled();
      await progress.storeWhenDue(page.millisBehindLatest, signals.drain);
    }
    signals.stop.throwIfAborted();
    await delivery.finish(signals.drain);
    await delivery.settled();
    await progress.end([...children], signals.drain);
    return true;
  } catch (error) {
    const stopped = signals.stop.aborted && error === signals.stop.reason;
    if (!stopped) work.failing(error);
    const refused = await storeAccepted(work, signals.drain);
    if (!stopped) throw error;
    if (refused !== undefined) throw refused;
    return false;
  }
}

/** A position so old that it has aged out may be refused instead of read from the horizon; the loss is told with the first page. */
async function* pagesOf({ source, shard, progress }: ShardWork, stop: AbortSignal): AsyncGenerator<RecordPage> {
  try {
    yield* source.open(shard, progress.row.position, stop);
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_POSITION_REFUSED') || progress.agedOut() === undefined) throw error;
    yield* source.open(shard, { kind: 'horizon' }, stop);
  }
}

/** The last act of a shard that did not end: wait for what is under way, then store what was accepted. Answers why something was not accepted. */
async function storeAccepted({ delivery, progress }: ShardWork, drain: AbortSignal): Promise<Error | undefined> {
  const refused = await delivery.settled().then(
    () => undefined,
    (error: unknown) => asKinlogError(error, 'delivering events'),
  );
  if (!drain.aborted) await progress.leave(drain);
  return refused;
}
