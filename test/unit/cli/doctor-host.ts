/** A Splunk host in a folder: $SPLUNK_HOME with the app, conf files, logs and processes, all of it well until a test changes something. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { examine, type NamedFinding } from '../../../splunk-app/doctor/examine.ts';
import type { DiskSpace } from '../../../splunk-app/doctor/host.ts';

export const SPLUNKD = 4711;
const UPTIME_S = 100_000;
const SCHEME_SH = '#!/bin/sh\necho "<scheme><title>Kinesis Log Processor</title></scheme>"\n';
const FOLDERS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64' };
export const PLATFORM = `${process.platform}_${FOLDERS[process.arch] ?? process.arch}`;

export class DoctorHost {
  readonly root = mkdtempSync(path.join(tmpdir(), 'kinlog-doctor-'));
  readonly home = path.join(this.root, 'splunk');
  readonly proc = path.join(this.root, 'proc');
  space: DiskSpace = { freeBytes: 1e12, freeInodes: 1e6 };
  /** The services' clock is that of the machine. */
  nowMs = Date.now();
  authorization: string | undefined;
  withinMs = 5000;

  constructor(management: string) {
    this.write('etc/apps/kinloader/default/app.conf', '[install]\nstate = enabled\n[launcher]\nversion = 1.2.3\n');
    this.write('etc/apps/kinloader/default/inputs.conf', '[kinesis_log]\ninterval = 0\nsourcetype = kinesis_log\n');
    this.program('bin/kinesis_log.sh', SCHEME_SH);
    this.program(`${PLATFORM}/bin/kinesis_log.sh`, SCHEME_SH);
    this.program(`${PLATFORM}/bin/node`, 'runtime');
    const content = createHash('sha256').update('runtime').digest('hex');
    const components = [{ type: 'file', name: `${PLATFORM}/bin/node`, hashes: [{ alg: 'SHA-256', content }] }];
    this.write('etc/apps/kinloader/sbom.cdx.json', JSON.stringify({ components }));
    this.write('etc/system/local/web.conf', `[settings]\nmgmtHostPort = ${management}\n`);
    this.write('etc/system/default/server.conf', '[sslConfig]\nenableSplunkdSSL = true\n[kvstore]\ndisabled = false\n');
    this.write('var/log/splunk/splunkd.log', '');
    this.write('var/run/splunk/splunkd.pid', `${SPLUNKD}\n4712\n`);
    this.inProc('uptime', `${UPTIME_S}.00 1.00\n`);
    this.inProc('locks', '');
    this.process({ pid: 1, parent: 0, args: ['/sbin/init'] });
    this.process({ pid: SPLUNKD, parent: 1, args: ['splunkd', '-p', '8089', 'start'] });
  }

  /** One enabled input as it should be: stanza, process and metrics. */
  input(name: string, settings: string, pid = 5000): void {
    this.write('etc/apps/search/local/inputs.conf', `[kinesis_log://${name}]\n${settings}\n`);
    this.inputProcess(pid);
    this.metrics(name, { kind: 'stream', state: 'reading', behind_ms: 120 });
  }

  inputProcess(pid: number, parent = SPLUNKD, residentKb = 90_000): void {
    const folder = path.join(this.home, 'etc/apps/kinloader', PLATFORM, 'bin');
    this.process({ pid, parent, args: [`${folder}/node`, `${folder}/../../bin/kinloader.cjs`], residentKb });
  }

  process(one: { pid: number; parent: number; args: readonly string[]; residentKb?: number }): void {
    const { pid, parent, args, residentKb = 1000 } = one;
    this.inProc(`${pid}/cmdline`, args.map((arg) => `${arg}\0`).join(''));
    this.inProc(`${pid}/status`, `Name:\tx\nVmRSS:\t${residentKb} kB\n`);
    // Twenty-second of man 5 proc: 500 s before now.
    const fields = ['S', parent, ...Array<number>(17).fill(0), (UPTIME_S - 500) * 100];
    this.inProc(`${pid}/stat`, `${pid} (a ) b) ${fields.join(' ')} 0 0\n`);
  }

  end(pid: number): void {
    rmSync(path.join(this.proc, String(pid)), { recursive: true });
  }

  /** `ageMs`: how long ago the lines were written. */
  metrics(name: string, line: object, ageMs = 5000): void {
    const time = new Date(this.nowMs - ageMs).toISOString();
    this.write(
      `var/log/splunk/kinloader_metrics_${name}.log`,
      `{"cut off\n${JSON.stringify({ time, ...line })}\n`,
      'a',
    );
  }

  splunkdLog(ageMs: number, rest: string): void {
    const [date = '', time = ''] = new Date(this.nowMs - ageMs).toISOString().replace('Z', '').split('T');
    const [year, month, day] = date.split('-');
    this.write('var/log/splunk/splunkd.log', `${month}-${day}-${year} ${time} +0000 ${rest}\n`, 'a');
  }

  program(name: string, text: string): void {
    this.write(`etc/apps/kinloader/${name}`, text);
    chmodSync(this.file(`etc/apps/kinloader/${name}`), 0o755);
  }

  write(name: string, content: string | Buffer, flag: 'w' | 'a' = 'w'): void {
    mkdirSync(path.dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), content, { flag });
  }

  file(name: string): string {
    return path.join(this.home, name);
  }

  inProc(name: string, text: string): void {
    const file = path.join(this.proc, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  inode(name: string): number {
    return statSync(this.file(name)).ino;
  }

  look(): Promise<NamedFinding[]> {
    const { home, proc, authorization } = this;
    const spaceOf = () => Promise.resolve(this.space);
    return examine({ home, proc, authorization, spaceOf, now: () => this.nowMs, withinMs: this.withinMs });
  }

  /** Warnings and faults as `level check: text`. */
  async troubles(): Promise<string[]> {
    const found = await this.look();
    return found
      .filter(({ level }) => level === 'warning' || level === 'fault')
      .map(({ level, check, text }) => `${level} ${check}: ${text}`);
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
