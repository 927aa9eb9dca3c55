/** Readers that share a stream as real processes on a DynamoDB table: killed, stopped and continued, asked to leave. */
import { afterEach, describe, expect, it } from 'vitest';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import { LeasesScene, T, type LeaseProcess } from './leases-scene.ts';

/** What a busy machine may add to what the periods promise, milliseconds. */
const SLACK_MS = 3000;

let scene: LeasesScene;
afterEach(() => scene.close());

/** Two readers of two shards each, with everything delivered and stored. */
async function two(first: Parameters<LeasesScene['join']>[0] = {}): Promise<[LeaseProcess, LeaseProcess]> {
  scene = await new LeasesScene().open(4);
  const readers: [LeaseProcess, LeaseProcess] = [scene.join(first), scene.join()];
  await scene.shared({ 'reader-1': 2, 'reader-2': 2 });
  return readers;
}

describe('readers that share a stream as processes', () => {
  it('SIGKILL: the other one has the shards within three periods, and repeats only what was not stored', async () => {
    const [killed] = await two();
    scene.put(64);
    await scene.delivered();
    const theirs = (await scene.owners()).get('reader-1')!;
    const killedAt = performance.now();
    const before = scene.deliveries.length;
    await killed.gone('SIGKILL');
    scene.put(64);
    await scene.delivered();
    const first = scene.deliveries.slice(before).find(({ text }) => theirs.includes(scene.events.get(text)!))!;
    const takeOverMs = Math.round(first.at - killedAt);
    process.stdout.write(`take-over after SIGKILL: ${takeOverMs} ms at a lease period of ${T} ms\n`);
    expect(takeOverMs).toBeLessThanOrEqual(3 * T + SLACK_MS);
    expect(scene.repeated.filter((text) => !theirs.includes(scene.events.get(text)!))).toEqual([]);
    expect(scene.repeated.length).toBeLessThanOrEqual(64);
    expect(scene.outOfOrder()).toEqual([]);
  });

  it('SIGTERM: leaves nothing behind, and nothing is delivered twice', async () => {
    const [leaving, staying] = await two();
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

  it.runIf(process.platform === 'linux').each(['page.decoded', 'batch.written', 'checkpoint.storing'] as const)(
    'invariant 6: stopped (SIGSTOP) at %s past its lease, then continued, it moves no position and delivers late at most what was under way',
    async (event) => {
      const [paused, other] = await two({ stopAt: { event, nth: 3 } });
      await scene.until(() => {
        if (!paused.stopped) scene.put(4);
        return paused.stopped;
      });
      scene.put(32);
      await scene.shared({ 'reader-2': 4 });
      await scene.delivered();
      const before = await scene.rows();
      const delivered = scene.deliveries.length;
      paused.signal('SIGCONT');
      await scene.until(() => paused.saying('lease.lost').length > 0);
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
