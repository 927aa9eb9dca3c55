/** Readers that share a stream as real processes on a DynamoDB table: killed, stopped and continued, asked to leave. */
import { afterEach, describe, expect, it } from 'vitest';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import { LeasesScene, type LeaseProcess } from './leases-scene.ts';

/** The lease period, milliseconds. */
const T = 1000;
/** Two silent periods, judged by rows that are read three times in a period, are seen within nine readings, and one may have been under way: so many readings are three periods, however
 *  long a busy machine takes for each. */
const LOOKS_TO_TAKE_OVER = 10;

/** Steps of a reader, and what shows that events are under way: a row is also stored to hand a shard over and to show that the reader lives, before there are any. */
const UNDER_WAY = { 'page.decoded': '', 'batch.written': '', 'checkpoint.storing': '"position":"after' } as const;

let scene: LeasesScene;
afterEach(() => scene.close());

/** Two readers of two shards each. */
async function two(
  first: Parameters<LeasesScene['join']>[0] = {},
  periodMs = T,
): Promise<[LeaseProcess, LeaseProcess]> {
  scene = await new LeasesScene(periodMs).open(4);
  const readers: [LeaseProcess, LeaseProcess] = [scene.join(first), scene.join()];
  await scene.shared({ 'reader-1': 2, 'reader-2': 2 });
  return readers;
}

describe('readers that share a stream as processes', () => {
  it('SIGKILL: the other one has the shards within three periods, and repeats only what was not stored', async () => {
    const [killed, other] = await two();
    scene.put(64);
    await scene.delivered();
    await scene.shared({ 'reader-1': 2, 'reader-2': 2 });
    const theirs = (await scene.owners()).get('reader-1')!;
    const [repeated, said] = [scene.repeated.length, other.said.length];
    const killedAt = performance.now();
    await killed.gone('SIGKILL');
    const { looks } = other;
    scene.put(64);
    const taken = () => other.said.slice(said).filter(({ name }) => name === 'lease.taken');
    await scene.until(() => theirs.every((shard) => taken().some(({ fields }) => fields?.['shard'] === shard)));
    const ms = Math.round(performance.now() - killedAt);
    const needed = Math.max(...taken().map((line) => line.looks)) - looks;
    process.stdout.write(`take-over after SIGKILL: ${needed} looks, ${ms} ms at a lease period of ${T} ms\n`);
    expect(needed).toBeLessThanOrEqual(LOOKS_TO_TAKE_OVER);
    await scene.delivered();
    const again = scene.repeated.slice(repeated);
    expect(again.filter((text) => !theirs.includes(scene.events.get(text)!))).toEqual([]);
    expect(again.length).toBeLessThanOrEqual(64);
    expect(scene.outOfOrder()).toEqual([]);
  });

  it('SIGTERM: leaves nothing behind, and nothing is delivered twice', async () => {
    // Nothing here waits for a lease to lapse, and none may: a busy machine can keep a process waiting for seconds.
    const [leaving, staying] = await two({}, 5 * T);
    scene.put(64);
    await scene.until(() => scene.deliveries.length > 16);
    const gone = leaving.gone('SIGTERM');
    scene.put(64);
    expect(await gone).toBe(0);
    await scene.shared({ 'reader-2': 4 });
    await scene.delivered();
    scene.join();
    await scene.shared({ 'reader-2': 2, 'reader-3': 2 });
    scene.put(64);
    await scene.delivered();
    expect(await staying.gone('SIGTERM')).toBe(0);
    await scene.shared({ 'reader-3': 4 });
    expect(scene.repeated).toEqual([]);
    expect(scene.outOfOrder()).toEqual([]);
    expect(scene.readers.flatMap((reader) => reader.saying('lease.lost'))).toEqual([]);
  });

  it.runIf(process.platform === 'linux').each(Object.keys(UNDER_WAY) as (keyof typeof UNDER_WAY)[])(
    'invariant 6: stopped (SIGSTOP) at %s past its lease, then continued, it moves no position and delivers late at most what was under way',
    async (event) => {
      const [paused, other] = await two({ stopAt: { event, with: UNDER_WAY[event], nth: 3 } });
      await scene.until(() => {
        if (!paused.stopped && scene.missing === 0) scene.put(4);
        return paused.stopped;
      });
      const lost = paused.saying('lease.lost').length;
      scene.put(32);
      await scene.shared({ 'reader-2': 4 });
      await scene.delivered();
      const before = await scene.rows();
      const delivered = scene.deliveries.length;
      paused.signal('SIGCONT');
      await scene.until(() => paused.saying('lease.lost').length > lost);
      for (const [shardId, row] of await scene.rows())
        expect(comparePositions(row.position, before.get(shardId)!.position)).toBeGreaterThanOrEqual(0);
      const late = scene.deliveries.slice(delivered).filter(({ by }) => by === paused.name);
      expect(late.length).toBeLessThanOrEqual(4);
      scene.put(32);
      await scene.shared({ 'reader-1': 2, 'reader-2': 2 });
      await scene.delivered();
      for (const [shardId, row] of await scene.rows())
        expect(comparePositions(row.position, before.get(shardId)!.position)).toBeGreaterThanOrEqual(0);
      expect(await paused.gone('SIGTERM')).toBe(0);
      expect(await other.gone('SIGTERM')).toBe(0);
      expect(paused.said.at(-1)?.late).toBeGreaterThanOrEqual(late.length);
      expect(scene.outOfOrder()).toEqual([]);
    },
  );
});
