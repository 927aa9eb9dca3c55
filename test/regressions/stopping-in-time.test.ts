/** Whatever an output or a store does, a reader that is asked to stop says within its time how it ended. */
import { expect, it } from 'vitest';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import type { CheckpointStore, ShardRow, StoredRow, StreamKey } from '../../reader/checkpoint/store.ts';
import type { Output } from '../../reader/output/output.ts';
import { ReaderScene } from '../faults/reader-scene.ts';

const NEVER = new Promise<never>(() => undefined);
/** Default drain, and what a reader may take to say that it was not enough. */
const LIMIT_MS = 4000 + 600;

/** Takes no notice of any signal. */
class HangingStore implements CheckpointStore {
  readonly traits;
  readonly #inner = new MemoryStore();
  hangs: 'never' | 'put' | 'rows' = 'never';

  constructor(shared: boolean) {
    this.traits = { survivesRestart: true, shared };
  }

  async *rows(stream: StreamKey, signal: AbortSignal): AsyncGenerator<StoredRow> {
    if (this.hangs === 'rows') await NEVER;
    yield* this.#inner.rows(stream, signal);
  }

  put(stream: StreamKey, row: ShardRow, expected: number | 'absent', signal: AbortSignal): Promise<number> {
    return this.hangs === 'put' ? NEVER : this.#inner.put(stream, row, expected, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const deafOutput: Output = { write: () => NEVER, close: () => Promise.resolve() };

let scene: ReaderScene;

/** Virtual milliseconds from asking to the end of `run`, and what it ended with. */
async function stopped(run: { error: unknown; stop(): Promise<void> }): Promise<{ ms: number; error: unknown }> {
  const from = scene.clock.monotonic();
  await run.stop();
  return { ms: scene.clock.monotonic() - from, error: run.error };
}

const named = (name: Parameters<ReaderScene['named']>[0]) => scene.named(name).length > 0;

it('an output that never settles does not hold the end back, and the error names the shard', async () => {
  scene = new ReaderScene({ shards: 1 });
  const run = scene.start({ output: deafOutput });
  scene.put('event');
  await scene.until(() => named('page.decoded'));
  const { ms, error } = await stopped(run);
  expect(ms).toBeLessThanOrEqual(LIMIT_MS);
  expect(error).toMatchObject({
    code: 'KINLOG_STOP_OVERDUE',
    message: expect.stringContaining('shardId-000000000000') as string,
  });
});

it.each([true, false])('a store that never answers a put does not hold the end back (shared: %s)', async (shared) => {
  scene = new ReaderScene({ shards: 1 });
  const store = new HangingStore(shared);
  const run = scene.start({ store });
  await scene.until(() => named('shard.started'));
  scene.put('event');
  store.hangs = 'put';
  await scene.until(() => named('batch.written'));
  const { ms, error } = await stopped(run);
  expect(ms).toBeLessThanOrEqual(LIMIT_MS);
  expect(error).toMatchObject({ code: 'KINLOG_STOP_OVERDUE' });
});

it.each(['rows', 'put'] as const)('a store that never answers the first %s does not either', async (hangs) => {
  scene = new ReaderScene({ shards: 1 });
  const store = new HangingStore(true);
  store.hangs = hangs;
  const run = scene.start({ store });
  await scene.clock.advance(60_000);
  const { ms, error } = await stopped(run);
  expect(ms).toBeLessThanOrEqual(LIMIT_MS);
  expect(error).toMatchObject({ code: 'KINLOG_STOP_OVERDUE' });
});
