/** What `kinlog doctor --splunk` says of what inputs have left on the disk: positions, metrics, and lines of splunkd.log. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLevelStore } from '../../../reader/checkpoint/leveldb.ts';
import { isOpenTo } from '../../../splunk-app/doctor/check-positions.ts';
import { doctorScene, type DoctorScene } from './doctor-scene.ts';

let host: DoctorScene['host'];
let settings: string;
doctorScene((scene) => ({ host, settings } = scene));

const troubles = () => host.troubles();

describe('positions', () => {
  const directory = 'var/lib/splunk/modinputs/kinesis_log/prod';

  it('in a database are told with who has it open', async () => {
    const store = await openLevelStore(host.file(directory), { signal: new AbortController().signal });
    await store.close();
    host.inProc('locks', `1: POSIX  ADVISORY  WRITE 5000 08:01:${host.inode(`${directory}/LOCK`)} 0 EOF\n`);
    const found = (await host.look()).filter(({ text }) => text.includes('database'));
    expect(found.map(({ level, text }) => `${level} ${text}`)).toEqual([
      expect.stringMatching(/^ok kinesis_log:\/\/prod: a sound database, last change \d+ s ago, open in process 5000$/),
    ]);
    // Looking at it leaves no trace and takes no lock.
    expect(await troubles()).toEqual([]);
  });

  it('whose database has lost its CURRENT are a fault', async () => {
    const store = await openLevelStore(host.file(directory), { signal: new AbortController().signal });
    await store.close();
    rmSync(host.file(`${directory}/CURRENT`));
    expect(await troubles()).toEqual([
      expect.stringMatching(/^fault positions: kinesis_log:\/\/prod: .*CURRENT is missing$/),
    ]);
  });

  it('that are on their way to another store are told', async () => {
    host.write(`${directory}.store`, '{"kind":"kvstore"}\n');
    expect(await troubles()).toEqual([
      'warning positions: kinesis_log://prod has its positions in kvstore, and is to keep them in local',
    ]);
  });

  it('whose place is unknown are a fault', async () => {
    host.write(`${directory}.store`, 'rubbish');
    expect(await troubles()).toEqual([expect.stringMatching(/^fault positions: .*does not say where the positions/)]);
  });

  it('are looked for where splunk-launch.conf says', async () => {
    const database = path.join(host.root, 'elsewhere');
    host.write('etc/splunk-launch.conf', `# SPLUNK_DB=/none\nSPLUNK_DB=${database}\n`);
    host.write(path.relative(host.home, path.join(database, 'modinputs/kinesis_log/prod.store')), 'rubbish');
    expect(await troubles()).toHaveLength(1);
  });

  it.each([
    [{ freeBytes: 63 << 20, freeInodes: 1e6 }, 'fault positions: 63 MB are free where positions are stored'],
    [{ freeBytes: 1e12, freeInodes: 3 }, 'fault positions: 3 inodes are left where positions are stored'],
    [
      { freeBytes: 4999 * 2 ** 20, freeInodes: undefined },
      'warning positions: 4999 MB are free where positions are stored; below 5000 MB splunkd stops indexing (minFreeSpace)',
    ],
  ])('on a full disk are told: %o', async (space, told) => {
    host.space = space;
    expect(await troubles()).toEqual([told]);
  });

  it('belong to splunkd when it owns them or may write them', () => {
    expect(isOpenTo({ uid: 7, mode: 0o600 }, 7)).toBe(true);
    expect(isOpenTo({ uid: 0, mode: 0o664 }, 7)).toBe(true);
    expect(isOpenTo({ uid: 0, mode: 0o644 }, 7)).toBe(false);
  });
});

describe('the metrics log', () => {
  const log = 'var/log/splunk/kinloader_metrics_prod.log';
  const only = (line: object, ageMs?: number) => {
    rmSync(host.file(log));
    host.metrics('prod', line, ageMs);
  };

  it('that is missing is a fault', async () => {
    rmSync(host.file(log));
    expect(await troubles()).toEqual(['fault metrics: kinesis_log://prod has written no metrics: it has not run yet']);
  });

  it('that has ended is a fault', async () => {
    only({ kind: 'stream', state: 'reading' }, 10 * 60_000);
    expect(await troubles()).toEqual([
      'fault metrics: kinesis_log://prod has written no metrics for 10 min: it stands still or does not run',
    ]);
  });

  it('that is switched off is not looked at', async () => {
    host.input('prod', `${settings}\nmetrics_interval_s = 0`);
    rmSync(host.file(log));
    expect(await troubles()).toEqual([]);
  });

  it('of an input that gave up tells why, with the remedy of the code', async () => {
    only({ kind: 'stream', state: 'failed', error: 'AWS refused (KINLOG_PERMISSION_REFUSED)' });
    const [found] = (await host.look()).filter(({ level }) => level === 'fault');
    expect(found).toMatchObject({
      text: 'kinesis_log://prod has given up: AWS refused (KINLOG_PERMISSION_REFUSED)',
      remedy: 'Allow the IAM action that the message names on the stream.',
    });
  });

  it.each([
    [{ shards_failed: 2, error: 'x' }, 'fault metrics: kinesis_log://prod has given up 2 shards: x'],
    [{ output_stalled: 1 }, 'fault metrics: kinesis_log://prod: its output takes nothing'],
    [{ behind_ms: 3_600_000 }, 'warning metrics: kinesis_log://prod is 60 min behind the stream'],
    [
      { checkpoint_age_ms: 600_000 },
      'warning metrics: kinesis_log://prod has stored no position for 10 min, so that much comes again after a crash',
    ],
  ])('tells of %o', async (fields, told) => {
    only({ kind: 'stream', state: 'reading', ...fields });
    expect(await troubles()).toEqual([told]);
  });

  it('tells the last errors, each kind once, without passwords', async () => {
    const error = { kind: 'event', level: 'error', event: 'shard.failed', code: 'KINLOG_POSITION_REFUSED' };
    host.metrics('prod', { ...error, detail: 'old' }, 2 * 3_600_000);
    for (const n of [1, 2])
      host.metrics('prod', { ...error, detail: `n=${n} http://me:pass@proxy token=abc` }, 300_000);
    expect(await troubles()).toEqual([
      'warning metrics: kinesis_log://prod, 5 min ago: shard.failed: n=2 http://…@proxy token=…',
    ]);
  });
});

describe('splunkd.log', () => {
  it('that is missing is told', async () => {
    rmSync(host.file('var/log/splunk/splunkd.log'));
    expect(await troubles()).toEqual([expect.stringMatching(/^warning splunkd.log: there is no/)]);
  });

  it('tells of failures of the last day, each kind once with its last line and remedy', async () => {
    const line = (n: number) =>
      `ERROR ExecProcessor [1 ExecProcessor] - message from "/x/kinesis_log.sh" ERROR no ${n} (KINLOG_STREAM_NOT_FOUND).`;
    host.splunkdLog(30 * 3_600_000, line(0));
    for (const n of [1, 2]) host.splunkdLog(n === 1 ? 400_000 : 300_000, line(n));
    host.splunkdLog(1000, 'ERROR TcpOutputProc [2 x] - of others');
    const found = (await host.look()).filter(({ check }) => check === 'splunkd.log');
    expect(found).toMatchObject([
      {
        level: 'warning',
        text: 'splunkd.log, 5 min ago: ERROR no 2 (KINLOG_STREAM_NOT_FOUND).',
        remedy: 'Check the name, the region and the account; stream names are case-sensitive.',
      },
    ]);
  });

  it('tells of a kill after the grace period, and of a scheme that splunkd does not take', async () => {
    host.splunkdLog(1000, 'WARN  ExecProcessor [1 x] - kinesis_log.sh did not exit within a given grace period');
    host.splunkdLog(1000, 'ERROR ModularInputs [1 x] - Introspecting scheme=kinesis_log: script running failed');
    expect(await troubles()).toEqual([
      expect.stringMatching(/^warning splunkd.log: .*grace period$/),
      expect.stringMatching(/^fault splunkd.log: .*script running failed$/),
    ]);
  });

  it('is read from its end, whatever its size and bytes', async () => {
    host.write('var/log/splunk/splunkd.log', Buffer.alloc(3 << 20, 0xff));
    host.write('var/log/splunk/splunkd.log', '\nkinesis_log 99-99-9999 [\x1b[2J\n', 'a');
    expect(await troubles()).toEqual([]);
  });
});
