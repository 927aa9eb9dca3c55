/** What the suites of checkpoint stores share: two streams, a row, and reading all rows of a store. */
import type { CheckpointStore, RowRemover, ShardRow, StoredRow, StreamKey } from '../../reader/checkpoint/store.ts';

export interface OpenedStore {
  readonly store: CheckpointStore & RowRemover;
  /** Closes `store` and opens the same rows anew; only for stores that survive a restart. */
  readonly reopen?: () => Promise<CheckpointStore>;
  /** Closes whatever is open and removes what was made for the test. */
  readonly dispose: () => Promise<void>;
}

export const STREAM: StreamKey = {
  id: 'arn:aws:kinesis:eu-central-1:123456789012:stream/logs',
  createdMs: 1_700_000_000_000,
};
export const OTHER: StreamKey = {
  id: 'arn:aws:kinesis:eu-central-1:123456789012:stream/logs-2',
  createdMs: 1_700_000_000_000,
};

/** Sequence numbers do not fit a JavaScript number, so a store that parses one loses digits. */
export const SEQUENCE = '49590338271490256608559692538361571095921575989136588898';

export const row = (shardId: string, over: Partial<ShardRow> = {}): ShardRow => ({
  shardId,
  position: { kind: 'after', sequenceNumber: SEQUENCE, subSequence: 0, partial: false },
  parents: [],
  streamCreatedMs: 1_700_000_000_000,
  arrivalMs: 1_700_000_001_234,
  ...over,
});

export const live = () => new AbortController().signal;

export type Fresh = () => Promise<OpenedStore>;

export async function all(store: CheckpointStore, stream = STREAM): Promise<StoredRow[]> {
  const found: StoredRow[] = [];
  for await (const one of store.rows(stream, live())) found.push(one);
  return found.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
}

export const CONFLICT = { code: 'KINLOG_CHECKPOINT_CONFLICT', retry: 'never' };
