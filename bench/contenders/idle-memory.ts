/** Resident memory, MiB: `by` the packaged app reading a stream without records, after ten reads, or by a Node that does nothing. */
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { unpackedApp } from '../app.ts';
import type { Contender, Options } from '../contender.ts';
import { memoryMiB, thenKill, withApp, type Reading } from './app-process.ts';

const READS = 10;
const LIMIT_MS = 30_000;
const BARE_MS = 1000;

export function open(options: Options): Contender {
  const { by, ...reading } = options as unknown as Reading & { by: 'app' | 'node' };
  return { round: by === 'app' ? () => ofApp(reading) : ofNode };
}

async function ofNode(): Promise<number> {
  const child = spawn(unpackedApp().node, ['-e', 'setInterval(()=>{},1e3)'], { stdio: 'ignore' });
  return thenKill(child, async () => {
    await pause(BARE_MS);
    return memoryMiB(child.pid!, 'VmRSS');
  });
}

async function ofApp(reading: Reading): Promise<number> {
  const before = await reads(reading.endpoint);
  return withApp(reading, 'ignore', async (app) => {
    const deadline = performance.now() + LIMIT_MS;
    while ((await reads(reading.endpoint)) < before + READS) {
      if (performance.now() > deadline) throw new Error(`the app read less than ${READS} times in ${LIMIT_MS} ms`);
      await pause(200);
    }
    return memoryMiB(app.pid!, 'VmRSS');
  });
}

async function reads(endpoint: string): Promise<number> {
  const body = JSON.stringify({ do: 'calls' });
  const answer = await fetch(`${endpoint}/_control`, { method: 'POST', body });
  const { calls } = (await answer.json()) as { calls: readonly { operation: string }[] };
  return calls.filter(({ operation }) => operation === 'GetRecords').length;
}
