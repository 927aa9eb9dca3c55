/** Runs a command and hands on what it writes. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { KinlogError } from '../base/errors.ts';

export interface Capture {
  /** What the command writes, one stream for each captured descriptor: their lines must not be torn apart by each other. */
  readonly outputs: readonly Readable[];
  /** The status that a shell would report: 128 + n after signal n. Rejects with KINLOG_COMMAND_FAILED when the command could not be started. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

export function startCapture(command: string, args: readonly string[], what: 'stdout' | 'stderr' | 'both'): Capture {
  const pipe = (name: 'stdout' | 'stderr') => (what === name || what === 'both' ? 'pipe' : 'inherit');
  const child = spawn(command, args, { stdio: ['inherit', pipe('stdout'), pipe('stderr')] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new KinlogError('KINLOG_COMMAND_FAILED', `${command} could not be started: ${error.message}`));
    });
    child.once('close', (status, signal) => resolve(status ?? 128 + constants.signals[signal!]));
  });
  // Whoever awaits it meets the failure; until then it must not count as unhandled.
  ended.catch(() => undefined);
  const outputs = [child.stdout, child.stderr].filter((stream) => stream !== null);
  return { outputs, ended, kill: (signal) => void child.kill(signal) };
}
