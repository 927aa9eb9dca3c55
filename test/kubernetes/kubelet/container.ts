/** One container of a pod: its process, begun again as the pod's restart policy says, its probes, its log. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotYet } from './fields.ts';
import { probe } from './probe.ts';
import { startSandboxed, type Sandboxed } from './sandbox.ts';
import { now, type Container, type PodSpec } from './types.ts';

const MESSAGE_BYTES = 2048;

export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

export interface Terminated {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export type ContainerState =
  | { readonly waiting: Waiting }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated };

export interface ContainerParts {
  readonly spec: Container;
  readonly restartPolicy: PodSpec['restartPolicy'];
  readonly podIp: string;
  /** Folder of its logs and roots. */
  readonly folder: string;
  /** What the next process is; throws NotYet while it can not be said. */
  readonly next: () => Promise<Omit<Sandboxed, 'folder' | 'log'>>;
  /** Something about it is different. */
  readonly changed: () => void;
  readonly backoffMs: { readonly first: number; readonly most: number };
  readonly periodFactor: number;
  /** For a probe that failed. */
  readonly graceMs: number;
}

export class ContainerRun {
  readonly spec: Container;
  state: ContainerState = { waiting: { reason: 'ContainerCreating', message: '' } };
  last: Terminated | undefined;
  restarts = 0;
  started = false;
  ready = false;
  readonly #parts: ContainerParts;
  readonly #stop = new AbortController();
  readonly #asked = new WeakSet<ChildProcess>();
  #process: ChildProcess | undefined;
  /** Of processes that were ended for a reason of their own. */
  readonly #reasons = new WeakMap<ChildProcess, string>();
  #run = 0;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.spec = parts.spec;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Of the process that runs, or ran last. */
  get log(): string {
    return path.join(this.#parts.folder, `${this.spec.name}-${this.#run}.log`);
  }

  get previousLog(): string | undefined {
    return this.#run > 1 ? path.join(this.#parts.folder, `${this.spec.name}-${this.#run - 1}.log`) : undefined;
  }

  /** Until it has ended for good, or was stopped. */
  async run(): Promise<void> {
    let backoff = this.#parts.backoffMs.first;
    while (!this.#isStopping()) {
      const began = performance.now();
      if (!(await this.#once())) {
        await this.#pause(this.#parts.backoffMs.first);
        continue;
      }
      if (this.#isFinal() || this.#isStopping()) return;
      if (performance.now() - began > 2 * this.#parts.backoffMs.most) backoff = this.#parts.backoffMs.first;
      this.last = (this.state as { terminated: Terminated }).terminated;
      const message = `back-off ${backoff} ms restarting failed container=${this.spec.name}`;
      this.#becomes({ waiting: { reason: 'CrashLoopBackOff', message } });
      await this.#pause(backoff);
      backoff = Math.min(backoff * 2, this.#parts.backoffMs.most);
      this.restarts++;
    }
  }

  /** SIGTERM, and SIGKILL once the grace is over; resolves when the process is gone. Again with less grace: that counts. */
  async stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    await this.#end(graceMs);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** At once; the end is told with this reason. */
  endFor(reason: string): void {
    if (this.#process === undefined) return;
    this.#reasons.set(this.#process, reason);
    this.kill('SIGKILL');
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #end(graceMs: number): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    // Only once: a second SIGTERM means more than the first to many programs.
    if (!this.#asked.has(child)) child.kill(graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
    this.#asked.add(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await gone;
    clearTimeout(timer);
  }

  /** False: it could not be started. */
  async #once(): Promise<boolean> {
    const startedAt = now();
    let child: ChildProcess;
    try {
      const what = await this.#parts.next();
      if (this.#isStopping()) return false;
      this.#run++;
      const folder = path.join(this.#parts.folder, `${this.spec.name}-${this.#run}`);
      child = startSandboxed({ ...what, folder, log: this.log });
    } catch (error) {
      const reason = error instanceof NotYet ? error.reason : 'RunContainerError';
      this.#becomes({ waiting: { reason, message: (error as Error).message } });
      return false;
    }
    this.#process = child;
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    this.#becomes({ running: { startedAt } });
    const probing = new AbortController();
    const probes = this.#probe(probing.signal);
    const [code, signal] = await exit;
    this.#process = undefined;
    probing.abort();
    await probes;
    this.started = false;
    this.ready = false;
    const exitCode = code ?? 128 + (SIGNALS[signal!] ?? 0);
    this.#becomes({ terminated: this.#ended(exitCode, startedAt, this.#reasons.get(child)) });
    return true;
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.spec;
    const { podIp, periodFactor } = this.#parts;
    const probing = { container: this.spec, podIp, periodFactor, signal };
    const fatal = (healthy: boolean): 'go on' | 'enough' => {
      if (!healthy) void this.#end(this.#parts.graceMs);
      return healthy ? 'go on' : 'enough';
    };
    if (startupProbe !== undefined)
      // A program takes its time to start, however often it is asked.
      await probe(startupProbe, { ...probing, patience: 1 / periodFactor }, (healthy) =>
        healthy ? 'enough' : fatal(false),
      );
    if (signal.aborted || this.#isStopping()) return;
    this.started = true;
    if (readinessProbe === undefined) this.ready = true;
    this.#parts.changed();
    const isReady = (ready: boolean): 'go on' => {
      if (this.ready !== ready) {
        this.ready = ready;
        this.#parts.changed();
      }
      return 'go on';
    };
    await Promise.all([
      readinessProbe === undefined ? undefined : probe(readinessProbe, probing, isReady),
      livenessProbe === undefined ? undefined : probe(livenessProbe, probing, fatal),
    ]);
  }

  #ended(exitCode: number, startedAt: string, reason = exitCode === 0 ? 'Completed' : 'Error'): Terminated {
    const told = this.spec.terminationMessagePolicy === 'FallbackToLogsOnError' && exitCode !== 0;
    const message = told && existsSync(this.log) ? tail(readFileSync(this.log)) : '';
    return { exitCode, reason, startedAt, finishedAt: now(), ...(message === '' ? {} : { message }) };
  }

  #isFinal(): boolean {
    const { restartPolicy } = this.#parts;
    if (restartPolicy === 'Always') return false;
    const failed = 'terminated' in this.state && this.state.terminated.exitCode !== 0;
    return restartPolicy === 'Never' || !failed;
  }

  #becomes(state: ContainerState): void {
    this.state = state;
    this.#parts.changed();
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** The last 2 kB, from the beginning of a line if it can be. */
function tail(log: Buffer): string {
  const text = log.subarray(-MESSAGE_BYTES).toString();
  return log.length > MESSAGE_BYTES ? text.slice(text.indexOf('\n') + 1) : text;
}
