/** Runs the command line tools as processes, the way a shell does. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach } from 'vitest';

export type Tool = 'log2kinesis' | 'dumpstream' | 'logdecode' | 'main';

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A busy machine takes its time: what takes a second otherwise took half a minute beside 27 processes on two cores. */
const PATIENCE_MS = 100_000;

const running = new Set<ToolProcess>();

// A test that fails half-way leaves nothing behind either.
afterEach(() => {
  for (const { child } of running) child.kill('SIGKILL');
});

export class ToolProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  readonly #stdout: Buffer[] = [];
  stderr = '';

  constructor(tool: Tool, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const program = path.join(import.meta.dirname, '../../cli', `${tool}.ts`);
    this.child = spawn(process.execPath, [program, ...args], {
      env: {
        PATH: process.env['PATH'] ?? '',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: 'us-east-1',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      },
    });
    running.add(this);
    this.#exited = once(this.child, 'close').finally(() => running.delete(this));
    this.child.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    // A tool that ended early does not read its input to the end.
    this.child.stdin.on('error', () => undefined);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  /** Settles when the process has ended; kills it when that takes too long. */
  async finished(withinMs = PATIENCE_MS): Promise<Finished> {
    const late = setTimeout(() => this.child.kill('SIGKILL'), withinMs);
    await this.#exited;
    clearTimeout(late);
    return { status: this.child.exitCode, stdout: this.bytes.toString(), stderr: this.stderr };
  }
}

export function run(
  tool: Tool,
  args: readonly string[],
  { input = '', env = {} }: { input?: string | Buffer; env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const process = new ToolProcess(tool, args, env);
  process.child.stdin.end(input);
  return process.finished();
}

/** Settles when the fact holds; fails with what is known after the limit. */
export async function until(
  fact: () => boolean | Promise<boolean>,
  what: string,
  limitMs = PATIENCE_MS,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await fact())) {
    if (performance.now() > limit) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
