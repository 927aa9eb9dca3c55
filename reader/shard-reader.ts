/** The life of one shard: fetch → deliver → store, until it ends or reading stops. */
import { isAbort } from '../base/clock.ts';
import { asKinlogError, isKinlogError, KinlogError } from '../base/errors.ts';
import type { Position } from './checkpoint/position.ts';
import type { Delivery } from './deliver.ts';
import type { RecordPage, RecordSource, Shard } from './fetch/source.ts';
import type { ShardProgress } from './shards/progress.ts';

/** What to do when the position can not be kept because its records are gone: the stream was created anew, they aged out, or the row is missing. */
export type LostPosition = 'stop' | 'horizon' | { readonly kind: 'timestamp'; readonly ms: number };

export interface ShardWork {
  readonly shard: Shard;
  readonly source: RecordSource;
  readonly delivery: Delivery;
  readonly progress: ShardProgress;
  /** Told of a failure at once: storing what was accepted before it may take as long as the store is away. */
  readonly failing: (error: unknown) => void;
  /** The children that the last page names are about to follow. */
  readonly born: (children: readonly Shard[], signal: AbortSignal) => Promise<void>;
  /** Undefined: records that aged out are announced, and reading goes on with the oldest that is left. */
  readonly onLost: LostPosition | undefined;
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
  let children: readonly Shard[] = [];
  try {
    for await (const page of pagesOf(work, signals.stop)) {
      try {
        await delivery.deliver(page, signals.drain);
      } finally {
        page.release();
      }
      if (page.children.length > 0) children = page.children;
      if (page.millisBehindLatest === 0) await delivery.caughtUp();
      await progress.storeWhenDue(page.millisBehindLatest, signals.drain);
    }
    signals.stop.throwIfAborted();
    await delivery.finish(signals.drain);
    await delivery.settled();
    await work.born(children, signals.drain);
    await progress.end([...new Set(children.map(({ shardId }) => shardId))], signals.drain);
    return true;
  } catch (error) {
    // A sink may stop by a signal of its own that goes with this one.
    const stopped = signals.stop.aborted && (error === signals.stop.reason || isAbort(error));
    if (!stopped) work.failing(error);
    const refused = await storeAccepted(work, signals.drain);
    if (!stopped) throw error;
    if (refused !== undefined) throw refused;
    return false;
  }
}

/** Pages as the source has them; a page behind a loss is the place to announce it, or to stop. */
async function* pagesOf(work: ShardWork, stop: AbortSignal): AsyncGenerator<RecordPage> {
  const { shard, progress, onLost } = work;
  for await (const page of pagesFrom(work, stop)) {
    if (progress.noticeLoss(onLost !== 'stop') && onLost === 'stop') {
      page.release();
      throw positionLost(shard.shardId);
    }
    yield page;
  }
}

export function positionLost(shardId: string): KinlogError {
  return new KinlogError('KINLOG_POSITION_LOST', `records of ${shardId} aged out of the stream before they were read`);
}

/** A position so old that it has aged out may be refused instead of read from the horizon. */
async function* pagesFrom(work: ShardWork, stop: AbortSignal): AsyncGenerator<RecordPage> {
  const { source, shard, progress } = work;
  try {
    yield* source.open(shard, afterLoss(work) ?? progress.row.position, stop);
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_POSITION_REFUSED') || progress.agedOut() === undefined) throw error;
    yield* source.open(shard, { kind: 'horizon' }, stop);
  }
}

/** Where the user wants to go on when records aged out while nobody read. */
function afterLoss({ progress, onLost }: ShardWork): Position | undefined {
  return typeof onLost === 'object' && progress.agedOut() !== undefined ? onLost : undefined;
}

/** The last act of a shard that did not end: wait for what is under way, then store what was accepted. Answers why something was not accepted. */
async function storeAccepted({ delivery, progress }: ShardWork, drain: AbortSignal): Promise<Error | undefined> {
  const refused = await delivery.settled().then(
    () => undefined,
    // What the end of the drain gave up is no failure, and must still look like an abort to whoever decides that.
    (error: unknown) =>
      drain.aborted && isAbort(error) ? (error as Error) : asKinlogError(error, 'delivering events'),
  );
  if (!drain.aborted) await progress.leave(drain);
  return refused;
}
