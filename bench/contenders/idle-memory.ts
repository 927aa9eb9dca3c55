/** Resident memory, MiB: `by` the packaged app reading a stream without records, after ten reads, or by a Node that does nothing. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { unpackedApp } from '../app.ts';
import type { Contender, Options } from '../contender.ts';
import { CACHE } from '../data/corpus.ts';

const READS = 10;
const LIMIT_MS = 30_000;
const BARE_MS = 1000;

export function open(options: Options): Contender {
  const { by, endpoint, stream } = options as { by: 'app' | 'node'; endpoint: string; stream: string };
  return { round: by === 'app' ? () => ofApp(endpoint, stream) : ofNode };
}

async function ofNode(): Promise<number> {
  const child = spawn(unpackedApp().node, ['-e', 'setInterval(()=>{},1e3)'], { stdio: 'ignore' });
  return thenKill(child, () => pause(BARE_MS));
}

async function ofApp(endpoint: string, stream: string): Promise<number> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(path.join(CACHE, 'idle-'));
  const before = await reads(endpoint);
  const child = spawn(unpackedApp().input, [], {
    // splunkd keeps stdin open.
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' },
  });
  child.stdin.write(configuration(folder, endpoint, stream));
  try {
    return await thenKill(child, async () => {
      const deadline = performance.now() + LIMIT_MS;
      while ((await reads(endpoint)) < before + READS) {
        if (performance.now() > deadline) throw new Error(`the app read less than ${READS} times in ${LIMIT_MS} ms`);
        await pause(200);
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function thenKill(child: ChildProcess, settled: () => Promise<unknown>): Promise<number> {
  const gone = once(child, 'exit');
  try {
    await settled();
    return residentMiB(child.pid!);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

/** proc(5); other systems have no such file, and the row says so by failing. */
function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

async function reads(endpoint: string): Promise<number> {
  const body = JSON.stringify({ do: 'calls' });
  const answer = await fetch(`${endpoint}/_control`, { method: 'POST', body });
  const { calls } = (await answer.json()) as { calls: readonly { operation: string }[] };
  return calls.filter(({ operation }) => operation === 'GetRecords').length;
}

function configuration(checkpoints: string, endpoint: string, stream: string): string {
  const param = (name: string, value: string) => `<param name="${name}">${value}</param>`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?><input><server_host>bench</server_host><server_uri>https://127.0.0.1:8089</server_uri>` +
    `<session_key>none</session_key><checkpoint_dir>${checkpoints}</checkpoint_dir><configuration>` +
    `<stanza name="kinesis_log://bench">${param('stream_name', stream)}${param('aws_region', 'us-east-1')}` +
    `${param('kinesis_endpoint', endpoint)}${param('initial_position', 'TRIM_HORIZON')}</stanza></configuration></input>`
  );
}
