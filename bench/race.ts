/** Runs one row: baselines and ours in turn, round after round, each in a process of its own, all of it bounded in time. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Worker, type Answer, type ContenderSpec, type Options } from './contender.ts';
import type { Row } from './row.ts';
import type { ServerOrder, ServerReady } from './server.ts';

export interface Measured {
  readonly label: string;
  /** One a round, in the row's unit. */
  readonly values: readonly number[];
  /** Highest of the process's life, MiB. */
  readonly peakMiB: number;
  /** CPU of all rounds, seconds. */
  readonly cpuS: number;
  /** Further figures of each round, by name and unit. */
  readonly also: Readonly<Record<string, readonly number[]>>;
}

export interface RowResult {
  readonly ours: Measured;
  /** In the order of the row's baselines. */
  readonly baselines: readonly Measured[];
}

/** Rejects when a contender fails, when they differ in what they write, or when the row's time is over. Nothing it started is left behind. */
export async function race(row: Row, say: (text: string) => void): Promise<RowResult> {
  const processes = new Processes();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not done within ${row.limitS} s`)), row.limitS * 1000);
  try {
    return await Promise.race([runRow(row, processes, say), late.promise]);
  } finally {
    clearTimeout(timer);
    await processes.end();
  }
}

/** What runs, so that it can be ended whatever happens. */
class Processes {
  readonly #running = new Set<() => Promise<void>>();

  async worker(spec: ContenderSpec, stage: Options): Promise<Worker> {
    const worker = new Worker(spec, stage);
    this.#running.add(() => worker.kill());
    await worker.opened();
    return worker;
  }

  async server(order: ServerOrder): Promise<ServerReady> {
    const file = path.join(import.meta.dirname, 'server.ts');
    const child = fork(file, [JSON.stringify(order)], { execArgv: ['--disable-warning=ExperimentalWarning'] });
    const gone = once(child, 'exit');
    this.#running.add(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    const ended = gone.then(() => {
      throw new Error('the server ended before it was ready');
    });
    const [ready] = (await Promise.race([once(child, 'message'), ended])) as [ServerReady];
    return ready;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#running].map((end) => end()));
  }
}

async function runRow(row: Row, processes: Processes, say: (text: string) => void): Promise<RowResult> {
  const stage = row.server === undefined ? {} : { ...(await processes.server(row.server)) };
  const specs: ContenderSpec[] = [...row.baselines, row.ours];
  const seats = specs.map((spec) => new Seat(spec, stage, { processes, fresh: row.fresh === true }));
  if (row.sameBytes === true) await compareBytes(seats);
  // One round to compile and to fault memory in; it does not count.
  for (let round = row.fresh === true ? 1 : 0; round <= row.rounds; round++) {
    for (const seat of seats) {
      say(`${round === 0 ? 'warm-up' : `round ${round} of ${row.rounds}`}: ${seat.label}`);
      await seat.round(round > 0);
    }
  }
  for (const seat of seats) await seat.leave();
  const results = seats.map((seat) => seat.measured());
  return { ours: results.at(-1)!, baselines: results.slice(0, -1) };
}

/** One contender of a row with what it has shown so far. */
class Seat {
  readonly label: string;
  readonly #start: () => Promise<Worker>;
  readonly #fresh: boolean;
  #worker: Promise<Worker> | undefined;
  readonly #values: number[] = [];
  readonly #also: Record<string, number[]> = {};
  #peakMiB = 0;
  #cpuS = 0;

  constructor(spec: ContenderSpec, stage: Options, { processes, fresh }: { processes: Processes; fresh: boolean }) {
    this.label = spec.label;
    this.#start = () => processes.worker(spec, stage);
    this.#fresh = fresh;
  }

  async round(counts: boolean): Promise<void> {
    const { value, peakMiB, cpuS, also = {} } = await this.#ask('round');
    if (this.#fresh) await this.leave();
    if (!counts) return;
    if (value === undefined || !(value > 0)) throw new Error(`${this.label}: a round without a measure`);
    this.#values.push(value);
    this.#peakMiB = Math.max(this.#peakMiB, peakMiB);
    this.#cpuS += cpuS;
    for (const [name, figure] of Object.entries(also)) (this.#also[name] ??= []).push(figure);
  }

  async digest(): Promise<string | undefined> {
    return (await this.#ask('digest')).digest;
  }

  async leave(): Promise<void> {
    const worker = await this.#worker;
    this.#worker = undefined;
    await worker?.close();
  }

  measured(): Measured {
    return { label: this.label, values: this.#values, peakMiB: this.#peakMiB, cpuS: this.#cpuS, also: this.#also };
  }

  async #ask(command: 'round' | 'digest'): Promise<Answer> {
    const worker = await (this.#worker ??= this.#start());
    return worker.ask(command);
  }
}

async function compareBytes(seats: readonly Seat[]): Promise<void> {
  const digests: (string | undefined)[] = [];
  for (const seat of seats) digests.push(await seat.digest());
  if (digests[0] === undefined || new Set(digests).size > 1)
    throw new Error(`the contenders write different bytes: ${digests.join(', ')}`);
}
