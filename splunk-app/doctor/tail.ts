/** The last lines of a log, whatever its size. */
import { openToRead } from '../conf.ts';

export interface Tail {
  readonly lines: readonly string[];
  /** Milliseconds since the epoch. */
  readonly changedMs: number;
}

/** Undefined when there is no such file. Fails as node:fs does. */
export async function lastLines(file: string, maxBytes: number): Promise<Tail | undefined> {
  const handle = await openToRead(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const { size, mtimeMs } = await handle.stat();
    const length = Math.min(size, maxBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/);
    // The first began before what was read, and what follows the last line end is not whole yet.
    return { lines: lines.slice(length < size ? 1 : 0, -1), changedMs: mtimeMs };
  } finally {
    await handle.close();
  }
}
