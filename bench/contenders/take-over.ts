/** Seconds from the SIGKILL of one `kinlog run` to the first record of its shard at another. The two share a stream by a DynamoDB table. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { Contender, Options } from '../contender.ts';
import { CACHE } from '../data/corpus.ts';
import { firstHash } from './lease-writes.ts';
import { IDENTITY, sdkClient } from './sdk.ts';

interface Stage {
  readonly endpoint: string;
  readonly stream: string;
  readonly storeUrl: string;
  readonly periodMs: number;
}

const MAIN = path.join(import.meta.dirname, '../../cli/main.ts');
const SHARDS = 2;
const PUT_EVERY_MS = 50;
const LOOK_EVERY_MS = 5;
/** Of each step, beside the lease periods that it takes. */
const PATIENCE_MS = 30_000;

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export function open(options: Options): Contender {
  const stage = options as unknown as Stage;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(path.join(CACHE, 'take-over-'));
  let rounds = 0;
  return {
    round: () => takeOver(stage, folder, `take-over-${process.pid}-${++rounds}`),
    close: async () => rmSync(folder, { recursive: true }),
  };
}

async function takeOver(stage: Stage, folder: string, table: string): Promise<number> {
  const { periodMs } = stage;
  const limitMs = PATIENCE_MS + 5 * periodMs;
  const putting = new AbortController();
  const puts = putRecords(stage, putting.signal);
  const first = new RunningReader(stage, folder, { name: 'first', table });
  const second = new RunningReader(stage, folder, { name: 'second', table });
  try {
    first.start();
    await until(() => first.heard(0) && first.heard(1), 'the first to read both shards', limitMs);
    second.start();
    await until(() => second.heard(0) || second.heard(1), 'the second to read a shard', limitMs);
    // It may die at any moment of its period.
    await pause(Math.random() * periodMs);
    const orphan = second.heard(0) ? 1 : 0;
    if (second.heard(orphan)) throw new Error('the second reads both shards before the first is killed');
    const killedAt = performance.now();
    await first.kill();
    await until(() => second.heard(orphan), 'the second to read the other shard', limitMs);
    return (second.heardAt.get(orphan)! - killedAt) / 1000;
  } finally {
    putting.abort();
    await Promise.all([first.kill(), second.kill(), puts]);
  }
}

/** To each shard, its number, again and again. */
async function putRecords({ endpoint, stream }: Stage, signal: AbortSignal): Promise<void> {
  const client = sdkClient(endpoint);
  const Records = Array.from({ length: SHARDS }, (_, shard) => ({
    Data: Buffer.from(`${shard}`),
    PartitionKey: 'bench',
    ExplicitHashKey: firstHash(shard, SHARDS),
  }));
  while (!signal.aborted) {
    await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
    await pause(PUT_EVERY_MS);
  }
  client.destroy();
}

class RunningReader {
  /** When the first record of a shard arrived. */
  readonly heardAt = new Map<number, number>();
  readonly #file: string;
  #child: ChildProcess | undefined;
  #gone: Promise<unknown> = Promise.resolve();

  constructor({ endpoint, stream, storeUrl, periodMs }: Stage, folder: string, who: { name: string; table: string }) {
    this.#file = path.join(folder, `${who.name}.yaml`);
    const place = (url: string) => ({ endpoint: url, region: IDENTITY.region });
    // JSON is YAML.
    const config = {
      name: who.name,
      logLevel: 'error',
      store: { kind: 'dynamodb', table: who.table, ...place(storeUrl) },
      output: { kind: 'ndjson' },
      streams: [{ stream, ...place(endpoint), start: 'tip', format: 'text', leasePeriodMs: periodMs }],
    };
    writeFileSync(this.#file, JSON.stringify(config));
  }

  start(): void {
    const { accessKeyId, secretAccessKey } = IDENTITY.credentials;
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, 'run', '--config', this.#file],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'], AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      },
    );
    running.add(child);
    this.#child = child;
    this.#gone = once(child, 'exit').finally(() => running.delete(child));
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  heard(shard: number): boolean {
    return this.heardAt.has(shard);
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  #hear(line: string): void {
    const shard = Number((JSON.parse(line) as { event: string }).event);
    if (!this.heardAt.has(shard)) this.heardAt.set(shard, performance.now());
  }
}

async function until(fact: () => boolean, what: string, limitMs: number): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!fact()) {
    if (performance.now() > limit) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}
