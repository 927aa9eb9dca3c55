/** How every command ends: data on stdout, one line per failure on stderr, and the documented exit status. */
import { isAbort } from '../base/clock.ts';
import { describeError, asKinlogError } from '../base/errors.ts';
import { EventLog, formatLine, type Level } from '../base/events.ts';
import { writeFailure } from './byte-target.ts';

export const EXIT = { ok: 0, usage: 1, partly: 2, gaveUp: 75, failed: 100, interrupted: 130 } as const;

/** What a command works with; tests of single commands can bring their own. */
export interface Surroundings {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export const surroundings = (): Surroundings => ({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
});

/** Runs the command of this process and ends the process with its status. */
export async function runProcess(work: (around: Surroundings) => Promise<number>): Promise<never> {
  const around = surroundings();
  around.stdout.on('error', (error: NodeJS.ErrnoException) => endWithoutStdout(around, error));
  // Nobody reads the messages any more; the work goes on, for events may depend on it.
  around.stderr.on('error', () => undefined);
  const status = await Promise.resolve(around)
    .then(work)
    .catch((error: unknown) => reported(around, error));
  await written(around.stdout);
  await written(around.stderr);
  process.exit(status);
}

/** Says what went wrong and gives the exit status that belongs to it; a stop that somebody asked for is no failure. */
export function reported({ stderr }: Surroundings, error: unknown): number {
  if (isAbort(error)) return EXIT.interrupted;
  stderr.write(`kinlog: ${describeError(error)}\n`);
  return asKinlogError(error, 'unexpected failure').exit;
}

/** Warnings as the commands print them. */
export function commandLog({ stderr }: Surroundings, lowest: Level = 'warn'): EventLog {
  // A failure is reported by the command itself, with its remedy and once.
  return new EventLog((line) => {
    if (line.name !== 'sender.failed' && line.name !== 'reader.failed') stderr.write(`kinlog: ${formatLine(line)}\n`);
  }, lowest);
}

/** Whoever read our output has enough of it, as `head` has, and that is no failure of ours; a full disk is. */
function endWithoutStdout(around: Surroundings, error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : reported(around, writeFailure('stdout', error)));
}

/** Settles when the stream has handed everything to the system. */
export function written(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

/** Aborts at the first SIGINT or SIGTERM, which stay available as `received`; the second SIGINT ends the process at once. */
export class Interruption {
  readonly #controller = new AbortController();
  received: NodeJS.Signals | undefined;

  constructor(onSignal: (signal: NodeJS.Signals) => void = () => undefined) {
    const receive = (signal: NodeJS.Signals) => {
      if (this.received !== undefined) process.exit(EXIT.interrupted);
      this.received = signal;
      onSignal(signal);
      this.#controller.abort(new DOMException(`stopped by ${signal}`, 'AbortError'));
    };
    process.on('SIGINT', receive);
    process.on('SIGTERM', receive);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}
