/** One way of doing the work of a row, in a process of its own, so that neither heap nor compiled code of another touches it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What a round has shown, when it is more than its measure. */
export interface Round {
  /** In the row's unit. */
  readonly value: number;
  /** Of a process that the contender started, in the place of its own. */
  readonly cpuS?: number;
  readonly peakMiB?: number;
  /** Further figures for the table, by name and unit. */
  readonly also?: Readonly<Record<string, number>>;
}

/** What a module of contenders/ makes of its options. */
export interface Contender {
  /** The work once; its measure in the row's unit. */
  round(): Promise<number | Round>;
  /** A hash of what it writes, for rows whose contenders must write the same. */
  digest?(): string;
  close?(): Promise<void>;
}

export type Options = Readonly<Record<string, string | number | boolean>>;
export type OpenContender = (options: Options) => Contender | Promise<Contender>;

export interface ContenderSpec {
  /** For the table. */
  readonly label: string;
  /** File below contenders/ that exports `open`. */
  readonly module: string;
  readonly options?: Options;
}

export type Command = 'round' | 'digest' | 'close';

export interface Answer {
  readonly value?: number;
  readonly also?: Readonly<Record<string, number>>;
  readonly digest?: string | undefined;
  readonly error?: string;
  /** Of the worker's whole life so far. */
  readonly peakMiB: number;
  /** Of this command, all threads. */
  readonly cpuS: number;
}

const PATIENCE_MS = 1000;
/** Set to a folder for a CPU profile of every contender. */
const FOLDER = process.env['KINLOG_BENCH_PROFILE'];
const PROFILE = FOLDER === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${FOLDER}`];

export class Worker {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #pid: number | undefined;

  constructor({ module, options = {} }: ContenderSpec, stage: Options) {
    const file = path.join(import.meta.dirname, 'worker.ts');
    const order = JSON.stringify({ module: `./contenders/${module}.ts`, options: { ...stage, ...options } });
    // A pipe(2) to a reader that only reads, as splunkd gives its inputs; Node's own stdio would be a socket.
    const pipeline = '"$0" --disable-warning=ExperimentalWarning "$@" | cat >/dev/null 3>&-';
    this.#child = spawn('/bin/sh', ['-c', pipeline, process.execPath, ...PROFILE, file, order], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#gone = once(this.#child, 'exit');
  }

  /** Settles when the contender is open; to be waited for before anything is asked. */
  async opened(): Promise<void> {
    const { pid } = (await this.#answer()) as { pid: number };
    this.#pid = pid;
  }

  /** Rejects with what went wrong in the worker. */
  async ask(command: Command): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(command);
    const { error, ...rest } = (await answer) as Answer;
    if (error !== undefined) throw new Error(error);
    return rest;
  }

  async close(): Promise<void> {
    if (this.#child.connected) await this.ask('close').catch(() => undefined);
    await this.kill();
  }

  /** The worker ends with its channel, unless it is busy; then it is killed. */
  async kill(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#sigkill(), PATIENCE_MS);
    await this.#gone;
    clearTimeout(timer);
  }

  #sigkill(): void {
    try {
      if (this.#pid !== undefined) process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }

  async #answer(): Promise<unknown> {
    const ended = this.#gone.then(() => {
      throw new Error('the process of a contender ended');
    });
    const [message] = (await Promise.race([once(this.#child, 'message'), ended])) as [unknown];
    return message;
  }
}
