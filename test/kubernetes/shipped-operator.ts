/** The operator out of the image as a process of this host, with the arguments, the service account and the heap that it has by install.yaml. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE } from '../../operator/image/paths.ts';

const START_MS = 60_000;
const KEPT_LINES = 200;
const ENDING_MS = 1000;
/** What Node takes by itself in a container of `MEMORY_LIMIT`; here it would take what this host has, and collect garbage later. */
const HEAP = ['--max-old-space-size=256', '--max-semi-space-size=1'];
/** As install.yaml has it. */
export const MEMORY_LIMIT = '512Mi';
/** Of /proc: clock ticks a second, the same on every Linux. */
const TICKS = 100;

export interface ShippedOperatorOptions {
  /** Folder that the image was unpacked to. */
  readonly root: string;
  readonly kubeconfig: string;
  /** As install.yaml has them. */
  readonly args: readonly string[];
  /** For Node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

export class ShippedOperator {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;
  readonly startedMs = performance.now();
  #metrics = '';
  /** From its start until it knew the cluster, milliseconds. */
  syncedMs = NaN;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit');
    createInterface({ input: child.stderr! }).on('line', (line) => this.#heard(line));
  }

  /** Settles when it knows the cluster. */
  static async start({ root, kubeconfig, args, nodeArgs = [] }: ShippedOperatorOptions): Promise<ShippedOperator> {
    const program = [path.join(root, NODE), ...HEAP, ...nodeArgs, path.join(root, 'usr/local/bin/kinlog-operator')];
    const more = ['--kubeconfig', kubeconfig, '--metrics-listen', '127.0.0.1:0', '--probes-listen', '127.0.0.1:0'];
    // It dies with whoever started it, even by SIGKILL.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...program, ...args, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { POD_NAME: 'operator', POD_NAMESPACE: 'kinlog-system', KINLOG_READER_IMAGE: 'kinlog' },
    });
    const operator = new ShippedOperator(child);
    const limit = performance.now() + START_MS;
    while (Number.isNaN(operator.syncedMs)) {
      if (child.exitCode !== null || performance.now() > limit)
        throw new Error(`the operator does not start; it said:\n${operator.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return operator;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Its last lines. */
  get log(): string {
    return this.#lines.join('\n');
  }

  /** Of all samples of a metric that carry these labels, the sum. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const samples = (await this.scrape()).filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return samples
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async scrape(): Promise<string[]> {
    try {
      const answer = await fetch(`http://${this.#metrics}/metrics`);
      return (await answer.text()).split('\n');
    } catch (error) {
      // What is known of an end may come a moment after the connection's.
      const { exitCode, signalCode } = await Promise.race([this.#ended, sleep(ENDING_MS)]).then(() => this.#child);
      const how = exitCode ?? signalCode;
      const what = how === null ? 'the operator does not answer' : `the operator ended with ${how}`;
      throw new Error(`${what}; it said:\n${this.log}`, { cause: error });
    }
  }

  /** MiB: now, and the most since it began. */
  get memory(): { readonly now: number; readonly peak: number } {
    return { now: statusMiB(this.pid, 'VmRSS'), peak: statusMiB(this.pid, 'VmHWM') };
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.pid);
  }

  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** In order; answers the exit status. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #heard(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    if (!line.startsWith('{')) return;
    const { event, metrics } = JSON.parse(line) as { event: string; metrics?: string };
    if (event === 'operator.started') this.#metrics = metrics!;
    if (event === 'operator.synced') this.syncedMs = performance.now() - this.startedMs;
  }
}

/** A line of /proc/PID/status, MiB. */
export function statusMiB(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) / 1024;
}

export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
