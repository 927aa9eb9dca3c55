/** A stream that lives in this process, readers that live and die in others, and the book of what was put and what arrived. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { compareSequence, type Position } from '../../reader/checkpoint/position.ts';
import { openLevelStore } from '../../reader/index.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { EventStream } from '../demo/tally.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import type { CrashOptions } from './crash-reader.ts';

const STREAM = 'crash';
const LIFE_MS = 30_000;
/** A wrong store would come within a checkpoint interval of the first page; that it does not come can only be waited for. */
const STALL_MS = 2000;

interface Put {
  readonly key: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export interface Life {
  /** Undefined after SIGKILL. */
  readonly exitCode: number | undefined;
  readonly said: string;
}

export class CrashScene {
  readonly random: () => number;
  readonly #fake = new FakeKinesis({ readLimits: false, maxPageBytes: 200_000 });
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'kinlog-crash-'));
  #simulator!: RunningSimulator;
  readonly puts = new Map<string, Put>();
  /** Texts of complete events in the order of arrival, repeats included. */
  readonly delivered: string[] = [];
  readonly #distinct = new Set<string>();
  /** Deliveries that a crash may repeat: what had arrived behind the stored positions when a reader died. */
  mayRepeat = 0;
  /** Positions that passed an event which had not arrived. */
  readonly passed: string[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#fake.createStream(STREAM, 2);
  }

  async open(): Promise<this> {
    this.#simulator = await startSimulator(this.#fake);
    return this;
  }

  async close(): Promise<void> {
    await this.#simulator.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Records of one to six events under a handful of keys: plain text, or HEC lines. */
  put(records: number, padding = ''): void {
    for (let i = 0; i < records; i++) {
      const key = `key ${Math.floor(this.random() * 8)}`;
      const count = this.random() < 0.5 ? 1 : 2 + Math.floor(this.random() * 5);
      const texts = Array.from({ length: count }, (_, n) => `${this.puts.size + n} ${key} <&>${padding}`);
      const data = count === 1 ? texts[0]! : texts.map((event) => JSON.stringify({ event })).join('\n');
      const { shardId, sequenceNumber } = this.#fake.put(STREAM, { data, key });
      for (const text of texts) this.puts.set(text, { key, shardId, sequenceNumber });
    }
  }

  /** Splits a random open shard, or merges two neighbours. */
  reshard(): void {
    const open = this.#fake.stream(STREAM).shards.filter(({ closedMs }) => closedMs === undefined);
    open.sort((a, b) => (a.shape.firstHash < b.shape.firstHash ? -1 : 1));
    const at = Math.floor(this.random() * (open.length - 1));
    if (open.length > 3 && this.random() < 0.6) this.#fake.merge(STREAM, open[at]!.shardId, open[at + 1]!.shardId);
    else this.#fake.split(STREAM, open[at]!.shardId);
  }

  get missing(): number {
    return this.puts.size - this.#distinct.size;
  }

  get repeated(): number {
    return this.delivered.length - this.#distinct.size;
  }

  /** Runs a reader until it dies at its step; one that lacks the work to reach it is killed once everything has arrived. */
  async dieAt(at: CrashOptions['at']): Promise<Life> {
    const life = await this.#live(at, 'SIGKILL');
    await this.#inspect();
    return life;
  }

  /** Runs a reader whose receiver takes nothing, and kills it when it should have stored nothing more; then takes what the pipe still held. */
  async dieStalled(): Promise<void> {
    await this.#live(undefined, 'SIGKILL', STALL_MS);
    await this.#inspect();
  }

  /** Runs a reader that stops itself (SIGSTOP) at its step; meanwhile another one tries the same positions; then it goes on (SIGCONT) to the end. */
  async pauseAt(
    at: NonNullable<CrashOptions['at']>,
    meanwhile: () => void,
  ): Promise<{ readonly life: Life; readonly second: Life }> {
    const child = this.#spawn({ ...at, signal: 'SIGSTOP' });
    const ended = this.#follow(child, 'SIGTERM', 0);
    await untilStopped(child.pid!);
    meanwhile();
    const second = await this.#follow(this.#spawn(undefined), 'SIGTERM', 0);
    child.kill('SIGCONT');
    return { life: await ended, second };
  }

  /** Runs a reader until everything has arrived, then asks it to stop. */
  finish(): Promise<Life> {
    return this.#live(undefined, 'SIGTERM');
  }

  /** Keys whose events did not arrive in the order they were put, by first arrival. */
  outOfOrder(): string[] {
    const last = new Map<string, number>();
    const wrong = new Set<string>();
    for (const text of new Set(this.delivered)) {
      const key = this.puts.get(text)?.key ?? 'never put';
      const n = Number(text.split(' ')[0]);
      if (n < (last.get(key) ?? -1)) wrong.add(`${key}: ${text} after ${last.get(key)}`);
      last.set(key, n);
    }
    return [...wrong];
  }

  #live(at: CrashOptions['at'], ending: 'SIGKILL' | 'SIGTERM', stallMs = 0): Promise<Life> {
    return this.#follow(this.#spawn(at), ending, stallMs);
  }

  #spawn(at: CrashOptions['at']): ChildProcessByStdio<null, Readable, Readable> {
    const options: CrashOptions = {
      url: this.#simulator.url,
      directory: this.#directory,
      ...(at === undefined ? {} : { at }),
    };
    return spawn(process.execPath, [path.join(import.meta.dirname, 'crash-reader.ts')], {
      env: { PATH: process.env['PATH'] ?? '', KINLOG_CRASH: JSON.stringify(options) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async #follow(
    child: ChildProcessByStdio<null, Readable, Readable>,
    ending: 'SIGKILL' | 'SIGTERM',
    stallMs: number,
  ): Promise<Life> {
    const limit = setTimeout(() => child.kill('SIGKILL'), stallMs || LIFE_MS);
    const events = new EventStream(({ data }) => {
      this.delivered.push(data);
      this.#distinct.add(data);
      if (this.missing === 0) child.kill(ending);
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => events.write(chunk));
    // Node lets go what a paused pipe still holds when the process has exited.
    if (stallMs > 0) child.stdout.pause();
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    if (this.missing === 0) child.stderr.once('data', () => child.kill(ending));
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(limit);
    return { exitCode: code ?? undefined, said };
  }

  /** What a dead reader left in the store, against what had arrived. */
  async #inspect(): Promise<void> {
    const signal = new AbortController().signal;
    const store = await openLevelStore(this.#directory, { signal });
    const positions = new Map<string, Position>();
    for await (const row of store.rows({ id: STREAM, createdMs: 0 }, signal)) positions.set(row.shardId, row.position);
    await store.close();
    for (const [text, put] of this.puts) {
      const stored = isBehind(positions.get(put.shardId), put.sequenceNumber);
      const arrived = this.#distinct.has(text);
      if (stored && !arrived) this.passed.push(`${put.shardId} passed ${text.slice(0, 40)}`);
      if (!stored && arrived) this.mayRepeat++;
    }
  }
}

/** Whether the position says that the record was accepted. */
function isBehind(position: Position | undefined, sequenceNumber: string): boolean {
  if (position?.kind === 'end') return true;
  return (
    position?.kind === 'after' && !position.partial && compareSequence(sequenceNumber, position.sequenceNumber) <= 0
  );
}

/** The kernel shows a stopped process as state T (proc_pid_stat(5)); elsewhere `ps` would say so. */
async function untilStopped(pid: number): Promise<void> {
  const deadline = performance.now() + LIFE_MS;
  while (!/^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) {
    if (performance.now() > deadline) throw new Error(`process ${pid} did not stop at its step`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
