/** Runtime facts as the status has them: so coarse that a stream that is read well, or is idle, changes nothing. Pure. */
import { applicationName } from '../desired/names.ts';
import type { Condition } from '../kube/object.ts';
import type { LogStream, LogStreamStatus } from '../logstream.ts';
import { wholeSeconds } from './condition.ts';
import type { Facts, PodFacts, ReaderFacts } from './facts.ts';

/** Boundaries of the lag, milliseconds. */
export const LAG_BUCKETS_MS = [0, 10_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000] as const;
/** A stream with traffic tells when a position was stored this often; a thousand of them are a write in two seconds. */
export const CHECKPOINT_STEP_MS = 1_800_000;

export type ToldStatus = Pick<LogStreamStatus, 'reader' | 'source' | 'lag' | 'checkpoint'>;

/** `caughtUp`: the condition. A lag beside one that says that nobody knows would be believed, and of a paused reader there is none. */
export function toldStatus(
  stream: LogStream,
  facts: Facts,
  caughtUp: Condition | undefined,
  nowMs: number,
): ToldStatus {
  const before = stream.status ?? {};
  const pod = newestPod(facts);
  const reader = facts.reader?.stale !== true && facts.reader?.podName === pod?.name ? facts.reader : undefined;
  return {
    ...(pod === undefined ? {} : { reader: readerOf(pod, reader, before.reader) }),
    ...sourceOf(reader, before.source),
    ...(caughtUp === undefined || caughtUp.status === 'Unknown' ? {} : lagOf(reader, before.lag, nowMs)),
    checkpoint: checkpointOf(stream, reader),
  };
}

/** The reader that is meant to go on. */
export function newestPod({ workload }: Facts): PodFacts | undefined {
  const living = (workload?.pods ?? []).filter(({ terminating }) => terminating === undefined);
  return living.toSorted((a, b) => b.createdMs - a.createdMs || a.name.localeCompare(b.name))[0];
}

function readerOf(
  { name, startedAt }: PodFacts,
  reader: ReaderFacts | undefined,
  before: LogStreamStatus['reader'],
): NonNullable<LogStreamStatus['reader']> {
  const same = before?.podName === name ? before : {};
  return { ...same, podName: name, ...(startedAt && { startedAt }), ...(reader && { version: reader.version }) };
}

function sourceOf(reader: ReaderFacts | undefined, before: LogStreamStatus['source']): ToldStatus {
  if (reader === undefined) return before === undefined ? {} : { source: before };
  const { openShards, closedShardsPending } = reader;
  return { source: { openShards, closedShardsPending } };
}

function lagOf(reader: ReaderFacts | undefined, before: LogStreamStatus['lag'], nowMs: number): ToldStatus {
  const bucketMs =
    reader?.behindMs === undefined ? undefined : lagBucketMs(reader.behindMs, before?.maxMillisBehindLatest);
  if (bucketMs === undefined || bucketMs === before?.maxMillisBehindLatest)
    return before === undefined ? {} : { lag: before };
  return { lag: { maxMillisBehindLatest: bucketMs, updatedAt: wholeSeconds(nowMs) } };
}

/** The largest boundary that is passed. `beforeMs` is left downwards only at half of it, so that a reader that lies about there stays in one. */
export function lagBucketMs(behindMs: number, beforeMs = 0): number {
  const passed = LAG_BUCKETS_MS.findLast((boundary) => boundary <= behindMs) ?? 0;
  return passed < beforeMs && behindMs > beforeMs / 2 ? beforeMs : passed;
}

/** A position is stored again and again though nothing arrives, which shows that the reader lives; what counts here is what was stored behind the last events. */
function checkpointOf(stream: LogStream, reader: ReaderFacts | undefined): NonNullable<LogStreamStatus['checkpoint']> {
  const before = stream.status?.checkpoint?.lastCheckpointTime;
  const heardMs = storedMs(reader);
  const isNews = heardMs !== undefined && (before === undefined || heardMs - Date.parse(before) >= CHECKPOINT_STEP_MS);
  const time = isNews ? wholeSeconds(heardMs) : before;
  return { ...(time && { lastCheckpointTime: time }), applicationName: applicationName(stream) };
}

function storedMs(reader: ReaderFacts | undefined): number | undefined {
  const [stored, delivered] = [reader?.positionStored, reader?.eventsDelivered].map((time) => Date.parse(time ?? ''));
  if (Number.isNaN(stored!) || Number.isNaN(delivered!)) return undefined;
  return Math.min(stored!, delivered!);
}
