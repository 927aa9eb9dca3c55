/** `kinlog checkpoints` and `kinlog shards` as processes, on the positions that readers have stored. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { dumpAll, FIRST, folder, readScene, rowsIn, SECOND, simulator, type ListedRow } from './checkpoints-scene.ts';
import { run, ToolProcess, until } from './cli-process.ts';

it('list and show say what a reader has stored, for people and as JSON', async () => {
  const { checkpoints, directory, stream } = await readScene();
  const listed = await checkpoints('list');
  expect(listed).toMatchObject({ status: 0, stderr: '' });
  expect(listed.stdout).toMatch(/^SHARD +STATE +OWNER +LAST RECORD +READ TO +PARENTS +POSITION\n/);
  expect(listed.stdout).toMatch(/\nshardId-000000000000 +free +- +\d+ s ago +\d+ s ago +- +after \d+:0\n/);
  const json = await checkpoints('list', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ stream, store: `leveldb:${directory}` });
  const [first, second] = rowsIn(json);
  expect([first?.shardId, second?.shardId]).toEqual([FIRST, SECOND]);
  const shown = await checkpoints('show', '--shard', FIRST);
  expect(shown.stdout).toContain(`position:       after ${first!.position.sequenceNumber}:0\n`);
  expect(shown.stdout.split('\n')).toHaveLength(14);
  const shownJson = await checkpoints('show', '--shard', FIRST, '--json');
  expect(JSON.parse(shownJson.stdout)).toEqual(first);
});

it('a position is set where Kinesis takes it, and the reader goes on from there', async () => {
  const { at, checkpoints, directory } = await readScene();
  const [first] = rowsIn(await checkpoints('list', '--json'));
  const set = await checkpoints('set', '--shard', FIRST, '--position', 'horizon', '--yes');
  expect(set).toMatchObject({ status: 0, stdout: '' });
  expect(set.stderr).toContain(`${FIRST}: after ${first!.position.sequenceNumber}:0 -> horizon\n`);
  const again = await dumpAll(at.slice(0, 3), directory);
  expect(again).toBeGreaterThan(0);
  const back = `after:${first!.position.sequenceNumber}`;
  expect(await checkpoints('set', '--shard', FIRST, '--position', back, '--yes')).toMatchObject({ status: 0 });
  expect(await dumpAll(at.slice(0, 3), directory)).toBe(0);
});

it('what can not be set is refused with its reason, and nothing changes', async () => {
  const { checkpoints } = await readScene();
  const before = rowsIn(await checkpoints('list', '--json'));
  const refused = async (shard: string, position: string, ...more: string[]) => {
    const finished = await checkpoints('set', '--shard', shard, '--position', position, ...more);
    expect(finished.status).not.toBe(0);
    return finished.stderr;
  };
  expect(await refused('shardId-9', 'horizon', '--yes')).toMatch(
    /has no shard shardId-9; it has shardId-000000000000, /,
  );
  const other = `after:${before[1]!.position.sequenceNumber}`;
  expect(await refused(FIRST, other, '--yes')).toMatch(
    /Kinesis refuses after \d+:0 for shardId-000000000000.*KINLOG_POSITION_REFUSED/,
  );
  expect(await refused(FIRST, 'end', '--yes')).toMatch(/is open, and what it still gets would never be read/);
  expect(await refused(FIRST, '2999-01-01', '--yes')).toContain('KINLOG_POSITION_REFUSED');
  expect(await refused(FIRST, 'latest', '--yes')).toMatch(
    /--position is "latest" but must be horizon, end, after:SEQUENCE/,
  );
  expect(await refused(FIRST, 'horizon')).toMatch(
    /nobody can be asked here: .*What lies between is delivered again.*--yes/,
  );
  expect(rowsIn(await checkpoints('list', '--json'))).toEqual(before);
});

it('reset shows what is lost and removes it; after an export everything can come back as it was', async () => {
  const { at, checkpoints, directory, stream } = await readScene();
  const before = rowsIn(await checkpoints('list', '--json'));
  const exported = await checkpoints('export');
  expect(exported).toMatchObject({ status: 0, stderr: '' });
  const file = path.join(folder, `${stream}.jsonl`);
  writeFileSync(file, exported.stdout);
  expect((await checkpoints('reset')).stderr).toMatch(/SHARD +STATE.*These 2 positions of logs-\d+ are lost.*--yes/s);
  expect(await checkpoints('reset', '--yes')).toMatchObject({ status: 0 });
  expect((await checkpoints('list')).stderr).toMatch(/holds no positions of the stream/);
  expect((await checkpoints('import', '--file', file, '--dry-run')).stderr).toContain('2 positions would be stored');
  expect((await checkpoints('list')).stderr).toMatch(/holds no positions of the stream/);
  expect(await checkpoints('import', '--file', file)).toMatchObject({ status: 0 });
  const versionless = (rows: readonly ListedRow[]) => rows.map(({ version: _version, ...row }) => row);
  expect(versionless(rowsIn(await checkpoints('list', '--json')))).toEqual(versionless(before));
  expect(await dumpAll(at.slice(0, 3), directory)).toBe(0);
  expect((await checkpoints('import', '--file', file)).stderr).toMatch(
    /holds 2 positions of logs-\d+ already.*--overwrite/,
  );
  expect((await checkpoints('import', '--file', file, '--overwrite')).stderr).toContain('nobody can be asked here');
  expect(await checkpoints('import', '--file', file, '--overwrite', '--yes')).toMatchObject({ status: 0 });
});

it('a damaged file is refused with the lines at fault, and nothing is stored', async () => {
  const { checkpoints, stream } = await readScene();
  const file = path.join(folder, `${stream}.jsonl`);
  writeFileSync(
    file,
    (await checkpoints('export')).stdout.replace('"parents"', '"partners"').replace('"after"', '"before"'),
  );
  await checkpoints('reset', '--yes');
  const imported = await checkpoints('import', '--file', file);
  expect(imported.status).toBe(1);
  expect(imported.stderr).toMatch(/line 2 holds a position that means nothing/);
  expect((await checkpoints('import', '--file', `${file}.x`)).stderr).toMatch(/can not be read: ENOENT/);
  const fresh = path.join(folder, `${stream}-fresh`);
  const elsewhere = ['--stream-name', stream, `--store=leveldb:${fresh}`, '--file', file];
  expect((await run('main', ['checkpoints', 'import', ...elsewhere])).status).toBe(1);
  expect(existsSync(fresh)).toBe(false);
  expect((await checkpoints('list')).stderr).toMatch(/holds no positions/);
  expect(readFileSync(file, 'utf8')).toContain('before');
});

it('positions move from one store to another, and only once', async () => {
  const { checkpoints, directory, stream } = await readScene();
  const to = ['--stream-name', stream, `--from=leveldb:${directory}`, `--to=leveldb:${directory}-2`];
  const convert = (...more: string[]) => run('main', ['checkpoints', 'convert', ...to, ...more]);
  expect((await convert('--dry-run')).stderr).toContain('2 positions would be stored');
  expect(existsSync(`${directory}-2`)).toBe(false);
  expect(await convert()).toMatchObject({ status: 0, stdout: '' });
  const moved = await run('main', [
    'checkpoints',
    'list',
    '--stream-name',
    stream,
    `--store=leveldb:${directory}-2`,
    '--json',
  ]);
  expect(rowsIn(moved).map(({ position }) => position)).toEqual(
    rowsIn(await checkpoints('list', '--json')).map(({ position }) => position),
  );
  expect((await convert()).stderr).toMatch(/holds 2 positions of logs-\d+ already/);
});

it('a store that a running reader holds, or that is not there, is said to be so', async () => {
  const { at, checkpoints, directory } = await readScene();
  const reader = new ToolProcess('dumpstream', [...at.slice(0, 3), '--checkpoint-file', directory, '--verbose']);
  await until(() => reader.stderr.includes('reader.started'), 'the reader holds the store');
  const listed = await checkpoints('list');
  reader.child.kill('SIGTERM');
  await reader.finished();
  expect(listed.status).toBe(100);
  expect(listed.stderr).toMatch(/a reader is at work on leveldb:.*KINLOG_CHECKPOINT_LOCKED\). Stop that reader/);
  const absent = await run('main', ['checkpoints', 'list', ...at.slice(0, 3), `--store=leveldb:${directory}-absent`]);
  expect(absent).toMatchObject({ status: 100, stdout: '' });
  expect(absent.stderr).toMatch(/there is no position database at /);
});

it('shards draws parents above children, with shares, positions and who waits for whom', async () => {
  const { at, stream } = await readScene();
  await simulator.control({ do: 'split', stream, shardId: FIRST });
  await simulator.control({ do: 'merge', stream, left: 'shardId-000000000003', right: SECOND });
  const drawn = await run('main', ['shards', ...at]);
  expect(drawn).toMatchObject({ status: 0, stderr: '' });
  const lines = drawn.stdout
    .split('\n')
    .map((line) => line.replaceAll(/after \d+:0/g, 'after').replaceAll(/\d+ s ago/g, 'ago'));
  expect(lines.map((line) => line.replaceAll(/ +/g, ' ').trim())).toEqual([
    'SHARD RANGE STATE OWNER LAST RECORD READ TO POSITION',
    `${FIRST} closed 50.0 % free - ago ago after`,
    `├─ shardId-000000000002 open 25.0 % unread - - - - waits for ${FIRST}`,
    `└─ shardId-000000000003 closed 25.0 % unread - - - - waits for ${FIRST}`,
    `${SECOND} closed 50.0 % free - ago ago after`,
    `└─ shardId-000000000004 open 75.0 % unread - - - - merged from shardId-000000000003 and ${SECOND}; waits for shardId-000000000003 and ${SECOND}`,
    '',
    '! shardId-000000000002 is open and has no position yet: a running reader gives it one within half a minute',
    '! shardId-000000000004 is open and has no position yet: a running reader gives it one within half a minute',
    '',
  ]);
  const ascii = await run('main', ['shards', ...at.slice(0, 3), '--ascii']);
  expect(ascii.stdout).toMatch(/^\|- shardId-000000000002 +open +25\.0 %/m);
  const json = JSON.parse((await run('main', ['shards', ...at, '--json'])).stdout) as { shards: object[] };
  expect(json.shards[1]).toEqual({
    ...{ shardId: 'shardId-000000000002', open: true, percent: 25, parents: [FIRST] },
    ...{ state: 'unread', waitsFor: [FIRST] },
  });
});

it('the file of kinlog run says stream, store and connection, and flags say it better', async () => {
  const { checkpoints, directory, stream } = await readScene();
  const file = path.join(folder, `${stream}.yaml`);
  const streamPart = (name: string) => `  - { stream: ${name}, region: us-east-1, endpoint: "${simulator.url}" }\n`;
  const top = `store: { kind: leveldb, directory: ${directory} }\noutput: { kind: ndjson }\nstreams:\n`;
  writeFileSync(file, `${top}${streamPart(stream)}`);
  const listed = await run('main', ['checkpoints', 'list', '--config', file, '--json']);
  expect(rowsIn(listed)).toEqual(rowsIn(await checkpoints('list', '--json')));
  expect((await run('main', ['shards', '--config', file])).stdout).toMatch(/shardId-000000000000 +open +50\.0 % +free/);
  writeFileSync(file, `${top}${streamPart(stream)}${streamPart('other')}`);
  expect((await run('main', ['checkpoints', 'list', '--config', file])).stderr).toContain(
    `--stream-name is missing: say which of the streams in ${file}: ${stream}, other`,
  );
  const named = await run('main', ['checkpoints', 'list', '--config', file, '--stream-name', 'other']);
  expect(named.stderr).toMatch(/holds no positions of the stream other/);
  const elsewhere = ['--config', file, '--stream-name', stream, `--store=leveldb:${directory}-absent`];
  expect((await run('main', ['checkpoints', 'list', ...elsewhere])).stderr).toContain('KINLOG_CHECKPOINT_MISSING');
});

it('everything that is wrong with a command line is said at once', async () => {
  const wrong = await run('main', [
    'checkpoints',
    'set',
    '--store=level:x',
    '--position=soon',
    '--wait=x',
    '--stor-region=y',
  ]);
  expect(wrong.status).toBe(1);
  for (const fault of [
    '--store is "level:x" but must be leveldb:DIRECTORY',
    '--position is',
    '--wait is',
    '--shard is missing',
    '--stor-region is not an option',
  ])
    expect(wrong.stderr).toContain(fault);
  const unfit = await run('main', [
    'checkpoints',
    'list',
    '--stream-name=s',
    '--store=leveldb:x',
    '--store-region=eu-west-1',
    '--store-ca-file=x',
  ]);
  expect(unfit.stderr).toMatch(
    /--store-region means nothing for a store of the kind leveldb; --store-ca-file means nothing/,
  );
  const mixed = await run('main', [
    'checkpoints',
    'import',
    '--stream-name=s',
    '--store=leveldb:x',
    '--layout=vmware',
    '--start=horizon',
  ]);
  expect(mixed.stderr).toMatch(
    /one of --file and --from-table says what to import; --layout needs --from-table; --start needs --from-table/,
  );
  expect((await run('main', ['checkpoints', 'list', '--stream-name=s'])).stderr).toMatch(/--store is missing/);
  expect((await run('main', ['checkpoints', 'lst'])).stderr).toMatch(/lst is not a command; there are list, show, /);
});
