/** Runs a tool to its end, in a bounded time, without what the caller's environment would change in it. */
import { execFile } from 'node:child_process';

export interface Ended {
  /** Exit status; undefined when it could not be started or was ended by a signal or the time limit. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no status. */
  readonly failure: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs?: number;
  readonly input?: string;
}

const LIMIT_MS = 120_000;
const LARGEST_OUTPUT = 64 * 1024 * 1024;

export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { limitMs = LIMIT_MS, cwd, env = process.env, input } = options;
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd, env, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: LARGEST_OUTPUT },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        const late = error?.killed === true ? `it was ended after ${limitMs / 1000} s` : undefined;
        resolve({ status, stdout, stderr, failure: status === undefined ? (late ?? error!.message) : '' });
      },
    );
    child.stdin!.on('error', () => undefined).end(input);
  });
}

/** The end of what a tool said, for a message; the whole may be thousands of lines. */
export function lastWords({ stdout, stderr, failure }: Ended, lines = 12): string {
  return [failure, stdout, stderr]
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join('\n');
}
