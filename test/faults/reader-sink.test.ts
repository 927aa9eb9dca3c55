/** Whole records to a sink that stops together with the reader, as dumpstream's does between two pages. */
import { expect, it } from 'vitest';
import type { RecordSink } from '../../reader/index.ts';
import { ReaderScene } from './reader-scene.ts';

it('a sink that gives its page up because it was asked to stop is no failure, and the page is read again', async () => {
  const scene = new ReaderScene({ shards: 1 });
  scene.put('one');
  const stop = new AbortController();
  let asked = false;
  const records: RecordSink = {
    write: () => {
      asked = true;
      return new Promise((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(new DOMException('stopped by SIGTERM', 'AbortError')));
      });
    },
    close: () => Promise.resolve(),
  };
  const run = scene.start({ records, output: undefined });
  await scene.until(() => asked);
  const stopped = run.stop();
  stop.abort();
  await stopped;
  expect(run.error).toBeNull();

  const read: number[] = [];
  const again = scene.start({
    records: { ...records, write: (_shard, page) => Promise.resolve(void read.push(page.records.length)) },
    output: undefined,
  });
  await scene.until(() => read.includes(1));
  await again.stop();
  expect(again.error).toBeNull();
});
