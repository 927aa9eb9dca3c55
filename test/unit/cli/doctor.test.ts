/** What `kinlog doctor --splunk` says of the app, its inputs and their processes, on a host that is well but for one thing. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { PLATFORM, SPLUNKD } from './doctor-host.ts';
import { doctorScene, type DoctorScene } from './doctor-scene.ts';

let host: DoctorScene['host'];
let management: DoctorScene['management'];
let settings: string;
doctorScene((scene) => ({ host, management, settings } = scene));

const troubles = () => host.troubles();

it('finds nothing on a host that is well, and tells every check', async () => {
  const found = await host.look();
  expect(found.filter(({ level }) => level !== 'ok')).toEqual([]);
  expect([...new Set(found.map(({ check }) => check))]).toEqual([
    ...['app', 'scheme', 'files', 'inputs', 'processes', 'positions', 'metrics', 'splunkd', 'network', 'splunkd.log'],
  ]);
});

it('tells for every warning and fault what to do', async () => {
  host.end(SPLUNKD);
  host.space = { freeBytes: 1, freeInodes: 1 };
  rmSync(host.file('var/log/splunk'), { recursive: true });
  await management.close();
  const found = (await host.look()).filter(({ level }) => level === 'warning' || level === 'fault');
  expect(found.length).toBeGreaterThan(5);
  for (const { remedy } of found) expect(remedy).toMatch(/\w/);
});

describe('the app', () => {
  it('that is not installed is a fault', async () => {
    rmSync(host.file('etc/apps/kinloader'), { recursive: true });
    expect(await troubles()).toContain(
      `fault app: ${host.file('etc/apps/kinloader')} is not there: the app is not installed`,
    );
  });

  it('that is disabled is a fault', async () => {
    host.write('etc/apps/kinloader/local/app.conf', '[install]\nstate = disabled\n');
    expect(await troubles()).toContain('fault app: kinloader 1.2.3 is installed but disabled');
  });

  it('for another platform is a fault', async () => {
    rmSync(host.file(`etc/apps/kinloader/${PLATFORM}`), { recursive: true });
    expect(await troubles()).toContainEqual(expect.stringMatching(/^fault app: the package is not for this host/));
  });

  it('whose runtime can not be executed is a fault', async () => {
    rmSync(host.file(`etc/apps/kinloader/${PLATFORM}/bin/node`));
    expect(await troubles()).toContainEqual(
      expect.stringMatching(/^fault app: .*bin\/node is missing or can not be executed$/),
    );
  });

  it('whose launcher fails at --scheme is a fault with what it said', async () => {
    host.program('bin/kinesis_log.sh', '#!/bin/sh\necho "ERROR kinloader: wrong package" >&2\nexit 1\n');
    expect(await troubles()).toEqual([
      expect.stringMatching(/^fault scheme: .* fails, .*: ERROR kinloader: wrong package$/),
    ]);
  });

  it('whose launcher never answers --scheme is told in time, and everything else too', async () => {
    host.program('bin/kinesis_log.sh', '#!/bin/sh\nexec sleep 60\n');
    host.withinMs = 1000;
    expect(await troubles()).toEqual(['warning scheme: this could not be looked at: it took longer than 1 s']);
  });

  it('is asked for its scheme without what the environment of the command holds', async () => {
    host.program('bin/kinesis_log.sh', '#!/bin/sh\necho "<scheme>"; env >"$0.env"\n');
    host.write('etc/splunk-launch.conf', 'KINLOG_NODE=/opt/node\n');
    vi.stubEnv('KINLOG_SPLUNK_SESSION_KEY', 'a-session-key');
    try {
      expect(await troubles()).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
    const env = readFileSync(host.file('etc/apps/kinloader/bin/kinesis_log.sh.env'), 'utf8');
    expect(env).toContain('KINLOG_NODE=/opt/node');
    expect(env).not.toContain('a-session-key');
  });

  it('whose files were changed is a fault', async () => {
    host.program(`${PLATFORM}/bin/node`, 'something else');
    expect(await troubles()).toEqual([`fault files: ${PLATFORM}/bin/node was changed since the app was packaged`]);
  });
});

describe('the inputs', () => {
  it('with a fault in their settings are told with all faults', async () => {
    host.write('etc/apps/search/local/inputs.conf', '[kinesis_log://prod]\nstream_name = a b\nidle_ms = x\n');
    const [first] = await troubles();
    expect(first).toMatch(/^fault inputs: kinesis_log:\/\/prod \(app search\): .*stream_name.*idle_ms/);
  });

  it('are read as splunkd layers conf files', async () => {
    // From what counts most to what counts least; each of them lacks what only the next has.
    host.write('etc/system/local/inputs.conf', '[kinesis_log://prod]\n# disabled = 1\ndisabled = \\\n0\n');
    host.write('etc/apps/a/local/inputs.conf', '[kinesis_log://prod]\ndisabled = 1\nstream_name = first\n');
    host.write('etc/apps/z/local/inputs.conf', '[kinesis_log://prod]\nstream_name = last\ncheckpoint_store = local\n');
    const defaults = '\ufeff[kinesis_log://prod]\r\ncheckpoint_store = kvstore\r\naws_region = eu-south-2\r\n';
    host.write('etc/apps/search/default/inputs.conf', defaults);
    host.write('etc/system/default/inputs.conf', '[kinesis_log://prod]\naws_region = us-west-1\n');
    host.write('etc/apps/search/local/inputs.conf', '');
    const inputs = (await host.look()).filter(({ check }) => check === 'inputs');
    expect(inputs.map(({ text }) => text)).toEqual([
      expect.stringContaining('reads first in eu-south-2, positions: local'),
    ]);
  });

  it('of a disabled app do not count', async () => {
    host.write('etc/apps/search/local/app.conf', '[install]\nstate = disabled\n');
    expect(await troubles()).toContain('warning inputs: no input is configured');
  });

  it('that are disabled are named and no process is missed', async () => {
    host.write('etc/apps/search/local/inputs.conf', `[kinesis_log://prod]\n${settings}\ndisabled = 1\n`);
    host.end(5000);
    const found = await host.look();
    expect(found.filter(({ level }) => level === 'skipped').map(({ text }) => text)).toEqual([
      'kinesis_log://prod (app search) is disabled',
    ]);
    expect(await troubles()).toEqual([]);
  });

  it('with a secret in clear text are named, and the secret is shown nowhere', async () => {
    const secret = 'wJalrXUtnFEMI0000EXAMPLEKEY';
    host.input('prod', `${settings}\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = ${secret}`);
    host.splunkdLog(1000, `ERROR ExecProcessor [1 x] - message from "kinesis_log.sh" ERROR refused ${secret} again`);
    const found = await host.look();
    expect(found.map(({ text }) => text)).toContain(
      'kinesis_log://prod (app search) holds aws_secret_access_key in clear text',
    );
    expect(JSON.stringify(found)).not.toContain(secret);
    expect(JSON.stringify(found)).toContain('refused … again');
  });

  it('that read one stream twice are a fault', async () => {
    host.write('etc/apps/other/local/inputs.conf', `[kinesis_log://twin]\n${settings}\n`);
    host.inputProcess(5001);
    host.metrics('twin', { kind: 'stream', state: 'reading' });
    expect(await troubles()).toEqual([
      'fault inputs: kinesis_log://prod, kinesis_log://twin read the same stream, logs in eu-west-1: every event arrives as often',
    ]);
  });

  it('that keep positions on the disk of a search-head cluster member are a fault', async () => {
    host.write('etc/system/local/server.conf', '[shclustering]\ndisabled = 0\n');
    expect(await troubles()).toEqual([expect.stringMatching(/^fault inputs: .*disk of a search-head cluster member/)]);
  });

  it('that keep positions in a KV store that is disabled are a fault', async () => {
    host.input('prod', `${settings}\ncheckpoint_store = kvstore`);
    host.write('etc/system/local/server.conf', '[kvstore]\ndisabled = true\n');
    expect(await troubles()).toContainEqual(
      expect.stringMatching(/^fault inputs: .*KV store, which server.conf disables/),
    );
  });

  it('in a pipe that nobody writes into are told, and not waited for', async () => {
    host.write('etc/apps/pipe/local/x', '');
    execFileSync('mkfifo', [host.file('etc/apps/pipe/local/inputs.conf')]);
    expect(await troubles()).toEqual([expect.stringMatching(/^fault inputs: a file was not read: .*pipe.*: no file$/)]);
  });

  it('in a file that is too large, or of no known form, are told', async () => {
    host.write('etc/apps/huge/local/inputs.conf', Buffer.alloc((4 << 20) + 1, 'x'));
    host.write('etc/apps/odd/local/inputs.conf', Buffer.from([0xff, 0xfe, 0, 0xd8, 91, 0, 10, 0, 0xff]));
    host.write('etc/apps/bytes/local/inputs.conf', Buffer.from('[[[=\n=x\n]\n\x00\x1b[31m=\\'));
    expect(await troubles()).toEqual([
      expect.stringMatching(/^fault inputs: a file was not read: .*huge.*larger than 4 MiB/),
    ]);
  });
});

describe('processes', () => {
  it('are missed when splunkd does not run', async () => {
    host.end(SPLUNKD);
    expect(await troubles()).toContain(`fault processes: splunkd of ${host.home} does not run`);
  });

  it('are missed when a pid was given to another program', async () => {
    host.process({ pid: SPLUNKD, parent: 1, args: ['/usr/bin/vi', 'splunkd.log'] });
    expect(await troubles()).toContain(`fault processes: splunkd of ${host.home} does not run`);
  });

  it('are missed when an enabled input has none', async () => {
    host.end(5000);
    expect(await troubles()).toEqual(['fault processes: 0 of 1 enabled inputs run']);
  });

  it('of which there are too many are told', async () => {
    host.inputProcess(5001);
    expect(await troubles()).toEqual(['warning processes: 2 processes run for 1 enabled inputs']);
  });

  it('whose splunkd has died are a fault', async () => {
    host.inputProcess(5000, 1);
    expect(await troubles()).toEqual([
      'fault processes: process 5000 of an input, 500 s old, 88 MiB: splunkd did not start it, or has died since',
    ]);
  });

  it('of splunkd’s helper are well', async () => {
    host.process({
      pid: 4712,
      parent: SPLUNKD,
      args: [`[splunkd pid=${SPLUNKD}] splunkd -p 8089 start [process-runner]`],
    });
    host.inputProcess(5000, 4712);
    expect(await troubles()).toEqual([]);
  });

  it('are known by another name of the folder that Splunk lies in', async () => {
    const link = path.join(host.root, 'link');
    symlinkSync(host.home, link);
    host.write('etc/apps/kinloader/bin/kinloader.cjs', '');
    const program = path.join(link, 'etc/apps/kinloader', PLATFORM, 'bin/../../bin/kinloader.cjs');
    host.process({ pid: 5000, parent: SPLUNKD, args: ['node', program] });
    host.process({ pid: 5001, parent: SPLUNKD, args: ['node', '/other/etc/apps/kinloader/bin/kinloader.cjs'] });
    host.process({ pid: 5002, parent: SPLUNKD, args: ['node', program, '--validate-arguments'] });
    expect(await troubles()).toEqual([]);
  });

  it('with much memory are told', async () => {
    host.inputProcess(5000, SPLUNKD, 2 << 20);
    expect(await troubles()).toEqual([expect.stringMatching(/2048 MiB: that is much memory$/)]);
  });

  it('are said not to be looked at where the system tells of none', async () => {
    (host as { proc?: string }).proc = undefined as never;
    const found = await host.look();
    expect(found.filter(({ level }) => level === 'skipped').map(({ check }) => check)).toEqual(['processes']);
  });
});
