/** When splunkd starts the process of a stanza, and how it ends it. inputs.conf.spec, `interval`: 0 = always, at once; -1 = once; else seconds, never a second one beside the first. */
import type { SplunkInput } from '../driver.ts';

export interface InputRun {
  /** Of the stanza. */
  readonly name: string;
  readonly input: SplunkInput;
  /** Of this process's monotonic clock. */
  readonly startedMs: number;
  /** Had to be, after the grace. */
  killed: boolean;
  /** Nobody took anything from it when it ended. */
  stalled: boolean;
}

export interface ScheduleOptions {
  readonly interval: string;
  readonly graceMs: number;
}

export class InputSchedule {
  readonly #begin: () => InputRun;
  readonly #graceMs: number;
  readonly #always: boolean;
  readonly #timer: NodeJS.Timeout | undefined;
  #run: InputRun;
  #stopped = false;

  /** `begin` starts a process; the first one at once. */
  constructor(begin: () => InputRun, { interval, graceMs }: ScheduleOptions) {
    const seconds = Number(interval);
    if (Number.isNaN(seconds)) throw new Error(`this splunkd knows no cron: interval = ${interval}`);
    this.#begin = begin;
    this.#graceMs = graceMs;
    this.#always = seconds === 0;
    this.#run = this.#next();
    if (seconds > 0) this.#timer = setInterval(() => this.#tick(), seconds * 1000);
  }

  #next(): InputRun {
    const run = this.#begin();
    void run.input.gone.then(() => {
      if (this.#always && !this.#stopped) this.#run = this.#next();
    });
    return run;
  }

  #tick(): void {
    if (!this.#run.input.runs) this.#run = this.#next();
  }

  /** Settles when the process is gone, by SIGKILL if need be. */
  async stop(): Promise<void> {
    this.#end();
    const { input } = this.#run;
    if (!input.runs) return;
    input.child.kill('SIGTERM');
    const grace = setTimeout(() => {
      this.#run.killed = true;
      input.child.kill('SIGKILL');
    }, this.#graceMs);
    await input.gone;
    clearTimeout(grace);
  }

  kill(): void {
    this.#end();
    this.#run.input.kill();
  }

  #end(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}
