/** What the status of `kinlog run` says of shards that stand still. */
import { expect, it } from 'vitest';
import { EventLog } from '../../../base/events.ts';
import { StalledShards } from '../../../reader/stalled-shards.ts';
import type { ReaderStatus, ShardState } from '../../../reader/index.ts';
import { FakeClock } from '../../fakes/clock.ts';

function scene() {
  const clock = new FakeClock();
  const stalled = new StalledShards(clock);
  const log = new EventLog((line) => stalled.note(line), 'debug');
  const stall = (shard: string) =>
    log.emit('shard.stalled', { shard, code: 'KINLOG_PERMISSION_REFUSED', error: 'not allowed', remedy: 'Allow it.' });
  const delay = (shard: string) =>
    log.emit('checkpoint.delayed', { shard, error: 'there is no table (KINLOG_CHECKPOINT_MISSING). Make it.' });
  return { clock, stalled, log, stall, delay };
}

const status = (...states: ShardState[]): ReaderStatus => ({
  ...{ stream: 'logs', owner: 'me', state: 'reading' },
  shards: states.map((state, n) => ({
    ...{ shardId: `s${n}`, state, position: 'horizon', parents: [], behindMs: 100, arrivalMs: 0 },
  })),
});

it('a stalled shard falls behind by every second, says why and is the reason why the stream is not ready', async () => {
  const { clock, stalled, stall } = scene();
  stall('s1');
  await clock.advance(60_000);
  const told = stalled.in(status('reading', 'reading'));
  expect(told.shards).toMatchObject([{ behindMs: 100 }, { behindMs: 60_100 }]);
  expect(told.shards[1]!.lastError).toBe('not allowed (KINLOG_PERMISSION_REFUSED). Allow it.');
  expect(told.shards[0]!.lastError).toBeUndefined();
  expect(stalled.reason(status('reading', 'reading'))).toBe(
    's1 can not be read for now: not allowed (KINLOG_PERMISSION_REFUSED). Allow it.',
  );
});

it('a shard whose position can not be stored waits for it, so it is not read either; some seconds of that are no matter', async () => {
  const { clock, stalled, log, delay } = scene();
  delay('s0');
  await clock.advance(9999);
  expect(stalled.reason(status('reading'))).toBeUndefined();
  // Said anew, it lasts since the first time.
  delay('s0');
  await clock.advance(1);
  expect(stalled.reason(status('reading'))).toBe(
    's0 can not be read for now: there is no table (KINLOG_CHECKPOINT_MISSING). Make it.',
  );
  expect(stalled.in(status('reading')).shards).toMatchObject([{ behindMs: 10_100 }]);
  log.emit('shard.recovered', { shard: 's0' });
  expect(stalled.reason(status('reading'))).toBeDefined();
  log.emit('checkpoint.stored', { shard: 's0', position: 'horizon' });
  expect(stalled.reason(status('reading'))).toBeUndefined();
  expect(stalled.in(status('reading'))).toEqual(status('reading'));
});

it('a thousand stalled shards are one reason', () => {
  const { stalled, stall } = scene();
  for (let n = 0; n < 1000; n++) stall(`s${n}`);
  expect(stalled.reason(status(...Array<ShardState>(1000).fill('reading')))).toMatch(
    /^s0 and 999 more can not be read/,
  );
});

it.each(['shard.recovered', 'shard.started'] as const)('%s ends it', (name) => {
  const { stalled, log, stall } = scene();
  stall('s0');
  log.emit(name, { shard: 's0' });
  expect(stalled.reason(status('reading'))).toBeUndefined();
  expect(stalled.in(status('reading'))).toEqual(status('reading'));
});

it('a shard that another reader has is not told as stalled', () => {
  const { stalled, stall } = scene();
  stall('s0');
  expect(stalled.reason(status('elsewhere'))).toBeUndefined();
  expect(stalled.in(status('elsewhere'))).toEqual(status('elsewhere'));
});
