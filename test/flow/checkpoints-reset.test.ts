/** `kinlog checkpoints reset` as a process: to a start that is stored, and when there is nothing to remove. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openLevelStore } from '../../reader/checkpoint/leveldb.ts';
import { dumpAll, FIRST, folder, readScene, rowsIn, SECOND, simulator } from './checkpoints-scene.ts';
import { run } from './cli-process.ts';

it('reset to a start stores it for every shard that the stream has, whatever was stored before', async () => {
  const { at, checkpoints, directory, stream } = await readScene();
  const positions = async () =>
    rowsIn(await checkpoints('list', '--json')).map(({ shardId, position }) => [shardId, position.kind]);
  // A row of a shard that is listed no more, not read to its end.
  const store = await openLevelStore(directory, { signal: new AbortController().signal });
  const gone = {
    shardId: 'shardId-000000000009',
    position: { kind: 'horizon' as const },
    parents: [],
    streamCreatedMs: 0,
    arrivalMs: 0,
  };
  await store.put({ id: stream, createdMs: 0 }, gone, 'absent', new AbortController().signal);
  await store.close();
  expect((await checkpoints('reset', '--to', 'horizon')).stderr).toMatch(
    /SHARD +STATE.*nobody can be asked here: These 3 positions of logs-\d+ are lost, and all its 2 shards are read from horizon/s,
  );
  expect(await checkpoints('reset', '--to', 'horizon', '--yes')).toMatchObject({ status: 0, stdout: '' });
  expect(await positions()).toEqual([
    [FIRST, 'horizon'],
    [SECOND, 'horizon'],
  ]);
  expect(await dumpAll(at.slice(0, 3), directory)).toBe(5);
  const before = Date.now();
  expect(await checkpoints('reset', '--to', 'tip', '--yes')).toMatchObject({ status: 0 });
  const [first] = rowsIn(await checkpoints('list', '--json'));
  expect(first!.position).toMatchObject({ kind: 'timestamp' });
  expect(Math.abs((first!.position as unknown as { ms: number }).ms + 5000 - before)).toBeLessThan(60_000);
  // Twice is as good as once, and a store that is not there yet is made: a reader that never ran begins there too.
  const fresh = ['checkpoints', 'reset', ...at.slice(0, 3), `--store=leveldb:${directory}-fresh`, '--to'];
  for (let time = 1; time <= 2; time++)
    expect(await run('main', [...fresh, '-1h', '--yes'])).toMatchObject({ status: 0 });
  expect(await dumpAll(at.slice(0, 3), `${directory}-fresh`)).toBe(5);
  expect((await run('main', [...fresh, '2999-01-01', '--yes'])).stderr).toMatch(/read from timestamp 20[0-9]{2}-/);
});

it('a reset that finds nothing is no failure only when that was asked for', async () => {
  const { at, checkpoints, directory } = await readScene();
  const missing = ['checkpoints', 'reset', ...at.slice(0, 3), `--store=leveldb:${directory}-absent`, '--yes'];
  expect((await run('main', missing)).stderr).toContain('KINLOG_CHECKPOINT_MISSING');
  expect(await run('main', [...missing, '--ignore-missing'])).toMatchObject({ status: 0 });
  expect(existsSync(`${directory}-absent`)).toBe(false);
  expect(await checkpoints('reset', '--yes', '--ignore-missing')).toMatchObject({ status: 0 });
  expect((await checkpoints('reset', '--yes')).stderr).toMatch(/holds no positions of the stream/);
  expect(await checkpoints('reset', '--yes', '--ignore-missing')).toMatchObject({ status: 0 });
  expect((await checkpoints('reset', '--to=tip', '--ignore-missing')).stderr).toContain('means nothing with --to');
});

it('the file of kinlog run says where everything is, for a reset too', async () => {
  const { checkpoints, directory, stream } = await readScene();
  const file = path.join(folder, `${stream}-reset.yaml`);
  const reader = { stream, region: 'us-east-1', endpoint: simulator.url };
  const store = { kind: 'leveldb', directory };
  writeFileSync(file, JSON.stringify({ store, output: { kind: 'ndjson' }, streams: [reader] }));
  const reset = ['checkpoints', 'reset', '--config', file, '--yes', '--wait', '40s'];
  expect(await run('main', [...reset, '--to', 'horizon'])).toMatchObject({ status: 0, stdout: '' });
  expect(rowsIn(await checkpoints('list', '--json')).map(({ position }) => position.kind)).toEqual([
    'horizon',
    'horizon',
  ]);
  expect(await run('main', [...reset, '--ignore-missing'])).toMatchObject({ status: 0, stdout: '' });
  expect((await checkpoints('list')).stderr).toMatch(/holds no positions of the stream/);
});
