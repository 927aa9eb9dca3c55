/** A folder that is one process's alone: refused while that lives, taken over however it ended. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const PID = 'pid';

/**
 * Empties `folder` for this process and undefined, or the pid of the process that has it. What says so is a socket without a file: the kernel
 * takes it back with the process, so nothing that a killed one left can lie, nor a pid that somebody else bears now.
 */
export async function claim(folder: string): Promise<string | undefined> {
  const socket = createServer().unref();
  const name = createHash('sha256').update(path.resolve(folder)).digest('hex');
  try {
    await once(socket.listen(`\0kinlog-${name}`), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return readFileSync(path.join(folder, PID), 'utf8');
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, PID), String(process.pid));
  // What ran for a process that was killed may still be ending there.
  const patience = { recursive: true, maxRetries: 20, retryDelay: 100 };
  for (const left of readdirSync(folder)) if (left !== PID) rmSync(path.join(folder, left), patience);
  return undefined;
}
