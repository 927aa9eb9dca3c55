/** What Linux tells of processes: splunkd, the inputs of the app, and who holds a lock. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
  readonly ageMs: number;
  readonly residentBytes: number;
}

/** `USER_HZ`, which the kernel gives every program since 2.4 (man 7 time). */
const TICKS_A_SECOND = 100;

export async function processesIn(proc: string): Promise<Process[]> {
  const uptime = Number((await readFile(path.join(proc, 'uptime'), 'latin1')).split(' ')[0]);
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => processOf(proc, pid, uptime)));
  return found.filter((one) => one !== undefined);
}

/** Undefined for one that has just ended. */
async function processOf(proc: string, pid: number, uptimeS: number): Promise<Process | undefined> {
  const read = (name: string) => readFile(path.join(proc, String(pid), name), 'utf8');
  try {
    const [cmdline, status, all] = await Promise.all([read('cmdline'), read('status'), read('stat')]);
    // The name before it, in parentheses, may hold blanks and parentheses: man 5 proc.
    const fields = all.slice(all.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      parent: Number(fields[1]),
      args: cmdline.split('\0').slice(0, -1),
      ageMs: Math.max(0, uptimeS - Number(fields[19]) / TICKS_A_SECOND) * 1000,
      residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
    };
  } catch {
    return undefined;
  }
}

/** `splunkd -p 8089 start`, and its helper `[splunkd pid=7] splunkd … [process-runner]`. */
export const isSplunkd = ({ args }: Process): boolean => /(?:^|\/|\[)splunkd(?:\s|$)/.test(args[0] ?? '');

const PROGRAM = /\/(?:kinloader|slim)\.cjs$/;

/** Runs of this app's inputs, not the short ones that only describe or check something. */
export async function inputProcesses(all: readonly Process[], app: string): Promise<Process[]> {
  const candidates = all.filter(({ args }) => args.length === 2 && PROGRAM.test(args[1]!));
  const folder = await realPath(app);
  const programs = await Promise.all(candidates.map(({ args }) => realPath(args[1]!)));
  return candidates.filter((_, at) => programs[at]!.startsWith(`${folder}/`));
}

/** Splunk may lie behind a link, by another name for whoever looks than for splunkd. What an upgrade has removed keeps the name it had. */
const realPath = (file: string): Promise<string> => realpath(file).catch(() => path.normalize(file));

/** The pid in splunkd.pid when that process is one of splunkd's; undefined when splunkd does not run. */
export async function splunkdPid(home: string, processes: readonly Process[]): Promise<number | undefined> {
  const text = await readFile(path.join(home, 'var/run/splunk/splunkd.pid'), 'latin1').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return processes.find((one) => one.pid === pid && isSplunkd(one))?.pid;
}

/** Number of the user that a process runs as. */
export async function userOf(proc: string, pid: number): Promise<number | undefined> {
  return stat(path.join(proc, String(pid))).then(
    ({ uid }) => uid,
    () => undefined,
  );
}

/** Who holds a lock on the file, found by its inode alone, because some file systems tell two numbers of one device: `1: POSIX  ADVISORY  WRITE 812 08:01:131 0 EOF`, man 5 proc_locks. Undefined when nobody does. */
export async function lockHolder(proc: string, file: string): Promise<number | undefined> {
  const [locks, found] = await Promise.all([
    readFile(path.join(proc, 'locks'), 'latin1').catch(() => ''),
    stat(file).catch(() => undefined),
  ]);
  if (found === undefined) return undefined;
  const pid = new RegExp(`^\\d+: POSIX .* WRITE (\\d+) [\\da-f]+:[\\da-f]+:${found.ino} `, 'm').exec(locks)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
