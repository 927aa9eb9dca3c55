/** The packaged app as splunkd runs it: its configuration on a stdin that stays open. And what the kernel says about the memory of a process. */
import { spawn, type ChildProcess, type StdioPipe, type StdioNull } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { unpackedApp } from '../app.ts';
import { CACHE } from '../data/corpus.ts';

export interface Reading {
  readonly endpoint: string;
  readonly stream: string;
}

/** Runs the app while `work` lasts; then it is killed and its positions are removed. */
export async function withApp<T>(
  { endpoint, stream }: Reading,
  stdout: StdioPipe | StdioNull,
  work: (app: ChildProcess) => Promise<T>,
): Promise<T> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(path.join(CACHE, 'app-positions-'));
  const child = spawn(unpackedApp().input, [], {
    stdio: ['pipe', stdout, 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' },
  });
  child.stdin?.write(configuration(folder, endpoint, stream));
  try {
    return await thenKill(child, () => work(child));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rejects when the process ends before the work is done. */
export async function thenKill<T>(child: ChildProcess, work: () => Promise<T>): Promise<T> {
  const gone = once(child, 'exit');
  const early = gone.then(([code]: unknown[]) => {
    throw new Error(`the process ended by itself with ${String(code)}`);
  });
  early.catch(() => undefined);
  try {
    return await Promise.race([work(), early]);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

/** Of proc(5): `VmRSS` = resident now, `VmHWM` = most that ever was. Other systems have no such file, and the row says so by failing. */
export function memoryMiB(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

function configuration(checkpoints: string, endpoint: string, stream: string): string {
  const param = (name: string, value: string) => `<param name="${name}">${value}</param>`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?><input><server_host>bench</server_host><server_uri>https://127.0.0.1:8089</server_uri>` +
    `<session_key>none</session_key><checkpoint_dir>${checkpoints}</checkpoint_dir><configuration>` +
    `<stanza name="kinesis_log://bench">${param('stream_name', stream)}${param('aws_region', 'us-east-1')}` +
    `${param('kinesis_endpoint', endpoint)}${param('initial_position', 'TRIM_HORIZON')}${param('log_level', 'WARN')}</stanza></configuration></input>`
  );
}
