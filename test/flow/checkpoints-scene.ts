/** A stream that a reader has read, for the tests of `kinlog checkpoints`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { run, type Finished } from './cli-process.ts';

export let simulator: SimulatorProcess;
export let folder: string;
let streams = 0;

beforeAll(async () => {
  simulator = await startSimulatorProcess();
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-checkpoints-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await simulator.close();
});

interface Scene {
  readonly stream: string;
  readonly directory: string;
  /** Stream and store, as flags. */
  readonly at: readonly string[];
  readonly checkpoints: (command: string, ...args: string[]) => Promise<Finished>;
}

/** A stream of two shards with a record on each that a reader has read. */
export async function readScene(): Promise<Scene> {
  const stream = `logs-${++streams}`;
  const directory = path.join(folder, stream);
  await simulator.control({ do: 'create', stream, shards: 2 });
  for (const key of ['a', 'b', 'c', 'd', 'e']) await simulator.control({ do: 'put', stream, key, data: 'eA==' });
  const to = [`--stream-name=${stream}`, '--endpoint-url', simulator.url];
  await dumpAll(to, directory);
  const at = [...to, `--store=leveldb:${directory}`];
  return {
    stream,
    directory,
    at,
    checkpoints: (command, ...args) => run('main', ['checkpoints', command, ...at, ...args]),
  };
}

export async function dumpAll(to: readonly string[], directory: string): Promise<number> {
  const dumped = await run('dumpstream', [
    ...to,
    '--default-to-horizon',
    '--exit-at-tip',
    '--checkpoint-file',
    directory,
  ]);
  expect(dumped).toMatchObject({ status: 0, stderr: '' });
  return dumped.stdout.split('\n').length - 1;
}

export const FIRST = 'shardId-000000000000';
export const SECOND = 'shardId-000000000001';

export interface ListedRow {
  readonly shardId: string;
  readonly state: string;
  readonly position: { readonly kind: string; readonly sequenceNumber: string };
  readonly version: number;
}
export const rowsIn = (finished: Finished): ListedRow[] =>
  (JSON.parse(finished.stdout) as { shards: ListedRow[] }).shards;
