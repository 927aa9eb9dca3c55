/** A stream in this process, a store in another, and readers in processes of their own that share both; the book of what each delivered, and when. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { StoredRow } from '../../reader/checkpoint/store.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { accessTo, startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';
import type { LeaseProcessOptions } from './leases-process.ts';

const STREAM = 'leases';
/** A busy machine takes its time; what is waited for does not depend on how long. */
const PATIENCE_MS = 100_000;

export interface Delivery {
  readonly text: string;
  readonly by: string;
  /** Milliseconds of this process's monotonic clock. */
  readonly at: number;
}

interface Said {
  readonly name?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly late?: number;
  /** How often it had begun to read the rows. */
  readonly looks: number;
}

export class LeaseProcess {
  readonly name: string;
  readonly said: Said[] = [];
  looks = 0;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<unknown>;

  constructor(options: LeaseProcessOptions, onLine: (text: string) => void) {
    this.name = options.name;
    this.#child = spawn(process.execPath, [path.join(import.meta.dirname, 'leases-process.ts')], {
      env: { PATH: process.env['PATH'] ?? '', KINLOG_LEASES: JSON.stringify(options) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#closed = once(this.#child, 'close');
    createInterface(this.#child.stdout).on('line', onLine);
    createInterface(this.#child.stderr).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const said = JSON.parse(line) as Said;
      this.looks = said.looks;
      if (said.name !== 'look') this.said.push(said);
    });
  }

  saying(name: string): Said[] {
    return this.said.filter((line) => line.name === name);
  }

  signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Its exit code; null after SIGKILL. */
  async gone(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    // A stopped process would not hear of it.
    if (this.#runs) {
      this.#child.kill(signal);
      this.#child.kill('SIGCONT');
    }
    await this.#closed;
    return this.#child.exitCode;
  }

  get state(): object {
    const { name, looks, said } = this;
    return { name, looks, stopped: this.#runs && this.stopped, said: said.slice(-8) };
  }

  get #runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The kernel shows a stopped process as state T (proc_pid_stat(5)). */
  get stopped(): boolean {
    return /^State:\s+T/m.test(readFileSync(`/proc/${this.#child.pid!}/status`, 'utf8'));
  }
}

export class LeasesScene {
  readonly #periodMs: number;
  readonly #fake = new FakeKinesis({ readLimits: false });
  readonly #table = `kinlog-${randomUUID()}`;
  #simulator!: RunningSimulator;
  #dynalite!: Peer;
  readonly readers: LeaseProcess[] = [];
  readonly deliveries: Delivery[] = [];
  /** Shard of every event, by its text. */
  readonly events = new Map<string, string>();

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  async open(shards: number): Promise<this> {
    this.#fake.createStream(STREAM, shards);
    this.#simulator = await startSimulator(this.#fake);
    this.#dynalite = await startDynalite();
    return this;
  }

  async close(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.gone('SIGKILL')));
    await this.#dynalite.close();
    await this.#simulator.close();
  }

  join(options: Partial<LeaseProcessOptions> = {}): LeaseProcess {
    const name = `reader-${this.readers.length + 1}`;
    const reader = new LeaseProcess(
      {
        ...{ stream: STREAM, table: this.#table, name, leasePeriodMs: this.#periodMs, checkpointEveryMs: 100 },
        ...{ kinesisUrl: this.#simulator.url, storeUrl: this.#dynalite.url, ...options },
      },
      (text) => this.deliveries.push({ text, by: name, at: performance.now() }),
    );
    this.readers.push(reader);
    return reader;
  }

  put(count: number): void {
    for (let i = 0; i < count; i++) {
      const key = `key ${this.events.size % 16}`;
      const text = `${this.events.size} ${key}`;
      this.events.set(text, this.#fake.put(STREAM, { data: text, key }).shardId);
    }
  }

  get missing(): number {
    return this.events.size - new Set(this.deliveries.map(({ text }) => text)).size;
  }

  /** Texts that came more than once, once for every time too many. */
  get repeated(): string[] {
    const seen = new Set<string>();
    return this.deliveries.flatMap(({ text }) => (seen.size === seen.add(text).size ? [text] : []));
  }

  outOfOrder(): string[] {
    const last = new Map<string, number>();
    return [...new Set(this.deliveries.map(({ text }) => text))].filter((text) => {
      const [n, key] = [Number(text.split(' ')[0]), text.slice(text.indexOf(' '))];
      const wrong = n < (last.get(key) ?? -1);
      last.set(key, n);
      return wrong;
    });
  }

  async rows(): Promise<Map<string, StoredRow>> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const store = openDynamoStore({ table: this.#table, client: accessTo(this.#dynalite.url) });
    const rows = new Map<string, StoredRow>();
    for await (const row of store.rows({ id: STREAM, createdMs: 0 }, signal)) rows.set(row.shardId, row);
    await store.close();
    return rows;
  }

  /** Shards by the name of the reader that has them. */
  async owners(): Promise<Map<string, string[]>> {
    const owners = new Map<string, string[]>();
    for (const { shardId, owner = 'nobody' } of (await this.rows()).values()) {
      const name = owner.split('/')[0]!;
      owners.set(name, [...(owners.get(name) ?? []), shardId]);
    }
    return owners;
  }

  /** Until every reader named has so many shards. */
  shared(loads: Readonly<Record<string, number>>): Promise<void> {
    return this.until(async () => {
      const owners = await this.owners();
      return Object.entries(loads).every(([name, load]) => owners.get(name)?.length === load);
    });
  }

  async delivered(): Promise<void> {
    await this.until(() => this.missing === 0);
  }

  async until(fact: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await fact())) {
      if (performance.now() > deadline)
        throw new Error(`it did not come true: ${JSON.stringify(this.readers.map((reader) => reader.state))}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
