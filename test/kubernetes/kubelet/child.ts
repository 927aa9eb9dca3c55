/** A node of ours in a process of its own, for tests that freeze it, lose it, or kill what runs on it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command, PodReport } from './control.ts';
import type { KubeletOptions } from './kubelet.ts';
import type { Answer } from './main.ts';

const ENDS_MS = 10_000;

export class KubeletProcess {
  readonly name: string;
  readonly pid: number;
  readonly #child;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #gone: Promise<unknown>;
  /** It does not answer then. */
  isFrozen = false;
  #asked = 0;
  #frozen: number[] = [];

  constructor(options: Omit<KubeletOptions, 'folder'> & { readonly folder?: string }) {
    this.name = options.name;
    const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'kinlog-node-'));
    mkdirSync(folder, { recursive: true });
    this.#child = fork(path.join(import.meta.dirname, 'main.ts'), {
      env: { PATH: process.env['PATH'] ?? '' },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.pid = this.#child.pid!;
    this.#gone = once(this.#child, 'exit');
    this.#child.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
    this.#child.send({ ...options, folder });
  }

  /** Rejects when the node refuses the command. */
  async control(command: Command): Promise<unknown> {
    const id = ++this.#asked;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, command });
    const { value, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${this.name}, ${command.do}: ${error}`);
    return value;
  }

  async pods(): Promise<readonly PodReport[]> {
    return (await this.control({ do: 'pods' })) as PodReport[];
  }

  /** What the newest process of the pod's first container wrote. */
  async log(pod: string): Promise<string> {
    const found = (await this.pods()).find(({ namespace, name }) => `${namespace}/${name}`.startsWith(pod));
    return readFileSync(found!.containers[0]!.log, 'utf8');
  }

  /** The node falls silent. `pods`: what runs on it stands still as well, as when a machine is paused; else it runs on, cut off. */
  async freeze({ pods }: { readonly pods: boolean }): Promise<void> {
    const running = pods ? await this.pods() : [];
    this.#frozen = running.flatMap(({ containers }) => containers.flatMap(({ pid }) => pid ?? []));
    this.isFrozen = true;
    for (const pid of [this.pid, ...this.#frozen]) signal(pid, 'SIGSTOP');
  }

  /** What runs on it goes on, and nobody there hears of the cluster yet. */
  thawPods(): void {
    for (const pid of this.#frozen) signal(pid, 'SIGCONT');
    this.#frozen = [];
  }

  thaw(): void {
    this.thawPods();
    signal(this.pid, 'SIGCONT');
    this.isFrozen = false;
  }

  /** Ends it and all that runs on it. */
  async close(): Promise<void> {
    this.thaw();
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), ENDS_MS);
    await this.#gone;
    clearTimeout(late);
  }
}

/** What has ended meanwhile needs none. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
