/** `status` of a LogStream. Facts of the reader are coarse and seldom written; the truth is in its metrics. */
import { group, list, oneOf, text, time, whole, type FieldType } from './field.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const count = whole(0, 2 ** 31 - 1);
/** The operator's own words: cut by it, and never so short here that a status is refused. */
const words = (max: number): FieldType<string> => text('text', { min: 0, max });

/** As metav1.Condition has it. */
const reason = text('a name', { pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$', max: 1024 });

const condition = group({
  type: {
    type: text('a name', { pattern: '^[A-Za-z][A-Za-z0-9]*$', max: 316 }),
    text: 'What the condition is about. Ready sums the others up.',
    required: true,
  },
  status: { type: oneOf('True', 'False', 'Unknown'), text: 'Whether it holds.', required: true },
  reason: { type: reason, text: 'Why, in one word; the reference explains each.', required: true },
  message: { type: words(32_768), text: 'Why, for a person, and what to do.', required: true },
  lastTransitionTime: { type: time, text: 'When the status changed last.', required: true },
  observedGeneration: { type: whole(0, MOST), text: 'Generation of the LogStream that the condition is about.' },
});

export const status = group({
  observedGeneration: {
    type: whole(0, MOST),
    text: 'Newest generation of the LogStream that the operator has acted upon.',
  },
  conditions: {
    type: list(condition, { max: 32, key: 'type' }),
    text: 'Ready, Reconciling, Stalled, ConfigValid, ReferencesResolved, ReaderAvailable, SourceReachable, OutputReachable, CaughtUp, ReconciliationPaused.',
  },
  replicas: { type: count, text: 'Pods that there are.' },
  readyReplicas: { type: count, text: 'Pods that are ready.' },
  selector: { type: words(1024), text: 'Labels of the pods, for the scale subresource.' },
  reader: {
    type: group({
      podName: { type: words(253), text: 'Pod of the reader.' },
      version: { type: words(128), text: 'Version of kinlog in it.' },
      startedAt: { type: time, text: 'When its container started.' },
    }),
    text: 'The reader that runs.',
  },
  source: {
    type: group({
      openShards: { type: count, text: 'Shards that records are still put into.' },
      closedShardsPending: { type: count, text: 'Shards that were split or merged and are not read to their end.' },
    }),
    text: 'The stream as the reader sees it.',
  },
  lag: {
    type: group({
      maxMillisBehindLatest: {
        type: whole(0, MOST),
        text: 'How far the furthest shard is behind the tip, milliseconds: the largest of a few round boundaries that it has passed.',
      },
      updatedAt: { type: time, text: 'When the boundary was passed.' },
    }),
    text: 'How far reading is behind, coarsely; kinlog_behind_seconds of the metrics says it exactly.',
  },
  checkpoint: {
    type: group({
      lastCheckpointTime: { type: time, text: 'When a position was stored last, as far as the operator has heard.' },
      applicationName: { type: words(256), text: 'Whose positions these are.' },
    }),
    text: 'The stored positions.',
  },
  lastError: {
    type: group({
      reason: { type: words(1024), text: 'In one word.', required: true },
      message: { type: words(32_768), text: 'What happened, and what to do.', required: true },
      time: { type: time, text: 'When it was seen.', required: true },
    }),
    text: 'What went wrong last.',
  },
  configHash: { type: words(128), text: 'Of the configuration that the reader runs with.' },
  resetAcknowledged: { type: words(64), text: 'Id of the last resetRequest that was done.' },
});
