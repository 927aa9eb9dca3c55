/** Lines on their way into a file that splunkd watches: bounded, replaced when it is large, and never a reason to stop anything else. */
import { open, rename, type FileHandle } from 'node:fs/promises';
import { KinlogError } from '../../base/errors.ts';

export interface MetricsFileOptions {
  readonly file: string;
  /** A file that holds so much is followed by a new one. */
  readonly maxBytes: number;
  /** Older files FILE.1 (the newest) to FILE.<keep>. */
  readonly keep: number;
  /** Takes the place of node:fs in tests. */
  readonly openFile?: OpenMetricsFile | undefined;
}

export type OpenMetricsFile = (file: string) => Promise<Pick<FileHandle, 'write' | 'stat' | 'close'>>;

/** Lines that wait for a disk that takes none: hours of a few shards. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** Not a RotatingFile: after an edit splunkd lets two processes of a stanza live for a moment, so a second writer is no fault here, and nothing is cut off again,
 *  because a watched file that shrinks is read anew from its beginning. */
export class MetricsFile {
  readonly #options: MetricsFileOptions;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** The file ends within a line, whose rest is the first of the pending. */
  #torn = false;
  #writing: Promise<void> | undefined;

  constructor(options: MetricsFileOptions) {
    this.#options = options;
  }

  /** False when it was left out because too much waits already. */
  add(line: string): boolean {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#pendingBytes + bytes.length > MAX_PENDING_BYTES) return false;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    return true;
  }

  get waiting(): boolean {
    return this.#pendingBytes > 0;
  }

  /** Settles when what waits has been written; rejects with KINLOG_OUTPUT_FAILED, and then it waits for the next call. Calls at the same time are one. */
  write(): Promise<void> {
    return (this.#writing ??= this.#write().finally(() => (this.#writing = undefined)));
  }

  async #write(): Promise<void> {
    const { file, openFile = openToAppend } = this.#options;
    const bytes = Buffer.concat(this.#pending);
    const count = this.#pending.length;
    let written = 0;
    try {
      const handle = await this.#opened(file, openFile);
      try {
        while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `${file} could not be written: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      this.#torn = written === 0 ? this.#torn : bytes[written - 1] !== LF;
      const rest = written < bytes.length ? [bytes.subarray(written)] : [];
      this.#pending = [...rest, ...this.#pending.slice(count)];
      this.#pendingBytes -= written;
    }
  }

  async #opened(file: string, openFile: OpenMetricsFile): ReturnType<OpenMetricsFile> {
    const handle = await openFile(file);
    if (this.#torn || (await sizeOf(handle)) < this.#options.maxBytes) return handle;
    await handle.close();
    const name = (k: number) => (k === 0 ? file : `${file}.${k}`);
    for (let k = this.#options.keep; k > 0; k--) await rename(name(k - 1), name(k)).catch(unlessAbsent);
    return openFile(file);
  }
}

const LF = 0x0a;
const openToAppend: OpenMetricsFile = (file) => open(file, 'a');

async function sizeOf(handle: Awaited<ReturnType<OpenMetricsFile>>): Promise<number> {
  try {
    return (await handle.stat()).size;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function unlessAbsent(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
